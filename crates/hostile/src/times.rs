//! Times in headers and bodies.

use std::time::Duration;

use fleet_token::{AuthTokenContext, HttpResponse, TokenError};
use http::header::{AGE, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};

use crate::probe::{LONGEST, Probe};

/// The longest that a server may ask to be left alone, and what our own backoff may come to.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);

/// Four lines: `Retry-After`, `Date`, `Age`, and an expiry as JSON.
///
/// Held: no wait is over five minutes, and after it the backend is asked again; a life is over zero and at most what a
/// token of Fleet Engine can have; nothing is served after it.
pub fn times(bytes: &[u8]) {
    let mut lines = bytes.splitn(4, |b| *b == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (retry_after, date, age, expiry) = (line(), line(), line(), line());
    let mut headers = HeaderMap::new();
    for (name, value) in [(RETRY_AFTER, retry_after), (DATE, date), (AGE, age)] {
        if let Ok(value) = HeaderValue::from_bytes(value)
            && !value.is_empty()
        {
            headers.insert(name, value);
        }
    }
    a_wait_ends(headers.clone());
    let expiry = String::from_utf8_lossy(expiry);
    for field in ["expirationTimestamp", "expires_in"] {
        a_life_ends(headers.clone(), &format!(r#"{{"token":"opaque","{field}":{expiry}}}"#));
    }
}

fn probe(status: u16, headers: HeaderMap, body: &str) -> Probe {
    Probe::new(HttpResponse::new(status, headers, body.as_bytes().to_vec()), |builder| {
        builder.default_endpoint("https://backend.example.com/token")
    })
    .unwrap_or_else(|error| panic!("a configuration of our own: {error}"))
}

fn a_wait_ends(headers: HeaderMap) {
    let probe = probe(503, headers, "");
    let trip = AuthTokenContext::trip("trip-1");
    let Err(TokenError::Unavailable { status: 503, retry_after }) = probe.ask(&trip) else {
        panic!("a 503 is something else");
    };
    assert!(retry_after.is_none_or(|wait| wait <= LONGEST_WAIT), "has to wait for {retry_after:?}");
    probe.clock.advance(LONGEST_WAIT);
    let _ = probe.ask(&trip);
    assert_eq!(probe.sent().len(), 2, "not asked again after {LONGEST_WAIT:?}");
}

fn a_life_ends(headers: HeaderMap, body: &str) {
    let mut probe = probe(200, headers, body);
    let trip = AuthTokenContext::trip("trip-1");
    let answer = probe.ask(&trip);
    probe.tells_no_secret(&answer);
    let Ok(token) = answer else { return };
    let Some(left) = probe.factory.remaining(&token) else { return };
    assert!(!left.is_zero() && left <= LONGEST, "lives for {left:?}");
    probe.clock.advance(left);
    assert!(probe.factory.try_token(&trip).is_none(), "served after it expired");
}
