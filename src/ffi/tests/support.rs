//! The app's side, played by Rust: a scripted transport on the manual clock, and callers that poll by hand.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::super::*;

pub(super) const START_MS: u64 = 1_767_225_600_000;
pub(super) const HOUR: &str = r#"{"token":"SECRET-TOKEN-#","expiresInSeconds":3600}"#;

/// What the app's transport does with a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Answer,
    Status(u16),
    Throw,
    ThrowUndeclared,
    /// Answers when the clock was advanced so far.
    Late(u64),
    Hang,
    Panic,
}

pub(super) struct Wire {
    pub(super) act: Mutex<Act>,
    pub(super) clock: Arc<FfiManualClock>,
    pub(super) sent: AtomicUsize,
    pub(super) ended: AtomicUsize,
}

#[async_trait]
impl FfiHttpTransport for Wire {
    async fn send(&self, request: FfiHttpRequest) -> Result<FfiHttpResponse, FfiTransportError> {
        assert!(request.timeout_ms > 0 && request.max_body > 0);
        let number = self.sent.fetch_add(1, Ordering::SeqCst) + 1;
        let mut status = 200;
        let act = *self.act.lock();
        match act {
            Act::Answer => {}
            Act::Status(other) => status = other,
            Act::Throw => return Err(FfiTransportError::Connect { detail: "no route".to_owned() }),
            Act::ThrowUndeclared => {
                return Err(uniffi::UnexpectedUniFFICallbackError { reason: "SECRET-SESSION-1".to_owned() }.into());
            }
            Act::Late(by) => self.clock.sleep_ms(by).await,
            Act::Hang => self.clock.sleep_ms(u64::MAX).await,
            Act::Panic => panic!("as a lift that fails does"),
        }
        self.ended.fetch_add(1, Ordering::SeqCst);
        let body = HOUR.replace('#', &number.to_string()).into_bytes();
        Ok(FfiHttpResponse { status, headers: Vec::new(), body })
    }
}

pub(super) struct World {
    pub(super) clock: Arc<FfiManualClock>,
    pub(super) wire: Arc<Wire>,
    pub(super) factory: Arc<FfiTokenFactory>,
}

pub(super) fn config() -> FfiConfig {
    let endpoint = FfiEndpoint {
        kind: Some(FfiContextKind::Vehicle),
        template: "https://backend.test/{vehicleId}".to_owned(),
        method: FfiHttpMethod::Get,
    };
    FfiConfig { endpoints: vec![endpoint], ..FfiConfig::default() }
}

pub(super) fn world_with(config: FfiConfig, act: Act, session: Option<Arc<dyn FfiSessionHeaderProvider>>) -> World {
    let clock = Arc::new(FfiManualClock::new(START_MS).unwrap());
    let (sent, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let wire = Arc::new(Wire { act: Mutex::new(act), clock: Arc::clone(&clock), sent, ended });
    let transport = Arc::clone(&wire) as Arc<dyn FfiHttpTransport>;
    let factory = FfiTokenFactory::for_testing(config, Some(transport), session, Arc::clone(&clock), 0.0).unwrap();
    World { clock, wire, factory: Arc::new(factory) }
}

pub(super) fn world(act: Act) -> World {
    world_with(FfiConfig { max_attempts: Some(1), ..config() }, act, None)
}

pub(super) fn vehicle(id: &str) -> FfiTokenContext {
    FfiTokenContext { vehicle_id: Some(id.to_owned()), ..FfiTokenContext::default() }
}

pub(super) fn kind<T>(answer: Result<T, FfiTokenError>) -> FfiTokenErrorKind {
    let FfiTokenError::Failed { failure } = answer.err().unwrap();
    failure.kind
}

/// A future that is polled as a foreign executor does: by hand, and outside any tokio runtime.
pub(super) struct Foreign<F: Future>(Pin<Box<F>>);

impl<F: Future> Foreign<F> {
    pub(super) fn new(future: F) -> Self {
        Self(Box::pin(future))
    }

    pub(super) fn poll(&mut self) -> Option<F::Output> {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}

impl World {
    /// Asks, lets run what can, and looks: in a thread of its own, since settling waits for the caller to look.
    pub(super) fn ask(&self, id: &str) -> Result<FfiToken, FfiTokenError> {
        let (factory, context) = (Arc::clone(&self.factory), vehicle(id));
        let caller = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(factory.token(context, None, None))
        });
        for _ in 0..2000 {
            assert!(self.clock.settle());
            if caller.is_finished() {
                return caller.join().unwrap();
            }
            caller.thread().unpark();
            std::thread::park_timeout(Duration::from_millis(1));
        }
        panic!("no answer")
    }
}

impl World {
    /// Settles while this caller looks whenever it is woken.
    pub(super) fn settled<F: Future>(&self, call: &mut Foreign<F>) -> F::Output {
        let clock = Arc::clone(&self.clock);
        let settling = std::thread::spawn(move || clock.settle());
        let answer = loop {
            if let Some(answer) = call.poll() {
                break answer;
            }
            assert!(!settling.is_finished(), "settled without an answer");
            std::thread::park_timeout(Duration::from_millis(1));
        };
        assert!(settling.join().unwrap());
        answer
    }
}
