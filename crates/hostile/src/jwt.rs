//! A token's own words.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet_token::{AuthToken, AuthTokenContext, HttpResponse, ScopeCheck};
use http::HeaderMap;
use http::header::DATE;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

use crate::probe::{LONGEST, Probe, start};

/// One byte that chooses what is asked for and how strictly, then a JWT's payload, or a whole token if it starts with a
/// dot (which is left out).
///
/// Held, against a second reading of the payload: no token is accepted that names another id, strictly none that names
/// none; none lives longer than it says; none is served that has expired.
pub fn jwt(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else { return };
    let token = match text.strip_prefix(b".") {
        Some(token) => String::from_utf8_lossy(token).into_owned(),
        None => format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#), URL_SAFE_NO_PAD.encode(text)),
    };
    let (context, claims, id) = match choice % 6 {
        0 => (AuthTokenContext::vehicle("v1"), &["vehicleid", "deliveryvehicleid"][..], "v1"),
        1 => (AuthTokenContext::trip("v1"), &["tripid"][..], "v1"),
        2 => (AuthTokenContext::delivery_vehicle("v1"), &["deliveryvehicleid"][..], "v1"),
        3 => (AuthTokenContext::task("v1"), &["taskid", "taskids"][..], "v1"),
        4 => (AuthTokenContext::tracking("v1"), &["trackingid"][..], "v1"),
        _ => (AuthTokenContext::vehicle("Zürich"), &["vehicleid", "deliveryvehicleid"][..], "Zürich"),
    };
    let strict = choice & 0x80 != 0;
    let date = httpdate::fmt_http_date(start());
    let headers: HeaderMap = date.parse().map(|date| (DATE, date)).into_iter().collect();
    let body = serde_json::json!({ "token": token }).to_string().into_bytes();
    let built = Probe::new(HttpResponse::new(200, headers, body), |builder| {
        let builder = builder.default_endpoint("https://backend.example.com/token");
        if strict { builder.scope_check(ScopeCheck::Strict) } else { builder }
    });
    let mut probe = built.unwrap_or_else(|error| panic!("a configuration of our own: {error}"));
    let answer = probe.ask(&context);
    probe.tells_no_secret(&answer);
    if let Ok(accepted) = answer {
        is_for(payload(&token).as_ref(), claims, id, strict);
        lives_as_it_says(&probe, payload(&token).as_ref(), &accepted);
        probe.clock.advance(LONGEST);
        assert!(probe.factory.try_token(&context).is_none(), "served after the longest life there is");
    }
}

/// What a reader who knows nothing of the SDK sees in it.
fn payload(token: &str) -> Option<Value> {
    let parts: Vec<&str> = token.split('.').collect();
    let [_, payload, _] = parts[..] else { return None };
    let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice::<Value>(&json).ok().filter(Value::is_object)
}

fn is_for(payload: Option<&Value>, claims: &[&str], id: &str, strict: bool) {
    // Opaque: nothing to compare.
    let Some(payload) = payload else { return };
    let Some(authorization) = payload.get("authorization") else {
        assert!(!strict, "accepted without an authorization claim");
        return;
    };
    let named = claims.iter().find_map(|claim| authorization.get(claim));
    let named: Vec<&Value> = match named {
        Some(Value::Array(ids)) => ids.iter().collect(),
        one => one.into_iter().collect(),
    };
    let has = |wanted: &str| named.iter().any(|n| n.as_str().is_some_and(|n| n.nfc().eq(wanted.nfc())));
    assert!(has(id) || (!strict && has("*")), "accepted for {id}, though it is for {named:?}");
}

fn lives_as_it_says(probe: &Probe, payload: Option<&Value>, token: &AuthToken) {
    let exp = payload.and_then(|payload| payload.get("exp")).and_then(Value::as_f64);
    let now = start().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    // Beyond, the number is read as milliseconds.
    let exp = exp.filter(|exp| (0.0..1e11).contains(exp));
    assert!(exp.is_none_or(|exp| exp > now), "accepted after it expired");
    let Some(left) = probe.factory.remaining(token) else {
        assert_eq!(exp, None, "kept nowhere, though it says when it expires");
        return;
    };
    assert!(left <= LONGEST, "lives for {left:?}");
    if let Some(exp) = exp {
        assert!(left.as_secs_f64() <= exp - now + 0.001, "lives for {left:?}, though it expires at {exp}");
    }
}
