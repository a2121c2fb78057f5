//! The whole face, called as the generated bindings call it, with the app's side played by Rust.
#![cfg(feature = "ffi-testing")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::engine::Engine;
use super::*;

const START_MS: u64 = 1_767_225_600_000;
const HOUR: &str = r#"{"token":"SECRET-TOKEN-#","expiresInSeconds":3600}"#;

/// What the app's transport does with a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Answer,
    Status(u16),
    Throw,
    ThrowUndeclared,
    /// Answers when the clock was advanced so far.
    Late(u64),
    Hang,
    Panic,
}

struct Wire {
    act: Mutex<Act>,
    clock: Arc<FfiManualClock>,
    sent: AtomicUsize,
    ended: AtomicUsize,
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

struct World {
    clock: Arc<FfiManualClock>,
    wire: Arc<Wire>,
    factory: Arc<FfiTokenFactory>,
}

fn config() -> FfiConfig {
    let endpoint = FfiEndpoint {
        kind: Some(FfiContextKind::Vehicle),
        template: "https://backend.test/{vehicleId}".to_owned(),
        method: FfiHttpMethod::Get,
    };
    FfiConfig { endpoints: vec![endpoint], ..FfiConfig::default() }
}

fn world_with(config: FfiConfig, act: Act, session: Option<Arc<dyn FfiSessionHeaderProvider>>) -> World {
    let clock = Arc::new(FfiManualClock::new(START_MS).unwrap());
    let (sent, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let wire = Arc::new(Wire { act: Mutex::new(act), clock: Arc::clone(&clock), sent, ended });
    let transport = Arc::clone(&wire) as Arc<dyn FfiHttpTransport>;
    let factory = FfiTokenFactory::for_testing(config, Some(transport), session, Arc::clone(&clock), 0.0).unwrap();
    World { clock, wire, factory: Arc::new(factory) }
}

fn world(act: Act) -> World {
    world_with(FfiConfig { max_attempts: Some(1), ..config() }, act, None)
}

fn vehicle(id: &str) -> FfiTokenContext {
    FfiTokenContext { vehicle_id: Some(id.to_owned()), ..FfiTokenContext::default() }
}

fn kind<T>(answer: Result<T, FfiTokenError>) -> FfiTokenErrorKind {
    let FfiTokenError::Failed { failure } = answer.err().unwrap();
    failure.kind
}

/// A future that is polled as a foreign executor does: by hand, and outside any tokio runtime.
struct Foreign<F: Future>(std::pin::Pin<Box<F>>);

impl<F: Future> Foreign<F> {
    fn new(future: F) -> Self {
        Self(Box::pin(future))
    }

    fn poll(&mut self) -> Option<F::Output> {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}

impl World {
    /// Asks, lets run what can, and looks: in a thread of its own, since settling waits for the caller to look.
    fn ask(&self, id: &str) -> Result<FfiToken, FfiTokenError> {
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

#[test]
fn a_token_comes_with_all_that_a_copy_needs_and_prints_nothing() {
    let world = world(Act::Answer);
    let token = world.ask("v1").unwrap();
    assert!(token.value == "SECRET-TOKEN-1");
    // Jitter 0: due 10 s before the margin of 5 minutes.
    assert_eq!((token.fresh_for_ms, token.valid_for_ms), (3_290_000, Some(3_600_000)));
    assert_eq!((token.generation, token.epoch, token.served_at_ms), (1, 0, world.clock.now_ms()));
    world.clock.advance_ms(3_290_000);
    let due = world.factory.try_token(vehicle("v1")).unwrap();
    assert_eq!((due.fresh_for_ms, due.valid_for_ms), (0, Some(310_000)));
    assert!(!format!("{token} {token:?}").contains("SECRET"));
}

#[test]
fn exported_futures_need_no_tokio_runtime() {
    let world = world(Act::Answer);
    let mut call = Foreign::new(world.factory.token(vehicle("v1"), None, None));
    assert!(call.poll().is_none());
    // Settling waits for the caller to look; this one looks when it has to.
    let clock = Arc::clone(&world.clock);
    let settling = std::thread::spawn(move || clock.settle());
    let token = loop {
        if let Some(answer) = call.poll() {
            break answer.unwrap();
        }
        std::thread::yield_now();
    };
    drop(call);
    assert!(settling.join().unwrap());
    assert_eq!(token.generation, 1);
    assert!(world.factory.token_blocking(vehicle("v1")).unwrap().value == token.value);
}

#[test]
fn whatever_the_transport_does_is_a_typed_error() {
    for (act, expected) in [
        (Act::Throw, FfiTokenErrorKind::Transport),
        (Act::ThrowUndeclared, FfiTokenErrorKind::Transport),
        (Act::Panic, FfiTokenErrorKind::Transport),
        (Act::Status(503), FfiTokenErrorKind::Unavailable),
        (Act::Status(403), FfiTokenErrorKind::SessionRejected),
    ] {
        let world = world(act);
        let FfiTokenError::Failed { failure } = world.ask("v1").unwrap_err();
        assert_eq!(failure.kind, expected);
        assert!(!format!("{failure:?}").contains("SECRET"));
    }
}

#[test]
fn a_transport_that_hangs_is_left_at_the_attempt_s_end_and_never_aborted() {
    let world = world(Act::Late(60_000));
    let mut call = Foreign::new(world.factory.token(vehicle("v1"), None, None));
    assert!(call.poll().is_none());
    assert!(world.clock.settle());
    world.clock.advance_ms(10_000);
    let answer = world.settled(&mut call);
    assert_eq!(kind(answer), FfiTokenErrorKind::Transport);
    assert_eq!(world.wire.ended.load(Ordering::SeqCst), 0, "the call goes on");
    world.clock.advance_ms(50_000);
    assert!(world.clock.settle());
    assert_eq!(world.wire.ended.load(Ordering::SeqCst), 1, "to its own end");
    assert!(world.factory.try_token(vehicle("v1")).is_none(), "its late answer is dropped");
}

impl World {
    /// Settles while this caller looks whenever it is woken.
    fn settled<F: Future>(&self, call: &mut Foreign<F>) -> F::Output {
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

#[test]
fn an_answer_after_the_shutdown_reaches_nobody() {
    let world = world(Act::Late(1000));
    let mut call = Foreign::new(world.factory.token(vehicle("v1"), None, None));
    assert!(call.poll().is_none());
    assert!(world.clock.settle());
    assert_eq!(world.factory.shut_down_now(), 1);
    assert_eq!(kind(world.settled(&mut call)), FfiTokenErrorKind::ShutDown);
    world.clock.advance_ms(1000);
    assert!(world.clock.settle());
    assert_eq!(world.wire.ended.load(Ordering::SeqCst), 1);
    assert_eq!(kind(world.factory.token_blocking(vehicle("v1"))), FfiTokenErrorKind::ShutDown);
    assert!(world.factory.try_token(vehicle("v1")).is_none());
    let mut again = Foreign::new(world.factory.shutdown());
    assert_eq!(again.poll(), Some(2));
}

#[test]
fn a_shutdown_waits_for_fetches_to_end_but_not_for_the_app() {
    let world = world(Act::Hang);
    let mut call = Foreign::new(world.factory.token(vehicle("v1"), None, None));
    assert!(call.poll().is_none());
    assert!(world.clock.settle());
    let mut end = Foreign::new(world.factory.shutdown());
    assert!(end.poll().is_none(), "a fetch is under way");
    assert_eq!(kind(call.poll().unwrap()), FfiTokenErrorKind::ShutDown);
    drop(call);
    assert_eq!(world.settled(&mut end), 1);
}

#[test]
fn whoever_goes_away_loses_no_work() {
    let world = world(Act::Late(1000));
    let cancel = Arc::new(FfiCancelHandle::new());
    let mut call = Foreign::new(world.factory.token(vehicle("v1"), None, Some(Arc::clone(&cancel))));
    assert!(call.poll().is_none());
    assert!(world.clock.settle());
    cancel.cancel();
    assert_eq!(kind(call.poll().unwrap()), FfiTokenErrorKind::Cancelled);
    drop(call);
    world.clock.advance_ms(1000);
    assert!(world.clock.settle());
    assert!(world.factory.try_token(vehicle("v1")).unwrap().value == "SECRET-TOKEN-1");
    // Gone before it began: nothing is asked.
    let mut late = Foreign::new(world.factory.token(vehicle("v2"), None, Some(cancel)));
    assert_eq!(kind(late.poll().unwrap()), FfiTokenErrorKind::Cancelled);
    assert_eq!(world.factory.stats().flights, 1);
}

#[test]
fn a_token_that_was_asked_for_before_its_rejection_is_known_by_its_epoch() {
    let world = world(Act::Answer);
    let first = world.ask("v1").unwrap();
    let slow = world.factory.token_blocking(vehicle("v1")).unwrap();
    let done = world.factory.invalidate(vehicle("v1"), first.value.clone());
    assert!(done.was_current);
    assert!(slow.epoch < done.epoch, "the slower thread must not keep its copy");
    let next = world.ask("v1").unwrap();
    assert!(next.epoch >= done.epoch && next.value != first.value);
    let again = world.factory.invalidate(vehicle("v1"), first.value);
    assert!(!again.was_current && again.epoch > done.epoch);
    let cleared = world.factory.clear();
    assert!(cleared > next.epoch && cleared == world.factory.epoch());
}

/// A wrapper's copy, as small as it can be: the rule of [`FfiTokenFactory`]'s documentation and nothing else.
#[derive(Default)]
struct Copy {
    seen: u64,
    kept: Option<FfiToken>,
}

#[test]
fn racing_threads_never_keep_a_rejected_token() {
    let world = world(Act::Answer);
    world.ask("v1").unwrap();
    let copy = Arc::new(Mutex::new(Copy::default()));
    let stop = Arc::new(AtomicUsize::new(0));
    let askers: Vec<_> = (0..3)
        .map(|_| {
            let (factory, copy, stop) = (Arc::clone(&world.factory), Arc::clone(&copy), Arc::clone(&stop));
            std::thread::spawn(move || {
                while stop.load(Ordering::Relaxed) == 0 {
                    if let Some(token) = factory.try_token(vehicle("v1")) {
                        let mut copy = copy.lock();
                        if token.epoch >= copy.seen {
                            copy.kept = Some(token);
                        }
                    }
                }
            })
        })
        .collect();
    for _ in 0..200 {
        let Some(token) = world.factory.try_token(vehicle("v1")) else {
            world.clock.advance_ms(31_000); // lets the breaker go
            world.clock.settle();
            world.factory.prefetch(vec![vehicle("v1")]);
            world.clock.settle();
            continue;
        };
        let done = world.factory.invalidate(vehicle("v1"), token.value.clone());
        {
            let mut copy = copy.lock();
            copy.seen = copy.seen.max(done.epoch);
            let seen = copy.seen;
            copy.kept = copy.kept.take().filter(|kept| kept.epoch >= seen);
        }
        for _ in 0..20 {
            std::thread::yield_now();
            let kept = copy.lock().kept.as_ref().is_some_and(|kept| kept.value == token.value);
            assert!(!kept, "a rejected token was put back");
        }
        world.clock.settle();
    }
    stop.store(1, Ordering::Relaxed);
    askers.into_iter().for_each(|asker| asker.join().unwrap());
}

struct Login(Mutex<Result<Vec<FfiHeader>, FfiSessionError>>);

#[async_trait]
impl FfiSessionHeaderProvider for Login {
    async fn headers(&self, context: FfiTokenContext) -> Result<Vec<FfiHeader>, FfiSessionError> {
        assert!(context.vehicle_id.is_some());
        self.0.lock().clone()
    }
}

#[test]
fn the_login_is_asked_for_at_each_fetch() {
    let login = Arc::new(Login(Mutex::new(Err(FfiSessionError::SignedOut))));
    let session = Some(Arc::clone(&login) as Arc<dyn FfiSessionHeaderProvider>);
    let world = world_with(FfiConfig { max_attempts: Some(1), ..config() }, Act::Answer, session);
    assert_eq!(kind(world.ask("v1")), FfiTokenErrorKind::Session);
    assert_eq!(world.wire.sent.load(Ordering::SeqCst), 0);
    let header = FfiHeader { name: "authorization".to_owned(), value: "Bearer SECRET-SESSION-1".to_owned() };
    *login.0.lock() = Ok(vec![header]);
    assert!(world.ask("v2").is_ok());
    *login.0.lock() = Ok(vec![FfiHeader { name: "bad name".to_owned(), value: String::new() }]);
    assert_eq!(kind(world.ask("v3")), FfiTokenErrorKind::Session);
}

#[derive(Default)]
struct Ears {
    heard: Mutex<Vec<(FfiTokenEvent, u64)>>,
    throws: bool,
    told: Notify,
}

impl FfiTokenEventListener for Ears {
    fn on_event(&self, event: FfiTokenEvent, epoch: u64) -> Result<(), FfiListenerError> {
        self.heard.lock().push((event, epoch));
        self.told.notify_one();
        if self.throws { Err(FfiListenerError::Failed) } else { Ok(()) }
    }
}

#[test]
fn a_listener_that_throws_is_told_of_everything_all_the_same() {
    let world = world(Act::Answer);
    let ears = Arc::new(Ears { throws: true, ..Ears::default() });
    let quiet = Arc::new(Ears::default());
    let _subscription = world.factory.listen(Arc::clone(&ears) as Arc<dyn FfiTokenEventListener>);
    world.factory.listen(Arc::clone(&quiet) as Arc<dyn FfiTokenEventListener>).stop();
    let token = world.ask("v1").unwrap();
    world.factory.invalidate(vehicle("v1"), token.value);
    world.factory.shut_down_now();
    assert!(world.clock.settle());
    let heard = ears.heard.lock();
    let context = vehicle("v1");
    let events: Vec<_> = heard.iter().map(|(event, _)| event.clone()).collect();
    let expected = [
        FfiTokenEvent::FetchStarted { context: context.clone(), background: false },
        FfiTokenEvent::Fetched { context: context.clone(), lifetime_ms: Some(3_600_000), generation: 1, attempts: 1 },
        FfiTokenEvent::Rejected { context },
        FfiTokenEvent::ShutDown,
    ];
    assert_eq!(events, expected);
    assert!(heard[2].1 > heard[1].1 && heard[3].1 > heard[2].1, "the epoch grows with what was dropped");
    assert!(quiet.heard.lock().is_empty());
    assert_eq!(Arc::strong_count(&ears), 1, "after the end nobody holds the listener");
}

#[test]
fn what_a_wrapper_answered_is_counted_and_kept_from_eviction() {
    let world = world_with(FfiConfig { max_entries: Some(2), ..config() }, Act::Answer, None);
    world.ask("busy").unwrap();
    world.clock.advance_ms(1000);
    world.ask("idle").unwrap();
    world.clock.advance_ms(1000);
    world.factory.note_hits(vec![FfiHits { context: vehicle("busy"), count: 41 }]);
    world.ask("third").unwrap();
    assert!(world.factory.try_token(vehicle("busy")).is_some());
    let stats = world.factory.stats();
    assert_eq!((stats.hits, stats.evictions), (42, 1));
}

#[test]
fn a_bad_configuration_is_a_typed_error() {
    let bad = |config| kind(FfiTokenFactory::new(config, None, None));
    assert_eq!(bad(FfiConfig::default()), FfiTokenErrorKind::InvalidConfig);
    assert_eq!(bad(FfiConfig { max_attempts: Some(0), ..config() }), FfiTokenErrorKind::InvalidConfig);
}

/// Answers at once. On the real clock and the shared runtime, as in an app.
struct AtOnce;

#[async_trait]
impl FfiHttpTransport for AtOnce {
    async fn send(&self, _: FfiHttpRequest) -> Result<FfiHttpResponse, FfiTransportError> {
        Ok(FfiHttpResponse { status: 200, headers: Vec::new(), body: HOUR.as_bytes().to_vec() })
    }
}

#[test]
fn on_real_threads_a_hundred_factories_share_two_and_leave_none() {
    let shared = || Engine::shared();
    let held = shared();
    for _ in 0..100 {
        let factory = FfiTokenFactory::new(config(), Some(Arc::new(AtOnce)), None).unwrap();
        let ears = Arc::new(Ears::default());
        factory.listen(Arc::clone(&ears) as Arc<dyn FfiTokenEventListener>);
        assert_eq!(factory.token_blocking(vehicle("v1")).unwrap().generation, 1);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(factory.shutdown());
        runtime.block_on(async {
            while !matches!(ears.heard.lock().last(), Some((FfiTokenEvent::ShutDown, _))) {
                ears.told.notified().await;
            }
        });
        let same = matches!((&held, shared()), (Engine::Shared(a), Engine::Shared(b)) if Arc::ptr_eq(a, &b));
        assert!(same, "there is one runtime for the process");
    }
}
