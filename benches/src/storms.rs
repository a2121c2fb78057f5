//! Storms: many callers, failing backends, leaving callers. Each store is new for each of them, and has its own source.

use std::fmt::Write as _;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::clock;
use crate::keys::Keys;
use crate::server;
use crate::source::Source;
use crate::stores::{KINDS, Kind, Side, Store, World};

const CALLERS: usize = 64;
const CALLS: usize = 50;
const FOLLOWERS: usize = 10;
const LEAVERS: usize = 400;
const LONG: Duration = Duration::from_secs(3);

/// One storm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storm {
    ColdHerd,
    FailingHerd,
    OtherKey,
    LeaderLeaves,
    Outage,
    ShortLife,
    LastMinutes,
    AllLeave,
}

impl Storm {
    pub const ALL: [Self; 8] = [
        Self::ColdHerd,
        Self::FailingHerd,
        Self::OtherKey,
        Self::LeaderLeaves,
        Self::Outage,
        Self::ShortLife,
        Self::LastMinutes,
        Self::AllLeave,
    ];

    /// What happens, and what the figures are.
    pub fn about(self) -> &'static str {
        match self {
            Self::ColdHerd => "S1: 64 callers of a cold key, fetch takes 50 ms: fetches, wall",
            Self::FailingHerd => "S2: 64 callers, the fetch fails after 50 ms: fetches, wall",
            Self::OtherKey => "S3: hits on one key while another is fetched for 500 ms: the longest that had to wait",
            Self::LeaderLeaves => "S4: the first caller leaves at 100 of 200 ms, 10 others wait: fetches, last served",
            Self::Outage => "S5: 50 calls, 20 ms apart, backend down: fetches",
            Self::ShortLife => "S6: 50 calls, 20 ms apart, tokens live 9 s: fetches",
            Self::LastMinutes => "S7: token good for 9 s, backend down: a call",
            Self::AllLeave => "S8: 400 callers leave one by one, the last stays: fetches, the last",
        }
    }
}

/// What was seen.
#[derive(Clone, Debug, Default)]
struct Seen {
    fetches: usize,
    wall: Duration,
    served: usize,
    panicked: bool,
}

/// One store's line of the table.
pub struct Row {
    pub kind: Kind,
    pub cells: Vec<String>,
}

/// Runs every storm on every store that can be stormed; one that is not through after `limit` is stopped.
///
/// The second is what ours did not keep of its promises.
pub fn run(home: &Handle, limit: Duration) -> (Vec<Row>, String) {
    let kinds: Vec<Kind> = KINDS.into_iter().filter(|kind| kind.storms).collect();
    let mut rows: Vec<Row> = kinds.iter().map(|kind| Row { kind: *kind, cells: Vec::new() }).collect();
    let mut broken = String::new();
    for storm in Storm::ALL {
        println!("{}", storm.about());
        // They mostly sleep: all at once. Where latency is what counts, one by one.
        let all: Vec<Option<Seen>> = if storm == Storm::OtherKey {
            kinds.iter().map(|kind| home.block_on(one(*kind, storm, limit))).collect()
        } else {
            let tasks: Vec<_> = kinds.iter().map(|kind| home.spawn(one(*kind, storm, limit))).collect();
            tasks.into_iter().map(|task| home.block_on(task).unwrap_or_default()).collect()
        };
        for (row, seen) in rows.iter_mut().zip(all) {
            let cell = if storm == Storm::OtherKey && !row.kind.keyed {
                "–".to_owned()
            } else {
                words(storm, seen.as_ref(), limit)
            };
            println!("  {:34} {cell}", row.kind.name);
            if row.kind.side == Side::Ours && !kept(storm, seen.as_ref()) {
                let _ = write!(broken, "{}: {cell}; ", storm.about());
            }
            row.cells.push(cell);
        }
    }
    (rows, broken)
}

/// What fleet-token promises of each. Times have room for a machine that is busy; fetches have none.
fn kept(storm: Storm, seen: Option<&Seen>) -> bool {
    let Some(seen) = seen else { return false };
    let within = |millis| seen.wall < Duration::from_millis(millis);
    match storm {
        Storm::ColdHerd => seen.fetches == 1 && seen.served == CALLERS && within(1000),
        // One flight of three attempts.
        Storm::FailingHerd => seen.fetches == 3 && seen.served == 0 && within(4000),
        Storm::OtherKey => seen.wall.is_zero(),
        Storm::LeaderLeaves => seen.fetches == 1 && seen.served == FOLLOWERS && within(1000),
        Storm::Outage => seen.fetches <= 9,
        Storm::ShortLife => seen.fetches == 1 && seen.served == CALLS,
        Storm::LastMinutes => seen.served == 1,
        Storm::AllLeave => seen.fetches == 1 && seen.served == 1 && !seen.panicked,
    }
}

fn words(storm: Storm, seen: Option<&Seen>, limit: Duration) -> String {
    let Some(Seen { fetches, wall, served, panicked }) = seen else { return format!("> {} s", limit.as_secs()) };
    let wall = wall.as_secs_f64() * 1e3;
    match storm {
        Storm::ColdHerd | Storm::FailingHerd | Storm::LeaderLeaves => format!("{fetches}, {wall:.0} ms"),
        Storm::OtherKey if wall == 0.0 => "none".to_owned(),
        Storm::OtherKey => format!("{wall:.0} ms"),
        Storm::Outage | Storm::ShortLife => fetches.to_string(),
        Storm::LastMinutes => if *served == 1 { "served" } else { "error" }.to_owned(),
        Storm::AllLeave if *panicked => format!("{fetches}, **a caller panicked**"),
        Storm::AllLeave => format!("{fetches}, {}", if *served == 1 { "served" } else { "error" }),
    }
}

