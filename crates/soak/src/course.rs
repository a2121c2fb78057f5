//! One run from its start to its end: callers call, and at times everything rests, so that what is left can be measured.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use fleet_token::{
    AuthTokenFactory, BootTime, Clock as _, ContextKind, ReqwestTransport, SessionHeaders, Stats, SystemClock,
};
use fleet_token_backend::Stats as WorldStats;
use tokio::runtime::Runtime;

use crate::book::{AHEAD, Book, MARGIN, Pages, Requests, Wire};
use crate::callers::{self, Answers, Caller, Way};
use crate::gate::Gate;
use crate::judge::{Judge, Sentences};
use crate::keys::{self, Key, Kind};
use crate::link::Link;
use crate::table;
use crate::vitals::Vitals;
use crate::world::LOGIN;

/// Within what every call is to be answered.
pub(crate) const DEADLINE: Duration = Duration::from_secs(8);

/// After so long everything that is made once has been made.
const WARM: Duration = Duration::from_secs(10);

/// Between two rests.
const REST_EVERY: Duration = Duration::from_secs(120);

/// Between two lines of output.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How long everything may take to come to rest: the longest call to the factory, and one to the engine.
const PATIENCE: Duration = Duration::from_secs(45);

/// What a run came to.
pub(crate) struct Outcome {
    pub(crate) took: Duration,
    /// Before the factory was there, and after it was gone.
    pub(crate) before: Vitals,
    pub(crate) after: Vitals,
    /// Each time when everything rested and the cache was empty; the first one warm.
    pub(crate) rests: Vec<Vitals>,
    /// The highest of each at any moment.
    pub(crate) highest: Vitals,
    pub(crate) stats: Stats,
    /// What backend and engine counted until the factory was there, and until the end.
    pub(crate) world_before: WorldStats,
    pub(crate) world: WorldStats,
    pub(crate) answers: Arc<Answers>,
    pub(crate) sentences: Arc<Sentences>,
    pub(crate) book: Arc<Book>,
    pub(crate) requests: Arc<Requests>,
    pub(crate) outages: u64,
    pub(crate) clears: u64,
}

/// Runs it.
pub(crate) fn run(seed: u64, length: Duration, runtime: &Runtime) -> Result<Outcome, String> {
    println!("seed {seed}, {}, {} keys, {} callers", table::span(length), keys::KEYS, callers::number());
    let (weather, changes) = mpsc::channel();
    let mut link = Link::start(seed, move |is_up| {
        // Nobody listens any more when the run is over.
        let _ = weather.send(is_up);
    })?;
    let keys = Arc::new(keys::all());
    let requests = Arc::new(Requests::new(&keys, &link.backend));
    let book = Arc::new(Book::new(&keys, Arc::clone(&requests)));
    rehearse(&keys, &link, runtime)?;
    link.rest()?;
    let world_before = link.stats()?;
    let before = settled(None, runtime)?;
    link.resume()?;

    let factory = factory(&link.backend, Arc::clone(&requests))?;
    let reader = read_events(&factory, &book);
    let (gate, judge, answers) = (Gate::new(), Judge::new(&link.engine)?, Arc::<Answers>::default());
    let sentences = Arc::clone(&judge.sentences);
    let crew = Crew::hire(&factory, &keys, &judge, &answers, &gate, seed, runtime);
    drop(judge);

    let mut day = Day {
        factory,
        link,
        gate,
        changes,
        runtime,
        keys,
        requests: Arc::clone(&requests),
        rng: Rng::with_seed(seed ^ 0x50AC),
        rests: Vec::new(),
        highest: before,
        outages: 0,
        clears: 0,
    };
    let began = now();
    day.spend(length, || table::line(now().saturating_since(began), &book, &answers, &sentences))?;
    let Day { factory, mut link, gate, rests, highest, outages, clears, .. } = day;
    gate.send_home();
    crew.dismiss(runtime)?;
    let took = now().saturating_since(began);
    runtime.block_on(factory.shutdown());
    let stats = factory.stats();
    drop(factory);
    reader.join().map_err(|_| "the reader of events panicked".to_owned())?;
    let after = settled(Some(before), runtime)?;
    let world = link.stats()?;
    Ok(Outcome {
        took,
        before,
        after,
        rests,
        highest,
        stats,
        world_before,
        world,
        answers,
        sentences,
        book,
        requests,
        outages,
        clears,
    })
}

impl Outcome {
    pub(crate) fn pages<R>(&self, read: impl FnOnce(&Pages) -> R) -> R {
        self.book.read(read)
    }
}

fn now() -> BootTime {
    SystemClock::new().now()
}

