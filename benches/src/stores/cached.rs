//! The `cached` macro on an async function, with values that know when they expire. Its cache is a static, so that the tables
//! have two: one for a single key and one for all.

use std::hint::black_box;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cached::Expires;
use parking_lot::Mutex;

use super::{Lane, Store, World};
use crate::clock;
use crate::keys::{Visits, Walk};
use crate::source::Source;

#[derive(Clone)]
struct Token {
    text: Arc<str>,
    expires_at: Instant,
}

impl Expires for Token {
    fn is_expired(&self) -> bool {
        clock::now() >= self.expires_at
    }
}

/// What the function asks: it is called by name and by key, so the source cannot come along.
fn source() -> &'static Mutex<Option<Arc<Source>>> {
    static SOURCE: OnceLock<Mutex<Option<Arc<Source>>>> = OnceLock::new();
    SOURCE.get_or_init(Mutex::default)
}

async fn fetch(_key: &str) -> Result<Token, String> {
    let source = source().lock().clone();
    let fetched = source.expect("a source").fetch().await.map_err(|error| error.to_string())?;
    Ok(Token { text: fetched.text.into(), expires_at: clock::now() + fetched.lifetime.max(Duration::ZERO) })
}

#[cached::macros::cached(expires = true, sync_writes = "by_key", key = "String", convert = { key.to_owned() })]
async fn one_key(key: &str) -> Result<Token, String> {
    fetch(key).await
}

#[cached::macros::cached(expires = true, sync_writes = "by_key", key = "String", convert = { key.to_owned() })]
async fn many_keys(key: &str) -> Result<Token, String> {
    fetch(key).await
}

pub(super) struct Cached {
    visits: Visits<Arc<str>>,
    many: bool,
    /// Before each key: a static cache is never new.
    prefix: String,
}

impl Cached {
    pub(super) fn build(world: &World) -> Arc<dyn Store> {
        *source().lock() = Some(Arc::clone(&world.source));
        let many = world.keys.ids().len() > 1;
        let prefix = format!("{:p}-", Arc::as_ptr(&world.source));
        let visits = world.keys.visits(|id| Arc::from(format!("{prefix}{id}")));
        Arc::new(Self { visits, many, prefix })
    }
}

#[async_trait]
impl Store for Cached {
    async fn token(&self, key: &str) -> Result<(), String> {
        let key = format!("{}{key}", self.prefix);
        if self.many { many_keys(&key).await.map(|_| ()) } else { one_key(&key).await.map(|_| ()) }
    }

    fn hits(&self, lane: &Lane, walk: Walk) {
        lane.drive(async {
            for key in self.visits.walk(walk) {
                let token = if self.many { many_keys(key).await } else { one_key(key).await };
                black_box(&*token.expect("a hit").text);
            }
        });
    }
}
