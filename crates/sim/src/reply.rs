//! What the backend answers: tokens in every shape, honest or not, and every fault; and what each of them means.

use std::time::Duration;

use fleet_token::http::{HeaderMap, HeaderName, HeaderValue};
use fleet_token::{HttpResponse, TokenErrorKind, TransportError};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::mint::{self, Style};
use crate::outside::{Class, Evidence, Failure, Meaning, Mood, Reply, State, TokenId};
use crate::setting::Key;

/// The longest `Retry-After` that is believed.
const MAX_RETRY_AFTER: i64 = 300_000;
const DAY: i64 = 86_400_000;

/// The reply to a request that arrived and is answered at these points in boot time.
pub(crate) fn compose(state: &mut State, key: Key, arrived: Duration, sent: Duration) -> Reply {
    let dice = state.rng.u32(..30);
    match (state.mood, dice) {
        (Mood::Good | Mood::Perfect, _) | (Mood::Flaky, 10..) => token(state, key, arrived, sent, false),
        (Mood::Cruel, 12..) => token(state, key, arrived, sent, true),
        (Mood::Flaky, _) | (Mood::Down, 0..=20) | (Mood::Cruel, 0..=3) => busy(state, sent),
        _ => no_token(state, sent),
    }
}

fn failure(kind: TokenErrorKind, class: Class) -> Failure {
    Failure { kind, class, retry_after: None }
}

/// Nothing came, or a status that may be gone in a moment.
fn busy(state: &mut State, sent: Duration) -> Reply {
    let detail = "simulated".to_owned();
    let transient = Meaning::Failure(failure(TokenErrorKind::Transport, Class::Transient));
    match state.rng.u32(..8) {
        0 => (Err(TransportError::Connect { detail }), transient),
        1 => (Err(TransportError::Timeout), transient),
        2 => (Err(TransportError::Interrupted), transient),
        3 => (Err(TransportError::Other { detail }), transient),
        _ => {
            let status = [408, 425, 429, 500, 502, 503, 504][state.rng.usize(..7)];
            let mut headers = Headers::dated(state, sent, false);
            let retry_after = retry_after(state, sent, &mut headers);
            let meaning = Failure { retry_after, ..failure(TokenErrorKind::Unavailable, Class::Transient) };
            (Ok(HttpResponse::new(status, headers.map, Vec::new())), Meaning::Failure(meaning))
        }
    }
}

/// `Retry-After` in one of its forms, or none, and what it comes to.
fn retry_after(state: &mut State, sent: Duration, headers: &mut Headers) -> Option<Duration> {
    let seconds = [0, 1, 7, 60, 290, 4000][state.rng.usize(..6)];
    let wait = match state.rng.u32(..6) {
        0 | 1 => {
            headers.set("retry-after", &seconds.to_string());
            seconds * 1000
        }
        2 => {
            let until = whole_seconds(state.times.server_ms(sent)) + seconds * 1000;
            headers.set("retry-after", &http_date(until));
            headers.date.map_or(MAX_RETRY_AFTER, |date| (until - date).max(0))
        }
        3 => {
            headers.set("retry-after", "soon");
            return None;
        }
        _ => return None,
    };
    Some(from_millis(wait.min(MAX_RETRY_AFTER)))
}

