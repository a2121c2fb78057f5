//! The keyed map: finding a slot without a lock, making one, and keeping the number of them bounded.

use std::sync::Arc;

use papaya::HashMap;

use super::slot::Slot;
use crate::boot_time::BootTime;
use crate::context::AuthTokenContext;

/// All keys.
pub(crate) struct Slots {
    map: HashMap<AuthTokenContext, Arc<Slot>>,
    max_entries: usize,
}

impl Slots {
    pub(crate) fn new(max_entries: usize) -> Self {
        Self { map: HashMap::new(), max_entries }
    }

    /// Looks a key up and does something with its slot, without a lock and without taking a share in it.
    pub(crate) fn with<R>(&self, context: &AuthTokenContext, with: impl FnOnce(&Slot) -> R) -> Option<R> {
        self.map.pin().get(context).map(|slot| with(slot))
    }

    pub(crate) fn get(&self, context: &AuthTokenContext) -> Option<Arc<Slot>> {
        self.map.pin().get(context).cloned()
    }

    /// The key's slot, made if there is none; with the contexts that had to go to make room.
    pub(crate) fn get_or_make(&self, context: &AuthTokenContext, now: BootTime) -> (Arc<Slot>, Vec<AuthTokenContext>) {
        if let Some(slot) = self.get(context) {
            return (slot, Vec::new());
        }
        let evicted = if self.map.len() >= self.max_entries { self.make_room(now) } else { Vec::new() };
        let map = self.map.pin();
        let slot = map.get_or_insert_with(context.clone(), || Arc::new(Slot::new(context.clone(), now)));
        (Arc::clone(slot), evicted)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Slot>> {
        self.map.pin().values().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// Takes a slot out, unless it is in use.
    pub(crate) fn remove(&self, slot: &Arc<Slot>) -> bool {
        let evicted = slot.evict();
        if evicted {
            let _ = self.map.pin().remove_if(&slot.context, |_, found| Arc::ptr_eq(found, slot));
        }
        evicted
    }

    /// Makes room for one, and for a sixteenth of the bound more, so that churn beyond the bound does not scan the map
    /// for every new key. Slots in flight or held by a handle stay, even if that means more than the bound.
    fn make_room(&self, now: BootTime) -> Vec<AuthTokenContext> {
        let mut ranked: Vec<_> =
            self.all().into_iter().filter_map(|slot| Some((slot.eviction_rank(now)?, slot))).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        let goal = self.max_entries - 1 - self.max_entries / 16;
        let surplus = self.map.len().saturating_sub(goal);
        ranked
            .into_iter()
            .map(|(_, slot)| slot)
            .filter(|slot| self.remove(slot))
            .take(surplus)
            .map(|slot| slot.context.clone())
            .collect()
    }
}
