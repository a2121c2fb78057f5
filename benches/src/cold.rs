//! What ours costs where a token is not there: building, missing, many keys at once, and doing nothing.

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use fleet_token::{AuthTokenContext, AuthTokenFactory};
use tokio::runtime::{Builder, Handle};

use crate::clock;
use crate::fleet;
use crate::server;
use crate::source::Source;
use crate::stores::ours;

/// Microseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    pub median: f64,
    pub p99: f64,
}

fn times(mut all: Vec<Duration>) -> Times {
    all.sort();
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    Times { median: at(0.5), p99: at(0.99) }
}

/// Building a factory, and what it started.
pub struct Built {
    pub with_fetcher: Times,
    pub with_http: Times,
    /// Threads and open files more than before, with a factory of each kind alive.
    pub threads: usize,
    pub files: usize,
}

fn http(address: SocketAddr) -> fleet_token::AuthTokenFactoryBuilder {
    AuthTokenFactory::builder().vehicle_endpoint(format!("http://{address}/token/{{vehicleId}}")).allow_http_loopback()
}

pub fn build(count: usize) -> Built {
    let entries = |folder: &str| fs::read_dir(folder).map_or(0, Iterator::count);
    let source = Source::new();
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    let time = |make: &dyn Fn() -> AuthTokenFactory| {
        let one = || {
            let start = clock::now();
            let factory = make();
            let took = clock::since(start);
            drop(factory);
            took
        };
        times((0..count).map(|_| one()).collect())
    };
    let before = (entries("/proc/self/task"), entries("/proc/self/fd"));
    let alive = (ours::factory(&source), http(address).build().expect("the defaults make sense"));
    let after = (entries("/proc/self/task"), entries("/proc/self/fd"));
    drop(alive);
    Built {
        with_fetcher: time(&|| ours::factory(&source)),
        with_http: time(&|| http(address).build().expect("the defaults make sense")),
        threads: after.0 - before.0,
        files: after.1 - before.1,
    }
}

/// What a miss takes.
pub struct Missed {
    /// Over a source in memory, which answers at once: all of it is ours. On a runtime of one thread.
    pub in_memory: Times,
    /// The same from a thread that blocks, on the factory's own runtime: two changes of thread are in it.
    pub blocking: Times,
    /// Over HTTP on loopback, on a connection that is kept.
    pub http: Times,
    /// The same request by reqwest alone.
    pub bare: Times,
    /// What each miss took more than the bare request just after it, by medians of both.
    pub more: f64,
}

pub fn miss(home: &Handle, count: usize) -> Missed {
    let contexts = fleet::contexts(count);
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime without threads");
    let in_memory = runtime.block_on(async {
        let factory = ours::factory(&Source::new());
        let mut all = Vec::with_capacity(count);
        for context in &contexts {
            all.push(timed(&factory, context).await);
        }
        times(all)
    });
    let factory = ours::factory(&Source::new());
    let blocking = |context: &AuthTokenContext| {
        let start = clock::now();
        black_box(factory.blocking_token(context).expect("the source answers"));
        clock::since(start)
    };
    // The first one starts the runtime.
    blocking(&AuthTokenContext::vehicle("first"));
    let blocking = times(contexts.iter().map(blocking).collect());
    let address = home.block_on(server::serve(Source::new()));
    let (http, bare) = runtime.block_on(over_http(address, &contexts));
    Missed { in_memory, blocking, more: http.median - bare.median, http, bare }
}

async fn timed(factory: &AuthTokenFactory, context: &AuthTokenContext) -> Duration {
    let start = clock::now();
    black_box(factory.token(context).await.expect("the source answers"));
    clock::since(start)
}

