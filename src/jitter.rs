//! Randomness, injected like time: seeded from the system, or fixed in a test.

use parking_lot::Mutex;

/// A source of numbers in 0‥1 that keep many devices from acting in step. Nothing secret depends on it.
#[derive(Debug)]
pub(crate) enum Jitter {
    Random(Mutex<fastrand::Rng>),
    #[cfg(any(test, feature = "test-util"))]
    Fixed(f64),
}

impl Jitter {
    pub(crate) fn random() -> Self {
        Self::Random(Mutex::new(fastrand::Rng::new()))
    }

    #[cfg(any(test, feature = "test-util"))]
    pub(crate) fn seeded(seed: u64) -> Self {
        Self::Random(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    pub(crate) fn next(&self) -> f64 {
        match self {
            Self::Random(random) => random.lock().f64(),
            #[cfg(any(test, feature = "test-util"))]
            Self::Fixed(fixed) => *fixed,
        }
    }
}
