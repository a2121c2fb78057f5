//! What is allocated for a hit, counted: in a program of its own, since a counting allocator slows down whoever allocates.
//! Writes JSON: for each store its name, allocations a hit and bytes a hit.

use std::alloc::System;

use fleet_token_benches::hits::{self, Filled};
use fleet_token_benches::keys::Walk;
use fleet_token_benches::stores::Lane;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::Builder;

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const HITS: usize = 100_000;

fn main() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let home = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let lane = Lane::default();
    let count = |filled: &Filled| {
        // What a thread's first hits set up is not a hit's.
        filled.store.hits(&lane, Walk { from: 0, count: 1000 });
        let region = Region::new(COUNTED);
        filled.store.hits(&lane, Walk { from: 0, count: HITS });
        let seen = region.change();
        assert!(filled.only_hits(), "{} fetched", filled.kind.name);
        let per_hit = |count: usize| count as f64 / HITS as f64;
        // `bytes_allocated` has what a reallocation added already.
        (filled.kind.name, per_hit(seen.allocations + seen.reallocations), per_hit(seen.bytes_allocated))
    };
    // One after the other, so that no other store's tasks are counted.
    let counts: Vec<_> = fleet_token_benches::stores::KINDS
        .iter()
        .flat_map(|kind| hits::fill(home.handle(), 1, |one| one.name == kind.name))
        .map(|filled| count(&filled))
        .collect();
    println!("{}", serde_json::to_string(&counts).expect("plain figures"));
}
