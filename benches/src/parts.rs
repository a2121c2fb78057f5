//! What a hit consists of, each part alone: where the time goes that cannot be saved.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use papaya::HashMap;
use rustix::time::{ClockId, clock_gettime};

use crate::clock;

/// Calls in a round.
const CALLS: u32 = 4000;

/// One part, and its median in nanoseconds.
pub struct Part {
    pub name: &'static str,
    /// Whether it is a part of each hit; else it is there for comparison.
    pub of_a_hit: bool,
    pub nanoseconds: f64,
}

/// A key that knows its hash, as the factory's contexts do.
#[derive(PartialEq, Eq)]
struct Key(u64);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys write their hash");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Measures each in turn, on one pinned thread.
pub fn measure(rounds: usize) -> Vec<Part> {
    let thread = std::thread::spawn(move || {
        clock::pin(clock::processors().first().copied().unwrap_or(0));
        all(rounds)
    });
    thread.join().expect("nothing here panics")
}

/// Its name, whether it is a part of a hit, and how it is done once.
type Candidate<'a> = (&'static str, bool, Box<dyn Fn() + 'a>);

fn all(rounds: usize) -> Vec<Part> {
    let map: HashMap<Key, u64, BuildHasherDefault<AsItIs>> =
        HashMap::builder().hasher(BuildHasherDefault::default()).build();
    map.pin().insert(Key(0x9E37_79B9_7F4A_7C15), 1);
    let slot = ArcSwap::from_pointee(String::from("a token"));
    let count = AtomicU64::new(0);
    let key = Key(0x9E37_79B9_7F4A_7C15);
    let parts: [Candidate<'_>; 6] = [
        (
            "the time: two coarse clocks",
            true,
            Box::new(|| {
                black_box((clock_gettime(ClockId::MonotonicCoarse), clock_gettime(ClockId::RealtimeCoarse)));
            }),
        ),
        (
            "the lookup: papaya, with the hash at hand",
            true,
            Box::new(|| {
                black_box(map.pin().get(black_box(&key)).copied());
            }),
        ),
        (
            "the token: taken from arc-swap on loan, and given back",
            true,
            Box::new(|| {
                black_box(&**slot.load());
            }),
        ),
        (
            "instead of the loan: an `Arc` cloned and dropped, by one thread",
            false,
            Box::new(|| {
                black_box(slot.load_full());
            }),
        ),
        (
            "instead of coarse clocks: `CLOCK_BOOTTIME`",
            false,
            Box::new(|| {
                black_box(clock_gettime(ClockId::Boottime));
            }),
        ),
        (
            "one locked instruction, on memory that nobody else uses",
            false,
            Box::new(|| {
                count.fetch_add(1, Ordering::Relaxed);
            }),
        ),
    ];
    let mut times = vec![Vec::with_capacity(rounds); parts.len()];
    for _ in 0..rounds {
        for ((_, _, part), times) in parts.iter().zip(&mut times) {
            times.push(lap(part));
        }
    }
    parts
        .iter()
        .zip(times)
        .map(|((name, of_a_hit, _), times)| Part { name, of_a_hit: *of_a_hit, nanoseconds: median(times) })
        .collect()
}

fn lap(part: &dyn Fn()) -> Duration {
    let start = clock::thread_cpu();
    for _ in 0..CALLS {
        part();
    }
    clock::thread_cpu().saturating_sub(start)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1e9 / f64::from(CALLS))
}
