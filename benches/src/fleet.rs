//! Many keys at once: all of a fleet's tokens asked for together, over a source that answers at once.

use std::sync::Arc;
use std::time::Duration;

use fleet_token::{AuthTokenContext, AuthTokenFactory};
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

use crate::clock;
use crate::source::Source;
use crate::stores::ours;

/// What it took to have them all.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Took {
    pub keys: usize,
    pub wall: Duration,
    pub cpu: Duration,
}

/// Their contexts, which belong to the app.
pub fn contexts(count: usize) -> Vec<AuthTokenContext> {
    (0..count).map(|n| AuthTokenContext::vehicle(format!("vehicle-{n:027}"))).collect()
}

/// A factory with room for all of them and a few more.
pub fn factory(source: &Arc<Source>, keys: usize) -> AuthTokenFactory {
    ours::builder(source).max_entries(keys.max(16_384) + 64).build().expect("the defaults make sense")
}

/// Fetches them all at once on one thread, and waits until the last has landed and no flight is left. `after` has the factory
/// while it still holds them.
pub fn prefetch<T>(contexts: &[AuthTokenContext], after: impl FnOnce(&AuthTokenFactory) -> T) -> (Took, T) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime without threads");
    runtime.block_on(async {
        let factory = factory(&Source::new(), contexts.len());
        let (worked, start) = (clock::process_cpu(), clock::now());
        factory.prefetch(contexts);
        while factory.stats().successes < contexts.len() as u64 {
            tokio::task::yield_now().await;
        }
        let took =
            Took { keys: contexts.len(), wall: clock::since(start), cpu: clock::process_cpu().saturating_sub(worked) };
        // The last tasks have landed, but may not be gone.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(factory.stats().entries, contexts.len() as u64);
        (took, after(&factory))
    })
}

/// What memory they take.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Memory {
    pub keys: usize,
    /// Bytes of heap when all are there, beyond what was there before, for a key.
    pub live: f64,
    /// The most that was ever allocated meanwhile, for a key.
    pub peak: f64,
    /// Allocations, for a key.
    pub allocations: f64,
    /// Growth of the process at its largest, for a key.
    pub resident: f64,
}

/// The largest that this process has been, in bytes.
pub fn largest() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) * 1024.0
}
