//! The simulated device is the factory: in good and in bad weather both send the same requests at the same times.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use fleet_token::{
    AuthToken, AuthTokenContext, AuthTokenFactory, Clock as _, Expiry, FetchRequest, FetchedToken, ManualClock,
    TokenError, TokenFetcher, async_trait,
};
use fleet_token_fleet_sim::backend::{Backend, World};
use fleet_token_fleet_sim::client::{Ours, Setting};
use fleet_token_fleet_sim::fleet::{self, Course, PACE};
use fleet_token_fleet_sim::queue::{Heap, SECOND, Time};

const LIFE: Duration = Duration::from_secs(3600);
const MARGIN: Duration = Duration::from_secs(600);
const MINUTE: Time = 60 * SECOND;
const HOUR: Time = 60 * MINUTE;
const DAY: Time = 24 * HOUR;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Answers as the simulated backend does, and notes when it was asked.
#[derive(Clone)]
struct Scripted {
    clock: ManualClock,
    start: Time,
    world: World,
    backend: Arc<Mutex<(Backend, fastrand::Rng)>>,
    asked: Arc<Mutex<Vec<Time>>>,
}

impl Scripted {
    fn new(world: &World, seed: u64) -> Self {
        let backend = (Backend::default(), fleet::chance(seed));
        let mut scripted = Self {
            clock: ManualClock::default(),
            start: 0,
            world: world.clone(),
            backend: Arc::new(Mutex::new(backend)),
            asked: Arc::default(),
        };
        scripted.start = scripted.now();
        scripted
    }

    fn now(&self) -> Time {
        u64::try_from(self.clock.now().since_origin().as_nanos()).unwrap() - self.start
    }
}

#[async_trait]
impl TokenFetcher for Scripted {
    async fn fetch(&self, _: FetchRequest<'_>) -> Result<FetchedToken, TokenError> {
        let at = self.now();
        self.asked.lock().unwrap().push(at);
        let (brings, after) = {
            let (backend, rng) = &mut *self.backend.lock().unwrap();
            backend.answer(&self.world, 0, at, rng)
        };
        self.clock.sleep(Duration::from_nanos(after)).await;
        if brings {
            Ok(FetchedToken::new(format!("SECRET-TOKEN-{at}")).with_expiry(Expiry::In(LIFE)))
        } else {
            Err(TokenError::Unavailable { status: 503, retry_after: None })
        }
    }
}

fn minted(token: &AuthToken) -> Time {
    token.value().strip_prefix("SECRET-TOKEN-").unwrap().parse().unwrap()
}

/// Asks for a token and calls Fleet Engine with it. If that refuses one that was there already, says so and asks again.
async fn call(factory: AuthTokenFactory, world: World, at: Time) {
    let context = AuthTokenContext::vehicle("v1");
    let Ok(token) = factory.token(&context).await else { return };
    if minted(&token) < at && !world.accepts(minted(&token), at) {
        factory.invalidate(&context, &token);
        let _ = factory.token(&context).await;
    }
}

/// When the real factory sends requests if it is asked every ten seconds.
fn of_the_factory(world: &World, seed: u64) -> Vec<Time> {
    let outside = Scripted::new(world, seed);
    let jobs: Arc<Mutex<Vec<Job>>> = Arc::default();
    let spawned = Arc::clone(&jobs);
    let factory = AuthTokenFactory::builder()
        .clock(outside.clock.clone())
        .fetcher(outside.clone())
        .safety_margin(MARGIN)
        .seeded_jitter(seed)
        .polled_by(move |job| spawned.lock().unwrap().push(job))
        .build()
        .unwrap();
    let (mut running, mut caller) = (Vec::<Job>::new(), None::<Job>);
    let mut next_call = 0;
    while outside.now() < DAY {
        if outside.now() == next_call {
            caller = caller.or_else(|| Some(Box::pin(call(factory.clone(), world.clone(), next_call))));
            next_call += PACE;
        }
        // Twice, so that what one woke is looked at, whichever came first.
        for _ in 0..3 {
            let mut context = Context::from_waker(Waker::noop());
            caller = caller.and_then(|mut job| job.as_mut().poll(&mut context).is_pending().then_some(job));
            running.append(&mut jobs.lock().unwrap());
            running.retain_mut(|job| job.as_mut().poll(&mut context).is_pending());
        }
        let to_call = Duration::from_nanos(next_call - outside.now());
        outside.clock.advance(outside.clock.next_wake().map_or(to_call, |wake| wake.min(to_call)));
    }
    let asked = outside.asked.lock().unwrap();
    asked.clone()
}

fn of_the_simulation(world: &World, seed: u64) -> Vec<Time> {
    let course = Course {
        devices: 1,
        seed,
        setting: Setting::new(LIFE, MARGIN),
        world: world.clone(),
        begin_within: 0,
        from: 0,
        to: DAY,
    };
    fleet::requests::<Ours, Heap>(&course)
}

/// Both, for some seeds; how many requests there were.
fn compare(world: &World) -> usize {
    let each = (1..=8).map(|seed| {
        let real = of_the_factory(world, seed);
        assert_eq!(of_the_simulation(world, seed), real, "seed {seed} in {world:?}");
        real.len()
    });
    each.sum()
}

fn outage(from: Time, lasts: Time) -> World {
    World { outage: Some((from, from + lasts)), ..World::default() }
}

#[test]
fn on_a_quiet_day() {
    assert_eq!(compare(&World::default()), 8 * 29);
}

#[test]
fn through_outages_short_and_long_and_from_the_start() {
    // The third falls due at about half past one.
    for lasts in [1, 5, 9, 15, 90] {
        assert!(compare(&outage(95 * MINUTE, lasts * MINUTE)) >= 8 * 28);
    }
    assert!(compare(&outage(0, 20 * MINUTE)) > 8 * 40);
}

#[test]
fn with_a_slow_backend() {
    compare(&World { slow: Some(((HOUR, 9 * HOUR), 5 * SECOND)), ..World::default() });
}

#[test]
fn where_requests_fail_by_chance_or_the_device_is_offline_now_and_then() {
    let flaky = World { flaky: 0.5, ..World::default() };
    assert!(compare(&flaky) > 8 * 40);
    let gaps = World { gaps: Some((5 * MINUTE, 3 * MINUTE)), flaky: 0.2, ..World::default() };
    assert!(compare(&gaps) > 8 * 50);
}

#[test]
fn where_fleet_engine_refuses_every_token() {
    let world = World { bad_key: Some((2 * HOUR, 2 * HOUR + 5 * MINUTE)), ..World::default() };
    assert!(compare(&world) >= 8 * (29 + 30));
}
