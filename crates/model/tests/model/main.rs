//! Each test is a few threads and a promise, run in thousands of orders of their steps: at random, and by PCT, which
//! finds what needs a few unlucky switches. A caller who is never woken is a deadlock, which shuttle reports.
#![cfg(shuttle)]
#![allow(clippy::unwrap_used, reason = "tests; not everything in them is in a test function")]

mod keys;
mod lives;
mod support;
