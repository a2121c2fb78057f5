//! A factory in a box: one answer for every request, a clock that stands, and one thread.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fleet_token::{
    AuthToken, AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, ConfigError, HttpRequest, HttpResponse,
    HttpTransport, ManualClock, TokenError, TokenEvents, TransportError, async_trait,
};
use parking_lot::Mutex;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// No life is longer than this (`AuthTokenFactoryBuilder::max_lifetime`).
pub(crate) const LONGEST: Duration = Duration::from_secs(70 * 60);

/// 2026-01-01.
pub(crate) fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

pub(crate) struct Probe {
    pub(crate) factory: AuthTokenFactory,
    pub(crate) clock: ManualClock,
    events: TokenEvents,
    spawned: Arc<Mutex<Vec<Job>>>,
    wire: Wire,
}

impl Probe {
    /// A factory with one attempt a fetch, to which the backend always answers `response`.
    pub(crate) fn new(
        response: HttpResponse,
        configure: impl FnOnce(AuthTokenFactoryBuilder) -> AuthTokenFactoryBuilder,
    ) -> Result<Self, ConfigError> {
        let clock = ManualClock::new(start());
        let wire = Wire { response: Arc::new(response), sent: Arc::default() };
        let spawned: Arc<Mutex<Vec<Job>>> = Arc::default();
        let inbox = Arc::clone(&spawned);
        let builder = AuthTokenFactory::builder()
            .transport(wire.clone())
            .clock(clock.clone())
            .fixed_jitter(0.5)
            .max_attempts(1)
            .polled_by(move |job| inbox.lock().push(job));
        let factory = configure(builder).build()?;
        Ok(Self { events: factory.events(), factory, clock, spawned, wire })
    }

    /// One call to its end. Nothing here ever has to wait.
    pub(crate) fn ask(&self, context: &AuthTokenContext) -> Result<AuthToken, TokenError> {
        let mut call = pin!(self.factory.token(context));
        let mut waker = Context::from_waker(Waker::noop());
        for _ in 0..10 {
            if let Poll::Ready(answer) = call.as_mut().poll(&mut waker) {
                return answer;
            }
            self.run();
        }
        panic!("a call was not answered, though the backend was");
    }

    /// Everything that is ready.
    pub(crate) fn run(&self) {
        let mut waker = Context::from_waker(Waker::noop());
        let jobs = std::mem::take(&mut *self.spawned.lock());
        let waiting = jobs.into_iter().filter_map(|mut job| job.as_mut().poll(&mut waker).is_pending().then_some(job));
        let waiting: Vec<_> = waiting.collect();
        self.spawned.lock().extend(waiting);
    }

    /// What was asked for so far.
    pub(crate) fn sent(&self) -> Vec<HttpRequest> {
        self.wire.sent.lock().clone()
    }

    /// Neither an answer nor an event repeats what must not be seen.
    pub(crate) fn tells_no_secret(&mut self, answer: &Result<AuthToken, TokenError>) {
        let mut text = match answer {
            Ok(token) => format!("{token:?}"),
            Err(error) => chain(error),
        };
        while let Some(event) = self.events.try_next() {
            let _ = write!(text, "{event:?}");
        }
        assert!(!text.contains("SECRET"), "a secret is told: {text}");
        assert!(text.len() < 4000, "{} bytes are told of one call", text.len());
    }
}

fn chain(error: &TokenError) -> String {
    let mut text = format!("{error:?} {error:#?}");
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[derive(Clone)]
struct Wire {
    response: Arc<HttpResponse>,
    sent: Arc<Mutex<Vec<HttpRequest>>>,
}

#[async_trait]
impl HttpTransport for Wire {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.sent.lock().push(request);
        let response = &self.response;
        Ok(HttpResponse::new(response.status, response.headers.clone(), response.body.to_vec()))
    }
}
