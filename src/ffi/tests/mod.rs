//! The whole face, called as the generated bindings call it, with the app's side played by Rust.

mod calls;
mod copies;
#[cfg(feature = "reqwest")]
mod http_inside;
mod support;
