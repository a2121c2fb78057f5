//! The identity cache of Amazon's SDKs: keyed by resolver, one for each key here.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityFuture, ResolveCachedIdentity, ResolveIdentity, SharedIdentityCache, SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::config_bag::ConfigBag;

use super::{Lane, Store, World};
use crate::clock;
use crate::keys::{Visits, Walk};
use crate::source::{Fetched, Source};

struct Resolver(Arc<Source>);

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

#[derive(Debug)]
struct Text(String);

impl ResolveIdentity for Resolver {
    fn resolve_identity<'a>(&'a self, _: &'a RuntimeComponents, _: &'a ConfigBag) -> IdentityFuture<'a> {
        IdentityFuture::new(async {
            let Fetched { text, lifetime } = self.0.fetch().await?;
            Ok(Identity::new(Text(text), Some(clock::today() + lifetime)))
        })
    }
}

pub(super) struct Aws {
    cache: SharedIdentityCache,
    components: RuntimeComponents,
    config: ConfigBag,
    resolvers: HashMap<String, SharedIdentityResolver>,
    visits: Visits<SharedIdentityResolver>,
}

impl Aws {
    pub(super) fn build(world: &World) -> Arc<dyn Store> {
        let components = RuntimeComponentsBuilder::for_tests()
            .with_time_source(Some(SystemTimeSource::new()))
            .with_sleep_impl(Some(TokioSleep::new()))
            .build()
            .expect("all that the cache asks for");
        let resolver =
            |id: &Arc<str>| (id.to_string(), SharedIdentityResolver::new(Resolver(Arc::clone(&world.source))));
        let resolvers: HashMap<_, _> = world.keys.ids().iter().map(resolver).collect();
        Arc::new(Self {
            // The default is 64.
            cache: IdentityCache::lazy().max_partitions(resolvers.len() + 1).build(),
            components,
            config: ConfigBag::base(),
            visits: world.keys.visits(|id| resolvers[id].clone()),
            resolvers,
        })
    }

    async fn get(&self, resolver: &SharedIdentityResolver) -> Result<Identity, String> {
        let resolved = self.cache.resolve_cached_identity(resolver.clone(), &self.components, &self.config);
        resolved.await.map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Store for Aws {
    async fn token(&self, key: &str) -> Result<(), String> {
        self.get(&self.resolvers[key]).await.map(|_| ())
    }

    fn hits(&self, lane: &Lane, walk: Walk) {
        lane.drive(async {
            for resolver in self.visits.walk(walk) {
                let identity = self.get(resolver).await.expect("a hit");
                black_box(&*identity.data::<Text>().expect("what was put in").0);
            }
        });
    }
}
