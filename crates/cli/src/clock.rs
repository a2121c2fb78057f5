//! The one place of this crate that reads the machine's clocks.

use std::time::{Duration, Instant, SystemTime};

/// Time since it was started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[allow(clippy::disallowed_methods, reason = "this crate's only reading of the monotonic clock")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    #[allow(clippy::disallowed_methods, reason = "this crate's only reading of the monotonic clock")]
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// The wall clock, for showing when something is. Nothing is decided by it.
#[allow(clippy::disallowed_methods, reason = "this crate's only reading of the wall clock")]
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}
