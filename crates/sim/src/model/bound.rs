//! How many keys are kept, and which go first.

use fleet_token::TokenEvent;

use super::{Check, Model, Slot, tick};
use crate::model::age::Age;
use crate::setting::Key;

/// Keys without a valid token go first, then those with one, then those that wait out a failure; among equals the least
/// recently used.
type Rank = (u8, u128);

impl Model {
    /// A key is met for the first time.
    pub(super) fn make(&mut self, key: Key) -> Check {
        if self.slots.len() >= self.room_at {
            self.make_room()?;
        }
        let last_used = tick(self.now());
        self.serial += 1;
        self.slots.insert(
            key,
            Slot {
                serial: self.serial,
                token: None,
                flight: None,
                rejections_seen: 0,
                hold: None,
                failures: 0,
                rejections: std::collections::VecDeque::new(),
                pins: 0,
                last_used,
            },
        );
        Ok(())
    }

    /// Room for one, and for a sixteenth of the bound more. Keys in flight or held by a handle stay.
    fn make_room(&mut self) -> Check {
        let now = self.now();
        let spare = self.rules.max_entries / 16;
        let idle = self.slots.values().filter(|slot| slot.is_idle()).count();
        let surplus = self.slots.len().saturating_sub(self.rules.max_entries - 1 - spare);
        let mut went: Rank = (0, 0);
        for _ in 0..surplus.min(idle) {
            let (key, event) = self.said()?;
            let (Some(key), TokenEvent::Evicted { was_valid, .. }) = (key, &event) else {
                return Err(format!("a key should have gone to make room; said was {event:?}"));
            };
            let Some(slot) = self.slots.remove(&key) else {
                return Err(format!("key {key} was evicted, and is not kept"));
            };
            if !slot.is_idle() {
                return Err(format!("key {key} was evicted while it was in use"));
            }
            if *was_valid != slot.is_valid(now) {
                return Err(format!("key {key} was evicted; said of its token was: valid {was_valid}"));
            }
            went = went.max(slot.rank(now));
            self.counts.evictions += 1;
        }
        if let Some((key, slot)) = self.slots.iter().find(|(_, slot)| slot.is_idle() && slot.rank(now) < went) {
            return Err(format!("key {key} of rank {:?} should have gone before one of {went:?}", slot.rank(now)));
        }
        self.room_at = self.rules.max_entries.max(self.slots.len() + spare);
        Ok(())
    }
}

impl Slot {
    fn is_idle(&self) -> bool {
        self.flight.is_none() && self.pins == 0
    }

    fn is_valid(&self, now: std::time::Duration) -> bool {
        self.token.is_some_and(|token| token.age(now) < Age::Expired)
    }

    fn rank(&self, now: std::time::Duration) -> Rank {
        let class = match (self.rests(now), self.is_valid(now)) {
            (false, false) => 0,
            (false, true) => 1,
            (true, _) => 2,
        };
        (class, self.last_used)
    }
}
