//! The Rust of the pages, compiled and, where it does not need a server of its own, run.

#[doc = include_str!("../../../docs/quickstart-rust.md")]
struct QuickstartRust;

#[doc = include_str!("../../../docs/clocks.md")]
struct Clocks;

#[doc = include_str!("../../../crates/backend/README.md")]
struct Backend;
