//! Counters, for those who want to know what the factory saves them. Cheap enough for the hot path.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// One line, the same in every language.
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, hits, waits, refusals, not_ready, stale_served, .. } = self;
        write!(f, "calls {calls}: hits {hits}, waits {waits}, refusals {refusals}, not ready {not_ready}; ")?;
        let Self { fetches, flights, background_flights, successes, failures, .. } = self;
        write!(f, "stale served {stale_served}; flights {flights}: background {background_flights}, ")?;
        write!(f, "successes {successes}, failures {failures}; fetches {fetches}; ")?;
        let Self { rejections, evictions, entries, .. } = self;
        write!(f, "rejections {rejections}; evictions {evictions}; entries {entries}")
    }
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
    #[inline]
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

const SEATS: usize = 16;

/// A counter that threads do not fight over. Each of the first sixteen threads alive counts in a cache line of its own,
/// where nobody else writes, so that a plain addition will do; the others share one.
#[derive(Debug, Default)]
struct Striped {
    seats: [Stripe; SEATS],
    standing: Counter,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe(AtomicU64);

impl Striped {
    #[inline]
    fn add(&self, count: u64) {
        // A thread that is being torn down has left its seat.
        match MINE.try_with(|mine| mine.0).ok().flatten().and_then(|seat| self.seats.get(seat)) {
            Some(Stripe(own)) => own.store(own.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed),
            None => drop(self.standing.0.fetch_add(count, Ordering::Relaxed)),
        }
    }

    fn get(&self) -> u64 {
        self.seats.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum::<u64>() + self.standing.get()
    }
}

thread_local! {
    static MINE: Seat = Seat::take();
}

/// Which seats are taken, one bit each.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// A thread's seat in every counter of the process, if there was one left; free again when the thread ends.
struct Seat(Option<usize>);

impl Seat {
    fn take() -> Self {
        // Acquire, and release in `drop`: whoever sits down sees what was counted here before.
        let taken = TAKEN.fetch_update(Ordering::Acquire, Ordering::Relaxed, |taken| {
            let seat = taken.trailing_ones() as usize;
            (seat < SEATS).then(|| taken | 1 << seat)
        });
        Self(taken.ok().map(|before| before.trailing_ones() as usize))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(seat) = self.0 {
            TAKEN.fetch_and(!(1 << seat), Ordering::Release);
        }
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

    #[test]
    fn a_snapshot_prints_as_one_line() {
        let stats = Stats {
            calls: 1204,
            hits: 1190,
            waits: 9,
            refusals: 3,
            not_ready: 2,
            stale_served: 1,
            fetches: 14,
            flights: 12,
            background_flights: 10,
            successes: 11,
            failures: 4,
            rejections: 5,
            evictions: 6,
            entries: 7,
        };
        let line = "calls 1204: hits 1190, waits 9, refusals 3, not ready 2; stale served 1; flights 12: background 10, \
                    successes 11, failures 4; fetches 14; rejections 5; evictions 6; entries 7";
        assert_eq!(stats.to_string(), line);
    }

    #[test]
    fn threads_at_the_same_time_and_one_after_the_other_lose_no_count() {
        let hits = Striped::default();
        let all_here = std::sync::Barrier::new(3 * SEATS);
        for _ in 0..4 {
            std::thread::scope(|scope| {
                for _ in 0..3 * SEATS {
                    scope.spawn(|| {
                        all_here.wait();
                        (0..1000).for_each(|_| hits.add(1));
                        all_here.wait();
                    });
                }
            });
        }
        assert_eq!(hits.get(), 4 * 3 * 1000 * SEATS as u64);
    }
}
