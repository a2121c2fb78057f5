//! The backend as another process: killed and started again, frozen and thawed, its port refused.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by failing")]

mod server;

use std::time::Duration;

use fleet_token::{
    AuthToken, AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, Clock as _, SessionHeaders, SystemClock,
    TokenError, TokenErrorKind, TransportError,
};

use crate::server::Server;

/// Long enough for a backend that is well, however busy the machine.
const DEADLINE: Duration = Duration::from_secs(3);
/// How coarse the clock is: a time that it measures may be so much longer.
const TICK: Duration = Duration::from_millis(10);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(20);

fn builder(server: &Server) -> AuthTokenFactoryBuilder {
    AuthTokenFactory::builder()
        .allow_http_loopback()
        .vehicle_endpoint(server.endpoint())
        .header_provider(SessionHeaders::bearer("demo-server").unwrap())
        .fetch_deadline(DEADLINE)
        .max_attempts(1)
}

fn vehicle(id: &str) -> AuthTokenContext {
    AuthTokenContext::vehicle(id)
}

async fn promptly(factory: &AuthTokenFactory, id: &str) -> Result<AuthToken, TokenError> {
    tokio::time::timeout(DEADLINE + SLACK, factory.token(&vehicle(id))).await.expect("an answer by the deadline")
}

fn is_refused(error: &TokenError) -> bool {
    matches!(error, TokenError::Transport(TransportError::Connect { detail }) if detail.contains("refused"))
}

#[tokio::test]
async fn a_backend_that_is_killed_costs_no_token_in_hand_and_one_request_when_it_is_back() {
    let server = Server::start();
    let factory = builder(&server).build().unwrap();
    let token = promptly(&factory, "v1").await.unwrap();

    let port = server.kill();
    assert!(promptly(&factory, "v1").await.is_ok_and(|served| served.is_same(&token)));
    // The first request may still be lost with the kept connection, if its end was not heard of yet; then the port refuses.
    let error = promptly(&factory, "v2").await.unwrap_err();
    let is_lost = matches!(error, TokenError::Transport(TransportError::Interrupted));
    assert!((is_refused(&error) || is_lost) && error.is_retryable(), "{error:?}");
    let error = promptly(&factory, "v3").await.unwrap_err();
    assert!(is_refused(&error) && error.is_retryable(), "{error:?}");
    assert_eq!(promptly(&factory, "v2").await.unwrap_err().kind(), TokenErrorKind::BackingOff);

    let server = Server::start_on(port);
    assert!(promptly(&factory, "v1").await.is_ok_and(|served| served.is_same(&token)));
    factory.network_available();
    assert!(promptly(&factory, "v2").await.is_ok());
    assert_eq!((factory.stats().fetches, server.requests()), (4, 1), "one request was enough");
}

#[tokio::test]
async fn a_backend_that_is_restarted_during_a_call_is_found_by_it() {
    let server = Server::start();
    let factory = builder(&server).fetch_deadline(SLACK).max_attempts(10).build().unwrap();
    let mut events = factory.events();
    let port = server.kill();
    let call = tokio::spawn({
        let factory = factory.clone();
        async move { factory.token(&vehicle("v1")).await }
    });
    let failed = async {
        while let Some(event) = events.next().await {
            if matches!(event, fleet_token::TokenEvent::AttemptFailed { .. }) {
                return;
            }
        }
    };
    tokio::time::timeout(SLACK, failed).await.unwrap();
    let _server = Server::start_on(port);
    let token = call.await.unwrap();
    assert!(token.is_ok(), "{token:?}");
}

