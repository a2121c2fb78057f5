//! TLS with certificates that are not to be trusted, and servers that do not speak it: nothing is sent, nothing is tried
//! twice within a call, and a good certificate is enough to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fleet_token::{AuthTokenFactoryBuilder, ReqwestTransport, SessionHeaders, TokenError, TransportError};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::{Sick, builder, is_interrupted, vehicle};
use crate::sockets::{Authority, answer_well, read_head, server};

/// A TLS server at `localhost` that shows `bad` until it is cured, then `good`. Counts the requests that `bad` was sent.
async fn shows(bad: TlsAcceptor, good: TlsAcceptor) -> (Sick, Arc<AtomicUsize>) {
    let (cured, told) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (is_cured, counter) = (Arc::clone(&cured), Arc::clone(&told));
    let (origin, connections) = server(move |stream| {
        let (bad, good, counter) = (bad.clone(), good.clone(), Arc::clone(&counter));
        let is_cured = is_cured.load(Ordering::SeqCst);
        async move {
            let acceptor = if is_cured { good } else { bad };
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            if is_cured {
                answer_well(stream).await;
            } else if read_head(&mut stream).await.is_some() {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        }
    })
    .await;
    (Sick { origin, cured, connections }, told)
}

fn https(sick: &Sick, trusting: &Authority) -> AuthTokenFactoryBuilder {
    let origin = sick.origin.replace("127.0.0.1", "localhost");
    builder()
        .vehicle_endpoint(format!("https://{origin}/token/{{vehicleId}}"))
        .transport(ReqwestTransport::with_tls(trusting.client()).unwrap())
        .header_provider(SessionHeaders::bearer("SECRET-SESSION-1").unwrap())
}

fn says(word: &'static str) -> impl Fn(&TokenError) -> bool {
    move |error| matches!(error, TokenError::Transport(TransportError::Tls { detail }) if detail.contains(word))
}

#[tokio::test]
async fn a_certificate_that_is_not_to_be_trusted_ends_the_call_before_the_login_is_sent() {
    let (trusted, unknown) = (Authority::new("trusted"), Authority::new("unknown"));
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    };
    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(4000, 1, 1);
    let clients_only = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };
    for (what, bad, word) in [
        ("expired", trusted.server("localhost", expired), "expired"),
        ("not yet valid", trusted.server("localhost", future), "not valid yet"),
        ("for another host", trusted.server("backend.example", |_| {}), "not valid for name"),
        ("for a wildcard beside it", trusted.server("*.localhost", |_| {}), "not valid for name"),
        ("by an unknown authority", unknown.server("localhost", |_| {}), "UnknownIssuer"),
        ("for clients only", trusted.server("localhost", clients_only), "extended key usage"),
    ] {
        let (sick, told) = shows(bad, trusted.server("localhost", |_| {})).await;
        sick.endured_by(https(&sick, &trusted), what, says(word)).await;
        assert_eq!(told.load(Ordering::SeqCst), 0, "{what}: something was sent");
    }
}

#[tokio::test]
async fn a_bad_certificate_is_not_tried_twice_within_a_call() {
    let (trusted, unknown) = (Authority::new("trusted"), Authority::new("unknown"));
    let (sick, _) = shows(unknown.server("localhost", |_| {}), trusted.server("localhost", |_| {})).await;
    let factory = https(&sick, &trusted).max_attempts(3).build().unwrap();
    let error = factory.token(&vehicle()).await.unwrap_err();
    assert!(says("UnknownIssuer")(&error), "{error:?}");
    assert_eq!((sick.connections_so_far(), factory.stats().fetches), (1, 1));
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_a_typed_error() {
    let authority = Authority::new("trusted");
    let is_tls = |error: &TokenError| matches!(error, TokenError::Transport(TransportError::Tls { .. }));
    let plain = Sick::connections(|mut stream| async move {
        let _ = stream.read_u8().await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    super::endure(https(&plain, &authority), "HTTP where TLS should be", is_tls).await;

    let closes = Sick::connections(|mut stream| async move {
        let _ = stream.read_u8().await;
    })
    .await;
    super::endure(https(&closes, &authority), "closes in the handshake", is_broken).await;
}

/// No connection came about, or it broke: worth another attempt.
fn is_broken(error: &TokenError) -> bool {
    let is_connect = matches!(error, TokenError::Transport(TransportError::Connect { .. }));
    (is_connect && error.is_retryable()) || is_interrupted(error)
}

/// A connection that ends without TLS's own goodbye may have been cut by anybody on the way.
#[tokio::test]
async fn a_reply_over_tls_that_is_cut_is_no_token_wherever() {
    let authority = Authority::new("trusted");
    let acceptor = authority.server("localhost", |_| {});
    let good = crate::sockets::GOOD;
    for (what, bytes) in [
        ("half a body", format!("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{good}")),
        ("a body without a length, cut after a whole token", format!("HTTP/1.1 200 OK\r\n\r\n{good}")),
    ] {
        let acceptor = acceptor.clone();
        let cut = Sick::connections(move |stream| {
            let (acceptor, bytes) = (acceptor.clone(), bytes.clone());
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let _ = read_head(&mut stream).await;
                let _ = stream.write_all(bytes.as_bytes()).await;
                let _ = stream.flush().await;
                // Dropped without `close_notify` (RFC 8446 §6.1).
            }
        })
        .await;
        super::endure(https(&cut, &authority), what, is_interrupted).await;
    }
}
