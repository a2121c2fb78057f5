//! Where time comes from: the only file that reads a clock. Everything else asks the [`Clock`] it was given.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use crate::boot_time::BootTime;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod coarse;
#[cfg(any(test, feature = "test-util"))]
mod manual;
#[cfg(any(test, feature = "test-util"))]
pub use manual::ManualClock;

/// A future that ends when a delay has passed.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Time as the factory sees it.
///
/// Two questions, two clocks: [`now`](Self::now) answers *how long ago* and decides everything about lifetimes and
/// delays; [`wall`](Self::wall) answers *what the device believes the date is* and is asked only to read a server's
/// absolute times when the reply has no `Date` header.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Now, on a clock that counts suspend, never goes back and cannot be set by the user.
    fn now(&self) -> BootTime;

    /// The device's wall clock, right or wrong.
    fn wall(&self) -> SystemTime;

    /// Ends after `delay` of waking time. Flights sleep, on the runtime that they run on, and gRPC calls with a timeout of
    /// their own (feature `tonic`), on their caller's.
    fn sleep(&self, delay: Duration) -> Sleep;
}

/// The device's own clocks.
///
/// | system | [`now`](Clock::now) reads |
/// |---|---|
/// | Linux, Android | `CLOCK_BOOTTIME`, to the kernel's last tick (1 to 10 ms ago) |
/// | macOS, iOS | `CLOCK_MONOTONIC`, which on Darwin continues through sleep (`man clock_gettime`) |
/// | Windows, others | [`std::time::Instant`] (on Windows the performance counter, which runs on through sleep) |
///
/// `sleep` is tokio's timer, which stops in suspend; no decision relies on it alone, since whoever asks next compares
/// [`now`](Clock::now) with the flight's deadline.
#[derive(Clone, Copy, Default)]
pub struct SystemClock(());

impl SystemClock {
    /// The device's clocks.
    pub const fn new() -> Self {
        Self(())
    }
}

impl fmt::Debug for SystemClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemClock")
    }
}

impl Clock for SystemClock {
    fn now(&self) -> BootTime {
        system::since_boot()
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, delay: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(delay))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use rustix::time::{ClockId, clock_gettime};

    use super::coarse::{Coarse, Readings};
    use crate::boot_time::BootTime;

    struct Kernel;

    impl Readings for Kernel {
        fn coarse_real(&self) -> u64 {
            read(ClockId::RealtimeCoarse)
        }

        fn coarse_monotonic(&self) -> u64 {
            read(ClockId::MonotonicCoarse)
        }

        fn monotonic(&self) -> u64 {
            read(ClockId::Monotonic)
        }

        fn boot(&self) -> u64 {
            read(ClockId::Boottime)
        }
    }

    /// In nanoseconds. A wall clock set to a year beyond 2554 wraps, which does no harm: only differences count.
    #[allow(clippy::cast_sign_loss, reason = "wraps, as said")]
    fn read(clock: ClockId) -> u64 {
        let time = clock_gettime(clock);
        (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
    }

    pub(super) fn since_boot() -> BootTime {
        static CLOCK: Coarse = Coarse::new();
        BootTime::from_nanoseconds(CLOCK.now(&Kernel))
    }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
mod system {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    use crate::boot_time::BootTime;

    #[cfg(target_os = "fuchsia")]
    const COUNTS_SUSPEND: ClockId = ClockId::Boottime;
    #[cfg(not(target_os = "fuchsia"))]
    const COUNTS_SUSPEND: ClockId = ClockId::Monotonic;

    pub(super) fn since_boot() -> BootTime {
        let time = clock_gettime(COUNTS_SUSPEND);
        // The kernel's time since boot is never negative and its nanoseconds are below 10⁹.
        let since_boot =
            Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0));
        BootTime::from_origin(since_boot)
    }
}

#[cfg(not(unix))]
mod system {
    use std::sync::OnceLock;
    use std::time::Instant;

    use crate::boot_time::BootTime;

    static ORIGIN: OnceLock<Instant> = OnceLock::new();

    #[allow(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub(super) fn since_boot() -> BootTime {
        let now = Instant::now();
        BootTime::from_origin(now.saturating_duration_since(*ORIGIN.get_or_init(|| now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_never_goes_back() {
        let clock = SystemClock::new();
        let mut last = clock.now();
        for _ in 0..10_000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_clock_is_the_kernels_boot_time() {
        // /proc/uptime is CLOCK_BOOTTIME in seconds, by another road.
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split_whitespace().next().unwrap().parse().unwrap();
        let now = SystemClock::new().now().since_origin().as_secs_f64();
        assert!((now - uptime).abs() < 1.0, "clock says {now}, the kernel says {uptime}");
    }
}
