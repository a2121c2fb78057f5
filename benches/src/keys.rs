//! The keys, and the one order in which every store is asked for them.

use std::sync::Arc;

/// Ids of vehicles, 35 bytes each: the length of a UUID and a bit.
pub struct Keys {
    ids: Vec<Arc<str>>,
    /// The same ids in the order of the visits, so that a caller's own list of keys is not what is measured.
    visits: Vec<Arc<str>>,
}

impl Keys {
    pub fn new(count: usize) -> Self {
        let ids: Vec<Arc<str>> = (0..count).map(|n| format!("vehicle-{n:027}").into()).collect();
        let mut order: Vec<usize> = (0..count).collect();
        // Fisher and Yates, with a generator that never changes: the order is the same in every run.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for last in (1..count).rev() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            order.swap(last, (state % (last as u64 + 1)) as usize);
        }
        let visits = order.into_iter().map(|n| Arc::from(&*ids[n])).collect();
        Self { ids, visits }
    }

    /// In the order in which tokens are fetched.
    pub fn ids(&self) -> &[Arc<str>] {
        &self.ids
    }

    /// What a store keeps of each key, in the order of the visits.
    pub fn visits<K>(&self, key: impl Fn(&str) -> K) -> Visits<K> {
        Visits(self.visits.iter().map(|id| key(id)).collect())
    }
}

/// Keys as one store wants them, in the order of the visits.
pub struct Visits<K>(Vec<K>);

impl<K> Visits<K> {
    /// `count` keys from the `from`th on, round and round.
    pub fn walk(&self, walk: Walk) -> impl Iterator<Item = &K> {
        let start = walk.from % self.0.len();
        let mut next = start;
        (0..walk.count).map(move |_| {
            let key = &self.0[next];
            next += 1;
            if next == self.0.len() {
                next = 0;
            }
            key
        })
    }
}

/// A piece of the way round.
#[derive(Clone, Copy, Debug)]
pub struct Walk {
    pub from: usize,
    pub count: usize,
}
