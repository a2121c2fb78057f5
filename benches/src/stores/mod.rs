//! Everything that is measured: ours, the floor under it, and its rivals. One file each, called in the cheapest way that its
//! documentation shows.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::runtime::{Builder, Runtime};

use crate::keys::{Keys, Walk};
use crate::source::Source;

mod aws;
mod azure;
mod cached;
mod floor;
mod gcp_auth;
mod google;
mod hand_rolled;
mod moka;
mod object_store;
pub mod ours;

/// A store of tokens, keyed or not.
#[async_trait]
pub trait Store: Send + Sync {
    /// A token for `key`, fetched if need be. A store with one key takes any for it.
    ///
    /// # Errors
    ///
    /// What the store says, in words.
    async fn token(&self, key: &str) -> Result<(), String>;

    /// As many hits as the walk is long, one after the other; the keys are in the store.
    fn hits(&self, lane: &Lane, walk: Walk);
}

/// One thread's own runtime, for stores that answer with a future. tokio's budget is off: it would make one poll in 128
/// give way, which is no cost of the store.
pub struct Lane(Runtime);

impl Default for Lane {
    fn default() -> Self {
        Self(Builder::new_current_thread().enable_all().build().expect("a runtime without threads"))
    }
}

impl Lane {
    pub fn drive<T>(&self, future: impl Future<Output = T>) -> T {
        self.0.block_on(tokio::task::unconstrained(future))
    }
}

/// What a store is in the tables.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// fleet-token, asked by key.
    Ours,
    /// fleet-token, by a handle.
    Handle,
    /// Nothing but what no answer can do without.
    Floor,
    /// The same for an answer that the caller may keep.
    OwnedFloor,
    /// Somebody else's.
    Rival,
    /// One's own, written by hand in an hour.
    HandRolled,
}

/// A store that can be built.
#[derive(Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    pub side: Side,
    /// Whether one store keeps tokens for many keys.
    pub keyed: bool,
    /// Whether a hit is answered without a future.
    pub sync: bool,
    /// Whether it has failures and waiters to be asked about.
    pub storms: bool,
    build: fn(&World) -> Arc<dyn Store>,
}

/// What a store is built from.
pub struct World {
    pub keys: Arc<Keys>,
    pub source: Arc<Source>,
    /// Where the source is served over HTTP.
    pub address: SocketAddr,
}

impl Kind {
    /// Builds it, in a runtime that outlives it.
    pub fn build(&self, world: &World) -> Arc<dyn Store> {
        (self.build)(world)
    }
}

const fn kind(name: &'static str, side: Side, build: fn(&World) -> Arc<dyn Store>) -> Kind {
    Kind { name, side, keyed: true, sync: false, storms: true, build }
}

/// All of them, in the order of the tables.
pub const KINDS: [Kind; 14] = [
    Kind { sync: true, storms: false, ..kind("fleet-token `try_token`", Side::Ours, ours::TryToken::build) },
    kind("fleet-token `token().await`", Side::Ours, ours::Token::build),
    Kind { sync: true, storms: false, ..kind("fleet-token `handle.try_token`", Side::Handle, ours::Handles::build) },
    Kind { sync: true, storms: false, ..kind("floor: papaya, two coarse clocks", Side::Floor, floor::Floor::borrowed) },
    Kind {
        sync: true,
        storms: false,
        ..kind("the same, and the token as a shared `Arc`", Side::OwnedFloor, floor::Floor::owned)
    },
    Kind { sync: true, storms: false, ..kind("hand-rolled `RwLock<HashMap>`", Side::HandRolled, hand_rolled::usual) },
    Kind {
        sync: true,
        storms: false,
        ..kind("hand-rolled, with ahash and a coarse clock", Side::HandRolled, hand_rolled::tuned)
    },
    kind("moka `try_get_with_by_ref`", Side::Rival, moka::Moka::build),
    kind("cached `sync_writes = \"by_key\"`", Side::Rival, cached::Cached::build),
    kind("aws-smithy lazy identity cache", Side::Rival, aws::Aws::build),
    kind("azure_identity", Side::Rival, azure::Azure::build),
    kind("gcp_auth", Side::Rival, gcp_auth::Gcp::build),
    Kind { keyed: false, ..kind("google-cloud-auth", Side::Rival, google::Google::build) },
    Kind { keyed: false, ..kind("object_store", Side::Rival, object_store::ObjectStore::build) },
];
