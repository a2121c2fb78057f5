//! Backends that hang or dribble: the deadline bounds the whole, and the connection is given up with the call.

use std::sync::Arc;
use std::time::Duration;

use fleet_token::{ReqwestTransport, TokenError, TransportError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::{DEADLINE, SLACK, Sick, builder, is_timeout, vehicle};
use crate::sockets::{GOOD, read_head, reply, tls};

/// Far below any time-out for a read, so that only one for the whole can end it.
const DRIBBLE: Duration = Duration::from_millis(5);

/// Says nothing more, and ends when the client has closed.
async fn is_left(mut stream: TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

async fn dribbles(bytes: String) -> Sick {
    Sick::connections(move |mut stream| {
        let bytes = bytes.clone();
        async move {
            let _ = read_head(&mut stream).await;
            for byte in bytes.as_bytes() {
                if stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(DRIBBLE).await;
            }
            is_left(stream).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_reply_that_dribbles_is_left_at_the_deadline() {
    for (what, bytes) in [
        ("a head without end", format!("HTTP/1.1 200 OK\r\nx-pad: {}", "a".repeat(4000))),
        ("a body of spaces", reply("200 OK", "", &" ".repeat(4000))),
        ("a good token, slowly", format!("HTTP/1.1 200 OK\r\nx-pad: {}\r\n\r\n{GOOD}", "a".repeat(400))),
        (
            "chunks without end",
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}", "1\r\n \r\n".repeat(999)),
        ),
        ("informational replies without end", "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(200)),
    ] {
        dribbles(bytes).await.is_endured_up_to_the_deadline(what).await;
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left_at_the_deadline() {
    let sick = Sick::connections(is_left).await;
    sick.is_endured_up_to_the_deadline("accepts and is silent").await;
    let sick = Sick::sends_and_stays("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"token\":").await;
    sick.is_endured_up_to_the_deadline("half a body, then silence").await;
}

#[tokio::test]
async fn a_handshake_that_never_completes_is_left_at_the_deadline() {
    let (acceptor, client) = tls("localhost");
    let sick = Sick::connections(is_left).await;
    let origin = sick.origin.replace("127.0.0.1", "localhost");
    let builder = builder()
        .vehicle_endpoint(format!("https://{origin}/token/{{vehicleId}}"))
        .transport(ReqwestTransport::with_tls(client).unwrap())
        .fetch_deadline(DEADLINE);
    let factory = super::endure(builder, "a silent TLS server", is_timeout).await;
    drop((acceptor, factory));
}

#[tokio::test]
async fn a_hanging_attempt_is_tried_again_and_each_connection_is_closed() {
    let closed = Arc::new(Semaphore::new(0));
    let count = Arc::clone(&closed);
    let sick = Sick::connections(move |stream| {
        let count = Arc::clone(&count);
        async move {
            is_left(stream).await;
            count.add_permits(1);
        }
    })
    .await;
    let attempt = Duration::from_millis(50);
    let factory = sick.builder().attempt_timeout(attempt).max_attempts(3).build().unwrap();
    let error = factory.token(&vehicle()).await.unwrap_err();
    assert!(matches!(error, TokenError::Transport(TransportError::Timeout)), "{error:?}");
    assert_eq!((sick.connections_so_far(), factory.stats().fetches), (3, 3));
    // None of them is kept for a request that would hang just so.
    let all = tokio::time::timeout(SLACK, closed.acquire_many(3)).await;
    assert!(all.is_ok(), "{} of 3 connections were closed", closed.available_permits());
    sick.cure();
    factory.network_available();
    assert!(factory.token(&vehicle()).await.is_ok());
}

#[tokio::test]
async fn a_caller_that_leaves_a_hanging_call_does_not_end_it_for_others() {
    let sick = Sick::connections(is_left).await;
    let factory = sick.builder().fetch_deadline(DEADLINE).build().unwrap();
    let first = crate::support::ask(&factory, &vehicle());
    let second = crate::support::ask(&factory, &vehicle());
    assert!(tokio::time::timeout(DEADLINE / 10, factory.token(&vehicle())).await.is_err(), "the third left");
    first.abort();
    assert!(is_timeout(&second.await.unwrap().unwrap_err()));
    assert_eq!(sick.connections_so_far(), 1);
}

impl Sick {
    /// Reads a request, sends these bytes and is silent.
    async fn sends_and_stays(bytes: &'static str) -> Self {
        Self::connections(move |mut stream| async move {
            let _ = read_head(&mut stream).await;
            let _ = stream.write_all(bytes.as_bytes()).await;
            is_left(stream).await;
        })
        .await
    }
}
