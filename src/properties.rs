//! What holds for every input, of the parts that are arithmetic or read what came from outside.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization as _;

use crate::backoff::{MAX_RETRY_AFTER, RetryPolicy, parse_retry_after};
use crate::boot_time::BootTime;
use crate::claims;
use crate::context::{AuthTokenContext, ContextKind, IdField};
use crate::error::{TokenError, TransportError};
use crate::fetch::endpoint::{Endpoint, Endpoints, Template};
use crate::fetch::response::{ResponseFormat, parse};
use crate::lifetime::{Evidence, UnixTime, Verdict, judge};
use crate::policy::{Age, RefreshPolicy};

const START: BootTime = BootTime::from_origin(Duration::from_secs(1000));

prop_compose! {
    fn millis(most: u64)(millis in 0..=most) -> Duration { Duration::from_millis(millis) }
}

/// Any number that JSON can hold, among them those that overflow a duration, and what is nearly one.
fn json_number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<u64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("JSON has none", |n| n.is_finite()).prop_map(|n| n.to_string()),
        "-?[0-9]{1,40}(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,4})?",
        any::<i64>().prop_map(|n| format!("\"{n}\"")),
        "\"[0-9TZ:+. -]{0,30}\"",
    ]
}

/// Anything that may be typed, and what is nearly an id: forbidden characters, dots, escapes, accents in both forms.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9_-]{1,64}", "[%.*/:?,#a-f0-9{}\\u{e9} e\\u{301}]{0,12}", "\\PC{0,70}", any::<String>()]
}

/// What RFC 3986 §2.1 calls decoding, by another library than the one that encoded.
fn segment(url: &str) -> String {
    let coded = url.strip_prefix("https://b.example/a/").and_then(|rest| rest.strip_suffix("/z")).unwrap();
    assert!(!coded.contains(['/', '?', '#']), "{url}");
    percent_decode_str(coded).decode_utf8().unwrap().into_owned()
}

proptest! {
    #[test]
    fn an_id_is_refused_or_arrives_as_it_was(id in text()) {
        let mut endpoints = Endpoints::default();
        endpoints.set_fallback(Template::parse(&Endpoint::get("https://b.example/a/{vehicleId}/z"), None, false).unwrap());
        let context = AuthTokenContext::vehicle(&id);
        let normal: String = id.nfc().collect();
        let forbidden = normal.contains(['/', ':', '?', ',', '#']) || ["", "*", ".", ".."].contains(&&*normal);
        match endpoints.target(&context) {
            Ok(target) => {
                prop_assert!(!forbidden && normal.chars().count() <= 64);
                prop_assert_eq!(segment(&target.url), normal);
            }
            Err(error) => {
                prop_assert!(forbidden || normal.chars().count() > 64, "{}", error);
                prop_assert!(matches!(error, TokenError::InvalidContext(_)));
            }
        }
    }

    /// Two spellings of one id are one key (Unicode Standard Annex 15), and a key is made of what its ids are, not of how
    /// they were put in.
    #[test]
    fn a_context_is_its_ids(vehicle in text(), trip in text()) {
        let one = AuthTokenContext::vehicle(&vehicle).with_id(IdField::Trip, &trip);
        let other = AuthTokenContext::trip(trip.nfd().collect::<String>())
            .with_id(IdField::Vehicle, vehicle.nfc().collect::<String>());
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(one.kind(), other.kind());
        let marked = AuthTokenContext::vehicle(format!("{vehicle}x")).with_id(IdField::Trip, &trip);
        prop_assert_ne!(one, marked);
    }

    #[test]
    fn no_template_is_too_strange(
        template in prop_oneof!["\\PC{0,60}", "https?://[a-z0-9.:@\\[\\]{}]{0,20}[/?#%{}a-zA-Z0-9.]{0,30}"],
        allow: bool,
    ) {
        let parse = |kind| Template::parse(&Endpoint::get(&*template), kind, allow);
        if let Ok(parsed) = parse(None) {
            let scheme = if allow { "http" } else { "https://" };
            prop_assert!(template.starts_with(scheme), "{}", template);
            let mut endpoints = Endpoints::default();
            endpoints.set_fallback(parsed);
            if let Ok(target) = endpoints.target(&AuthTokenContext::trip("t")) {
                // What stands outside the braces is sent as it is.
                prop_assert_eq!(target.url, template.replace("{tripId}", "t"));
            }
        }
        // Fewer ids to choose from: what a kind may have, all of them may.
        if parse(Some(ContextKind::Trip)).is_ok() {
            prop_assert!(parse(None).is_ok());
        }
    }
}

