//! A point on the clock that counts suspend: what every lifetime and delay in this crate is measured on.
//!
//! Plain arithmetic, no reading of any clock: pure rooms (`policy`, `backoff`, `lifetime`) may use it.

use std::fmt;
use std::time::Duration;

/// Time since an arbitrary origin (usually boot) on a clock that keeps running while the device sleeps.
///
/// Android calls it *elapsed realtime*, Linux `CLOCK_BOOTTIME`, Darwin *continuous time*. Nobody can set it, so
/// moving the device's wall clock changes nothing about it. Comparable only with values of the same
/// [`Clock`](crate::Clock).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootTime {
    /// 584 years of them.
    nanoseconds: u64,
}

impl BootTime {
    /// The clock's origin.
    pub const ZERO: Self = Self { nanoseconds: 0 };

    /// The point `since_origin` after the clock's origin; the far end of time, 584 years on, if that is later.
    pub const fn from_origin(since_origin: Duration) -> Self {
        Self { nanoseconds: nanoseconds(since_origin) }
    }

    pub(crate) const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self { nanoseconds }
    }

    pub(crate) const fn nanoseconds(self) -> u64 {
        self.nanoseconds
    }

    /// Time since the clock's origin.
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.nanoseconds)
    }

    /// Time from `earlier` to here, zero if `earlier` is in fact later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanoseconds.saturating_sub(earlier.nanoseconds))
    }

    /// The point `by` later; the far end of time instead of an overflow.
    #[must_use]
    pub const fn plus(self, by: Duration) -> Self {
        Self { nanoseconds: self.nanoseconds.saturating_add(nanoseconds(by)) }
    }

    /// The point `by` earlier; the origin instead of an underflow.
    #[must_use]
    pub const fn minus(self, by: Duration) -> Self {
        Self { nanoseconds: self.nanoseconds.saturating_sub(nanoseconds(by)) }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "what does not fit is caught before")]
const fn nanoseconds(time: Duration) -> u64 {
    let nanoseconds = time.as_nanos();
    if nanoseconds > u64::MAX as u128 { u64::MAX } else { nanoseconds as u64 }
}

impl fmt::Debug for BootTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "boot+{:?}", self.since_origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_ends_instead_of_going_round() {
        let end = BootTime::from_origin(Duration::MAX);
        assert_eq!(end, BootTime::ZERO.plus(Duration::MAX));
        assert_eq!(end, end.plus(Duration::from_nanos(1)));
        assert_eq!(BootTime::from_origin(Duration::from_secs(1)).minus(Duration::MAX), BootTime::ZERO);
        assert_eq!(BootTime::ZERO.saturating_since(end), Duration::ZERO);
    }
}
