//! A factory whose fetches shuttle runs, a backend that counts, and the schedules.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use fleet_token::{
    AuthToken, AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, BootTime, Clock, Expiry, FetchRequest,
    FetchedToken, ManualClock, Sleep, TokenError, TokenFetcher, async_trait,
};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};

/// Schedules of each kind for each test. The whole suite takes a minute at most.
const SCHEDULES: usize = 10_000;
/// How many switches away from what would run first a PCT schedule makes.
const DEPTH: usize = 3;

/// Runs `test` in many orders of its steps. The seed is fixed: what fails, fails again.
pub(crate) fn in_every_order(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let mut config = Config::new();
    config.stack_size = 0x4_0000;
    let schedules = std::env::var("FLEET_TOKEN_SCHEDULES").ok().and_then(|n| n.parse().ok()).unwrap_or(SCHEDULES);
    let at_random = Arc::clone(&test);
    Runner::new(RandomScheduler::new_from_seed(7, schedules), config.clone()).run(move || at_random());
    Runner::new(PctScheduler::new_from_seed(7, DEPTH, schedules), config).run(move || test());
}

/// What the backend hands out for a request: by key, and by how many requests for it there were.
pub(crate) type Hands = fn(&Backend, &AuthTokenContext, usize) -> Result<String, TokenError>;

/// Counts requests, under way and in all.
#[derive(Clone)]
pub(crate) struct Backend {
    state: Arc<Mutex<State>>,
    hands: Hands,
}

#[derive(Default)]
struct State {
    under_way: HashMap<AuthTokenContext, usize>,
    asked: HashMap<AuthTokenContext, usize>,
    lingers: bool,
    session: u32,
}

impl Backend {
    pub(crate) fn new(hands: Hands) -> Self {
        Self { state: Arc::default(), hands }
    }

    /// A token a request, numbered: `SECRET-TOKEN-v1-1`, then `-2`.
    pub(crate) fn numbered() -> Self {
        Self::new(|_, context, n| Ok(format!("SECRET-TOKEN-{}-{n}", context.vehicle_id().unwrap_or_default())))
    }

    // Never held across a step of shuttle's.
    fn with<R>(&self, with: impl FnOnce(&mut State) -> R) -> R {
        with(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// For tests that clear or give up: a request may end a moment after the next one began.
    pub(crate) fn with_clears(self) -> Self {
        self.with(|state| state.lingers = true);
        self
    }

    pub(crate) fn asked(&self, context: &AuthTokenContext) -> usize {
        self.with(|state| state.asked.get(context).copied().unwrap_or(0))
    }

    pub(crate) fn session(&self) -> u32 {
        self.with(|state| state.session)
    }

    /// Another user signs in.
    pub(crate) fn sign_in(&self) {
        self.with(|state| state.session += 1);
    }
}

/// A request is over, also when it is dropped.
struct UnderWay(Backend, AuthTokenContext);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.with(|state| *state.under_way.entry(self.1.clone()).or_default() -= 1);
    }
}

#[async_trait]
impl TokenFetcher for Backend {
    async fn fetch(&self, request: FetchRequest<'_>) -> Result<FetchedToken, TokenError> {
        let context = request.context.clone();
        let (n, under_way) = self.with(|state| {
            let asked = state.asked.entry(context.clone()).or_default();
            *asked += 1;
            let n = *asked;
            let under_way = state.under_way.entry(context.clone()).or_default();
            *under_way += 1;
            (n, if state.lingers { 1 } else { *under_way })
        });
        let _under_way = UnderWay(self.clone(), context.clone());
        assert_eq!(under_way, 1, "one fetch for a key at a time");
        let token = (self.hands)(self, &context, n);
        shuttle::future::yield_now().await;
        token.map(|token| FetchedToken::new(token).with_expiry(Expiry::In(Duration::from_secs(3600))))
    }
}

/// Time stands still; short pauses end all the same, deadlines do not.
#[derive(Debug)]
struct Standing(ManualClock);

impl Clock for Standing {
    fn now(&self) -> BootTime {
        self.0.now()
    }

    fn wall(&self) -> SystemTime {
        self.0.wall()
    }

    fn sleep(&self, delay: Duration) -> Sleep {
        if delay < Duration::from_secs(5) {
            Box::pin(shuttle::future::yield_now())
        } else {
            Box::pin(std::future::pending())
        }
    }
}

pub(crate) fn builder(backend: &Backend) -> AuthTokenFactoryBuilder {
    on_clock(backend, &ManualClock::default())
}

pub(crate) fn on_clock(backend: &Backend, clock: &ManualClock) -> AuthTokenFactoryBuilder {
    AuthTokenFactory::builder()
        .clock(Standing(clock.clone()))
        .fixed_jitter(0.0)
        .max_attempts(2)
        .polled_by(|fetch| drop(shuttle::future::spawn(fetch)))
        .fetcher(backend.clone())
}

pub(crate) fn factory(backend: &Backend) -> AuthTokenFactory {
    builder(backend).build().unwrap()
}

pub(crate) fn key(n: u32) -> AuthTokenContext {
    AuthTokenContext::vehicle(format!("v{n}"))
}

/// The token's number, so that an assertion that fails prints no secret.
pub(crate) fn number(token: &AuthToken) -> u32 {
    token.value().rsplit('-').next().unwrap().parse().unwrap()
}
