//! What the factory promises, seen from outside: one test binary, one file a promise.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod architecture;
#[cfg(all(feature = "tower", feature = "tonic", feature = "reqwest-middleware"))]
mod attach;
mod calls_back;
mod end_to_end;
mod faults;
mod late;
#[cfg(feature = "metrics")]
mod metrics;
mod names;
mod printed;
mod runtimes;
mod scenarios;
mod secrets;
mod sockets;
mod status;
mod storms;
mod support;
mod time;
mod traces;
mod traps;
mod wire;
