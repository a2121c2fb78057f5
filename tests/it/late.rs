//! Between a fetch's end and the moment its waiter looks, anything can happen: the answer must be right at that moment.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use fleet_token::{AuthToken, AuthTokenContext, AuthTokenFactory, ManualClock, TokenError, TokenErrorKind};
use tokio::runtime::Builder;

use crate::support::{HOUR, SECOND, Script, builder, factory, number, settle};

fn vehicle() -> AuthTokenContext {
    AuthTokenContext::vehicle("v1")
}

/// Asks, lets the fetch end, does `meanwhile`, and only then looks at the answer.
async fn answer_after(
    meanwhile: impl AsyncFnOnce(&AuthTokenFactory, &ManualClock),
) -> (Result<AuthToken, TokenError>, usize) {
    let clock = ManualClock::default();
    let script = Script::slow_tokens(&clock, SECOND, HOUR);
    let factory = factory(&clock, &script);
    let context = vehicle();
    let answer = {
        let mut call = pin!(factory.token(&context));
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        settle().await;
        clock.advance(SECOND);
        settle().await;
        assert!(factory.try_token(&context).is_some(), "the fetch has ended");
        meanwhile(&factory, &clock).await;
        // Fetches again where it must.
        loop {
            if let Poll::Ready(answer) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                break answer;
            }
            settle().await;
            clock.advance(SECOND);
            settle().await;
        }
    };
    (answer, script.asked())
}

#[tokio::test]
async fn after_a_clear_no_token_of_the_old_session_is_handed_out() {
    let (answer, _) = answer_after(async |factory, _| factory.clear()).await;
    assert_eq!(answer.unwrap_err().kind(), TokenErrorKind::Cleared);
}

#[tokio::test]
async fn after_a_shutdown_nothing_is_handed_out() {
    let (answer, _) = answer_after(async |factory, _| factory.shutdown().await).await;
    assert_eq!(answer.unwrap_err().kind(), TokenErrorKind::ShutDown);
}

#[tokio::test]
async fn a_token_that_was_rejected_meanwhile_is_replaced_first() {
    let (answer, asked) = answer_after(async |factory, _| {
        let token = factory.try_token(&vehicle()).unwrap();
        assert!(factory.invalidate(&vehicle(), &token));
    })
    .await;
    assert_eq!((number(&answer.unwrap()), asked), (2, 2));
}

#[tokio::test]
async fn a_token_that_expired_while_the_device_slept_is_replaced_first() {
    let (answer, asked) = answer_after(async |_, clock| clock.suspend(2 * HOUR)).await;
    assert_eq!((number(&answer.unwrap()), asked), (2, 2));
}

#[tokio::test]
async fn a_token_in_its_last_second_is_replaced_first() {
    let (answer, asked) = answer_after(async |_, clock| clock.suspend(3598 * SECOND)).await;
    assert_eq!((number(&answer.unwrap()), asked), (2, 2));
}

#[test]
fn a_runtime_that_nobody_drives_holds_no_caller_of_another_beyond_the_deadline() {
    let undriven = Builder::new_current_thread().enable_all().build().unwrap();
    let factory = undriven.block_on(async {
        AuthTokenFactory::builder()
            .fetcher(Script::tokens(HOUR))
            .fetch_deadline(Duration::from_millis(20))
            .build()
            .unwrap()
    });
    let other = Builder::new_current_thread().enable_all().build().unwrap();
    let answer = other.block_on(async { tokio::time::timeout(10 * SECOND, factory.token(&vehicle())).await });
    assert_eq!(answer.expect("an answer").unwrap_err().kind(), TokenErrorKind::Timeout);
}

#[tokio::test]
async fn a_hanging_backend_is_backed_off_from_whoever_asks_at_the_deadline() {
    let clock = ManualClock::default();
    let script = Script::hanging();
    let factory = builder(&clock, &script).max_attempts(1).attempt_timeout(30 * SECOND).build().unwrap();
    let call = crate::support::ask(&factory, &vehicle());
    settle().await;
    clock.advance(30 * SECOND);
    // Asked in the gap between the deadline and its timer.
    assert!(factory.try_token(&vehicle()).is_none());
    assert_eq!(factory.stats().flights, 1);
    settle().await;
    assert_eq!(call.await.unwrap().unwrap_err().kind(), TokenErrorKind::Timeout);
    assert_eq!(factory.token(&vehicle()).await.unwrap_err().kind(), TokenErrorKind::BackingOff);
}