/// `None` if it took too long.
async fn one(kind: Kind, storm: Storm, limit: Duration) -> Option<Seen> {
    let source = Source::new();
    match storm {
        Storm::ColdHerd => source.delay(Duration::from_millis(50)),
        Storm::FailingHerd => source.delay(Duration::from_millis(50)).failing(true),
        Storm::LeaderLeaves => source.delay(Duration::from_millis(200)),
        Storm::Outage => source.failing(true),
        Storm::ShortLife | Storm::LastMinutes => source.lifetime(Duration::from_secs(9)),
        // Longer than it takes them all to leave.
        Storm::AllLeave => source.delay(LONG),
        Storm::OtherKey => Arc::clone(&source),
    };
    let address = server::serve(Arc::clone(&source)).await;
    let world = World { keys: Arc::new(Keys::new(2)), source: Arc::clone(&source), address };
    let stormed = Stormed { store: kind.build(&world), keys: Arc::clone(&world.keys), source };
    // The last caller may have to make a fetch of its own.
    let limit = if storm == Storm::AllLeave { limit.max(LONG * 4) } else { limit };
    timeout(limit, stormed.storm(storm)).await.ok()
}

struct Stormed {
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    source: Arc<Source>,
}

impl Stormed {
    async fn storm(&self, storm: Storm) -> Seen {
        let start = clock::now();
        match storm {
            Storm::ColdHerd | Storm::FailingHerd => {
                let callers = (0..CALLERS).map(|_| self.caller(0)).collect();
                self.seen(start, callers).await
            }
            Storm::OtherKey => self.other_key().await,
            Storm::LeaderLeaves => self.leader_leaves(start).await,
            Storm::Outage | Storm::ShortLife => {
                let mut served = 0;
                for _ in 0..CALLS {
                    served += usize::from(self.call(0).await);
                    sleep(Duration::from_millis(20)).await;
                }
                Seen { served, ..self.now(start) }
            }
            Storm::LastMinutes => {
                self.call(0).await;
                self.source.failing(true);
                Seen { served: usize::from(self.call(0).await), ..self.now(start) }
            }
            Storm::AllLeave => self.all_leave(start).await,
        }
    }

    async fn call(&self, key: usize) -> bool {
        self.store.token(&self.keys.ids()[key]).await.is_ok()
    }

    fn caller(&self, key: usize) -> JoinHandle<bool> {
        let (store, id) = (Arc::clone(&self.store), Arc::clone(&self.keys.ids()[key]));
        tokio::spawn(async move { store.token(&id).await.is_ok() })
    }

    fn now(&self, start: Instant) -> Seen {
        Seen { fetches: self.source.fetches(), wall: clock::since(start), ..Seen::default() }
    }

    async fn seen(&self, start: Instant, callers: Vec<JoinHandle<bool>>) -> Seen {
        let (mut served, mut panicked) = (0, false);
        for caller in callers {
            match caller.await {
                Ok(was_served) => served += usize::from(was_served),
                Err(error) => panicked |= error.is_panic(),
            }
        }
        Seen { served, panicked, ..self.now(start) }
    }

    async fn other_key(&self) -> Seen {
        self.call(0).await;
        self.source.delay(Duration::from_millis(500));
        let other = self.caller(1);
        self.fetched(2).await;
        // A hit that takes long may have been held up by the machine's other work; one that is not there at once had to
        // wait. tokio's budget would make one poll in 128 give way: not here.
        let waited = tokio::task::unconstrained(async {
            let mut longest = Duration::ZERO;
            while !other.is_finished() {
                let start = clock::now();
                let mut hit = std::pin::pin!(self.call(0));
                if std::future::poll_fn(|context| Poll::Ready(hit.as_mut().poll(context).is_pending())).await {
                    hit.await;
                    longest = longest.max(clock::since(start));
                }
            }
            longest
        });
        Seen { wall: waited.await, ..Seen::default() }
    }

    async fn leader_leaves(&self, start: Instant) -> Seen {
        let leader = self.caller(0);
        self.fetched(1).await;
        let followers: Vec<_> = (0..FOLLOWERS).map(|_| self.caller(0)).collect();
        sleep(Duration::from_millis(100)).await;
        leader.abort();
        self.seen(start, followers).await
    }

    async fn all_leave(&self, start: Instant) -> Seen {
        let mut leavers = vec![self.caller(0)];
        self.fetched(1).await;
        while leavers.len() < LEAVERS {
            leavers.push(self.caller(0));
            // In line, in this order.
            tokio::task::yield_now().await;
        }
        let last = self.caller(0);
        tokio::task::yield_now().await;
        for leaver in &leavers {
            leaver.abort();
            // Whoever is next has the time to begin.
            sleep(Duration::from_millis(1)).await;
        }
        let left = self.seen(start, leavers).await;
        let last = self.seen(start, vec![last]).await;
        Seen { panicked: left.panicked || last.panicked, ..last }
    }

    /// Waits until so many fetches have begun.
    async fn fetched(&self, count: usize) {
        while self.source.fetches() < count {
            sleep(Duration::from_millis(1)).await;
        }
    }
}
