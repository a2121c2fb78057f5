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
mod tests;
