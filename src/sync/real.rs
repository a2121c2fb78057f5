//! The ones that apps run on.

pub(crate) use std::sync::OnceLock;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};

pub(crate) use arc_swap::ArcSwapOption;
pub(crate) use papaya::HashMap;
pub(crate) use parking_lot::{Condvar, Mutex};

/// A map that frees what was taken out of it as soon as no thread looks at it any more.
///
/// By default each thread keeps up to 31 entries, and old tables of the map, which are as big as it is, until it has taken
/// out 32: for a thread that seldom does, for ever.
pub(crate) fn map<K, V, S>(hasher: S) -> HashMap<K, V, S> {
    HashMap::builder().hasher(hasher).collector(seize::Collector::new().batch_size(1)).build()
}
