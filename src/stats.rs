//! Counters, for those who want to know what the factory saves them. Cheap enough for the hot path.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// What a factory has done since it was built. `calls = hits + waits + refusals + not_ready`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Questions asked, by any face.
    pub calls: u64,
    /// Answered at once with a token.
    pub hits: u64,
    /// Answered after waiting for a fetch, with a token or an error.
    pub waits: u64,
    /// Answered at once with an error: backing off, a bad context, shut down.
    pub refusals: u64,
    /// `try_token` calls that found nothing to serve yet.
    pub not_ready: u64,
    /// Answers, among hits and waits, with a token inside its safety margin, because no newer one could be had.
    pub stale_served: u64,
    /// Requests made to the fetcher, attempts counted one by one.
    pub fetches: u64,
    /// Fetches begun, each of one or more attempts, one at a time for a context.
    pub flights: u64,
    /// Those of them that renewed a token which was still good.
    pub background_flights: u64,
    /// Flights that brought a token.
    pub successes: u64,
    /// Flights that failed.
    pub failures: u64,
    /// Tokens reported as refused by Fleet Engine while they were current.
    pub rejections: u64,
    /// Entries dropped to keep the bound.
    pub evictions: u64,
    /// Entries now.
    pub entries: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    hits: Striped,
    pub(crate) waits: Counter,
    pub(crate) refusals: Counter,
    pub(crate) not_ready: Counter,
    pub(crate) stale_served: Counter,
    pub(crate) fetches: Counter,
    pub(crate) flights: Counter,
    pub(crate) background_flights: Counter,
    pub(crate) successes: Counter,
    pub(crate) failures: Counter,
    pub(crate) rejections: Counter,
    pub(crate) evictions: Counter,
}

impl Counters {
    pub(crate) fn hit(&self) {
        self.hits.add(1);
    }

    #[cfg(feature = "ffi")]
    pub(crate) fn hits(&self, count: u64) {
        self.hits.add(count);
    }

    pub(crate) fn snapshot(&self, entries: usize) -> Stats {
        let (hits, waits) = (self.hits.get(), self.waits.get());
        let (refusals, not_ready) = (self.refusals.get(), self.not_ready.get());
        Stats {
            calls: hits + waits + refusals + not_ready,
            hits,
            waits,
            refusals,
            not_ready,
            stale_served: self.stale_served.get(),
            fetches: self.fetches.get(),
            flights: self.flights.get(),
            background_flights: self.background_flights.get(),
            successes: self.successes.get(),
            failures: self.failures.get(),
            rejections: self.rejections.get(),
            evictions: self.evictions.get(),
            entries: entries as u64,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

const STRIPES: usize = 16;

/// A counter that threads do not fight over: each adds in a cache line of its own.
#[derive(Debug, Default)]
struct Striped([Stripe; STRIPES]);

#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(Counter);

impl Striped {
    fn add(&self, count: u64) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
        }
        // A thread that is being torn down has no stripe of its own any more.
        self.0[MINE.try_with(|mine| *mine).unwrap_or(0)].0.0.fetch_add(count, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.iter().map(|stripe| stripe.0.get()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_add_up_across_threads() {
        let counters = Counters::default();
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| (0..100).for_each(|_| counters.hit()));
            }
        });
        counters.waits.add();
        counters.not_ready.add();
        let stats = counters.snapshot(3);
        assert_eq!((stats.hits, stats.calls, stats.entries), (2000, 2002, 3));
    }
}
