//! Connections that are kept for the next request, and go wrong in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fleet_token::{AuthTokenContext, TokenError};
use tokio::io::AsyncWriteExt;

use super::{builder, is_interrupted};
use crate::sockets::{GOOD, read_head, reply, server};

const ROUNDS: usize = 200;

fn vehicle(n: usize) -> AuthTokenContext {
    AuthTokenContext::vehicle(format!("v{n}"))
}

/// Closes after each reply without having said so, as servers do when a connection was idle for too long. The next request
/// meets the connection before, while or after it closes; if it was on its way already, it is lost, and tried again.
#[tokio::test]
async fn a_connection_that_closed_between_two_requests_costs_an_attempt_at_most() {
    for (resets, rounds) in [(false, ROUNDS), (true, 5)] {
        let (origin, connections) = server(move |mut stream| async move {
            if read_head(&mut stream).await.is_some() {
                let _ = stream.write_all(reply("200 OK", "", GOOD).as_bytes()).await;
                if resets {
                    // With the next request: earlier, a reset could overtake the reply.
                    let _ = stream.readable().await;
                    let _ = stream.set_zero_linger();
                }
            }
        })
        .await;
        let endpoint = format!("http://{origin}/{{vehicleId}}");
        let factory = builder().vehicle_endpoint(endpoint).max_attempts(3).fixed_jitter(0.0).build().unwrap();
        for n in 0..rounds {
            let token = factory.token(&vehicle(n)).await;
            assert!(token.is_ok(), "resets: {resets}, request {n}: {token:?}");
        }
        let fetches = usize::try_from(factory.stats().fetches).unwrap();
        assert!(fetches <= 2 * rounds, "resets: {resets}: {fetches} requests for {rounds} tokens");
        assert!(connections.load(Ordering::SeqCst) >= rounds, "resets: {resets}: connections were kept");
    }
}

/// Takes the second request of a connection and closes without an answer: nobody can know whether it was carried out.
#[tokio::test]
async fn a_request_that_was_lost_with_its_connection_is_tried_again_once_it_may_be() {
    let lost = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&lost);
    let (origin, _) = server(move |mut stream| {
        let counter = Arc::clone(&counter);
        async move {
            if read_head(&mut stream).await.is_some() {
                let _ = stream.write_all(reply("200 OK", "", GOOD).as_bytes()).await;
            }
            if read_head(&mut stream).await.is_some() {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    let builder = || {
        let endpoint = format!("http://{origin}/{{vehicleId}}");
        builder().vehicle_endpoint(endpoint).fixed_jitter(0.0)
    };
    let once = builder().max_attempts(1).build().unwrap();
    assert!(once.token(&vehicle(1)).await.is_ok());
    let error = once.token(&vehicle(2)).await.unwrap_err();
    assert!(is_interrupted(&error), "{error:?}");
    assert_eq!(lost.load(Ordering::SeqCst), 1);

    let thrice = builder().max_attempts(3).build().unwrap();
    assert!(thrice.token(&vehicle(1)).await.is_ok());
    assert!(thrice.token(&vehicle(2)).await.is_ok());
    assert_eq!((lost.load(Ordering::SeqCst), thrice.stats().fetches), (2, 3));
}

/// A second reply to one request would be the answer to whatever is asked next: another vehicle's token.
#[tokio::test]
async fn a_reply_that_nobody_asked_for_answers_no_other_key() {
    let body = |path: &str| format!(r#"{{"token":"SECRET-TOKEN-of-{path}","expiresInSeconds":3600}}"#);
    for apart in [false, true] {
        let (origin, _) = server(move |mut stream| async move {
            while let Some(head) = read_head(&mut stream).await {
                let path = head.split(' ').nth(1).unwrap().trim_start_matches('/');
                let good = reply("200 OK", "", &body(path));
                let unasked = reply("200 OK", "", &body("nobody"));
                let sent = if apart {
                    // In two pieces, so that the second may come when the connection is back in the pool.
                    let first = stream.write_all(good.as_bytes()).await;
                    tokio::task::yield_now().await;
                    first.and(stream.write_all(unasked.as_bytes()).await)
                } else {
                    stream.write_all([good, unasked].concat().as_bytes()).await
                };
                if sent.is_err() {
                    return;
                }
            }
        })
        .await;
        let endpoint = format!("http://{origin}/{{vehicleId}}");
        let factory = builder().vehicle_endpoint(endpoint).build().unwrap();
        let mut broken = 0;
        for n in 0..ROUNDS {
            match factory.token(&vehicle(n)).await {
                Ok(token) => assert!(token.value().ends_with(&format!("-of-v{n}")), "vehicle {n} has another's token"),
                Err(error) => {
                    assert!(is_interrupted(&error), "{error:?}");
                    broken += 1;
                }
            }
        }
        assert!(broken < ROUNDS, "nothing came through");
    }
}

/// An announced length that is too short leaves the rest of the body where the next reply's head should be.
#[tokio::test]
async fn a_body_longer_than_it_says_is_no_head_of_the_next_reply() {
    let (origin, _) = server(|mut stream| async move {
        while read_head(&mut stream).await.is_some() {
            let smuggled = r#"{"token":"SECRET-TOKEN-smuggled"}"#;
            let rest = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{smuggled}", smuggled.len());
            let sent = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{GOOD}{rest}", GOOD.len());
            if stream.write_all(sent.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await;
    let endpoint = format!("http://{origin}/{{vehicleId}}");
    let factory = builder().vehicle_endpoint(endpoint).build().unwrap();
    for n in 0..ROUNDS {
        match factory.token(&vehicle(n)).await {
            Ok(token) => assert!(!token.value().contains("smuggled"), "request {n}"),
            Err(error) => assert!(matches!(error, TokenError::Transport(_)), "{error:?}"),
        }
    }
}
