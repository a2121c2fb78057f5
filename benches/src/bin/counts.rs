//! What is allocated, counted: in a program of its own, since a counting allocator slows down whoever allocates.
//!
//! `counts hits` writes, as JSON, each store's name, allocations a hit and bytes a hit; `counts keys N` the memory that N keys
//! take, for which it has to be a new process each time.

use std::alloc::System;
use std::env;

use fleet_token_benches::fleet::{self, Memory};
use fleet_token_benches::hits::{self, Filled};
use fleet_token_benches::keys::Walk;
use fleet_token_benches::stores::{KINDS, Lane};
use peakmem_alloc::{PeakMemAlloc, PeakMemAllocTrait};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::runtime::Builder;

#[global_allocator]
static PEAK: PeakMemAlloc<&StatsAlloc<System>> = PeakMemAlloc::new(&INSTRUMENTED_SYSTEM);

const HITS: usize = 100_000;

fn main() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let json = match args[..] {
        ["hits"] => serde_json::to_string(&all_hits()),
        ["keys", keys] => serde_json::to_string(&memory(keys.parse().expect("a number of keys"))),
        _ => panic!("counts hits | counts keys N"),
    };
    println!("{}", json.expect("plain figures"));
}

/// One after the other, so that no other store's tasks are counted.
fn all_hits() -> Vec<(&'static str, f64, f64)> {
    let home = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let only = |name| hits::fill(home.handle(), 1, move |kind| kind.name == name);
    KINDS.iter().flat_map(|kind| only(kind.name)).map(|filled| hits_of(&filled)).collect()
}

fn hits_of(filled: &Filled) -> (&'static str, f64, f64) {
    let lane = Lane::default();
    // What a thread's first hits set up is not a hit's.
    filled.store.hits(&lane, Walk { from: 0, count: 1000 });
    let region = Region::new(&INSTRUMENTED_SYSTEM);
    filled.store.hits(&lane, Walk { from: 0, count: HITS });
    let seen = region.change();
    assert!(filled.only_hits(), "{} fetched", filled.kind.name);
    let per_hit = |count: usize| count as f64 / HITS as f64;
    // `bytes_allocated` has what a reallocation added already.
    (filled.kind.name, per_hit(seen.allocations + seen.reallocations), per_hit(seen.bytes_allocated))
}

fn memory(keys: usize) -> Memory {
    let contexts = fleet::contexts(keys);
    let (region, before) = (Region::new(&INSTRUMENTED_SYSTEM), fleet::largest());
    PEAK.reset_peak_memory();
    let (_, (seen, peak)) = fleet::prefetch(&contexts, |_| (region.change(), PEAK.get_peak_memory()));
    let live = seen.bytes_allocated as f64 - seen.bytes_deallocated as f64;
    let allocations = (seen.allocations + seen.reallocations) as f64;
    let per_key = |total: f64| total / keys as f64;
    Memory {
        keys,
        live: per_key(live),
        peak: per_key(peak as f64),
        allocations: per_key(allocations),
        resident: per_key(fleet::largest() - before),
    }
}
