//! The ones that apps run on.

use std::sync::Arc;
pub(crate) use std::sync::OnceLock;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

pub(crate) use arc_swap::ArcSwap;
pub(crate) use papaya::HashMap;
pub(crate) use parking_lot::{Condvar, Mutex};

/// What an `ArcSwap` gave to look at.
pub(crate) type Lent<T> = arc_swap::Guard<Arc<T>>;

/// The same without an `ArcSwap`.
pub(crate) fn owned<T>(value: Arc<T>) -> Lent<T> {
    Lent::from_inner(value)
}

/// A map that frees what was taken out of it as soon as no thread looks at it any more, and whose lookups read one table.
///
/// By default each thread keeps up to 31 entries, and old tables of the map, which are as big as it is, until it has taken
/// out 32: for a thread that seldom does, for ever. And by default a map that grows moves its entries little by little, but
/// `get_or_insert_with` moves none: filled by it with 10 000 keys, the map stayed three tables deep, and a hit took ten times
/// the instructions (`cargo xtask cost`: 3328 instead of 334 for `hit/try_token/10000`).
pub(crate) fn map<K, V, S>(hasher: S) -> HashMap<K, V, S> {
    HashMap::builder()
        .hasher(hasher)
        .collector(seize::Collector::new().batch_size(1))
        .resize_mode(papaya::ResizeMode::Blocking)
        .build()
}
