//! How long a token lives, from everything that is known about it. Pure: times come in as arguments.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Above this an absolute time is in milliseconds, below in seconds: 10¹¹ s is the year 5138, 10¹¹ ms is March 1973.
const MILLISECONDS_ABOVE: f64 = 1e11;

/// A point in time on somebody's wall clock, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnixTime(i64);

impl UnixTime {
    pub(crate) const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Reads a bare number, in seconds or in milliseconds by its size; `None` if it is no time at all.
    #[allow(clippy::cast_possible_truncation, reason = "the range is checked first")]
    pub(crate) fn from_number(number: f64) -> Option<Self> {
        let millis = if number > MILLISECONDS_ABOVE { number } else { number * 1000.0 };
        (0.0..9e15).contains(&millis).then_some(Self(millis as i64))
    }

    /// Zero for times before 1970, which no server means.
    pub(crate) fn since_epoch(self) -> Duration {
        Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }

    /// The same point as a `SystemTime`, within what every system can hold: not before 1970, not after 2286.
    pub(crate) fn to_system_time(self) -> SystemTime {
        UNIX_EPOCH + self.since_epoch().min(Duration::from_secs(10_000_000_000))
    }

    const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> Self {
        let millis = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(millis(after)),
            Err(before) => Self(-millis(before.duration())),
        }
    }
}

/// When a token expires, in the words of the reply that brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expiry {
    /// At a point in time on the backend's clock.
    At(SystemTime),
    /// So long after the request was sent.
    In(Duration),
}

/// Everything that bears on a token's lifetime.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Evidence {
    /// When the reply says the token expires.
    pub(crate) declared_at: Option<UnixTime>,
    /// How long the reply says it lives.
    pub(crate) declared_in: Option<Duration>,
    /// The JWT's `exp`.
    pub(crate) jwt_expires_at: Option<UnixTime>,
    /// The JWT's `iat`.
    pub(crate) jwt_issued_at: Option<UnixTime>,
    /// The reply's `Date`.
    pub(crate) date: Option<UnixTime>,
    /// What the device believed when the fetch started.
    pub(crate) device: Option<UnixTime>,
}

/// What the evidence comes to, counted from the start of the fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Lives {
        lifetime: Duration,
        /// What was claimed, when that was more than any Fleet Engine token can have: a unit error at the backend.
        clamped_from: Option<Duration>,
    },
    /// It expired so long before it came.
    Expired { by: Duration },
    /// Nobody said.
    Unknown,
}