#[tokio::test]
async fn a_backend_that_is_killed_in_the_middle_of_a_fetch_ends_it_at_once() {
    let server = Server::start();
    let factory = builder(&server).fetch_deadline(SLACK).build().unwrap();
    // The kernel takes the request, the process never sees it.
    server.freeze();
    let call = tokio::spawn({
        let factory = factory.clone();
        async move { factory.token(&vehicle("v1")).await }
    });
    while factory.stats().fetches == 0 {
        tokio::task::yield_now().await;
    }
    let (clock, started) = (SystemClock::new(), SystemClock::new().now());
    let port = server.kill();
    let error = call.await.unwrap().unwrap_err();
    assert!(matches!(error, TokenError::Transport(_)) && error.is_retryable(), "{error:?}");
    assert!(clock.now().saturating_since(started) < SLACK, "it waited for the deadline");
    let _server = Server::start_on(port);
    factory.network_available();
    assert!(promptly(&factory, "v1").await.is_ok());
}

#[tokio::test]
async fn a_frozen_backend_holds_calls_up_to_the_deadline_and_hits_not_at_all() {
    let server = Server::start();
    let well = Server::start();
    let factory =
        builder(&server).trip_endpoint(format!("http://{}/token/consumer/{{tripId}}", well.backend)).build().unwrap();
    let token = promptly(&factory, "v1").await.unwrap();

    server.freeze();
    let (clock, started) = (SystemClock::new(), SystemClock::new().now());
    let call = tokio::spawn({
        let factory = factory.clone();
        async move { factory.token(&vehicle("v2")).await }
    });
    // Other keys are served meanwhile: one from the cache, one from another backend.
    assert!(promptly(&factory, "v1").await.is_ok_and(|served| served.is_same(&token)));
    let trip = tokio::time::timeout(SLACK, factory.token(&AuthTokenContext::trip("t1"))).await.unwrap();
    assert!(trip.is_ok(), "{trip:?}");
    let answer = tokio::time::timeout(DEADLINE + SLACK, call).await.expect("an answer by the deadline");
    let error = answer.unwrap().unwrap_err();
    assert!(matches!(error, TokenError::Timeout { deadline } if deadline == DEADLINE), "{error:?}");
    assert!(clock.now().saturating_since(started) + TICK >= DEADLINE);
    assert!(promptly(&factory, "v1").await.is_ok_and(|served| served.is_same(&token)));

    server.thaw();
    factory.network_available();
    let fetches = factory.stats().fetches;
    assert!(promptly(&factory, "v2").await.is_ok());
    assert_eq!(factory.stats().fetches, fetches + 1, "one request was enough");
}

#[tokio::test]
async fn a_token_of_a_backend_that_is_gone_stands_in_until_it_is_nearly_over() {
    let server = Server::start();
    // Spent at once: each call has to try for a new one first.
    let lifetime = Duration::from_secs(600);
    let builder = builder(&server).safety_margin(lifetime).min_validity(Duration::from_secs(1));
    let factory = builder.build().unwrap();
    let token = promptly(&factory, "v1").await.unwrap();
    let left = factory.remaining(&token).unwrap();
    assert!(left > lifetime / 2 && left <= lifetime, "{left:?}");
    server.kill();
    for _ in 0..100 {
        assert!(promptly(&factory, "v1").await.is_ok_and(|served| served.is_same(&token)));
    }
    assert!(factory.stats().fetches <= 2, "a backend that is gone was asked again and again");
}

#[test]
fn a_blocking_call_is_held_to_the_deadline_too() {
    let server = Server::start();
    let factory = builder(&server).build().unwrap();
    let token = factory.blocking_token(&vehicle("v1")).unwrap();
    server.freeze();
    let (clock, started) = (SystemClock::new(), SystemClock::new().now());
    let error = factory.blocking_token(&vehicle("v2")).unwrap_err();
    let took = clock.now().saturating_since(started);
    assert_eq!(error.kind(), TokenErrorKind::Timeout);
    assert!(took + TICK >= DEADLINE && took < DEADLINE + SLACK, "{took:?}");
    assert!(factory.blocking_token(&vehicle("v1")).is_ok_and(|served| served.is_same(&token)));
    server.thaw();
    factory.network_available();
    assert!(factory.blocking_token(&vehicle("v2")).is_ok());
}
