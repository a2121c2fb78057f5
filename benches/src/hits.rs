//! Nanoseconds a hit: short rounds on pinned threads, all stores in turn, so that a machine that slows down slows all of them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::clock;
use crate::keys::{Keys, Walk};
use crate::server;
use crate::source::Source;
use crate::stores::{KINDS, Kind, Lane, Store, World};

/// How long a round should take: longer than a tick of any clock, shorter than a time slice.
const ROUND: Duration = Duration::from_micros(250);

/// A round in which a thread had less of its processor than this was somebody else's, in part.
const CLEAN: f64 = 0.985;

/// Rounds of several threads say something about sharing only as far as they ran at the same time.
const TOGETHER: f64 = 0.85;

/// Rounds of one store in a row.
const BLOCK: usize = 10;

/// How many times the rounds that are wanted are tried for, on a machine that has other work.
const PATIENCE: usize = 6;

/// A store that has its tokens.
pub struct Filled {
    pub kind: Kind,
    pub store: Arc<dyn Store>,
    source: Arc<Source>,
    fetches: usize,
}

/// All stores with tokens for `count` keys; those that have but one are left out where there are more.
pub fn fill(home: &Handle, count: usize, chosen: impl Fn(&Kind) -> bool) -> Vec<Filled> {
    let keys = Arc::new(Keys::new(count));
    let kinds = KINDS.into_iter().filter(|kind| chosen(kind) && (kind.keyed || count == 1));
    kinds
        .map(|kind| {
            home.block_on(async {
                let source = Source::new();
                let address = server::serve(Arc::clone(&source)).await;
                let world = World { keys: Arc::clone(&keys), source: Arc::clone(&source), address };
                let store = kind.build(&world);
                for id in keys.ids() {
                    store.token(id).await.expect("the source answers");
                }
                Filled { kind, store, fetches: source.fetches(), source }
            })
        })
        .collect()
}

impl Filled {
    /// Whether it fetched nothing since it was filled: else what was measured were no hits.
    pub fn only_hits(&self) -> bool {
        self.source.fetches() == self.fetches
    }
}

/// What the rounds of one store came to, in nanoseconds a hit.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub min: f64,
    pub p10: f64,
    pub median: f64,
    pub p90: f64,
    /// Rounds that these are from.
    pub rounds: usize,
    /// Whether they are the clean ones. If not, there were too few: the machine was busy, or threads were parked by a lock.
    pub clean: bool,
}

/// One thread's part of a round.
#[derive(Clone, Copy)]
struct Lap {
    start: Instant,
    end: Instant,
    worked: Duration,
}

#[derive(Default)]
struct Rounds {
    clean: Vec<f64>,
    other: Vec<f64>,
}

/// Measures all stores, by so many threads at a time, until each has had `wanted` clean rounds or it is no use.
pub fn measure(stores: &[Filled], keys: usize, threads: usize, wanted: usize) -> Vec<Figures> {
    let crew = Crew {
        stores,
        keys,
        threads,
        wanted,
        barrier: Barrier::new(threads),
        arrived: AtomicUsize::new(0),
        done: AtomicBool::new(false),
        counts: stores.iter().map(|_| AtomicUsize::new(64)).collect(),
        laps: (0..threads).map(|_| Mutex::new(None)).collect(),
        rounds: Mutex::new(stores.iter().map(|_| Rounds::default()).collect()),
    };
    let processors = clock::processors();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (crew, processor) = (&crew, processors[thread % processors.len()]);
            scope.spawn(move || {
                clock::pin(processor);
                crew.work(thread);
            });
        }
    });
    crew.rounds.into_inner().into_iter().map(|rounds| figures(rounds, wanted)).collect()
}

struct Crew<'a> {
    stores: &'a [Filled],
    keys: usize,
    threads: usize,
    wanted: usize,
    barrier: Barrier,
    arrived: AtomicUsize,
    done: AtomicBool,
    counts: Vec<AtomicUsize>,
    laps: Vec<Mutex<Option<Lap>>>,
    rounds: Mutex<Vec<Rounds>>,
}

