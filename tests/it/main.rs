//! What the factory promises, seen from outside: one test binary, one file a promise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod runtimes;
mod scenarios;
mod storms;
mod support;
mod time;
mod wire;
