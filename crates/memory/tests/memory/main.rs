//! A process drops its factory, and its memory is read: no byte of a token and none of the app's login may be left by the
//! SDK. What the HTTP library leaves is counted.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails; figures are shown"
)]

mod backend;
mod process;
mod search;

use crate::process::{Holder, Seen};

const HOLDER: &str = env!("CARGO_BIN_EXE_holder");
/// With this one, what was freed unwiped is found for certain.
const KEEPING: &str = env!("CARGO_BIN_EXE_keeping-holder");
const WIPING: &str = env!("CARGO_BIN_EXE_wiping-holder");

/// What is searched for is found while it is held: the search can find it.
fn control(what: &str, seen: &Seen) {
    println!("{what}: {seen}");
    assert!(seen.held_tokens.whole >= seen.current, "{what}: tokens in use were not found");
    assert!(seen.held_login.whole >= 1, "{what}: the login in use was not found");
}

#[test]
fn the_sdk_leaves_no_token_and_no_login() {
    for (what, program) in [("no HTTP library", HOLDER), ("no HTTP library, nothing freed", KEEPING)] {
        let seen = Holder::over_pipes(program).observe();
        control(what, &seen);
        assert_eq!(seen.left(), 0, "{what}, left in memory: {seen}");
    }
}

#[test]
fn on_threads_that_live_on_there_are_pieces_at_most() {
    let seen = Holder::over_pipes_on_a_kept_runtime(HOLDER).observe();
    control("no HTTP library, the app's own runtime", &seen);
    // Code that reads a token, such as base64's, leaves what it had in registers on its thread's stack.
    assert_eq!((seen.left_tokens.whole, seen.left_login.whole), (0, 0), "left in memory: {seen}");
    assert!(seen.left_tokens.pieces + seen.left_login.pieces <= 64, "more than a stack's: {seen}");
}

/// Not a promise but a measure, which docs/testing.md gives: these buffers are not ours to wipe. More would be ours.
#[test]
fn what_is_left_is_what_passed_through_the_http_library_s_buffers() {
    for (what, copies, freed, kept) in [
        ("http", 1, Holder::over_http(HOLDER), Holder::over_http(KEEPING)),
        ("https", 2, Holder::over_https(HOLDER), Holder::over_https(KEEPING)),
    ] {
        let (freed, kept) = (freed.observe(), kept.observe());
        control(what, &freed);
        control(&format!("{what}, nothing freed"), &kept);
        for seen in [freed, kept] {
            // Each byte once in hyper's buffer and once in rustls's; a few replies hold their token three times.
            let bound = copies * seen.minted_bytes + seen.minted_bytes / 5;
            assert!(seen.left_tokens.bytes <= bound, "{what}: more than its buffers: {seen}");
        }
    }
}

#[test]
fn with_an_allocator_that_wipes_no_library_leaves_anything() {
    for (what, seen) in [("http", Holder::over_http(WIPING).observe()), ("https", Holder::over_https(WIPING).observe())]
    {
        control(what, &seen);
        assert_eq!(seen.left(), 0, "{what}, left in memory: {seen}");
    }
}
