//! When to try again, and when to stop trying. Pure: points in time and random numbers come in as arguments.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::boot_time::BootTime;
use crate::error::{FailureClass, TokenError, TransportError};

/// The longest `Retry-After` that is believed.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// How the rest after a failed refresh is drawn: this power of a number in 0‥1 is the share that is waited of the time for
/// which the old token may yet stand in. Half of the tries come in the last 3 % of it, one in ten before the last 9 %.
///
/// Devices whose tokens fall due in an outage all fetch again after it, on top of those that are due then. The rate at
/// that moment is the usual one times one more than the number of tries that each has made in vain since the first: with
/// a dozen the backend comes back to thirteen times the usual. So a device tries once more, late, and then quickly.
const REST_SHAPE: f64 = 0.04;

/// The same where no connection came about: all shares alike. That is mostly the device's own fault, of which the backend
/// knows nothing; four or five tries before the end find the gaps in a tunnel, where one or two would not.
const CUT_OFF_SHAPE: f64 = 1.0;

/// How often a key may be fetched again because its token was rejected.
const BREAKER_LIMIT: usize = 5;
const BREAKER_WINDOW: Duration = Duration::from_secs(30);

/// How failures are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    /// Attempts within one flight.
    pub(crate) attempts: u32,
    /// The pause before the second attempt; doubles for each further one.
    pub(crate) attempt_pause: Duration,
    /// The first backoff between flights.
    pub(crate) backoff_base: Duration,
    /// The longest backoff between flights.
    pub(crate) backoff_max: Duration,
    /// How long a permanent failure is remembered.
    pub(crate) negative_ttl: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 3,
            attempt_pause: Duration::from_millis(500),
            backoff_base: Duration::from_secs(1),
            backoff_max: Duration::from_secs(60),
            negative_ttl: Duration::from_secs(5),
        }
    }
}

impl RetryPolicy {
    /// The pause after attempt number `attempt` (from 1): half of it fixed, half of it jittered (`jitter` in 0‥1).
    pub(crate) fn pause_after(&self, attempt: u32, jitter: f64) -> Duration {
        let pause = self.attempt_pause.saturating_mul(1 << attempt.saturating_sub(1).min(10));
        pause.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
    }

    /// The wait after `failures` failed flights in a row: anywhere (`jitter` in 0‥1) between the base and a ceiling that
    /// doubles with each failure.
    pub(crate) fn backoff_after(&self, failures: u32, jitter: f64) -> Duration {
        let ceiling = self.backoff_base.saturating_mul(1 << failures.min(20)).min(self.backoff_max);
        let spread = ceiling.saturating_sub(self.backoff_base);
        (self.backoff_base + spread.mul_f64(jitter.clamp(0.0, 1.0))).min(self.backoff_max)
    }

    /// How long a failed refresh is not tried again while the old token may stand in for `standby` yet: mostly nearly all
    /// of it (`jitter` in 0‥1). Nobody waits for what comes of it, and a backend that is down need not be asked.
    pub(crate) fn rest(error: &TokenError, standby: Duration, jitter: f64) -> Duration {
        let cut_off = matches!(error, TokenError::Transport(TransportError::Connect { .. }));
        let shape = if cut_off { CUT_OFF_SHAPE } else { REST_SHAPE };
        standby.mul_f64(jitter.clamp(0.0, 1.0).powf(shape)).min(standby)
    }
}

/// What ends a wait before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// Ours: the network coming back ends it.
    Ours,
    /// The server's `Retry-After`: nothing ends it but time.
    Servers,
    /// A permanent failure, remembered: nothing ends it but time.
    Negative,
}

/// One key's memory of failure.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
    wait: Option<Wait>,
}

#[derive(Debug)]
struct Wait {
    /// Until here nothing is fetched.
    until: BootTime,
    /// Until here, which is not before, nothing is fetched to replace a token that is still good.
    rest_until: BootTime,
    hold: Hold,
    cause: Arc<TokenError>,
}

impl Backoff {
    /// Takes note of a failed flight. `standby` is how long a token that is due may yet stand in, zero without one.
    /// Returns for how long nothing is fetched: all of it for that token's successor, less if the token does not do.
    pub(crate) fn failed(
        &mut self,
        error: &TokenError,
        policy: &RetryPolicy,
        standby: Duration,
        now: BootTime,
        jitter: f64,
    ) -> Duration {
        let (wait, hold) = match error.class() {
            FailureClass::Local => return Duration::ZERO,
            FailureClass::Permanent if matches!(error, TokenError::Disabled) => (policy.backoff_max, Hold::Negative),
            FailureClass::Permanent => (policy.negative_ttl, Hold::Negative),
            FailureClass::Transient | FailureClass::Persistent => {
                self.failures = self.failures.saturating_add(1);
                let ours = policy.backoff_after(self.failures, jitter);
                // A server that asks for less patience than ours gets ours: `Retry-After: 0` must not mean a storm.
                match error.retry_after().map(|servers| servers.min(MAX_RETRY_AFTER)) {
                    Some(servers) if servers >= ours => (servers, Hold::Servers),
                    _ => (ours, Hold::Ours),
                }
            }
        };
        let rest = wait.max(RetryPolicy::rest(error, standby, jitter));
        let cause = Arc::new(error.clone());
        self.wait = Some(Wait { until: now.plus(wait), rest_until: now.plus(rest), hold, cause });
        rest
    }

