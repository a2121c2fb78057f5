//! The map is full, and here is a new key: the oldest go, a sixteenth of the bound at a time.

use std::hint::black_box;

use fleet_token::ManualClock;

use crate::Task;
use crate::measured::{REGION, measured_region};
use crate::world::{Tokens, World, vehicles};

const BOUND: usize = 1024;
/// As many as are made room for at a time, so that the cost of making it is spread as it is in life.
const TIMES: usize = BOUND / 16 * 4;

pub(crate) const TASKS: [Task; 1] = [Task { name: "evict/new-key", times: TIMES, counted: REGION, run: new_key }];

/// A new key's place and flight; the fetch itself is not counted.
fn new_key(times: usize) {
    let world =
        World::new(ManualClock::default(), |builder| builder.fetcher(Tokens::new(BOUND + times)).max_entries(BOUND));
    let contexts = vehicles(BOUND + times);
    let (old, new) = contexts.split_at(BOUND);
    world.fill(old);
    assert_eq!(world.factory.stats().evictions, 0);
    for context in new {
        measured_region(&mut || {
            assert!(black_box(world.factory.try_token(black_box(context))).is_none());
        });
        world.fetch();
    }
    assert!(world.factory.stats().evictions >= times as u64, "room was made");
}
