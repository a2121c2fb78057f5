//! What the factory costs, counted and not timed, so that a busy machine changes nothing. A binary of its own, for its
//! allocator counts; and each test in a process of its own, so that nobody else's threads, sockets and allocations are in it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "what was counted is worth reading where a test passes, too")]
#![allow(clippy::cast_precision_loss, reason = "nothing here is counted in thousands of millions of millions")]
#![cfg(target_os = "linux")]

use std::alloc::System;
use std::env;
use std::fs;
use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use fleet_token::{
    AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, Expiry, FetchRequest, FetchedToken, ManualClock,
    TokenError, TokenFetcher, async_trait,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a Fleet Engine JWT has.
const TOKEN_BYTES: usize = 900;

/// How much more a cached token may take, all told: its key, its state, its share of the map.
const OVERHEAD: f64 = 400.0;

/// Set for a test that has the process to itself.
const ALONE: &str = "FLEET_TOKEN_COSTS_ALONE";

/// Runs `body` in a new process, which runs the test `name` and no other.
fn alone(name: &str, body: impl FnOnce()) {
    if env::var_os(ALONE).is_some() {
        return body();
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(ALONE, "1");
    // A logger allocates, too.
    let output = command.env_remove("RUST_LOG").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "no test is called {name}");
}

/// Answers at once with a token for an hour.
struct AtOnce;

#[async_trait]
impl TokenFetcher for AtOnce {
    async fn fetch(&self, _: FetchRequest<'_>) -> Result<FetchedToken, TokenError> {
        let token: String = "SECRET-TOKEN-".chars().chain(std::iter::repeat('x')).take(TOKEN_BYTES).collect();
        Ok(FetchedToken::new(token).with_expiry(Expiry::In(Duration::from_secs(3600))))
    }
}

fn builder() -> AuthTokenFactoryBuilder {
    AuthTokenFactory::builder().fetcher(AtOnce)
}

fn contexts(count: usize) -> Vec<AuthTokenContext> {
    (0..count).map(|n| AuthTokenContext::vehicle(format!("vehicle-{n:027}"))).collect()
}

/// Has all of them fetched, on this thread.
fn fetch(factory: &AuthTokenFactory, contexts: &[AuthTokenContext], runtime: &tokio::runtime::Runtime) {
    runtime.block_on(async {
        factory.prefetch(contexts);
        while factory.stats().successes < contexts.len() as u64 {
            tokio::task::yield_now().await;
        }
        // They have landed, but their tasks may not be gone.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// What so many keys at once allocate; and how many bytes stay.
fn cost_of(keys: usize) -> (Stats, f64) {
    let (contexts, runtime) = (contexts(keys), runtime());
    let factory = runtime.block_on(async { builder().max_entries(20_000).build().unwrap() });
    let region = Region::new(COUNTED);
    fetch(&factory, &contexts, &runtime);
    let seen = region.change();
    let kept = seen.bytes_allocated as f64 - seen.bytes_deallocated as f64;
    assert_eq!(factory.stats().entries, keys as u64);
    (seen, kept / keys as f64)
}

#[test]
fn building_a_factory_starts_no_thread_and_opens_nothing() {
    alone("building_a_factory_starts_no_thread_and_opens_nothing", || {
        let entries = |folder: &str| fs::read_dir(folder).unwrap().count();
        let counts = || (entries("/proc/self/task"), entries("/proc/self/fd"));
        let before = counts();
        let http = AuthTokenFactory::builder().vehicle_endpoint("https://b.example/{vehicleId}");
        // The default transport is built with it where there is one.
        let http = http.transport(NoWire).build().unwrap();
        let own = builder().build().unwrap();
        assert_eq!(counts(), before, "threads and open files, before and after two factories were built");
        // What would have been seen: the first fetch starts a thread, and its runtime opens a few files.
        own.blocking_token(&AuthTokenContext::vehicle("v1")).unwrap();
        let after = counts();
        assert!(after.0 > before.0 && after.1 > before.1, "{before:?}, then {after:?}");
        drop(http);
    });
}

/// A wire that is never used.
struct NoWire;

#[async_trait]
impl fleet_token::HttpTransport for NoWire {
    async fn send(
        &self,
        _: fleet_token::HttpRequest,
    ) -> Result<fleet_token::HttpResponse, fleet_token::TransportError> {
        std::future::pending().await
    }
}

#[test]
fn an_idle_factory_sleeps_on_nothing() {
    alone("an_idle_factory_sleeps_on_nothing", || {
        let (clock, contexts, runtime) = (ManualClock::default(), contexts(1000), runtime());
        let factory = runtime.block_on(async { builder().clock(clock.clone()).build().unwrap() });
        fetch(&factory, &contexts, &runtime);
        assert_eq!(clock.sleepers(), 0, "timers with nothing under way");
        // Nothing is woken by time alone either: not when the tokens fall due, not when they expire.
        clock.advance(Duration::from_secs(7200));
        for _ in 0..100 {
            runtime.block_on(tokio::task::yield_now());
        }
        assert_eq!((factory.stats().fetches, clock.sleepers()), (1000, 0));
    });
}

#[test]
fn a_hit_allocates_nothing() {
    alone("a_hit_allocates_nothing", || {
        let (contexts, runtime) = (contexts(100), runtime());
        let factory = runtime.block_on(async { builder().build().unwrap() });
        fetch(&factory, &contexts, &runtime);
        let handle = factory.handle(&contexts[0]).unwrap();
        let hits = || {
            runtime.block_on(async {
                for context in &contexts {
                    black_box(factory.try_token(context).unwrap());
                    black_box(factory.token(context).await.unwrap());
                    black_box(handle.try_token().unwrap());
                    black_box(handle.token().await.unwrap());
                }
            });
        };
        // What a thread's first hits set up is not a hit's.
        hits();
        let region = Region::new(COUNTED);
        hits();
        let seen = region.change();
        assert_eq!((seen.allocations, seen.reallocations, seen.deallocations), (0, 0, 0), "in 400 hits");
        assert_eq!(factory.stats().fetches, 100);
    });
}

#[test]
fn a_cached_token_takes_its_own_bytes_and_little_more() {
    alone("a_cached_token_takes_its_own_bytes_and_little_more", || {
        let (_, kept) = cost_of(10_000);
        let over = kept - TOKEN_BYTES as f64;
        println!("a cached token of {TOKEN_BYTES} bytes takes {kept:.0}, {over:.0} more");
        assert!(over <= OVERHEAD, "{over:.0} bytes more than the token's own");
    });
}

#[test]
fn ten_thousand_keys_at_once_cost_ten_times_a_thousand() {
    alone("ten_thousand_keys_at_once_cost_ten_times_a_thousand", || {
        // The first of all sets up what all share.
        cost_of(1);
        let ((few, _), (many, _)) = (cost_of(1000), cost_of(10_000));
        let of = |seen: &Stats| [seen.allocations, seen.bytes_allocated].map(|count| count as f64);
        for ((what, few), many) in ["allocations", "bytes"].into_iter().zip(of(&few)).zip(of(&many)) {
            let growth = many / few;
            println!("{what} for 10 000 keys: {growth:.2} times those for 1000");
            assert!((9.0..=11.0).contains(&growth), "{what}: {growth:.2} times as many");
        }
    });
}
