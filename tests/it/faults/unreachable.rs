//! Backends that cannot be reached: a name that does not resolve, a port where nobody listens.

use fleet_token::{ReqwestTransport, TokenError, TokenErrorKind, TransportError};
use tokio::net::TcpListener;

use super::{DEADLINE, SLACK, an_attempt_fails, builder, endure, vehicle};
use crate::sockets::{Authority, answer_well};

/// Under `.invalid` there are no names (RFC 6761 §6.4). Most resolvers say so at once; one that cannot be reached either
/// is left at the deadline.
#[tokio::test]
async fn a_name_that_does_not_resolve_is_no_connection() {
    let transport = ReqwestTransport::with_tls(Authority::new("nobody's").client()).unwrap();
    let builder = builder()
        .vehicle_endpoint("https://backend.fleet-token.invalid/token/{vehicleId}")
        .transport(transport)
        .fetch_deadline(DEADLINE);
    endure(builder, "no such name", |error| match error {
        TokenError::Transport(TransportError::Connect { detail }) => {
            assert!(!detail.contains("invalid/token"), "the URL is not repeated: {detail}");
            error.is_retryable()
        }
        other => other.kind() == TokenErrorKind::Timeout,
    })
    .await;
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_refused_at_once_and_found_again_when_somebody_does() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let endpoint = format!("http://{port}/token/{{vehicleId}}");
    let factory = endure(builder().vehicle_endpoint(endpoint), "refused", |error| {
        matches!(error, TokenError::Transport(TransportError::Connect { detail }) if detail.contains("refused"))
            && error.is_retryable()
    })
    .await;
    let listener = TcpListener::bind(port).await.unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_well(stream));
        }
    });
    assert_eq!(factory.token(&vehicle()).await.unwrap_err().kind(), TokenErrorKind::BackingOff);
    factory.network_available();
    let again = tokio::time::timeout(SLACK, factory.token(&vehicle())).await.unwrap();
    assert!(again.is_ok(), "{again:?}");
}

/// Three attempts with pauses of a backoff between them: a backend that restarts meanwhile is found within the call.
#[tokio::test]
async fn a_port_that_opens_during_the_call_is_found_by_it() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let endpoint = format!("http://{port}/token/{{vehicleId}}");
    let factory = builder().vehicle_endpoint(endpoint).max_attempts(3);
    let factory = factory.build().unwrap();
    let mut events = factory.events();
    let call = crate::support::ask(&factory, &vehicle());
    an_attempt_fails(&mut events).await;
    let listener = TcpListener::bind(port).await.unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_well(stream));
        }
    });
    assert!(call.await.unwrap().is_ok());
}
