//! The floor: a lock-free lookup and a look at the clock, with none of what a token factory is for. It cannot refresh, evict,
//! count or refuse. Two coarse clocks, since one alone notices no suspend, or no step of the wall clock.

use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use papaya::HashMap;
use rustix::time::{ClockId, clock_gettime};

use super::{Lane, Store, World};
use crate::keys::{Visits, Walk};
use crate::source::Source;

struct Entry {
    text: Arc<str>,
    due: i64,
    /// By how much the wall clock was ahead of the other when the token came: another difference is a suspend or a step.
    ahead: i64,
}

pub(super) struct Floor {
    /// Whether the token is given out to be kept, as a share of it, instead of being looked at in its place.
    owned: bool,
    map: HashMap<Arc<str>, Entry, ahash::RandomState>,
    visits: Visits<Arc<str>>,
    source: Arc<Source>,
}

/// In nanoseconds, each; ticks are 1 to 4 ms.
fn clocks() -> (i64, i64) {
    let nanoseconds = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec * 1_000_000_000 + time.tv_nsec
    };
    (nanoseconds(ClockId::MonotonicCoarse), nanoseconds(ClockId::RealtimeCoarse))
}

/// Clocks that are read one after the other may be a tick apart, and one is slewed by the network's time.
const SLACK: i64 = 1_000_000_000;

impl Floor {
    pub(super) fn borrowed(world: &World) -> Arc<dyn Store> {
        Self::build(world, false)
    }

    pub(super) fn owned(world: &World) -> Arc<dyn Store> {
        Self::build(world, true)
    }

    fn build(world: &World, owned: bool) -> Arc<dyn Store> {
        let map = HashMap::builder().hasher(ahash::RandomState::new()).build();
        let visits = world.keys.visits(|id| Arc::from(id));
        Arc::new(Self { owned, map, visits, source: Arc::clone(&world.source) })
    }
}

#[async_trait]
impl Store for Floor {
    async fn token(&self, key: &str) -> Result<(), String> {
        let fetched = self.source.fetch().await.map_err(|error| error.to_string())?;
        let (monotonic, wall) = clocks();
        let due = monotonic + fetched.lifetime.as_nanos() as i64;
        self.map.pin().insert(key.into(), Entry { text: fetched.text.into(), due, ahead: wall - monotonic });
        Ok(())
    }

    fn hits(&self, _: &Lane, walk: Walk) {
        for key in self.visits.walk(walk) {
            let map = self.map.pin();
            let entry = map.get(key).expect("a hit");
            let (monotonic, wall) = clocks();
            assert!(monotonic < entry.due && (wall - monotonic - entry.ahead).abs() < SLACK, "a hit");
            if self.owned {
                black_box(Arc::clone(&entry.text));
            } else {
                black_box(&*entry.text);
            }
        }
    }
}
