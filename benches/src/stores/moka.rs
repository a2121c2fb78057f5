//! moka's future cache, with an expiry for each value: one fetch for all that wait for a key.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use moka::Expiry;
use moka::future::Cache;

use super::{Lane, Store, World};
use crate::keys::{Visits, Walk};
use crate::source::{Failed, Fetched, Source};

struct ByLifetime;

impl Expiry<Arc<str>, Arc<Fetched>> for ByLifetime {
    fn expire_after_create(&self, _: &Arc<str>, value: &Arc<Fetched>, _: Instant) -> Option<Duration> {
        Some(value.lifetime)
    }
}

pub(super) struct Moka {
    cache: Cache<Arc<str>, Arc<Fetched>>,
    visits: Visits<Arc<str>>,
    source: Arc<Source>,
}

impl Moka {
    pub(super) fn build(world: &World) -> Arc<dyn Store> {
        let cache = Cache::builder().max_capacity(16_384).expire_after(ByLifetime).build();
        Arc::new(Self { cache, visits: world.keys.visits(|id| Arc::from(id)), source: Arc::clone(&world.source) })
    }

    async fn get(&self, key: &Arc<str>) -> Result<Arc<Fetched>, Arc<Failed>> {
        self.cache.try_get_with_by_ref(key, async { self.source.fetch().await.map(Arc::new) }).await
    }
}

#[async_trait]
impl Store for Moka {
    async fn token(&self, key: &str) -> Result<(), String> {
        self.get(&key.into()).await.map(|_| ()).map_err(|error| error.to_string())
    }

    fn hits(&self, lane: &Lane, walk: Walk) {
        lane.drive(async {
            for key in self.visits.walk(walk) {
                let token = self.get(key).await.expect("a hit");
                black_box(&*token.text);
            }
        });
    }
}