    /// Whether the last flight failed, other than by a refusal, and nothing has come since.
    pub(crate) fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// A fetch succeeded, or everything starts anew.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Somebody signed in: what the backend refused may be allowed now. Returns whether it was waited for.
    pub(crate) fn session_changed(&mut self, now: BootTime) -> bool {
        match self.wait {
            Some(Wait { rest_until, hold: Hold::Negative, .. }) => {
                self.reset();
                rest_until > now
            }
            _ => false,
        }
    }

    /// The network came back: a wait of our own making ends, and what we added to the server's. Returns whether there was
    /// one that is over now.
    pub(crate) fn network_available(&mut self, now: BootTime) -> bool {
        match &mut self.wait {
            Some(Wait { rest_until, hold: Hold::Ours, .. }) => {
                let ended = *rest_until > now;
                self.reset();
                ended
            }
            Some(Wait { until, rest_until, hold: Hold::Servers, .. }) => {
                let ended = *until <= now && *rest_until > now;
                *rest_until = *until;
                ended
            }
            _ => false,
        }
    }

    /// Whether a token that is still good is not to be replaced yet.
    pub(crate) fn rests(&self, now: BootTime) -> bool {
        self.wait.as_ref().is_some_and(|wait| now < wait.rest_until)
    }

    /// What the last failure was, and for how long nothing is fetched after it: for those who have a token that stands in,
    /// or for those who have none.
    pub(crate) fn standing(&self, stands_in: bool, now: BootTime) -> Option<(TokenError, Duration)> {
        let wait = self.wait.as_ref()?;
        let until = if stands_in { wait.rest_until } else { wait.until };
        Some((TokenError::clone(&wait.cause), until.saturating_since(now)))
    }

    /// When its waits end: for everybody, and for the successor of a token that is still good.
    #[cfg(any(test, feature = "test-util"))]
    pub(crate) fn ends(&self) -> Option<(BootTime, BootTime)> {
        self.wait.as_ref().map(|wait| (wait.until, wait.rest_until))
    }

    /// What callers are told for whom no token is good enough; `None` when a fetch is allowed for them.
    pub(crate) fn refusal(&self, now: BootTime) -> Option<TokenError> {
        let Wait { until, hold, cause, .. } = self.wait.as_ref()?;
        if now >= *until {
            return None;
        }
        Some(match hold {
            Hold::Negative => TokenError::clone(cause),
            Hold::Ours | Hold::Servers => {
                TokenError::BackingOff { retry_in: until.saturating_since(now), cause: Arc::clone(cause) }
            }
        })
    }
}

/// Stops a loop of *rejected, fetched, rejected, …*: more than five in 30 seconds and the key is left alone.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    rejections: VecDeque<BootTime>,
}

impl Breaker {
    /// Takes note of a rejected token; returns whether this one tripped the breaker.
    pub(crate) fn rejected(&mut self, now: BootTime) -> bool {
        self.rejections.push_back(now);
        while self.rejections.len() > BREAKER_LIMIT + 1 {
            self.rejections.pop_front();
        }
        self.refusal(now).is_some()
    }

    /// What callers are told instead of a fetch; `None` while the breaker is closed.
    pub(crate) fn refusal(&self, now: BootTime) -> Option<TokenError> {
        if self.rejections.len() <= BREAKER_LIMIT {
            return None;
        }
        let oldest = self.rejections.front()?;
        let closes_at = oldest.plus(BREAKER_WINDOW);
        (now < closes_at).then(|| TokenError::TooManyRejections { retry_in: closes_at.saturating_since(now) })
    }
}

/// Reads a `Retry-After` value (RFC 9110 §10.2.3): seconds, or an HTTP date, which is measured from `server_now`.
/// Clamped to five minutes; `None` when it is neither.
pub(crate) fn parse_retry_after(value: &str, server_now: Option<SystemTime>) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => MAX_RETRY_AFTER,
        Err(_) => {
            let until = httpdate::parse_http_date(value).ok()?;
            // Without the server's own time there is nothing to measure a date from: better too patient.
            server_now.map_or(MAX_RETRY_AFTER, |now| until.duration_since(now).unwrap_or(Duration::ZERO))
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
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
            assert!(
                RetryPolicy::rest(&unavailable(None), seconds(600), jitter) > seconds(600).mul_f64(share),
                "{jitter}"
            );
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
}
