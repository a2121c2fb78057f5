//! The wire where it matters: real sockets, TLS with a throw-away authority, redirects, broken and slow replies.
//! What the factory makes of such faults, beside other keys and afterwards, is in `faults`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fleet_token::{
    AuthToken, AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, ConfigError, ReqwestTransport,
    SessionHeaders, TokenError, TokenErrorKind,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::sockets::{GOOD, http, https, read_head, reply, server, tls};

fn builder(origin: &str) -> AuthTokenFactoryBuilder {
    crate::support::trace();
    AuthTokenFactory::builder()
        .vehicle_endpoint(format!("http://{origin}/token/{{vehicleId}}"))
        .allow_http_loopback()
        .max_attempts(1)
}

async fn get(builder: AuthTokenFactoryBuilder) -> Result<AuthToken, TokenError> {
    builder.build().unwrap().token(&AuthTokenContext::vehicle("v1")).await
}

async fn error(origin: &str) -> TokenError {
    get(builder(origin)).await.unwrap_err()
}

#[tokio::test]
async fn a_token_comes_over_http_with_the_login_and_no_cache_on_the_way() {
    let (origin, _) = http(|head| {
        let head = head.to_ascii_lowercase();
        let good = head.starts_with("get /token/caf%c3%a9%201 ")
            && head.contains("authorization: bearer secret-session-1\r\n")
            && head.contains("accept: application/json\r\n")
            && head.contains("cache-control: no-cache, no-store\r\n");
        if good { reply("200 OK", "", GOOD) } else { reply("400 Bad Request", "", "") }
    })
    .await;
    let factory =
        builder(&origin).header_provider(SessionHeaders::bearer("SECRET-SESSION-1").unwrap()).build().unwrap();
    assert!(factory.token(&AuthTokenContext::vehicle("café 1")).await.is_ok());
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_fetch() {
    let (origin, connections) = http(|_| reply("200 OK", "", GOOD)).await;
    let factory = builder(&origin).build().unwrap();
    for n in 0..10 {
        factory.token(&AuthTokenContext::vehicle(format!("v{n}"))).await.unwrap();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed() {
    let (origin, _) = http(|head| {
        if head.starts_with("GET /token/") {
            reply("307 Temporary Redirect", "location: /moved\r\n", "")
        } else {
            reply("200 OK", "", GOOD)
        }
    })
    .await;
    assert!(get(builder(&origin)).await.is_ok());
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_refused_and_the_login_stays_home() {
    let (elsewhere, visits) = http(|_| reply("200 OK", "", GOOD)).await;
    let location = format!("location: http://{elsewhere}/token\r\n");
    let (origin, _) = http(move |_| reply("302 Found", &location, "")).await;
    let login = SessionHeaders::bearer("SECRET-SESSION-1").unwrap();
    let error = get(builder(&origin).header_provider(login)).await.unwrap_err();
    assert!(matches!(error, TokenError::Redirected { status: 302 }), "{error}");
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let (origin, _) = http(|_| reply("302 Found", "location: /again\r\n", "")).await;
    assert_eq!(error(&origin).await.kind(), TokenErrorKind::Redirected);
}

#[tokio::test]
async fn what_is_no_whole_reply_is_a_typed_error() {
    let closes = |bytes: &'static [u8]| {
        server(move |mut stream| async move {
            let _ = read_head(&mut stream).await;
            let _ = stream.write_all(bytes).await;
        })
    };
    for (what, bytes) in [
        ("nothing", &b""[..]),
        ("half a head", b"HTTP/1.1 200 OK\r\ncontent-"),
        ("half a body", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"token\":\"SECRET-TOK"),
        ("no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("half a chunk", b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\n{\"token\":"),
    ] {
        let (origin, _) = closes(bytes).await;
        let error = error(&origin).await;
        assert_eq!(error.kind(), TokenErrorKind::Transport, "{what}: {error}");
        assert!(error.is_retryable(), "{what}");
    }
}

#[tokio::test]
async fn a_reset_connection_is_tried_again() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&tries);
    let (origin, _) = server(move |mut stream| {
        let n = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            let _ = read_head(&mut stream).await;
            if n == 0 {
                let _ = stream.set_zero_linger();
            } else {
                let _ = stream.write_all(reply("200 OK", "", GOOD).as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        }
    })
    .await;
    // The pause before the second attempt passes by itself, on a clock of the test's.
    let clock = fleet_token::ManualClock::default();
    let factory = builder(&origin).clock(clock.clone()).max_attempts(2).build().unwrap();
    let call = crate::support::ask(&factory, &AuthTokenContext::vehicle("v1"));
    while !call.is_finished() {
        tokio::task::yield_now().await;
        if tries.load(Ordering::SeqCst) == 1 && clock.next_wake().is_some_and(|left| left < Duration::from_secs(1)) {
            clock.advance(Duration::from_secs(1));
        }
    }
    assert!(call.await.unwrap().is_ok());
    assert_eq!(tries.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn nobody_listening_is_a_typed_error() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = error(&free.to_string()).await;
    assert_eq!(error.kind(), TokenErrorKind::Transport);
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_slow_server_is_left_at_the_deadline() {
    let (origin, _) = server(|mut stream| async move {
        let _ = read_head(&mut stream).await;
        // A byte now and then keeps read time-outs from firing: the deadline must bound the whole.
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let started =
        tokio::time::timeout(Duration::from_secs(5), get(builder(&origin).fetch_deadline(Duration::from_millis(40))));
    let error = started.await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), TokenErrorKind::Timeout | TokenErrorKind::Transport), "{error}");
}

#[tokio::test]
async fn an_endless_body_is_cut_at_64_kib() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let (origin, _) = server(move |mut stream| {
        let counter = Arc::clone(&counter);
        async move {
            let _ = read_head(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&[b' '; 4096]).await.is_ok() {
                counter.fetch_add(4096, Ordering::SeqCst);
            }
        }
    })
    .await;
    let error = error(&origin).await;
    assert!(matches!(error, TokenError::BadResponse(fleet_token::ResponseError::TooLarge { .. })), "{error}");
    assert!(sent.load(Ordering::SeqCst) < 64 << 20, "the rest was read all the same");
}

#[tokio::test]
async fn a_compressed_body_is_not_unpacked() {
    let (origin, _) = http(|head| {
        assert!(!head.to_ascii_lowercase().contains("accept-encoding"));
        reply("200 OK", "content-encoding: gzip\r\n", "\u{1f}\u{8b}")
    })
    .await;
    assert_eq!(error(&origin).await.kind(), TokenErrorKind::BadResponse);
}

async fn get_https(origin: &str, transport: Option<ReqwestTransport>) -> Result<AuthToken, TokenError> {
    let builder = AuthTokenFactory::builder()
        .vehicle_endpoint(format!("https://{origin}/token/{{vehicleId}}"))
        .fetch_deadline(Duration::from_secs(10));
    get(match transport {
        Some(transport) => builder.transport(transport),
        None => builder,
    })
    .await
}

#[tokio::test]
async fn a_trusted_certificate_is_accepted_and_no_other() {
    let (acceptor, client) = tls("localhost");
    let origin = https(acceptor).await;
    let trusting = ReqwestTransport::with_tls(client).unwrap();
    assert!(get_https(&origin, Some(trusting)).await.is_ok());

    let (_, other_authority) = tls("localhost");
    let distrusting = ReqwestTransport::with_tls(other_authority).unwrap();
    let error = get_https(&origin, Some(distrusting)).await.unwrap_err();
    assert!(matches!(&error, TokenError::Transport(fleet_token::TransportError::Tls { .. })), "{error:?}");

    let (acceptor, client) = tls("elsewhere.example");
    let origin = https(acceptor).await;
    let error = get_https(&origin, Some(ReqwestTransport::with_tls(client).unwrap())).await.unwrap_err();
    assert!(matches!(&error, TokenError::Transport(fleet_token::TransportError::Tls { .. })), "{error:?}");
}

#[tokio::test]
async fn the_system_s_trust_store_does_not_trust_a_throw_away_authority() {
    let (acceptor, _) = tls("localhost");
    let error = get_https(&https(acceptor).await, None).await.unwrap_err();
    assert!(matches!(&error, TokenError::Transport(fleet_token::TransportError::Tls { .. })), "{error:?}");
}

#[test]
fn plain_http_is_refused_before_anything_is_sent() {
    for (template, allow) in [("http://127.0.0.1:1/{vehicleId}", false), ("http://backend.example/{vehicleId}", true)] {
        let builder = AuthTokenFactory::builder().vehicle_endpoint(template);
        let builder = if allow { builder.allow_http_loopback() } else { builder };
        assert!(matches!(builder.build(), Err(ConfigError::Endpoint(_))), "{template}");
    }
}
