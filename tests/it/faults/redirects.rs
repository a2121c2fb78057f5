//! Redirects that lead nowhere, or away: the login stays with the backend it is for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fleet_token::{ReqwestTransport, SessionHeaders, TokenError};
use tokio::io::AsyncWriteExt;

use super::{Sick, builder, endure};
use crate::sockets::{GOOD, http, read_head, reply, server, tls};

fn is_redirected(error: &TokenError) -> bool {
    matches!(error, TokenError::Redirected { status: 301..=308 }) && error.is_retryable()
}

fn login() -> SessionHeaders {
    SessionHeaders::bearer("SECRET-SESSION-1").unwrap()
}

#[tokio::test]
async fn a_redirect_loop_ends_after_six_requests() {
    for (what, location) in [("to itself", "/token/v1"), ("ever deeper", "deeper/v1"), ("in a circle", "/a?b=c")] {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let sick = Sick::replies(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
            reply("302 Found", &format!("location: {location}\r\n"), "")
        })
        .await;
        sick.is_endured(what, is_redirected).await;
        assert_eq!(asked.load(Ordering::SeqCst), 6, "{what}: the first request and five redirects");
    }
}

#[tokio::test]
async fn a_redirect_away_is_not_followed_by_anything() {
    let (elsewhere, visits) = http(|_| reply("200 OK", "", GOOD)).await;
    let port = elsewhere.rsplit(':').next().unwrap().to_owned();
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        for location in [
            format!("http://{elsewhere}/token"),
            format!("//{elsewhere}/token"),
            format!("http://localhost:{port}/token"),
            format!("http://x:y@{elsewhere}/token"),
        ] {
            let header = format!("location: {location}\r\n");
            let sick = Sick::replies(move |_| reply(status, &header, "")).await;
            let what = format!("{status} to {location}");
            sick.endured_by(sick.builder().header_provider(login()), &what, is_redirected).await;
        }
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0, "visits elsewhere");
}

#[tokio::test]
async fn a_redirect_that_names_no_place_is_an_error() {
    for headers in ["", "location: \r\n", "location: http://[\r\n", "location: \u{1f6ab}\r\n", "location: ftp://x/\r\n"]
    {
        let sick = Sick::replies(move |_| reply("302 Found", headers, "")).await;
        // An empty location is the same place again (RFC 3986 §5.2): a loop.
        sick.is_endured(&format!("{headers:?}"), is_redirected).await;
    }
}

#[tokio::test]
async fn a_redirect_from_tls_to_plain_http_is_not_followed() {
    let (plain, visits) = http(|_| reply("200 OK", "", GOOD)).await;
    let location = format!("location: http://{}/token\r\n", plain.replace("127.0.0.1", "localhost"));
    let (acceptor, client) = tls("localhost");
    let (origin, _) = server(move |stream| {
        let (acceptor, location) = (acceptor.clone(), location.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            while read_head(&mut stream).await.is_some() {
                let _ = stream.write_all(reply("302 Found", &location, "").as_bytes()).await;
            }
        }
    })
    .await;
    let builder = builder()
        .vehicle_endpoint(format!("https://{}/{{vehicleId}}", origin.replace("127.0.0.1", "localhost")))
        .transport(ReqwestTransport::with_tls(client).unwrap())
        .header_provider(login());
    endure(builder, "https to http", is_redirected).await;
    assert_eq!(visits.load(Ordering::SeqCst), 0, "visits in plain http");
}
