//! Where every store's tokens come from: a backend in memory that can be slow, failing or short-lived, and counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Bytes of every token: what a Fleet Engine JWT has.
pub const TOKEN_BYTES: usize = 900;

/// A token that is no secret, of the right size.
pub fn token_text() -> String {
    "SECRET-TOKEN-".chars().chain(std::iter::repeat('x')).take(TOKEN_BYTES).collect()
}

/// What tokens come from. Settings may change while it is asked.
pub struct Source {
    fetches: AtomicUsize,
    failing: AtomicBool,
    delay_ms: AtomicU64,
    lifetime_s: AtomicU64,
}

/// What a fetch brings, and for how long it is good.
pub struct Fetched {
    pub text: String,
    pub lifetime: Duration,
}

impl Source {
    /// Answers at once, with tokens for an hour.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            fetches: AtomicUsize::new(0),
            failing: AtomicBool::new(false),
            delay_ms: AtomicU64::new(0),
            lifetime_s: AtomicU64::new(3600),
        })
    }

    pub fn delay(self: &Arc<Self>, delay: Duration) -> Arc<Self> {
        self.delay_ms.store(delay.as_millis() as u64, Ordering::SeqCst);
        Arc::clone(self)
    }

    pub fn failing(self: &Arc<Self>, failing: bool) -> Arc<Self> {
        self.failing.store(failing, Ordering::SeqCst);
        Arc::clone(self)
    }

    pub fn lifetime(self: &Arc<Self>, lifetime: Duration) -> Arc<Self> {
        self.lifetime_s.store(lifetime.as_secs(), Ordering::SeqCst);
        Arc::clone(self)
    }

    /// How often it was asked.
    pub fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    /// One fetch.
    ///
    /// # Errors
    ///
    /// While it is told to fail.
    pub async fn fetch(&self) -> Result<Fetched, Failed> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let delay = self.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        if self.failing.load(Ordering::SeqCst) {
            return Err(Failed);
        }
        Ok(Fetched { text: token_text(), lifetime: Duration::from_secs(self.lifetime_s.load(Ordering::SeqCst)) })
    }
}

/// The backend is down.
#[derive(Clone, Debug)]
pub struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the backend is down")
    }
}

impl std::error::Error for Failed {}
