//! A factory in a box: a backend that answers at once, and one thread that runs what is ready.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use fleet_token::{
    AuthToken, AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, Clock, Expiry, FetchRequest, FetchedToken,
    HttpRequest, HttpResponse, HttpTransport, TokenError, TokenFetcher, TransportError, async_trait,
};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};

use crate::token::opaque;

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) struct World {
    pub(crate) factory: AuthTokenFactory,
    jobs: Arc<Mutex<Vec<Job>>>,
    /// The system's clock sleeps on tokio's timer, which must be there, and is never waited for.
    runtime: Runtime,
}

impl World {
    pub(crate) fn new(
        clock: impl Clock,
        configure: impl FnOnce(AuthTokenFactoryBuilder) -> AuthTokenFactoryBuilder,
    ) -> Self {
        let jobs: Arc<Mutex<Vec<Job>>> = Arc::default();
        let inbox = Arc::clone(&jobs);
        let builder = AuthTokenFactory::builder().clock(clock).fixed_jitter(0.5);
        let factory = configure(builder).polled_by(move |job| inbox.lock().push(job)).build();
        let runtime = Builder::new_current_thread().enable_time().build();
        Self { factory: ours(factory), jobs, runtime: ours(runtime) }
    }

    /// Runs every fetch that has begun to its end.
    pub(crate) fn fetch(&self) {
        let _timers = self.runtime.enter();
        for mut job in std::mem::take(&mut *self.jobs.lock()) {
            let ended = job.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(ended.is_ready(), "the backend answers at once");
        }
    }

    /// Gets a token under each of these keys.
    pub(crate) fn fill(&self, contexts: &[AuthTokenContext]) {
        for context in contexts {
            assert!(self.factory.try_token(context).is_none(), "nothing is there yet");
            self.fetch();
            assert!(self.factory.try_token(context).is_some(), "it was fetched");
        }
    }
}

/// The answer of a call that does not wait.
pub(crate) fn at_once<T>(call: impl Future<Output = T>) -> Option<T> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

/// What cannot fail here.
pub(crate) fn ours<T, E: std::fmt::Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("of our own making: {error:?}"))
}

pub(crate) fn vehicles(count: usize) -> Vec<AuthTokenContext> {
    (0..count).map(|n| AuthTokenContext::vehicle(vehicle(n))).collect()
}

pub(crate) fn vehicle(n: usize) -> String {
    format!("vehicle-{n:06}")
}

/// The shortest way to a token: each is ready, and for an hour.
pub(crate) struct Tokens(Mutex<Vec<FetchedToken>>);

impl Tokens {
    pub(crate) fn new(count: usize) -> Self {
        Self(Mutex::new((0..count).map(|n| FetchedToken::new(opaque(n)).with_expiry(Expiry::In(HOUR))).collect()))
    }
}

#[async_trait]
impl TokenFetcher for Tokens {
    async fn fetch(&self, _: FetchRequest<'_>) -> Result<FetchedToken, TokenError> {
        self.0.lock().pop().ok_or(TokenError::NotFound)
    }
}

/// A wire without any: the replies are ready, the last of them first.
pub(crate) struct Replies(pub(crate) Mutex<Vec<HttpResponse>>);

#[async_trait]
impl HttpTransport for Replies {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.0.lock().pop().ok_or(TransportError::Timeout)
    }
}

/// Calls [`World::factory`]'s `token` for a key that has none: the call, the fetch, the answer.
pub(crate) fn miss(world: &World, context: &AuthTokenContext) -> AuthToken {
    let mut call = pin!(world.factory.token(context));
    let mut waker = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut waker).is_pending(), "nothing is there yet");
    world.fetch();
    match call.poll(&mut waker) {
        Poll::Ready(answer) => ours(answer),
        Poll::Pending => panic!("the fetch is over, and the call is not"),
    }
}
