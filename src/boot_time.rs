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
pub struct BootTime(Duration);

impl BootTime {
    /// The clock's origin.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The point `since_origin` after the clock's origin.
    pub const fn from_origin(since_origin: Duration) -> Self {
        Self(since_origin)
    }

    /// Time since the clock's origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// Time from `earlier` to here, zero if `earlier` is in fact later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The point `by` later; the far end of time instead of an overflow.
    #[must_use]
    pub const fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// The point `by` earlier; the origin instead of an underflow.
    #[must_use]
    pub const fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by))
    }
}

impl fmt::Debug for BootTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "boot+{:?}", self.0)
    }
}
