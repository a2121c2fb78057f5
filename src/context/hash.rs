//! A context's hash, worked out when the context is made, and the hasher that takes it as it is.

#[cfg(not(feature = "test-util"))]
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasherDefault, Hash, Hasher};
#[cfg(not(feature = "test-util"))]
use std::{hash::BuildHasher, sync::OnceLock};

/// For maps whose keys know their hash.
pub(crate) type KeptHash = BuildHasherDefault<AsItIs>;

/// Keyed, so that whoever chooses ids cannot make them collide.
#[cfg(not(feature = "test-util"))]
pub(super) fn of(names: &impl Hash) -> u64 {
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    KEYS.get_or_init(RandomState::new).hash_one(names)
}

/// The same in every run, so that a simulation can be repeated.
#[cfg(feature = "test-util")]
pub(super) fn of(names: &impl Hash) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    names.hash(&mut hasher);
    hasher.finish()
}

/// Gives back the one number that it was given.
#[derive(Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys here write their hash, and nothing else");
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
