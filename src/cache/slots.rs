//! The keyed map: finding a slot without a lock, making one, and keeping the number of them bounded.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::slot::Slot;
use crate::boot_time::BootTime;
use crate::context::{AuthTokenContext, KeptHash};
use crate::sync::{AtomicUsize, HashMap, map};

/// All keys.
pub(crate) struct Slots {
    map: HashMap<AuthTokenContext, Arc<Slot>, KeptHash>,
    max_entries: usize,
    /// At how many keys room is made next: the bound, or a sixteenth more than there are when little could go.
    room_at: AtomicUsize,
}

/// A key that had to go.
#[derive(Debug, PartialEq)]
pub(crate) struct Eviction {
    pub(crate) context: AuthTokenContext,
    /// Its token was still good: the bound is too small for what is in use.
    pub(crate) was_valid: bool,
}

impl Slots {
    pub(crate) fn new(max_entries: usize) -> Self {
        Self { map: map(KeptHash::default()), max_entries, room_at: AtomicUsize::new(max_entries) }
    }

    /// Looks a key up and does something with its slot, without a lock and without taking a share in it.
    #[inline]
    pub(crate) fn with<R>(&self, context: &AuthTokenContext, with: impl FnOnce(&Slot) -> Option<R>) -> Option<R> {
        self.map.pin().get(context).and_then(|slot| with(slot))
    }

    pub(crate) fn get(&self, context: &AuthTokenContext) -> Option<Arc<Slot>> {
        self.map.pin().get(context).cloned()
    }

