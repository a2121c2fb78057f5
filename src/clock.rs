//! Where time comes from: the only file that reads a clock. Everything else asks the [`Clock`] it was given.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use crate::boot_time::BootTime;

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

    /// Ends after `delay` of waking time. Only flights sleep; it is polled on the runtime they run on.
    fn sleep(&self, delay: Duration) -> Sleep;
}

/// The device's own clocks.
///
/// | system | [`now`](Clock::now) reads |
/// |---|---|
/// | Linux, Android | `CLOCK_BOOTTIME` |
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
        BootTime::from_origin(system::since_boot())
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep(&self, delay: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(delay))
    }
}

#[cfg(unix)]
mod system {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    #[cfg(any(target_os = "linux", target_os = "android", target_os = "fuchsia"))]
    const COUNTS_SUSPEND: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android", target_os = "fuchsia")))]
    const COUNTS_SUSPEND: ClockId = ClockId::Monotonic;

    pub(super) fn since_boot() -> Duration {
        let time = clock_gettime(COUNTS_SUSPEND);
        // The kernel's time since boot is never negative and its nanoseconds are below 10⁹.
        Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

#[cfg(not(unix))]
mod system {
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    static ORIGIN: OnceLock<Instant> = OnceLock::new();

    #[allow(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub(super) fn since_boot() -> Duration {
        let now = Instant::now();
        now.saturating_duration_since(*ORIGIN.get_or_init(|| now))
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
