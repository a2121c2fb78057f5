//! A backend's whole reply: status, headers, body.

use std::time::Duration;

use fleet_token::{AuthToken, AuthTokenContext, HttpResponse, ResponseFormat, ScopeCheck, TokenError, UnknownLifetime};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::probe::{LONGEST, Probe};

/// Three digits for the status, letters for the configuration (`s`trict, `f`ields of the app's own names, `a`ssume five
/// minutes), then header lines, an empty line, and the body.
///
/// Held: a token comes only from a status of 200 to 299, can be sent, dies in time, and is not taken again once it was
/// rejected; an error leaves the backend alone; nothing that was in the body is told.
pub fn reply(bytes: &[u8]) {
    let (line, rest) = split(bytes, b"\n");
    let digits = String::from_utf8_lossy(line.get(..3).unwrap_or_default()).into_owned();
    let Ok(status) = digits.parse::<u16>() else { return };
    let (head, body) = split(rest, b"\n\n");
    let response = HttpResponse::new(status, headers(head), body.to_vec());
    let has = |letter| line.iter().skip(3).any(|b| *b == letter);
    let built = Probe::new(response, |mut builder| {
        builder = builder.vehicle_endpoint("https://backend.example.com/{vehicleId}");
        if has(b's') {
            builder = builder.scope_check(ScopeCheck::Strict);
        }
        if has(b'a') {
            builder = builder.unknown_lifetime(UnknownLifetime::Assume(Duration::from_secs(300)));
        }
        if has(b'f') {
            builder = builder.response_format(ResponseFormat::Fields {
                token: "t".into(),
                expires_at: Some("at".into()),
                expires_in: Some("in".into()),
            });
        }
        builder
    });
    let mut probe = built.unwrap_or_else(|error| panic!("a configuration of our own: {error}"));
    let vehicle = AuthTokenContext::vehicle("vehicle-1");
    let answer = probe.ask(&vehicle);
    probe.tells_no_secret(&answer);
    match &answer {
        Ok(token) => {
            assert!((200..300).contains(&status), "a token out of a reply with status {status}");
            is_usable(&probe, token);
            is_dropped_once_rejected(&probe, &vehicle, token);
        }
        Err(error) => {
            let again = probe.ask(&vehicle);
            assert!(again.is_err(), "{error}, and then a token");
            let asked = probe.sent().len();
            assert_eq!(asked, 1, "asked again in the same moment, after: {error}");
        }
    }
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> (&'a [u8], &'a [u8]) {
    bytes
        .windows(at.len())
        .position(|window| window == at)
        .map_or((bytes, &[]), |position| (&bytes[..position], &bytes[position + at.len()..]))
}

fn headers(head: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in head.split(|b| *b == b'\n').take(8) {
        let (name, value) = split(line, b": ");
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            headers.append(name, value);
        }
    }
    headers
}

fn is_usable(probe: &Probe, token: &AuthToken) {
    assert!(!token.value().is_empty() && token.value().bytes().all(|b| b.is_ascii_graphic()), "cannot be sent");
    let header = token.authorization_header();
    assert!(header.is_sensitive());
    assert_eq!(header.as_bytes(), format!("Bearer {}", token.value()).as_bytes());
    if let Some(left) = probe.factory.remaining(token) {
        assert!(!left.is_zero() && left <= LONGEST, "lives for {left:?}");
    }
}

/// The same reply comes again and again.
fn is_dropped_once_rejected(probe: &Probe, vehicle: &AuthTokenContext, token: &AuthToken) {
    probe.factory.invalidate(vehicle, token);
    assert!(probe.factory.try_token(vehicle).is_none(), "a rejected token is served");
    match probe.ask(vehicle) {
        Err(TokenError::RejectedTokenReturned) => {}
        answer => panic!("a rejected token came back, and the answer is {answer:?}"),
    }
}
