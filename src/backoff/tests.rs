use super::*;

const NOW: BootTime = BootTime::from_origin(Duration::from_secs(1000));
const POLICY: RetryPolicy = RetryPolicy {
    attempts: 3,
    attempt_pause: Duration::from_millis(500),
    backoff_base: Duration::from_secs(1),
    backoff_max: Duration::from_secs(60),
    negative_ttl: Duration::from_secs(5),
};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn unavailable(retry_after: Option<Duration>) -> TokenError {
    TokenError::Unavailable { status: 503, retry_after }
}

#[test]
fn backoff_grows_from_one_second_to_a_minute() {
    assert_eq!(POLICY.backoff_after(1, 0.0), seconds(1));
    assert_eq!(POLICY.backoff_after(1, 1.0), seconds(2));
    assert_eq!(POLICY.backoff_after(3, 1.0), seconds(8));
    assert_eq!(POLICY.backoff_after(100, 1.0), seconds(60));
    assert_eq!(POLICY.backoff_after(100, 0.0), seconds(1));
}

#[test]
fn pauses_within_a_flight_double() {
    assert_eq!(POLICY.pause_after(1, 0.0), Duration::from_millis(250));
    assert_eq!(POLICY.pause_after(1, 1.0), Duration::from_millis(500));
    assert_eq!(POLICY.pause_after(2, 1.0), seconds(1));
}

#[test]
fn a_backing_off_key_says_for_how_long_and_why() {
    let mut backoff = Backoff::default();
    assert!(backoff.refusal(NOW).is_none());
    assert_eq!(backoff.failed(&unavailable(None), &POLICY, Duration::ZERO, NOW, 1.0), seconds(2));
    let refusal = backoff.refusal(NOW.plus(seconds(1))).unwrap();
    assert_eq!(refusal.retry_after(), Some(seconds(1)));
    assert!(matches!(refusal, TokenError::BackingOff { cause, .. } if cause.status() == Some(503)));
    assert!(backoff.refusal(NOW.plus(seconds(2))).is_none());
}

#[test]
fn the_network_coming_back_ends_our_waits_but_not_the_server_s() {
    let mut backoff = Backoff::default();
    backoff.failed(&unavailable(None), &POLICY, Duration::ZERO, NOW, 1.0);
    assert!(backoff.network_available(NOW));
    assert!(backoff.refusal(NOW).is_none());
    backoff.failed(&unavailable(Some(seconds(90))), &POLICY, Duration::ZERO, NOW, 1.0);
    assert!(!backoff.network_available(NOW));
    assert_eq!(backoff.refusal(NOW).unwrap().retry_after(), Some(seconds(90)));
}

#[test]
fn a_retry_after_of_zero_is_no_invitation_to_a_storm() {
    let mut backoff = Backoff::default();
    assert_eq!(backoff.failed(&unavailable(Some(seconds(0))), &POLICY, Duration::ZERO, NOW, 0.0), seconds(1));
}

#[test]
fn a_permanent_failure_is_itself_for_five_seconds() {
    let mut backoff = Backoff::default();
    backoff.failed(&TokenError::NotFound, &POLICY, Duration::ZERO, NOW, 1.0);
    assert!(matches!(backoff.refusal(NOW.plus(seconds(4))), Some(TokenError::NotFound)));
    assert!(backoff.refusal(NOW.plus(seconds(5))).is_none());
}

#[test]
fn what_was_never_sent_is_not_remembered() {
    let mut backoff = Backoff::default();
    let signed_out = TokenError::Session(crate::error::SessionError::SignedOut);
    assert_eq!(backoff.failed(&signed_out, &POLICY, Duration::ZERO, NOW, 1.0), Duration::ZERO);
    assert!(backoff.refusal(NOW).is_none());
}

#[test]
fn a_new_session_ends_a_refusal_but_no_backoff() {
    let mut backoff = Backoff::default();
    backoff.failed(&TokenError::SessionRejected { status: 401 }, &POLICY, Duration::ZERO, NOW, 1.0);
    assert!(backoff.session_changed(NOW));
    assert!(backoff.refusal(NOW).is_none());
    backoff.failed(&unavailable(None), &POLICY, Duration::ZERO, NOW, 1.0);
    assert!(!backoff.session_changed(NOW));
    assert!(backoff.refusal(NOW).is_some());
}

#[test]
fn the_sixth_rejection_in_thirty_seconds_trips_the_breaker() {
    let mut breaker = Breaker::default();
    for second in 0..5 {
        assert!(!breaker.rejected(NOW.plus(seconds(second))));
    }
    assert!(breaker.rejected(NOW.plus(seconds(5))));
    let refusal = breaker.refusal(NOW.plus(seconds(10))).unwrap();
    assert_eq!(refusal.retry_after(), Some(seconds(20)));
    assert!(breaker.refusal(NOW.plus(seconds(30))).is_none());
}

#[test]
fn slow_rejections_never_trip_the_breaker() {
    let mut breaker = Breaker::default();
    for n in 0..100 {
        assert!(!breaker.rejected(NOW.plus(seconds(n * 7))), "rejection {n}");
    }
}