/// A factory as an app builds one, but for the times, which suit tokens of 10 to 60 s. Built outside any runtime, it has
/// one of its own, which is to go with it.
fn factory(backend: &str, requests: Arc<Requests>) -> Result<AuthTokenFactory, String> {
    let wire = ReqwestTransport::new().map_err(|error| error.to_string())?;
    let endpoint = |kind: Kind| format!("{backend}{}", kind.route());
    let login = SessionHeaders::bearer(LOGIN).map_err(|error| error.to_string())?;
    AuthTokenFactory::builder()
        .endpoint(ContextKind::Vehicle, endpoint(Kind::Vehicle))
        .endpoint(ContextKind::Trip, endpoint(Kind::Trip))
        .endpoint(ContextKind::DeliveryVehicle, endpoint(Kind::DeliveryVehicle))
        .endpoint(ContextKind::Task, endpoint(Kind::Task))
        .endpoint(ContextKind::Tracking, endpoint(Kind::Tracking))
        .transport(Wire::new(wire, requests))
        .header_provider(login)
        .allow_http_loopback()
        .safety_margin(MARGIN)
        .refresh_ahead(AHEAD)
        .fetch_deadline(DEADLINE)
        .attempt_timeout(Duration::from_secs(3))
        .build()
        .map_err(|error| error.to_string())
}

/// A short while of everything, with a factory that is thrown away, so that what a process makes only once is made.
fn rehearse(keys: &Arc<Vec<Key>>, link: &Link, runtime: &Runtime) -> Result<(), String> {
    let requests = Arc::new(Requests::new(keys, &link.backend));
    let factory = factory(&link.backend, Arc::clone(&requests))?;
    let reader = read_events(&factory, &Arc::new(Book::new(keys, requests)));
    let (gate, judge, answers) = (Gate::new(), Judge::new(&link.engine)?, Arc::<Answers>::default());
    let crew = Crew::hire(&factory, keys, &judge, &answers, &gate, 0, runtime);
    gate.open();
    let enough = callers::number() as u64 * 20;
    let rehearsed = until(PATIENCE, runtime, || judge.sentences.all() > enough);
    gate.send_home();
    crew.dismiss(runtime)?;
    runtime.block_on(factory.shutdown());
    drop(factory);
    reader.join().map_err(|_| "the reader of events panicked".to_owned())?;
    if rehearsed { Ok(()) } else { Err("nothing works".to_owned()) }
}

/// On a thread that does nothing else, so that it misses none.
fn read_events(factory: &AuthTokenFactory, book: &Arc<Book>) -> thread::JoinHandle<()> {
    let (mut events, book) = (factory.events(), Arc::clone(book));
    thread::spawn(move || {
        if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() {
            runtime.block_on(async {
                while let Some(event) = events.next().await {
                    book.note(&event);
                }
            });
        }
    })
}

/// The callers, at work.
struct Crew {
    tasks: Vec<tokio::task::JoinHandle<()>>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Crew {
    fn hire(
        factory: &AuthTokenFactory,
        keys: &Arc<Vec<Key>>,
        judge: &Judge,
        answers: &Arc<Answers>,
        gate: &Gate,
        seed: u64,
        runtime: &Runtime,
    ) -> Self {
        let caller = |way, n: u64| Caller {
            way,
            factory: factory.clone(),
            keys: Arc::clone(keys),
            judge: judge.clone(),
            answers: Arc::clone(answers),
            pass: gate.pass(),
            rng: Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(n)),
        };
        let (mut tasks, mut threads) = (Vec::new(), Vec::new());
        let ways = Way::ALL.into_iter().flat_map(|(way, number)| std::iter::repeat_n(way, number));
        for (n, way) in (0..).zip(ways) {
            let caller = caller(way, n);
            if way.blocks() {
                let handle = runtime.handle().clone();
                threads.push(thread::spawn(move || caller.run_blocking(&handle)));
            } else {
                tasks.push(runtime.spawn(caller.run()));
            }
        }
        Self { tasks, threads }
    }

    /// Waits until all have gone home. One who panicked is an error, and so is one who does not come.
    fn dismiss(self, runtime: &Runtime) -> Result<(), String> {
        let gone = until(PATIENCE, runtime, || {
            self.tasks.iter().all(tokio::task::JoinHandle::is_finished)
                && self.threads.iter().all(thread::JoinHandle::is_finished)
        });
        if !gone {
            return Err(format!("a caller was still waiting {} after the end", table::span(PATIENCE)));
        }
        for task in self.tasks {
            runtime.block_on(task).map_err(|error| format!("a caller panicked: {error}"))?;
        }
        self.threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a caller panicked".to_owned()))
    }
}

/// What happens while callers call.
struct Day<'a> {
    factory: AuthTokenFactory,
    link: Link,
    gate: Gate,
    changes: Receiver<bool>,
    runtime: &'a Runtime,
    keys: Arc<Vec<Key>>,
    requests: Arc<Requests>,
    rng: Rng,
    rests: Vec<Vitals>,
    highest: Vitals,
    outages: u64,
    clears: u64,
}

