//! What a team writes in an afternoon: a map under a read-write lock. Twice: as it is usually written, and with the fastest
//! hasher and clock that the same design can have. Neither has a single flight, a margin or a memory of failure.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::RwLock;
use rustix::time::{ClockId, clock_gettime};

use super::{Lane, Store, World};
use crate::clock;
use crate::keys::{Visits, Walk};
use crate::source::Source;

struct Entry {
    text: String,
    expires_at: Duration,
}

struct HandRolled<S, C> {
    map: RwLock<HashMap<Arc<str>, Arc<Entry>, S>>,
    now: C,
    visits: Visits<Arc<str>>,
    source: Arc<Source>,
}

/// std's hasher, std's clock.
pub(super) fn usual(world: &World) -> Arc<dyn Store> {
    let origin = clock::now();
    build(world, RandomState::new(), move || clock::since(origin))
}

/// ahash, and a clock that is right to the tick.
pub(super) fn tuned(world: &World) -> Arc<dyn Store> {
    build(world, ahash::RandomState::new(), || {
        let time = clock_gettime(ClockId::RealtimeCoarse);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    })
}

fn build<S, C>(world: &World, hasher: S, now: C) -> Arc<dyn Store>
where
    S: BuildHasher + Send + Sync + 'static,
    C: Fn() -> Duration + Send + Sync + 'static,
{
    let map = RwLock::new(HashMap::with_hasher(hasher));
    Arc::new(HandRolled { map, now, visits: world.keys.visits(|id| Arc::from(id)), source: Arc::clone(&world.source) })
}

#[async_trait]
impl<S, C> Store for HandRolled<S, C>
where
    S: BuildHasher + Send + Sync,
    C: Fn() -> Duration + Send + Sync,
{
    async fn token(&self, key: &str) -> Result<(), String> {
        let fetched = self.source.fetch().await.map_err(|error| error.to_string())?;
        let expires_at = (self.now)() + fetched.lifetime;
        self.map.write().insert(key.into(), Arc::new(Entry { text: fetched.text, expires_at }));
        Ok(())
    }

    fn hits(&self, _: &Lane, walk: Walk) {
        for key in self.visits.walk(walk) {
            let entry = self.map.read().get(key).cloned().expect("a hit");
            assert!((self.now)() < entry.expires_at, "a hit");
            black_box(&*entry.text);
        }
    }
}