    /// The key's slot, made if there is none; with the contexts that had to go to make room.
    pub(crate) fn get_or_make(&self, context: &AuthTokenContext, now: BootTime) -> (Arc<Slot>, Vec<Eviction>) {
        if let Some(slot) = self.get(context) {
            return (slot, Vec::new());
        }
        let evicted =
            if self.map.len() >= self.room_at.load(Ordering::Relaxed) { self.make_room(now) } else { Vec::new() };
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
            self.drop_gone(slot);
        }
        evicted
    }

    /// Takes a slot out that was evicted. Whoever meets one does so, rather than wait for the thread that evicted it.
    pub(crate) fn drop_gone(&self, slot: &Arc<Slot>) {
        let _ = self.map.pin().remove_if(&slot.context, |_, found| Arc::ptr_eq(found, slot));
    }

    /// What could not go has gone now: the bound is the bound again.
    pub(crate) fn restore_bound(&self) {
        self.room_at.store(self.max_entries, Ordering::Relaxed);
    }

    /// Makes room for one, and for a sixteenth of the bound more, so that churn beyond the bound does not scan the map
    /// for every new key. Slots in flight or held by a handle stay, even if that means more than the bound.
    fn make_room(&self, now: BootTime) -> Vec<Eviction> {
        let mut ranked: Vec<_> =
            self.all().into_iter().filter_map(|slot| Some((slot.eviction_rank(now)?, slot))).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        let spare = self.max_entries / 16;
        let surplus = self.map.len().saturating_sub(self.max_entries - 1 - spare);
        let evicted = ranked
            .into_iter()
            .filter(|(_, slot)| self.remove(slot))
            .take(surplus)
            .map(|(rank, slot)| Eviction { context: slot.context.clone(), was_valid: rank.has_valid_token() })
            .collect();
        self.room_at.store(self.max_entries.max(self.map.len() + spare), Ordering::Relaxed);
        evicted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cache::answer::{Answer, Commit, Need};
    use crate::cache::flight::Flight;
    use crate::policy::RefreshPolicy;
    use crate::token::AuthToken;

    fn at(seconds: u64) -> BootTime {
        BootTime::from_origin(Duration::from_secs(seconds))
    }

    fn context(n: usize) -> AuthTokenContext {
        AuthTokenContext::trip(format!("t{n}"))
    }

    /// Puts a token that lives for `seconds` from `now` under key `n`; returns what had to go.
    fn put(slots: &Slots, n: usize, now: BootTime, seconds: u64) -> Vec<Eviction> {
        let (slot, evicted) = slots.get_or_make(&context(n), now);
        let Answer::Wait { flight, new: true } = slot.ask(Need::Usual, now, || Flight::new(now, 0)) else {
            panic!("key {n} was there already");
        };
        let schedule = RefreshPolicy::default().schedule(now, Duration::from_secs(seconds), 0.0);
        let commit =
            slot.commit(&flight, slot.generation(), || false, || false, || AuthToken::new("x", Some(schedule), 1));
        assert!(matches!(commit, Commit::Landed(_)));
        evicted
    }

    #[test]
    fn what_is_expired_goes_first_then_what_was_used_longest_ago() {
        let slots = Slots::new(3);
        put(&slots, 1, at(0), 3600);
        put(&slots, 3, at(1), 3600);
        put(&slots, 2, at(2), 10);
        assert!(slots.with(&context(1), |slot| slot.hit(at(50))).is_some());
        let evicted = |n, was_valid| [Eviction { context: context(n), was_valid }];
        assert_eq!(put(&slots, 4, at(60), 3600), evicted(2, false), "the expired one");
        assert_eq!(put(&slots, 5, at(61), 3600), evicted(3, true), "the one used longest ago");
        assert!(slots.get(&context(1)).is_some());
        assert_eq!(slots.len(), 3);
    }

    #[test]
    fn what_is_in_flight_or_pinned_stays() {
        let slots = Slots::new(2);
        let (flying, _) = slots.get_or_make(&context(1), at(0));
        let _flight = flying.ask(Need::Usual, at(0), || Flight::new(at(30), 0));
        let (pinned, _) = slots.get_or_make(&context(2), at(0));
        assert!(pinned.pin());
        let (_, evicted) = slots.get_or_make(&context(3), at(1));
        assert!(evicted.is_empty());
        assert_eq!(slots.len(), 3, "over the bound rather than a flight lost");
        pinned.unpin();
        assert_eq!(put(&slots, 4, at(2), 60).len(), 2);
        assert!(slots.get(&context(1)).is_some());
    }

    #[test]
    fn an_evicted_slot_sends_its_holders_back_to_the_map() {
        let slots = Slots::new(1);
        let (old, _) = slots.get_or_make(&context(1), at(0));
        slots.get_or_make(&context(2), at(1));
        assert!(matches!(old.ask(Need::Usual, at(1), || Flight::new(at(30), 0)), Answer::Gone));
        assert!(!old.pin());
    }

    #[test]
    fn churn_far_beyond_the_bound_keeps_it() {
        let slots = Slots::new(64);
        for n in 0..10_000 {
            slots.get_or_make(&context(n), at(n as u64 / 10));
            assert!(slots.len() <= 64);
        }
    }

    #[test]
    fn where_nothing_can_go_the_map_is_not_searched_for_each_new_key() {
        let slots = Slots::new(64);
        let mut searched = 0;
        for n in 0..200 {
            let before = slots.room_at.load(Ordering::Relaxed);
            let (slot, _) = slots.get_or_make(&context(n), at(n as u64));
            assert!(slot.pin());
            searched += usize::from(slots.room_at.load(Ordering::Relaxed) != before);
        }
        assert!((20..40).contains(&searched), "searched {searched} times");
    }

    #[test]
    fn what_was_over_the_bound_once_is_forgotten_with_the_rest() {
        let slots = Slots::new(2);
        let held: Vec<_> = (20..30)
            .map(|n| {
                let (slot, _) = slots.get_or_make(&context(n), at(1));
                assert!(slot.pin());
                slot
            })
            .collect();
        assert!(slots.len() >= held.len());
        for slot in &held {
            slot.unpin();
            slots.remove(slot);
        }
        slots.restore_bound();
        for n in 40..60 {
            slots.get_or_make(&context(n), at(2));
            assert!(slots.len() <= 2, "{} entries", slots.len());
        }
    }

    #[test]
    fn what_is_taken_out_is_freed_at_once_and_not_when_the_thread_has_taken_out_more() {
        let slots = Slots::new(4);
        let (slot, _) = slots.get_or_make(&context(1), at(0));
        let weak = Arc::downgrade(&slot);
        assert!(slots.remove(&slot));
        drop(slot);
        assert!(weak.upgrade().is_none(), "the map still has a share in it");
    }

    #[test]
    fn a_result_from_before_a_clear_is_dropped() {
        let slots = Slots::new(4);
        let (slot, _) = slots.get_or_make(&context(1), at(0));
        let Answer::Wait { flight, .. } = slot.ask(Need::Usual, at(0), || Flight::new(at(30), 0)) else {
            panic!("no flight");
        };
        let generation = slot.generation();
        slot.clear();
        let commit = slot.commit(&flight, generation, || true, || false, || panic!("committed after a clear"));
        assert!(matches!(commit, Commit::Disowned));
        assert!(slot.hit(at(1)).is_none());
    }
}
