//! What must hold for any bytes that come from outside. Each function takes such bytes, puts them before the real
//! factory, and panics if a promise is broken.
//!
//! `fuzz/` calls them with what libFuzzer makes up; the test `replay` with every seed, and with everything that once
//! broke one of them.
#![allow(clippy::missing_panics_doc, reason = "to panic is what they are for")]

mod jwt;
mod probe;
mod reply;
mod scenario;
mod template;
mod times;

pub use jwt::jwt;
pub use reply::reply;
pub use scenario::scenario;
pub use template::template;
pub use times::times;
