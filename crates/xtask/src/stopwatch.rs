//! Wall time of a step. The only file of the chores that reads a clock.

use std::time::{Duration, Instant};

/// Started when made; read as often as you like.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

#[allow(
    clippy::disallowed_methods,
    reason = "a chore measures how long a real process took; no token's life depends on it"
)]
impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
