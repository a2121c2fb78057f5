//! A token is due: it is served, and the first to ask starts its refresh.

use std::hint::black_box;
use std::time::Duration;

use fleet_token::ManualClock;

use crate::Task;
use crate::measured::{REGION, measured_region};
use crate::world::{Tokens, World, vehicles};

const TIMES: usize = 200;
const MARGIN: Duration = Duration::from_secs(300);
/// With jitter at its half, a token is due twenty seconds before its margin: ten seconds ago.
const DUE: Duration = Duration::from_secs(3600 - 300 - 10);

pub(crate) const TASKS: [Task; 2] = [
    Task { name: "refresh/starts", times: TIMES, counted: REGION, run: starts },
    Task { name: "refresh/under-way", times: TIMES, counted: REGION, run: under_way },
];

/// The decision and the start of a flight, which does not run yet.
fn starts(times: usize) {
    let (clock, world) = world(2 * times + 2);
    let contexts = vehicles(times + 1);
    world.fill(&contexts);
    clock.advance(DUE);
    let [first, contexts @ ..] = &contexts[..] else { return };
    assert!(world.factory.try_token(first).is_some());
    measured_region(&mut || {
        for context in contexts {
            assert!(black_box(world.factory.try_token(black_box(context))).is_some());
        }
    });
    assert_eq!(world.factory.stats().background_flights, times as u64 + 1, "each was due");
    world.fetch();
}

/// Everybody who asks until it has landed.
fn under_way(times: usize) {
    let (clock, world) = world(2);
    let [context] = &vehicles(1)[..] else { return };
    world.fill(std::slice::from_ref(context));
    clock.advance(DUE);
    assert!(world.factory.try_token(context).is_some());
    measured_region(&mut || {
        for _ in 0..times {
            assert!(black_box(world.factory.try_token(black_box(context))).is_some());
        }
    });
    assert_eq!(world.factory.stats().background_flights, 1, "one refresh for all");
    world.fetch();
}

fn world(tokens: usize) -> (ManualClock, World) {
    let clock = ManualClock::default();
    let world = World::new(clock.clone(), |builder| builder.fetcher(Tokens::new(tokens)).safety_margin(MARGIN));
    (clock, world)
}