/// In turn, so that both have the same machine.
async fn over_http(address: SocketAddr, contexts: &[AuthTokenContext]) -> (Times, Times) {
    let factory = http(address).build().expect("the defaults make sense");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for (turn, context) in contexts.iter().enumerate() {
        let miss = timed(&factory, context).await;
        let url = format!("http://{address}/token/{}", context.vehicle_id().unwrap_or_default());
        let start = clock::now();
        let reply = client.get(url).send().await.expect("loopback answers");
        black_box(reply.bytes().await.expect("a body"));
        let request = clock::since(start);
        // The first of each opens its connection.
        if turn > 0 {
            ours.push(miss);
            bare.push(request);
        }
    }
    (times(ours), times(bare))
}

/// How often the threads of an idle factory were awake.
pub struct Idle {
    pub given_runtime: u64,
    pub own_runtime: u64,
    /// For how long they were watched.
    pub watched: Duration,
}

pub fn idle(watched: Duration) -> Idle {
    let contexts = fleet::contexts(10_000);
    let watch = |fill: &dyn Fn(&AuthTokenFactory), factory: &AuthTokenFactory, before: &HashMap<String, u64>| {
        fill(factory);
        // Threads that had work look for more for a moment before they sleep.
        wait(Duration::from_millis(200));
        let start = new_switches(before);
        wait(watched);
        let end = new_switches(before);
        assert!(!end.is_empty(), "no thread of a runtime was seen");
        assert_eq!(factory.stats().entries, 10_000);
        end.iter().map(|(task, count)| count - start.get(task).copied().unwrap_or(0)).sum()
    };
    let wait_for_all = |factory: &AuthTokenFactory| {
        factory.prefetch(&contexts);
        while factory.stats().successes < 10_000 {
            std::thread::yield_now();
        }
    };
    let before = switches();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let factory = runtime.block_on(async { fleet::factory(&Source::new(), 10_000) });
    let given_runtime = watch(&wait_for_all, &factory, &before);
    drop((factory, runtime));
    let before = switches();
    let factory = fleet::factory(&Source::new(), 10_000);
    let own_runtime = watch(&wait_for_all, &factory, &before);
    Idle { given_runtime, own_runtime, watched }
}

/// Asleep for all that time.
fn wait(time: Duration) {
    let (_keep, nothing) = mpsc::channel::<()>();
    let _ = nothing.recv_timeout(time);
}

/// How often each thread of this process was put on or off a processor.
fn switches() -> HashMap<String, u64> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let count = |status: &str| {
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum()
    };
    tasks
        .filter_map(|task| {
            let status = fs::read_to_string(task.path().join("status")).ok()?;
            Some((task.file_name().to_string_lossy().into_owned(), count(&status)))
        })
        .collect()
}

fn new_switches(before: &HashMap<String, u64>) -> HashMap<String, u64> {
    switches().into_iter().filter(|(task, _)| !before.contains_key(task)).collect()
}

/// All of it.
pub struct Cold {
    pub built: Built,
    pub missed: Missed,
    pub fleets: Vec<(fleet::Took, fleet::Memory)>,
    pub idle: Idle,
}

/// How many keys at once.
pub const FLEETS: [usize; 4] = [1000, 4000, 10_000, 16_000];

/// The quickest of a few, so that the machine's other work is not in it.
pub fn fleet(keys: usize, tries: usize) -> fleet::Took {
    let contexts = fleet::contexts(keys);
    let one = |_| fleet::prefetch(&contexts, |_| ()).0;
    (0..tries).map(one).min_by_key(|took| took.cpu).expect("at least one try")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_wakes_up_is_seen() {
        let before = switches();
        let (end, ended) = mpsc::channel::<()>();
        let (told, tell) = mpsc::channel();
        let sleeper = std::thread::spawn(move || {
            for _ in 0..50 {
                wait(Duration::from_millis(1));
            }
            told.send(()).unwrap();
            let _ = ended.recv();
        });
        tell.recv().unwrap();
        assert!(new_switches(&before).values().any(|count| *count >= 50), "50 naps of a thread were not seen");
        drop(end);
        sleeper.join().unwrap();
    }
}
