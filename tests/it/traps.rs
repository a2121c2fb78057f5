//! The bugs that were read in public token factories, Google's samples among them: each as a test that this one has not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fleet_token::{
    AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, Clock, HttpRequest, HttpResponse, HttpTransport,
    ManualClock, TokenErrorKind, TransportError, async_trait,
};

use crate::support::{HOUR, MINUTE, SECOND, ask, number, settle};

/// 2026-01-01T01:00:00Z, an hour after a manual clock starts.
const IN_AN_HOUR_MS: u64 = 1_767_229_200_000;

/// A backend: status and body by number of request and URL, each after a second if `slow`.
#[derive(Clone)]
struct Wire {
    asked: Arc<AtomicUsize>,
    clock: ManualClock,
    slow: bool,
    reply: fn(usize, &str) -> (u16, String),
}

#[async_trait]
impl HttpTransport for Wire {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let n = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if self.slow {
            self.clock.sleep(SECOND).await;
        }
        let (status, body) = (self.reply)(n, &request.url);
        if status == 0 {
            return Err(TransportError::Connect { detail: "refused".to_owned() });
        }
        Ok(HttpResponse::new(status, http::HeaderMap::default(), body.into_bytes()))
    }
}

fn wire(reply: fn(usize, &str) -> (u16, String)) -> Wire {
    Wire { asked: Arc::default(), clock: ManualClock::default(), slow: false, reply }
}

fn builder(wire: &Wire) -> AuthTokenFactoryBuilder {
    crate::support::trace();
    AuthTokenFactory::builder()
        .clock(wire.clock.clone())
        .fixed_jitter(0.0)
        .transport(wire.clone())
        .vehicle_endpoint("https://b.example/v/{vehicleId}")
        .safety_margin(10 * MINUTE)
        .max_attempts(1)
}