proptest! {
    /// A day bounds the lives: longer ones are clamped before.
    #[test]
    fn a_token_ages_in_one_direction(
        lifetime in (1u64..=86_400_000).prop_map(Duration::from_millis),
        safety_margin in millis(86_400_000),
        refresh_ahead in millis(86_400_000),
        min_validity in millis(86_400_000),
        jitter in 0.0..=1.0,
        (one, other) in (0u64..90_000_000, 0u64..90_000_000),
    ) {
        let policy = RefreshPolicy { safety_margin, refresh_ahead, min_validity };
        let schedule = policy.schedule(START, lifetime, jitter);
        prop_assert!(START <= schedule.due_at && schedule.due_at <= schedule.spent_at);
        prop_assert!(schedule.spent_at <= schedule.fallback_until && schedule.fallback_until <= schedule.expires_at);
        prop_assert_eq!(schedule.expires_at, START.plus(lifetime));
        // No fetch per call: half of the life is served, but for the window before.
        prop_assert!(schedule.spent_at >= START.plus(lifetime / 2));
        let (sooner, later) = (one.min(other), one.max(other));
        let age = |millis| schedule.age(START.plus(Duration::from_millis(millis)));
        prop_assert!(age(sooner) <= age(later));
        let now = START.plus(Duration::from_millis(one));
        if schedule.is_good(now) {
            prop_assert!(schedule.age(now) < Age::Expired && !schedule.remaining(now).is_zero());
        }
        if schedule.is_fallback(now) {
            prop_assert!(schedule.age(now) < Age::Expired);
        }
    }

    #[test]
    fn a_wait_is_in_its_range_and_grows_with_failures(failures in 0u32..200, jitter in 0.0..=1.0) {
        let policy = RetryPolicy::default();
        let wait = policy.backoff_after(failures, jitter);
        prop_assert!(policy.backoff_base <= wait && wait <= policy.backoff_max);
        prop_assert!(policy.backoff_after(failures + 1, jitter) >= wait);
        let pause = policy.pause_after(failures, jitter);
        prop_assert!(pause >= policy.attempt_pause / 2);
        prop_assert!(policy.pause_after(failures, 1.0) >= pause);
    }

    #[test]
    fn a_rest_is_within_the_time_that_the_token_stands_in_and_grows(standby in millis(86_400_000), (one, other) in (0.0..=1.0, 0.0..=1.0)) {
        let cut_off = TokenError::Transport(TransportError::Connect { detail: String::new() });
        for error in [cut_off, TokenError::NotFound] {
            let rest = |jitter| RetryPolicy::rest(&error, standby, jitter);
            prop_assert!(rest(f64::min(one, other)) <= rest(f64::max(one, other)));
            prop_assert_eq!(rest(1.0), standby);
        }
    }

    #[test]
    fn what_a_server_asks_to_wait_is_bounded(value in "\\PC{0,40}", at in 0u64..1 << 40) {
        for now in [None, Some(UNIX_EPOCH + Duration::from_secs(at))] {
            if let Some(wait) = parse_retry_after(&value, now) {
                prop_assert!(wait <= MAX_RETRY_AFTER);
            }
        }
    }

    #[test]
    fn seconds_to_wait_are_read_as_they_are(seconds in 0u64..1 << 50) {
        let read = parse_retry_after(&seconds.to_string(), None);
        prop_assert_eq!(read, Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER)));
    }

    #[test]
    fn a_life_is_the_smallest_that_was_claimed(
        now in 0i64..1 << 40,
        declared in proptest::option::of(-1_000_000i64..10_000_000),
        jwt in proptest::option::of(-1_000_000i64..10_000_000),
        within in proptest::option::of(0u64..10_000_000),
    ) {
        let after = |seconds: i64| UnixTime::from_seconds(now + seconds);
        let evidence = Evidence {
            declared_at: declared.map(after),
            declared_in: within.map(Duration::from_secs),
            jwt_expires_at: jwt.map(after),
            date: Some(after(0)),
            ..Evidence::default()
        };
        let max = Duration::from_secs(70 * 60);
        let claims = [declared, jwt, within.map(|seconds| i64::try_from(seconds).unwrap())];
        match (judge(&evidence, max), claims.into_iter().flatten().min()) {
            (Verdict::Unknown, None) => {}
            (Verdict::Expired { by }, Some(least)) => {
                prop_assert!(least <= 0);
                prop_assert_eq!(by, Duration::from_secs(least.unsigned_abs()));
            }
            (Verdict::Lives { lifetime, .. }, Some(least)) => {
                prop_assert_eq!(lifetime, Duration::from_secs(least.unsigned_abs()).min(max));
                prop_assert!(least > 0);
            }
            (verdict, least) => prop_assert!(false, "{verdict:?} of {least:?}"),
        }
    }

    #[test]
    fn no_body_is_too_strange(body in proptest::collection::vec(any::<u8>(), 0..200), html: bool) {
        let _ = parse(&body, html.then_some("text/html"), &ResponseFormat::Auto);
    }

    #[test]
    fn no_number_is_too_strange(number in json_number(), field in 0usize..7) {
        let fields = [
            "expirationTimestamp", "expiration_timestamp_ms", "TokenExpiryMs", "expiration",
            "expiresInSeconds", "ExpiresInSeconds", "expires_in",
        ];
        let body = format!("{{\"token\":\"x\",\"{}\":{number}}}", fields[field]);
        if let Ok(parsed) = parse(body.as_bytes(), None, &ResponseFormat::Auto) {
            // What came of it can be reckoned with.
            let evidence = Evidence {
                declared_at: parsed.expires_at.map(Into::into),
                declared_in: parsed.expires_in,
                device: Some(SystemTime::UNIX_EPOCH.into()),
                ..Evidence::default()
            };
            let max = Duration::from_secs(70 * 60);
            if let Verdict::Lives { lifetime, .. } = judge(&evidence, max) {
                prop_assert!(lifetime <= max);
            }
        }
    }

    #[test]
    fn no_token_is_too_strange(token in "\\PC{0,80}", claims in "\\PC{0,60}") {
        use base64::Engine as _;
        let base64 = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let _ = claims::read(&token);
        let _ = claims::read(&format!("{}.{}.x", base64.encode(r#"{"alg":"RS256"}"#), base64.encode(claims)));
    }
}