/// A reply that is whole and holds no token.
fn no_token(state: &mut State, sent: Duration) -> Reply {
    use Class::{Permanent, Persistent};
    use TokenErrorKind as Kind;
    let detail = "simulated".to_owned();
    let headers = Headers::dated(state, sent, false).map;
    let ok = |status, body: String, kind, class| {
        (Ok(HttpResponse::new(status, headers.clone(), body.into_bytes())), Meaning::Failure(failure(kind, class)))
    };
    let bad = |body: &str| ok(200, body.to_owned(), Kind::BadResponse, Persistent);
    let final_error = |error| (Err(error), Meaning::Failure(failure(Kind::Transport, Persistent)));
    match state.rng.u32(..20) {
        0 | 1 => ok(401, String::new(), Kind::SessionRejected, Permanent),
        2 | 3 => ok(403, r#"{"token":"SECRET-TOKEN-refused"}"#.to_owned(), Kind::SessionRejected, Permanent),
        4 => ok(404, String::new(), Kind::NotFound, Permanent),
        5 => ok(400, String::new(), Kind::Rejected, Permanent),
        6 => ok(422, String::new(), Kind::Rejected, Permanent),
        7 => ok(302, String::new(), Kind::Redirected, Persistent),
        8 => final_error(TransportError::Tls { detail }),
        9 => final_error(TransportError::Request { detail }),
        10 => bad("<!DOCTYPE html><title>Sign in</title>"),
        11 => bad(""),
        12 => bad(r#"{"token":"SECRET-TOKEN-cut"#),
        13 => bad(&format!("{{\"token\":\"SECRET-TOKEN-huge\"}}{}", " ".repeat(64 * 1024))),
        14 => bad(r#"{"expiresInSeconds":3600}"#),
        15 => bad(r#"{"error":"no"}"#),
        16 => bad(r#"{"token":"SECRET TOKEN"}"#),
        17 => bad(r#"{"token":"SECRET-TOKEN-when","expiration":"tomorrow"}"#),
        _ => ok(200, r#"{"token":null,"vehicleId":null}"#.to_owned(), Kind::Disabled, Permanent),
    }
}

/// A reply with a token: right in every way, or, from a cruel backend, wrong in some.
fn token(state: &mut State, key: Key, arrived: Duration, sent: Duration, cruel: bool) -> Reply {
    let again = state.last_sent.get(&key).copied();
    let style = match (cruel, state.rng.u32(..20)) {
        (false, 0) if state.mood != Mood::Perfect => Style::Opaque,
        (true, 6 | 7) => Style::Opaque,
        (true, 8) => Style::Other,
        (true, 9) => Style::Wildcard,
        (true, 10) => Style::Unclaimed,
        (true, 11) => Style::Expired,
        (true, 12) => Style::NoExp,
        (true, 13 | 14) => Style::Shared,
        _ => Style::Named,
    };
    let id = match again {
        Some(id) if cruel && state.rng.u32(..4) == 0 => id,
        _ => mint::mint(state, key, sent, style),
    };
    if !state.ledger[id].sent_for.contains(&key) {
        state.ledger[id].sent_for.push(key);
    }
    state.last_sent.insert(key, id);
    let headers = Headers::dated(state, sent, cruel);
    let (body, said) = body(state, id, sent, cruel);
    let minted = &state.ledger[id];
    let evidence = Evidence {
        jwt_exp: minted.has_exp.then_some(minted.dies_ms),
        jwt_iat: minted.has_iat.then(|| whole_seconds(minted.issued_ms)),
        date: headers.date,
        ..said.evidence
    };
    // The true moment of death can be found if an honest point in time can be held against a server's time that is not
    // behind, or if the life that is left was told.
    let server_ms = state.times.server_ms(sent);
    let is_new = minted.has_iat && minted.issued_ms >= state.times.server_ms(arrived);
    let device_is_right = state.setting.device_ahead_s >= 0 && state.setting.weights.step_wall == 0;
    let knows_now = is_new || headers.date.map_or(device_is_right, |date| date >= whole_seconds(server_ms));
    let has_point = minted.has_exp || (said.is_true && said.evidence.declared_at.is_some());
    let honest = (said.is_true && said.evidence.declared_in.is_some()) || (has_point && knows_now);
    let meaning = Meaning::Token { token: id, scope: minted.scope, evidence, honest, dies_ms: minted.dies_ms };
    (Ok(HttpResponse::new(200, headers.map, body.into_bytes())), meaning)
}

/// What a body says about the token's life.
struct Said {
    evidence: Evidence,
    is_true: bool,
}

fn body(state: &mut State, id: TokenId, sent: Duration, cruel: bool) -> (String, Said) {
    let wrong_unit = cruel && state.rng.u32(..6) == 0;
    let silent = cruel && state.rng.u32(..8) == 0;
    let as_text = state.rng.u32(..5) == 0;
    let shape = state.rng.u32(..9);
    let minted = &state.ledger[id];
    let token = Value::from(minted.value.clone());
    let left_s = ((minted.dies_ms - state.times.server_ms(sent)).max(0)) / 1000;
    let number = |number: i64| if as_text { Value::from(number.to_string()) } else { Value::from(number) };
    let (field, expiry) = match shape {
        0 => ("jwt", "expirationTimestamp"),
        1 => ("token", "expiration_timestamp_ms"),
        2 => ("VehicleServiceToken", "TokenExpiryMs"),
        3 => ("ServiceToken", "TokenExpiryMs"),
        4 => ("token", "expiresInSeconds"),
        5 => ("Token", "ExpiresInSeconds"),
        6 => ("access_token", "expires_in"),
        7 => ("token", "expiration"),
        _ => ("token", ""),
    };
    let mut said = Said { evidence: Evidence::default(), is_true: true };
    let mut body = Map::new();
    if !silent {
        match shape {
            0..=3 => {
                // Seconds where milliseconds belong are understood by their size.
                let at = if wrong_unit { minted.dies_ms / 1000 } else { minted.dies_ms };
                said.evidence.declared_at = Some(if wrong_unit { at * 1000 } else { at });
                body.insert(expiry.to_owned(), number(at));
            }
            4..=6 => {
                let value = if wrong_unit { left_s * 1000 } else { left_s };
                said.evidence.declared_in = Some(value * 1000);
                said.is_true = !wrong_unit;
                body.insert(expiry.to_owned(), number(value));
            }
            7 => {
                said.evidence.declared_at = Some(whole_seconds(minted.dies_ms));
                body.insert(expiry.to_owned(), rfc3339(minted.dies_ms).into());
            }
            _ => {}
        }
    }
    body.insert(field.to_owned(), token);
    body.insert("vehicleId".to_owned(), json!({"token": "of another object"}));
    (Value::Object(body).to_string(), said)
}

/// Headers, and what they say of the server's time.
struct Headers {
    map: HeaderMap,
    date: Option<i64>,
}

impl Headers {
    fn dated(state: &mut State, sent: Duration, cruel: bool) -> Self {
        let mut headers = Self { map: HeaderMap::new(), date: None };
        let now = state.times.server_ms(sent);
        let skew = match (cruel, state.rng.u32(..16)) {
            (_, 0) if state.mood != Mood::Perfect => return headers,
            (true, 1) => DAY,
            (true, 2) => -DAY,
            (true, 3) => 5 * 60_000,
            (true, 4) => -5 * 60_000,
            _ => 0,
        };
        let age = if cruel && state.rng.u32(..8) == 0 { state.rng.i64(0..4000) } else { 0 };
        let date = whole_seconds(now + skew) - age * 1000;
        headers.set("date", &http_date(date));
        if age > 0 {
            headers.set("age", &age.to_string());
        }
        headers.date = Some(date + age * 1000);
        headers
    }

    fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.map.insert(HeaderName::from_static(name), value);
        }
    }
}

pub(crate) fn whole_seconds(ms: i64) -> i64 {
    ms.div_euclid(1000) * 1000
}

fn from_millis(ms: i64) -> Duration {
    Duration::from_millis(ms.unsigned_abs())
}

fn http_date(ms: i64) -> String {
    httpdate::fmt_http_date(std::time::UNIX_EPOCH + from_millis(ms))
}

fn rfc3339(ms: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
    time.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}
