//! The process whose memory is searched: an app that signs in, uses tokens in every way, and drops everything.
//!
//! It tells its standard output where it is and goes on when its standard input says so. It takes care of its own copies
//! of secrets, so that what is found was left by the SDK or by what the SDK stands on. `tests/memory` starts it.

#[cfg(target_os = "linux")]
mod app;
#[cfg(target_os = "linux")]
mod holder;
#[cfg(target_os = "linux")]
mod pipes;

#[cfg(target_os = "linux")]
pub use holder::run;

/// Fails: there is no `/proc` to search it by.
#[cfg(not(target_os = "linux"))]
pub fn run() -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}
