//! fleet-token, in each way that a hit can be asked for.

use std::hint::black_box;
use std::sync::Arc;

use async_trait::async_trait;
use fleet_token::{
    AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, Expiry, FetchRequest, FetchedToken, TokenError,
    TokenFetcher, TokenHandle, TransportError,
};

use super::{Lane, Store, World};
use crate::keys::{Visits, Walk};
use crate::source::Source;

/// The factory's way to the source.
pub struct FromSource(pub Arc<Source>);

#[async_trait]
impl TokenFetcher for FromSource {
    async fn fetch(&self, _: FetchRequest<'_>) -> Result<FetchedToken, TokenError> {
        match self.0.fetch().await {
            Ok(fetched) => Ok(FetchedToken::new(fetched.text).with_expiry(Expiry::In(fetched.lifetime))),
            Err(failed) => Err(TransportError::Connect { detail: failed.to_string() }.into()),
        }
    }
}

/// A factory with nothing changed but where tokens come from.
pub fn builder(source: &Arc<Source>) -> AuthTokenFactoryBuilder {
    AuthTokenFactory::builder().fetcher(FromSource(Arc::clone(source)))
}

pub fn factory(source: &Arc<Source>) -> AuthTokenFactory {
    builder(source).build().expect("the defaults make sense")
}

async fn token(factory: &AuthTokenFactory, key: &str) -> Result<(), String> {
    match factory.token(&AuthTokenContext::vehicle(key)).await {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) struct TryToken {
    factory: AuthTokenFactory,
    visits: Visits<AuthTokenContext>,
}

impl TryToken {
    pub(super) fn build(world: &World) -> Arc<dyn Store> {
        let visits = world.keys.visits(|id| AuthTokenContext::vehicle(id));
        Arc::new(Self { factory: factory(&world.source), visits })
    }
}

#[async_trait]
impl Store for TryToken {
    async fn token(&self, key: &str) -> Result<(), String> {
        token(&self.factory, key).await
    }

    fn hits(&self, _: &Lane, walk: Walk) {
        for context in self.visits.walk(walk) {
            let token = self.factory.try_token(context).expect("a hit");
            black_box(token.value());
        }
    }
}

pub(super) struct Token {
    factory: AuthTokenFactory,
    visits: Visits<AuthTokenContext>,
}

impl Token {
    pub(super) fn build(world: &World) -> Arc<dyn Store> {
        let visits = world.keys.visits(|id| AuthTokenContext::vehicle(id));
        Arc::new(Self { factory: factory(&world.source), visits })
    }
}

#[async_trait]
impl Store for Token {
    async fn token(&self, key: &str) -> Result<(), String> {
        token(&self.factory, key).await
    }

    fn hits(&self, lane: &Lane, walk: Walk) {
        lane.drive(async {
            for context in self.visits.walk(walk) {
                let token = self.factory.token(context).await.expect("a hit");
                black_box(token.value());
            }
        });
    }
}

pub(super) struct Handles {
    factory: AuthTokenFactory,
    visits: Visits<TokenHandle>,
}

impl Handles {
    pub(super) fn build(world: &World) -> Arc<dyn Store> {
        let factory = factory(&world.source);
        let handle = |id: &str| factory.handle(&AuthTokenContext::vehicle(id)).expect("a good id");
        let visits = world.keys.visits(handle);
        Arc::new(Self { factory, visits })
    }
}

#[async_trait]
impl Store for Handles {
    async fn token(&self, key: &str) -> Result<(), String> {
        token(&self.factory, key).await
    }

    fn hits(&self, _: &Lane, walk: Walk) {
        for handle in self.visits.walk(walk) {
            let token = handle.try_token().expect("a hit");
            black_box(token.value());
        }
    }
}