#[test]
fn a_wait_that_ends_at_this_moment_was_not_cut_short() {
    let mut backoff = Backoff::default();
    let wait = backoff.failed(&unavailable(None), &POLICY, Duration::ZERO, NOW, 0.5);
    assert!(!backoff.network_available(NOW.plus(wait)));
    let wait = backoff.failed(&TokenError::NotFound, &POLICY, Duration::ZERO, NOW, 0.5);
    assert!(!backoff.session_changed(NOW.plus(wait)));
}

/// What a minute that a token may yet stand in does to a wait of two seconds at most, with nearly the whole drawn.
fn resting(retry_after: Option<Duration>) -> Backoff {
    let mut backoff = Backoff::default();
    let rest = backoff.failed(&unavailable(retry_after), &POLICY, seconds(60), NOW, 1.0);
    assert_eq!(rest, seconds(60));
    backoff
}

#[test]
fn while_a_token_is_good_its_successor_waits_nearly_as_long_as_it_is() {
    let backoff = resting(None);
    assert!(backoff.rests(NOW.plus(Duration::from_millis(59_999))));
    assert!(!backoff.rests(NOW.plus(seconds(60))));
    assert_eq!(RetryPolicy::rest(&unavailable(None), seconds(600), 0.0), Duration::ZERO, "from nothing");
    for (jitter, share) in [(0.1, 0.91), (0.5, 0.97), (0.9, 0.995)] {
        assert!(RetryPolicy::rest(&unavailable(None), seconds(600), jitter) > seconds(600).mul_f64(share), "{jitter}");
    }
}

#[test]
fn a_device_that_is_cut_off_tries_at_any_time_of_the_rest() {
    let cut_off = TokenError::Transport(TransportError::Connect { detail: "no route".to_owned() });
    for share in [0.0, 0.25, 0.5, 1.0] {
        assert_eq!(RetryPolicy::rest(&cut_off, seconds(600), share), seconds(600).mul_f64(share));
    }
    let interrupted = TokenError::Transport(TransportError::Interrupted);
    assert!(RetryPolicy::rest(&interrupted, seconds(600), 0.5) > seconds(580), "that had reached somebody");
}

#[test]
fn whoever_has_no_token_waits_no_longer_for_that() {
    let backoff = resting(None);
    assert_eq!(backoff.refusal(NOW).unwrap().retry_after(), Some(seconds(2)));
    assert!(backoff.refusal(NOW.plus(seconds(2))).is_none());
}

#[test]
fn a_rest_is_never_shorter_than_the_wait_of_whoever_has_none() {
    for (error, least) in [
        (unavailable(None), seconds(2)),
        (unavailable(Some(seconds(90))), seconds(90)),
        (TokenError::NotFound, seconds(5)),
        (TokenError::Disabled, seconds(60)),
    ] {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.failed(&error, &POLICY, seconds(1), NOW, 1.0), least, "{error}");
        assert!(backoff.rests(NOW.plus(least).minus(Duration::from_millis(1))));
    }
}

#[test]
fn the_network_coming_back_ends_a_rest_but_for_what_the_server_asked() {
    let mut ours = resting(None);
    assert!(ours.network_available(NOW.plus(seconds(30))));
    assert!(!ours.rests(NOW.plus(seconds(30))));
    let mut servers = resting(Some(seconds(20)));
    assert!(!servers.network_available(NOW.plus(seconds(10))));
    assert!(servers.rests(NOW.plus(seconds(19))));
    assert!(!servers.rests(NOW.plus(seconds(20))), "what we added is over");
    let mut later = resting(Some(seconds(20)));
    assert!(later.network_available(NOW.plus(seconds(20))));
    assert!(!later.rests(NOW.plus(seconds(20))));
    assert!(!later.network_available(NOW.plus(seconds(20))), "once");
}

#[test]
fn a_new_session_ends_the_rest_after_a_refusal() {
    let mut backoff = Backoff::default();
    backoff.failed(&TokenError::SessionRejected { status: 401 }, &POLICY, seconds(60), NOW, 1.0);
    assert!(backoff.session_changed(NOW.plus(seconds(30))));
    assert!(!backoff.rests(NOW.plus(seconds(30))));
}

#[test]
fn retry_after_is_seconds_or_a_date_and_at_most_five_minutes() {
    let now = httpdate::parse_http_date("Thu, 01 Jan 2026 00:00:00 GMT").ok();
    let parse = |value| parse_retry_after(value, now);
    assert_eq!(parse("120"), Some(seconds(120)));
    assert_eq!(parse(" 0 "), Some(seconds(0)));
    assert_eq!(parse("86400"), Some(seconds(300)));
    assert_eq!(parse("99999999999999999999999"), Some(seconds(300)));
    assert_eq!(parse("Thu, 01 Jan 2026 00:00:30 GMT"), Some(seconds(30)));
    assert_eq!(parse("Wed, 31 Dec 2025 00:00:30 GMT"), Some(seconds(0)));
    assert_eq!(parse_retry_after("Thu, 01 Jan 2026 00:00:30 GMT", None), Some(seconds(300)));
    for nonsense in ["", "soon", "-5", "1.5"] {
        assert_eq!(parse(nonsense), None, "{nonsense}");
    }
}
