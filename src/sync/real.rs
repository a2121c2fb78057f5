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
///
/// It grows in one go. By default each later write moves a part of it over, and until there were enough of them every
/// lookup searches each of the tables: at 10 000 keys that no longer change, 3000 instructions instead of 76.
pub(crate) fn map<K, V, S>(hasher: S) -> HashMap<K, V, S> {
    let collector = seize::Collector::new().batch_size(1);
    HashMap::builder().hasher(hasher).collector(collector).resize_mode(papaya::ResizeMode::Blocking).build()
}
