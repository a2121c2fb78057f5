//! A fresh token is there: what location updates and requests meet all day. On the system's clock, since reading it is
//! part of a hit.

use std::hint::black_box;

use fleet_token::{AuthTokenContext, SystemClock};

use crate::Task;
use crate::measured::{REGION, measured_region};
use crate::world::{Tokens, World, at_once, ours, vehicles};

const TIMES: usize = 1000;
const MANY: usize = 10_000;

pub(crate) const TASKS: [Task; 6] = [
    task("hit/try_token/1", |times| try_token(1, times)),
    task("hit/try_token/10000", |times| try_token(MANY, times)),
    task("hit/token/1", |times| token(1, times)),
    task("hit/token/10000", |times| token(MANY, times)),
    task("hit/handle/1", |times| handle(1, times)),
    task("hit/handle/10000", |times| handle(MANY, times)),
];

const fn task(name: &'static str, run: fn(usize)) -> Task {
    Task { name, times: TIMES, counted: REGION, run }
}

fn try_token(keys: usize, times: usize) {
    let (world, contexts) = filled(keys);
    let factory = &world.factory;
    let asked = spread(&contexts, times);
    measured_region(&mut || {
        for context in &asked {
            assert!(black_box(factory.try_token(black_box(context))).is_some());
        }
    });
}

fn token(keys: usize, times: usize) {
    let (world, contexts) = filled(keys);
    let factory = &world.factory;
    let asked = spread(&contexts, times);
    measured_region(&mut || {
        for context in &asked {
            assert!(black_box(at_once(factory.token(black_box(context)))).is_some_and(|answer| answer.is_ok()));
        }
    });
}

fn handle(keys: usize, times: usize) {
    let (world, contexts) = filled(keys);
    let handles: Vec<_> = contexts.iter().map(|context| ours(world.factory.handle(context))).collect();
    let asked = spread(&handles, times);
    measured_region(&mut || {
        for handle in &asked {
            assert!(black_box(black_box(handle).try_token()).is_some());
        }
    });
}

fn filled(keys: usize) -> (World, Vec<AuthTokenContext>) {
    let world = World::new(SystemClock::new(), |builder| builder.fetcher(Tokens::new(keys)));
    let contexts = vehicles(keys);
    world.fill(&contexts);
    (world, contexts)
}

/// As many as asked for, from all over.
fn spread<T>(all: &[T], times: usize) -> Vec<&T> {
    (0..times).map(|n| &all[n * 7919 % all.len()]).collect()
}