impl Crew<'_> {
    fn work(&self, thread: usize) {
        let lane = Lane::default();
        // Far from each other on the way round.
        let mut from = vec![thread * self.keys / self.threads; self.stores.len()];
        let mut round = 0;
        for _ in 0..(self.wanted * PATIENCE).div_ceil(BLOCK) {
            for (index, store) in self.stores.iter().enumerate() {
                // What the others threw out of the processor's caches comes back.
                store.store.hits(&lane, Walk { from: from[index], count: self.keys });
                for _ in 0..BLOCK {
                    self.barrier.wait();
                    let count = self.counts[index].load(Ordering::Relaxed);
                    round += 1;
                    self.meet(round);
                    let lap = lap(|| store.store.hits(&lane, Walk { from: from[index], count }));
                    from[index] += count;
                    *self.laps[thread].lock() = Some(lap);
                    self.barrier.wait();
                    if thread == 0 {
                        self.judge(index, count);
                    }
                }
            }
            self.barrier.wait();
            if self.done.load(Ordering::Relaxed) {
                return;
            }
            self.barrier.wait();
        }
    }

    /// A barrier wakes one thread after the other: those who are awake wait for the rest without going to sleep.
    fn meet(&self, round: usize) {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        while self.arrived.load(Ordering::Acquire) < round * self.threads {
            std::hint::spin_loop();
        }
    }

    fn judge(&self, index: usize, count: usize) {
        let laps: Vec<Lap> = self.laps.iter().filter_map(|lap| lap.lock().take()).collect();
        let wall = |lap: &Lap| lap.end.duration_since(lap.start).as_secs_f64();
        let longest = laps.iter().map(wall).fold(0.0, f64::max);
        let shared = match (laps.iter().map(|lap| lap.start).max(), laps.iter().map(|lap| lap.end).min()) {
            (Some(start), Some(end)) => end.saturating_duration_since(start).as_secs_f64() / longest,
            _ => 0.0,
        };
        let clean = laps.iter().all(|lap| lap.worked.as_secs_f64() > CLEAN * wall(lap));
        let per_hit = laps.iter().map(wall).sum::<f64>() / laps.len() as f64 / count as f64 * 1e9;
        let next = (ROUND.as_nanos() as f64 / per_hit.max(1.0)) as usize;
        self.counts[index].store(next.clamp(16, 1_000_000), Ordering::Relaxed);
        // The first few only find out how many hits a round has room for.
        if count > 64 || next <= 64 {
            let mut rounds = self.rounds.lock();
            let rounds = &mut rounds[index];
            if clean && shared > TOGETHER { &mut rounds.clean } else { &mut rounds.other }.push(per_hit);
        }
        let enough = |rounds: &Rounds| {
            let hopeless = rounds.other.len() > self.wanted * (PATIENCE - 1);
            rounds.clean.len() >= self.wanted || hopeless
        };
        self.done.store(self.rounds.lock().iter().all(enough), Ordering::Relaxed);
    }
}

fn lap(work: impl FnOnce()) -> Lap {
    let (worked, start) = (clock::thread_cpu(), clock::now());
    work();
    let end = clock::now();
    Lap { start, end, worked: clock::thread_cpu().saturating_sub(worked) }
}

fn figures(rounds: Rounds, wanted: usize) -> Figures {
    let clean = rounds.clean.len() * 5 >= wanted;
    let mut times = rounds.clean;
    if !clean {
        times.extend(rounds.other);
    }
    times.sort_by(f64::total_cmp);
    let at =
        |share: f64| times.get((times.len() as f64 * share) as usize).or(times.last()).copied().unwrap_or(f64::NAN);
    Figures { min: at(0.0), p10: at(0.1), median: at(0.5), p90: at(0.9), rounds: times.len(), clean }
}

#[cfg(test)]
mod tests {
    use super::{Rounds, figures};

    #[test]
    fn the_figures_are_of_clean_rounds_if_there_are_enough() {
        let clean = (1..=100).map(f64::from).collect();
        let of = figures(Rounds { clean, other: vec![1e6; 400] }, 250);
        assert!(of.clean);
        assert_eq!((of.min, of.p10, of.median, of.p90, of.rounds), (1.0, 11.0, 51.0, 91.0, 100));
        let of = figures(Rounds { clean: vec![1.0; 10], other: vec![2.0; 90] }, 250);
        assert!(!of.clean);
        assert_eq!((of.min, of.median, of.rounds), (1.0, 2.0, 100));
    }
}
