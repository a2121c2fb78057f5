//! The one place that reads the machine's clock. Everything else asks a [`ServerClock`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The server's wall clock: the machine's, plus an offset that a test may move.
///
/// Clones share the offset, so the backend and the engine always agree. Nobody sleeps to see a token expire:
/// the server's clock is moved instead.
#[derive(Clone, Debug, Default)]
pub struct ServerClock {
    offset_ms: Arc<AtomicI64>,
}

impl ServerClock {
    /// A clock that shows the machine's time until it is moved.
    pub fn new() -> Self {
        Self::default()
    }

    /// The server's time.
    pub fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(u64::try_from(self.unix_ms()).unwrap_or(0))
    }

    /// The server's time in milliseconds since the epoch.
    #[allow(clippy::disallowed_methods, reason = "the backend's only reading of the machine's clock")]
    pub fn unix_ms(&self) -> i64 {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let real = i64::try_from(real.as_millis()).unwrap_or(i64::MAX);
        real.saturating_add(self.offset_ms.load(Ordering::Relaxed))
    }

    /// The server's time in whole seconds since the epoch, as JWTs count (RFC 7519 §2, NumericDate).
    pub fn unix_secs(&self) -> i64 {
        self.unix_ms().div_euclid(1000)
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.shift(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
    }

    /// Moves the clock back.
    pub fn rewind(&self, by: Duration) {
        self.shift(-i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
    }

    /// Goes back to the machine's time.
    pub fn reset(&self) {
        self.offset_ms.store(0, Ordering::Relaxed);
    }

    fn shift(&self, ms: i64) {
        self.offset_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_offset() {
        let clock = ServerClock::new();
        let other = clock.clone();
        let before = other.unix_secs();
        clock.advance(Duration::from_hours(1));
        assert!((3600..3602).contains(&(other.unix_secs() - before)));
        clock.rewind(Duration::from_hours(2));
        assert!(other.unix_secs() < before);
        clock.reset();
        assert!((0..2).contains(&(other.unix_secs() - before)));
    }
}