fn sample_body(n: usize, expires: u64) -> (u16, String) {
    (200, format!(r#"{{"jwt":"SECRET-TOKEN-{n}","creationTimestamp":0,"expirationTimestamp":{expires}}}"#))
}

fn good(n: usize, _: &str) -> (u16, String) {
    sample_body(n, IN_AN_HOUR_MS)
}

/// The token is named after the vehicle in the URL.
fn good_for_its_vehicle(_: usize, url: &str) -> (u16, String) {
    sample_body(url.rsplit('v').next().unwrap_or_default().parse().unwrap_or(0), IN_AN_HOUR_MS)
}

fn vehicle(n: usize) -> AuthTokenContext {
    AuthTokenContext::vehicle(format!("v{n}"))
}

// TripAuthTokenFactory (Android): token, expiry and id are written one by one, without a lock.
#[tokio::test]
async fn two_vehicles_asked_for_at_once_never_swap_tokens() {
    let wire = Wire { slow: true, ..wire(good_for_its_vehicle) };
    let factory = builder(&wire).build().unwrap();
    let calls: Vec<_> = (0..200).map(|n| (n % 2, ask(&factory, &vehicle(n % 2)))).collect();
    settle().await;
    wire.clock.advance(SECOND);
    for (n, call) in calls {
        assert_eq!(number(&call.await.unwrap().unwrap()), n);
    }
    assert_eq!(wire.asked.load(Ordering::SeqCst), 2);
}

// The same: one slot, so that two vehicles in turn are a fetch per call.
#[tokio::test]
async fn two_vehicles_in_turn_do_not_push_each_other_out() {
    let wire = wire(good_for_its_vehicle);
    let factory = builder(&wire).build().unwrap();
    for n in 0..50 {
        assert_eq!(number(&factory.token(&vehicle(n % 2)).await.unwrap()), n % 2);
    }
    assert_eq!(wire.asked.load(Ordering::SeqCst), 2);
}

// AccessTokenProvider.swift (last mile), GRSDProviderService.m: the id is changed while a reply is under way.
#[tokio::test]
async fn a_late_reply_for_one_vehicle_is_never_stored_for_another() {
    let wire = Wire { slow: true, ..wire(good_for_its_vehicle) };
    let factory = builder(&wire).build().unwrap();
    let late = ask(&factory, &vehicle(1));
    settle().await;
    wire.clock.advance(SECOND / 2);
    let next = ask(&factory, &vehicle(2));
    settle().await;
    wire.clock.advance(SECOND);
    assert_eq!(number(&late.await.unwrap().unwrap()), 1);
    assert_eq!(number(&next.await.unwrap().unwrap()), 2);
}

// GRSDProviderService.m: epoch milliseconds are taken for a relative number of seconds, so the token is kept for ever.
#[tokio::test]
async fn milliseconds_since_1970_are_not_a_lifetime_in_seconds() {
    let wire = wire(good);
    let factory = builder(&wire).build().unwrap();
    let token = factory.token(&vehicle(1)).await.unwrap();
    assert_eq!(factory.remaining(&token), Some(HOUR));
}

// fleet_tracking.js, MapComponent.tsx: milliseconds left are handed on as expiresInSeconds.
#[tokio::test]
async fn a_thousand_hours_of_life_are_a_unit_error() {
    let wire = wire(|n, _| (200, format!(r#"{{"token":"SECRET-TOKEN-{n}","expiresInSeconds":3600000}}"#)));
    let factory = builder(&wire).build().unwrap();
    let token = factory.token(&vehicle(1)).await.unwrap();
    assert!(factory.remaining(&token).unwrap() <= 70 * MINUTE);
}

// Driver SDK guide: the token is overwritten before the missing expiry is noticed; the old vehicle then gets the new token.
#[tokio::test]
async fn a_reply_without_an_expiry_changes_nothing_for_anybody_else() {
    let wire = wire(|_, url| match url {
        "https://b.example/v/v1" => {
            (200, format!(r#"{{"VehicleServiceToken":"SECRET-TOKEN-1","TokenExpiryMs":{IN_AN_HOUR_MS}}}"#))
        }
        _ => (200, r#"{"VehicleServiceToken":"SECRET-TOKEN-2"}"#.to_owned()),
    });
    let factory = builder(&wire).build().unwrap();
    factory.token(&vehicle(1)).await.unwrap();
    assert_eq!(number(&factory.token(&vehicle(2)).await.unwrap()), 2);
    assert_eq!(number(&factory.token(&vehicle(1)).await.unwrap()), 1);
    assert!(factory.try_token(&vehicle(2)).is_none(), "a token of unknown life was kept");
}

// Every iOS sample: the HTTP status is not looked at.
#[tokio::test]
async fn an_error_page_with_a_token_in_it_is_an_error() {
    let wire = wire(|n, _| (503, sample_body(n, IN_AN_HOUR_MS).1));
    let factory = builder(&wire).build().unwrap();
    assert_eq!(factory.token(&vehicle(1)).await.unwrap_err().kind(), TokenErrorKind::Unavailable);
    assert!(factory.try_token(&vehicle(1)).is_none());
}

// GRSCAuthTokenProvider.m: an expiry of zero, or none, means a fetch per call; its tests do just that.
#[tokio::test]
async fn an_expiry_of_zero_is_an_error_and_no_storm() {
    let wire = wire(|n, _| sample_body(n, 0));
    let factory = builder(&wire).build().unwrap();
    assert_eq!(factory.token(&vehicle(1)).await.unwrap_err().kind(), TokenErrorKind::ExpiredOnArrival);
    for _ in 0..50 {
        assert_eq!(factory.token(&vehicle(1)).await.unwrap_err().kind(), TokenErrorKind::BackingOff);
    }
    assert_eq!(wire.asked.load(Ordering::SeqCst), 1);
}

// AuthTokenProvider.swift: `as? Int` refuses floats and strings.
#[tokio::test]
async fn an_expiry_may_be_a_float_or_a_string() {
    let float = wire(|_, _| (200, r#"{"jwt":"SECRET-TOKEN-1","expirationTimestamp":1767229200000.0}"#.to_owned()));
    let string = wire(|_, _| (200, r#"{"jwt":"SECRET-TOKEN-1","expirationTimestamp":"1767229200000"}"#.to_owned()));
    for wire in [float, string] {
        let factory = builder(&wire).build().unwrap();
        let token = factory.token(&vehicle(1)).await.unwrap();
        assert_eq!(factory.remaining(&token), Some(HOUR));
    }
}

// Android samples, LMFS: a dead backend is asked at every location update.
#[tokio::test]
async fn a_dead_backend_is_not_asked_at_every_location_update() {
    let wire = wire(|_, _| (0, String::new()));
    let factory = builder(&wire).build().unwrap();
    for _ in 0..360 {
        assert!(factory.token(&vehicle(1)).await.is_err());
        wire.clock.advance(Duration::from_millis(100));
    }
    // 36 seconds at ten updates a second: backoffs of a second and more (no jitter here: the shortest).
    assert!(wire.asked.load(Ordering::SeqCst) <= 36, "{} requests", wire.asked.load(Ordering::SeqCst));
}

// A fork of the Android sample: a network error throws away a token that is still good, and "" is returned.
#[tokio::test]
async fn a_network_error_never_costs_a_good_token() {
    let wire = wire(|n, _| if n == 1 { sample_body(1, IN_AN_HOUR_MS) } else { (0, String::new()) });
    let factory = builder(&wire).build().unwrap();
    factory.token(&vehicle(1)).await.unwrap();
    wire.clock.advance(58 * MINUTE);
    assert_eq!(number(&factory.token(&vehicle(1)).await.unwrap()), 1);
    wire.clock.advance(2 * MINUTE);
    assert!(factory.token(&vehicle(1)).await.is_err(), "an expired token, or an empty one");
}

// Angular sample: a hard-coded 3300 s for tokens that the server had cached and that live five minutes more.
#[tokio::test]
async fn a_declared_life_longer_than_the_token_s_own_is_not_believed() {
    // {"iat":1767222300,"exp":1767225900}: issued 55 minutes ago, five minutes left.
    const JWT: &str =
        "e30.eyJpYXQiOjE3NjcyMjIzMDAsImV4cCI6MTc2NzIyNTkwMCwiYXV0aG9yaXphdGlvbiI6eyJ2ZWhpY2xlaWQiOiJ2MSJ9fQ.U0VDUkVU";
    let wire = wire(|_, _| (200, format!(r#"{{"token":"{JWT}","expiresInSeconds":3300}}"#)));
    let factory = builder(&wire).build().unwrap();
    let token = factory.token(&vehicle(1)).await.unwrap();
    assert_eq!(factory.remaining(&token), Some(5 * MINUTE));
}

// iOS samples: an unencoded id makes the URL nil, or another one.
#[tokio::test]
async fn an_id_with_a_space_or_a_percent_sign_is_just_an_id() {
    let wire = wire(|_, url| match url {
        "https://b.example/v/a%20b" => sample_body(1, IN_AN_HOUR_MS),
        "https://b.example/v/100%25" => sample_body(2, IN_AN_HOUR_MS),
        _ => (404, String::new()),
    });
    let factory = builder(&wire).build().unwrap();
    assert_eq!(number(&factory.token(&AuthTokenContext::vehicle("a b")).await.unwrap()), 1);
    assert_eq!(number(&factory.token(&AuthTokenContext::vehicle("100%")).await.unwrap()), 2);
}

// React Native's README: "Always fetch a fresh token in this callback rather than caching one."
#[tokio::test]
async fn an_hour_of_location_updates_is_two_fetches() {
    let wire = wire(|n, _| (200, format!(r#"{{"token":"SECRET-TOKEN-{n}","expiresInSeconds":3600}}"#)));
    let factory = builder(&wire).build().unwrap();
    for _ in 0..360 {
        factory.token(&vehicle(1)).await.unwrap();
        settle().await;
        wire.clock.advance(10 * SECOND);
    }
    assert_eq!(wire.asked.load(Ordering::SeqCst), 2);
}