impl Day<'_> {
    /// Lets callers call for `length`, with rests, of which the last is at the end.
    fn spend(&mut self, length: Duration, line: impl Fn() -> String) -> Result<(), String> {
        let (mut called, mut since, mut told) = (Duration::ZERO, now(), Duration::ZERO);
        let mut rest_at = WARM.min(length / 3);
        let mut clear_at = self.clear_after(Duration::ZERO);
        self.gate.open();
        loop {
            pause(Duration::from_millis(200), self.runtime);
            let moment = now();
            called += moment.saturating_since(since);
            since = moment;
            self.highest = self.highest.highest(Vitals::now()?);
            for is_up in self.changes.try_iter() {
                self.outages += u64::from(!is_up);
                if is_up {
                    // The app's own look at the network says so.
                    self.requests.ending_waits(|| self.factory.network_available());
                }
            }
            if called >= clear_at {
                clear_at = self.clear_after(called);
                self.sign_in_again();
            }
            if called >= told + LINE_EVERY {
                told = called;
                println!("{}  {}", line(), table::vitals(self.highest.resident, Vitals::now()?));
            }
            if called >= rest_at || called >= length {
                rest_at = called + REST_EVERY;
                self.rest()?;
                if called >= length {
                    return Ok(());
                }
                self.link.resume()?;
                self.gate.open();
                since = now();
            }
        }
    }

    fn clear_after(&mut self, called: Duration) -> Duration {
        called + Duration::from_secs(self.rng.u64(25..=60))
    }

    fn forget(&mut self) {
        self.requests.ending_waits(|| self.requests.around(|| self.factory.clear()));
        self.clears += 1;
    }

    /// The user signs out and in again; some keys are fetched before anybody asks.
    fn sign_in_again(&mut self) {
        self.forget();
        self.requests.ending_waits(|| self.factory.session_changed());
        let some = self.rng.usize(0..=self.keys.len() / 4);
        self.factory.prefetch(self.keys.iter().take(some).map(|key| &key.context));
    }

    /// Everybody stands still, nothing is cached, no connection is open: what there is now, there will always be.
    fn rest(&mut self) -> Result<(), String> {
        self.gate.close();
        if !until(PATIENCE, self.runtime, || self.gate.still() == callers::number()) {
            let waiting = callers::number() - self.gate.still();
            return Err(format!("{waiting} callers were still waiting for an answer after {}", table::span(PATIENCE)));
        }
        self.link.rest()?;
        // The HTTP library forgets connections that have ended when it looks for one, so it has to look.
        let failures = self.factory.stats().failures;
        self.forget();
        self.factory.prefetch(self.keys.iter().take(1).map(|key| &key.context));
        if !until(PATIENCE, self.runtime, || self.factory.stats().failures > failures) {
            return Err("a fetch from a backend that is gone did not fail".to_owned());
        }
        self.forget();
        let vitals = settled(self.rests.first().copied(), self.runtime)?;
        println!("  at rest: {}", table::rest(vitals));
        self.rests.push(vitals);
        Ok(())
    }
}

/// A timer has to be made where its runtime is.
fn pause(pause: Duration, runtime: &Runtime) {
    runtime.block_on(async { tokio::time::sleep(pause).await });
}

/// Waits for a condition, looking at it again and again; `false` when it did not come true in time.
fn until(patience: Duration, runtime: &Runtime, is_true: impl Fn() -> bool) -> bool {
    let began = now();
    while !is_true() {
        if now().saturating_since(began) > patience {
            return false;
        }
        pause(Duration::from_millis(20), runtime);
    }
    true
}

/// What is there when nothing ends any more: when there are as many threads and files as there were (`like`), or for
/// want of that, or of patience, when their number has not changed for a while.
fn settled(like: Option<Vitals>, runtime: &Runtime) -> Result<Vitals, String> {
    const STEADY: Duration = Duration::from_millis(2500);
    const LONGEST: Duration = Duration::from_secs(20);
    let (began, mut since, mut last) = (now(), now(), Vitals::now()?);
    loop {
        pause(Duration::from_millis(50), runtime);
        let vitals = Vitals::now()?;
        if (vitals.threads, vitals.files) != (last.threads, last.files) {
            (since, last) = (now(), vitals);
        }
        let back = like.is_some_and(|like| (like.threads, like.files) == (vitals.threads, vitals.files));
        let steady = now().saturating_since(since);
        // Back for a moment is not enough: what is freed by the last to go may come a little later.
        if (back && steady > STEADY / 5)
            || (like.is_none() && steady > STEADY)
            || now().saturating_since(began) > LONGEST
        {
            return Ok(vitals);
        }
    }
}

/// How often reports of refused tokens were news to the factory.
pub(crate) fn reported(answers: &Answers) -> u64 {
    answers.reported.load(Ordering::Relaxed)
}