#[tokio::test]
async fn a_place_that_came_free_while_the_device_slept_is_no_reason_to_back_off() {
    let clock = ManualClock::default();
    let script = Script::slow_tokens(&clock, SECOND, 3 * HOUR);
    let factory = builder(&clock, &script).max_lifetime(3 * HOUR).max_concurrent_fetches(1).build().unwrap();
    let first = crate::support::ask(&factory, &AuthTokenContext::trip("t1"));
    settle().await;
    let waits = crate::support::ask(&factory, &vehicle());
    settle().await;
    clock.suspend(HOUR);
    clock.advance(SECOND);
    settle().await;
    assert!(first.await.unwrap().is_ok());
    assert_eq!(waits.await.unwrap().unwrap_err().kind(), TokenErrorKind::Timeout);
    assert_eq!(script.asked(), 1, "nothing was asked for it");
    assert!(factory.try_token(&vehicle()).is_none());
    settle().await;
    assert_eq!(script.asked(), 2, "the next call fetches at once");
}

/// Refuses the connections of one vehicle, never answers the others.
fn refused_or_hanging() -> Script {
    Script::new(|_, context| async move {
        if context.vehicle_id() == Some("fails") {
            return Err(crate::support::refused_connection());
        }
        std::future::pending().await
    })
}

#[tokio::test]
async fn a_backend_that_failed_is_backed_off_from_though_no_place_was_free_to_try_again() {
    let clock = ManualClock::default();
    let script = refused_or_hanging();
    let factory = builder(&clock, &script).max_concurrent_fetches(1).attempt_timeout(60 * SECOND).build().unwrap();
    let fails = AuthTokenContext::vehicle("fails");
    let call = crate::support::ask(&factory, &fails);
    settle().await;
    clock.advance(SECOND / 10);
    let _holds_the_place = crate::support::ask(&factory, &vehicle());
    settle().await;
    clock.advance(SECOND / 2);
    settle().await;
    clock.advance(29 * SECOND + SECOND * 2 / 5);
    settle().await;
    assert_eq!(call.await.unwrap().unwrap_err().kind(), TokenErrorKind::Timeout);
    assert_eq!(factory.token(&fails).await.unwrap_err().kind(), TokenErrorKind::BackingOff);
}

#[tokio::test]
async fn a_rejection_before_the_request_costs_no_second_one() {
    let clock = ManualClock::default();
    let script = Script::slow_tokens(&clock, SECOND, HOUR);
    let factory = builder(&clock, &script).max_concurrent_fetches(1).build().unwrap();
    let call = crate::support::ask(&factory, &vehicle());
    settle().await;
    clock.advance(SECOND);
    settle().await;
    let token = call.await.unwrap().unwrap();
    clock.advance(3298 * SECOND);
    let _holds_the_place = crate::support::ask(&factory, &AuthTokenContext::trip("t1"));
    settle().await;
    assert!(factory.try_token(&vehicle()).is_some_and(|served| served.is_same(&token)), "due: it is being renewed");
    settle().await;
    assert!(factory.invalidate(&vehicle(), &token));
    for _ in 0..3 {
        clock.advance(SECOND);
        settle().await;
    }
    assert_eq!(script.asked(), 3, "one each: the first, the one in the way, the renewal");
    assert_eq!(number(&factory.try_token(&vehicle()).unwrap()), 3);
}

#[tokio::test]
async fn a_logger_that_panics_leaves_nobody_waiting() {
    struct Panics;
    impl tracing::Subscriber for Panics {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            metadata.target() == "fleet_token"
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            struct Name(bool);
            impl tracing::field::Visit for Name {
                fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                    self.0 |= field.name() == "message" && format!("{value:?}") == "fetched";
                }
            }
            let mut name = Name(false);
            event.record(&mut name);
            assert!(!name.0, "planned");
        }
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }
    let clock = ManualClock::default();
    let factory = factory(&clock, &Script::tokens(HOUR));
    let _logging = tracing::subscriber::set_default(Panics);
    let call = crate::support::ask(&factory, &vehicle());
    settle().await;
    assert!(call.is_finished(), "the flight never landed");
    assert!(call.await.unwrap().is_ok(), "the token was there already when the logger panicked");
}

#[tokio::test]
async fn events_asked_for_after_the_end_end_at_once() {
    let factory = factory(&ManualClock::default(), &Script::tokens(HOUR));
    factory.shutdown().await;
    assert!(factory.events().next().await.is_none());
}

#[tokio::test]
async fn a_prefetch_serves_nobody() {
    let clock = ManualClock::default();
    let factory = factory(&clock, &Script::tokens(HOUR));
    factory.token(&vehicle()).await.unwrap();
    clock.advance(56 * 60 * SECOND);
    factory.prefetch([&vehicle()]);
    settle().await;
    let stats = factory.stats();
    assert_eq!((stats.stale_served, stats.calls, stats.fetches), (0, 1, 2));
}