/// The smallest of what is declared and what the JWT says, never more than `max_lifetime`.
///
/// Absolute times are measured from the server's time, which is the reply's `Date` (RFC 9110 §6.6.1), or else the
/// device's wall clock; but no token was issued in the future, so `iat` is a lower bound for either. `exp − iat` alone
/// would be wrong for a token that the backend had in its own cache.
pub(crate) fn judge(evidence: &Evidence, max_lifetime: Duration) -> Verdict {
    let server_now = evidence.date.or(evidence.device).max(evidence.jwt_issued_at);
    let until = |at: UnixTime| server_now.map(|now| at.millis_since(now));
    let lifetimes = [
        evidence.declared_at.and_then(until),
        evidence.declared_in.map(|lifetime| i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX)),
        evidence.jwt_expires_at.and_then(until),
    ];
    let (Some(millis), Some(longest)) = (lifetimes.into_iter().flatten().min(), lifetimes.into_iter().flatten().max())
    else {
        return Verdict::Unknown;
    };
    if millis <= 0 {
        return Verdict::Expired { by: Duration::from_millis(millis.unsigned_abs()) };
    }
    let longest = Duration::from_millis(longest.unsigned_abs());
    Verdict::Lives {
        lifetime: Duration::from_millis(millis.unsigned_abs()).min(max_lifetime),
        clamped_from: (longest > max_lifetime).then_some(longest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_225_600;
    const HOUR: Duration = Duration::from_secs(3600);
    const MAX: Duration = Duration::from_secs(70 * 60);

    fn at(seconds: i64) -> UnixTime {
        UnixTime::from_seconds(NOW + seconds)
    }

    fn lives(evidence: &Evidence) -> Duration {
        match judge(evidence, MAX) {
            Verdict::Lives { lifetime, clamped_from: None } => lifetime,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_server_s_date_decides_not_the_device() {
        for device in [-86_400, 0, 86_400] {
            let evidence = Evidence {
                declared_at: Some(at(3600)),
                date: Some(at(0)),
                device: Some(at(device)),
                ..Evidence::default()
            };
            assert_eq!(lives(&evidence), HOUR, "device off by {device} s");
        }
    }

    #[test]
    fn without_a_date_the_later_of_device_and_iat_decides() {
        let slow_device = Evidence {
            jwt_expires_at: Some(at(3600)),
            jwt_issued_at: Some(at(0)),
            device: Some(at(-86_400)),
            ..Evidence::default()
        };
        assert_eq!(lives(&slow_device), HOUR);
        let backdated = Evidence { jwt_issued_at: Some(at(-300)), device: Some(at(0)), ..slow_device };
        assert_eq!(lives(&backdated), HOUR);
    }

    #[test]
    fn a_token_from_the_backend_s_own_cache_lives_only_what_is_left() {
        let evidence = Evidence {
            jwt_issued_at: Some(at(-3300)),
            jwt_expires_at: Some(at(300)),
            date: Some(at(0)),
            ..Evidence::default()
        };
        assert_eq!(lives(&evidence), Duration::from_secs(300));
    }

    #[test]
    fn the_smaller_of_declared_and_claimed_counts() {
        let evidence = Evidence {
            declared_in: Some(Duration::from_secs(3300)),
            jwt_expires_at: Some(at(3600)),
            date: Some(at(0)),
            ..Evidence::default()
        };
        assert_eq!(lives(&evidence), Duration::from_secs(3300));
        let evidence = Evidence { declared_at: Some(at(4000)), declared_in: None, ..evidence };
        assert_eq!(lives(&evidence), HOUR);
    }

    #[test]
    fn a_lifetime_of_weeks_is_a_unit_error() {
        let wrong = Duration::from_secs(3_600_000);
        let evidence = Evidence { declared_in: Some(wrong), ..Evidence::default() };
        assert_eq!(judge(&evidence, MAX), Verdict::Lives { lifetime: MAX, clamped_from: Some(wrong) });
        // With an honest `exp` beside it the token is still used for exactly as long as it lives.
        let evidence = Evidence { jwt_expires_at: Some(at(3600)), date: Some(at(0)), ..evidence };
        assert_eq!(judge(&evidence, MAX), Verdict::Lives { lifetime: HOUR, clamped_from: Some(wrong) });
    }

    #[test]
    fn expired_on_arrival_and_unknown_are_told_apart() {
        let evidence = Evidence { jwt_expires_at: Some(at(-1)), date: Some(at(0)), ..Evidence::default() };
        assert_eq!(judge(&evidence, MAX), Verdict::Expired { by: Duration::from_secs(1) });
        assert_eq!(judge(&Evidence { date: Some(at(0)), ..Evidence::default() }, MAX), Verdict::Unknown);
    }

    #[test]
    fn a_date_in_the_past_does_not_lengthen_a_life() {
        let evidence = Evidence {
            jwt_issued_at: Some(at(0)),
            jwt_expires_at: Some(at(3600)),
            date: Some(at(-86_400)),
            ..Evidence::default()
        };
        assert_eq!(lives(&evidence), HOUR);
    }

    #[test]
    fn numbers_are_seconds_or_milliseconds_by_size() {
        assert_eq!(UnixTime::from_number(1_767_225_600.0), Some(at(0)));
        assert_eq!(UnixTime::from_number(1_767_225_600_000.0), Some(at(0)));
        for nonsense in [f64::NAN, f64::INFINITY, -1.0, 1e30] {
            assert_eq!(UnixTime::from_number(nonsense), None);
        }
    }

    #[test]
    fn a_number_is_in_milliseconds_above_the_limit_and_not_at_it() {
        assert_eq!(UnixTime::from_number(1e11), Some(UnixTime(100_000_000_000_000)));
        assert_eq!(UnixTime::from_number(100_000_000_001.0), Some(UnixTime(100_000_000_001)));
    }

    #[test]
    fn a_device_may_believe_that_it_is_before_1970() {
        assert_eq!(UnixTime::from(UNIX_EPOCH - Duration::from_secs(2)), UnixTime(-2000));
        assert_eq!(UnixTime(-2000).since_epoch(), Duration::ZERO);
    }
}
