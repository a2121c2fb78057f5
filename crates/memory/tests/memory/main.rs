//! A process drops its factory, and its memory is read: no byte of a token and none of the app's login may be left by the
//! SDK. What the HTTP library leaves is counted.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on fails; figures are shown")]

mod backend;
mod process;
mod search;

use crate::process::{Holder, Seen};

const HOLDER: &str = env!("CARGO_BIN_EXE_holder");
const WIPING: &str = env!("CARGO_BIN_EXE_wiping-holder");

/// What is searched for is found while it is held: the search can find it.
fn control(what: &str, seen: &Seen) {
    println!("{what}: {seen}");
    assert!(seen.held_tokens.whole >= seen.current, "{what}: tokens in use were not found");
    assert!(seen.held_login.whole >= 1, "{what}: the login in use was not found");
}

#[test]
fn the_sdk_leaves_no_token_and_no_login() {
    let seen = Holder::over_pipes(HOLDER).observe();
    control("no HTTP library", &seen);
    assert_eq!(seen.left(), 0, "left in memory: {seen}");
}

#[test]
fn on_threads_that_live_on_there_are_pieces_at_most() {
    let seen = Holder::over_pipes_on_a_kept_runtime(HOLDER).observe();
    control("no HTTP library, the app's own runtime", &seen);
    // Code that reads a token, such as base64's, leaves what it had in registers on its thread's stack.
    assert_eq!((seen.left_tokens.whole, seen.left_login.whole), (0, 0), "left in memory: {seen}");
    assert!(seen.left_tokens.pieces + seen.left_login.pieces <= 30, "more than a stack's: {seen}");
}

#[test]
fn what_the_http_library_leaves_is_no_more_than_its_requests() {
    for (what, seen) in [("http", Holder::over_http(HOLDER).observe()), ("https", Holder::over_https(HOLDER).observe())]
    {
        control(what, &seen);
        // Not a promise but a measure, which docs/testing.md gives: its buffers are not ours to wipe.
        assert!(seen.left() <= seen.requests, "{what}: more than its buffers: {seen}");
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
