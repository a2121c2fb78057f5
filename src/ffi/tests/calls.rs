//! Calls and what comes of them: tokens, typed errors, callers and transports that go away.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::super::*;
use super::support::{Act, Foreign, World, config, kind, vehicle, world, world_with};

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
fn what_a_handle_holds_is_not_evicted_and_what_is_evicted_is_told() {
    let world = world_with(FfiConfig { max_entries: Some(1), ..config() }, Act::Answer, None);
    let held = world.factory.handle(vehicle("held")).unwrap();
    assert_eq!(world.ask("held").unwrap().evictions, 0);
    world.ask("second").unwrap();
    assert_eq!(world.ask("third").unwrap().evictions, 1, "the second had to go");
    assert_eq!(world.factory.try_token(vehicle("held")).unwrap().generation, 1);
    drop(held);
    assert_eq!(world.ask("fourth").unwrap().evictions, 3, "nothing holds the first any more");

    let nowhere = FfiTokenContext { vehicle_id: Some("../up".to_owned()), ..FfiTokenContext::default() };
    assert_eq!(kind(world.factory.handle(nowhere)), FfiTokenErrorKind::InvalidContext);
    let _ = world.factory.shut_down_now();
    assert_eq!(kind(world.factory.handle(vehicle("held"))), FfiTokenErrorKind::ShutDown);
}

#[test]
fn a_bad_configuration_is_a_typed_error() {
    let bad = |config| kind(FfiTokenFactory::new(config, None, None));
    assert_eq!(bad(FfiConfig::default()), FfiTokenErrorKind::InvalidConfig);
    assert_eq!(bad(FfiConfig { max_attempts: Some(0), ..config() }), FfiTokenErrorKind::InvalidConfig);
}

/// What holds the factory in turn, as what belongs to the app's session does, would stay for ever.
#[test]
fn the_app_s_objects_are_let_go_of_when_the_factory_has_ended() {
    struct Login;

    #[async_trait]
    impl FfiSessionHeaderProvider for Login {
        async fn headers(&self, _: FfiTokenContext) -> Result<Vec<FfiHeader>, FfiSessionError> {
            Ok(Vec::new())
        }
    }

    let login = Arc::new(Login);
    let ends: [fn(&World) -> u64; 2] = [
        |world| world.factory.shut_down_now(),
        |world| {
            let mut end = Foreign::new(world.factory.shutdown());
            // Begun before anything settles, which waits for whoever is there.
            end.poll().unwrap_or_else(|| world.settled(&mut end))
        },
    ];
    for end in ends {
        let provider = Arc::clone(&login) as Arc<dyn FfiSessionHeaderProvider>;
        let world = world_with(config(), Act::Answer, Some(provider));
        world.ask("v1").unwrap();
        assert_eq!((Arc::strong_count(&world.wire), Arc::strong_count(&login)), (2, 2));
        assert!(end(&world) > 0);
        assert_eq!((Arc::strong_count(&world.wire), Arc::strong_count(&login)), (1, 1));
        assert_eq!(kind(world.ask("v1")), FfiTokenErrorKind::ShutDown);
    }
}
