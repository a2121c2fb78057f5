//! What wrappers build on: epochs, events, and one runtime for the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::super::engine::Engine;
use super::super::*;
use super::support::{Act, HOUR, config, vehicle, world};

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
                    std::thread::yield_now();
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
    for _ in 0..60 {
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
    for asker in askers {
        asker.join().unwrap();
    }
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
