//! Replies that are cut off: after every byte, by closing and by resetting, however the body's end is told.

use fleet_token::{AuthTokenContext, ResponseError, TokenError, TokenErrorKind};
use tokio::io::AsyncWriteExt;

use super::{Sick, an_attempt_fails, is_interrupted, vehicle};
use crate::sockets::{GOOD, read_head, reply};
use crate::support::{HOUR, MINUTE};

/// A body whose length is told by `Content-Length`, by chunks, or by the end of the connection.
fn framings() -> [(&'static str, String); 3] {
    let (one, two) = GOOD.split_at(20);
    let chunks = format!("{:x}\r\n{one}\r\n{:x};x=y\r\n{two}\r\n0\r\n\r\n", one.len(), two.len());
    [
        ("content-length", reply("200 OK", "content-type: application/json\r\n", GOOD)),
        ("chunked", format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}")),
        ("until the end", format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{GOOD}")),
    ]
}

/// A backend that sends vehicle n the first n bytes of `whole`, then closes or resets.
async fn cuts(whole: String, resets: bool) -> Sick {
    Sick::connections(move |mut stream| {
        let whole = whole.clone();
        async move {
            let Some(head) = read_head(&mut stream).await else { return };
            let path = head.split(' ').nth(1).unwrap();
            let cut: usize = path.rsplit('/').next().unwrap().parse().unwrap();
            let _ = stream.write_all(&whole.as_bytes()[..cut]).await;
            if resets {
                let _ = stream.set_zero_linger();
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_reply_cut_after_any_byte_is_a_typed_error_and_never_a_token() {
    for (framing, whole) in framings() {
        for resets in [false, true] {
            let body_at = whole.find("\r\n\r\n").unwrap() + 4;
            let sick = cuts(whole.clone(), resets).await;
            let factory = sick.builder().build().unwrap();
            for cut in 0..whole.len() {
                let what = format!("{framing}, reset: {resets}, cut after {cut} of {}", whole.len());
                let answer = factory.token(&AuthTokenContext::vehicle(cut.to_string())).await;
                let Err(error) = answer else { panic!("{what}: a token") };
                // Only where the end of the connection is the end of the body does a cut look like an end.
                let looks_whole = framing == "until the end" && !resets && cut >= body_at;
                if looks_whole {
                    let expected = if cut == body_at { ResponseError::Empty } else { ResponseError::NotJson };
                    assert!(
                        matches!(&error, TokenError::BadResponse(found) if *found == expected),
                        "{what}: {error:?}"
                    );
                } else {
                    // A reset may overtake what was sent before it.
                    let reset_at_once = resets && error.kind() == TokenErrorKind::Transport && error.is_retryable();
                    assert!(is_interrupted(&error) || reset_at_once, "{what}: {error:?}");
                }
            }
            assert_eq!(sick.connections_so_far(), whole.len(), "{framing}: one connection each");
            sick.cure();
            factory.network_available();
            for cut in 0..whole.len() {
                let token = factory.token(&AuthTokenContext::vehicle(cut.to_string())).await;
                assert!(token.is_ok(), "{framing}, vehicle {cut} after the cure: {token:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_whole_replies_are_tokens() {
    for (framing, whole) in framings() {
        let sick = cuts(whole.clone(), false).await;
        let factory = sick.builder().build().unwrap();
        let token = factory.token(&AuthTokenContext::vehicle(whole.len().to_string())).await;
        let left = token.map(|token| factory.remaining(&token).unwrap());
        assert!(left.as_ref().is_ok_and(|left| *left + MINUTE > HOUR), "{framing}: {left:?}");
    }
}

#[tokio::test]
async fn a_cut_reply_harms_no_other_key_and_is_over_with_its_cause() {
    for (what, bytes) in [
        ("nothing at all", ""),
        ("half a head", "HTTP/1.1 200 OK\r\ncontent-"),
        ("more announced than sent", "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{\"token\":\"SECRET-TOK"),
        ("a whole token, more announced", &format!("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{GOOD}")),
        ("a chunk without end", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n400\r\n{\"token\":\"SECRET-TOK"),
        ("a length that is none", "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{}"),
        ("two lengths", &format!("HTTP/1.1 200 OK\r\ncontent-length: 9\r\ncontent-length: 51\r\n\r\n{GOOD}")),
        ("a chunk size beyond all", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{"),
        ("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n"),
    ] {
        Sick::sends(bytes).await.is_endured(what, is_interrupted).await;
    }
}

#[tokio::test]
async fn a_cut_reply_is_tried_again_within_the_call() {
    let sick = Sick::sends("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"token\":").await;
    let factory = sick.builder().max_attempts(3).build().unwrap();
    let mut events = factory.events();
    let call = crate::support::ask(&factory, &vehicle());
    // The first attempt fails, the backend is cured during the pause, the second one succeeds.
    an_attempt_fails(&mut events).await;
    sick.cure();
    assert!(call.await.unwrap().is_ok());
    assert_eq!(factory.stats().fetches, 2);
}
