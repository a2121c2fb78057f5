//! Suspend counts, the wall clock does not, and nothing ticks while nobody asks.

use std::time::Duration;

use fleet_token::{AuthTokenContext, ManualClock, TokenErrorKind};

use crate::support::{HOUR, MINUTE, SECOND, Script, ask, builder, factory, number, settle};

const DAY: i64 = 86_400;

#[tokio::test]
async fn a_wall_clock_moved_by_a_day_changes_nothing() {
    for step in [DAY, -DAY] {
        let clock = ManualClock::default();
        let script = Script::tokens(HOUR);
        let factory = factory(&clock, &script);
        let context = AuthTokenContext::vehicle("v1");
        factory.token(&context).await.unwrap();
        clock.step_wall(step);
        assert_eq!(number(&factory.token(&context).await.unwrap()), 1);
        clock.advance(56 * MINUTE);
        assert_eq!(number(&factory.token(&context).await.unwrap()), 2, "it still ages");
        assert_eq!(script.asked(), 2);
    }
}

#[tokio::test]
async fn an_hour_of_sleep_is_an_hour_of_a_token_s_life() {
    let clock = ManualClock::default();
    let script = Script::tokens(HOUR);
    let factory = factory(&clock, &script);
    let context = AuthTokenContext::vehicle("v1");
    factory.token(&context).await.unwrap();
    clock.suspend(HOUR);
    assert!(factory.try_token(&context).is_none(), "an expired token was served");
    settle().await;
    assert_eq!(number(&factory.try_token(&context).unwrap()), 2);
}

#[tokio::test]
async fn an_idle_factory_has_no_timer() {
    let clock = ManualClock::default();
    let script = Script::tokens(HOUR);
    let factory = factory(&clock, &script);
    for n in 0..100 {
        factory.token(&AuthTokenContext::vehicle(format!("v{n}"))).await.unwrap();
    }
    settle().await;
    assert_eq!(clock.sleepers(), 0);
    clock.advance(10 * HOUR);
    settle().await;
    assert_eq!(script.asked(), 100, "nothing is refreshed that nobody asks for");
}

#[tokio::test]
async fn a_call_is_answered_by_the_deadline() {
    let clock = ManualClock::default();
    let factory = builder(&clock, &Script::hanging()).fetch_deadline(30 * SECOND).build().unwrap();
    let call = ask(&factory, &AuthTokenContext::vehicle("v1"));
    for _ in 0..300 {
        settle().await;
        clock.advance(Duration::from_millis(100));
    }
    settle().await;
    assert!(call.is_finished(), "no answer after the deadline");
    let kind = call.await.unwrap().unwrap_err().kind();
    assert!(matches!(kind, TokenErrorKind::Timeout | TokenErrorKind::Transport), "{kind}");
    assert_eq!(clock.sleepers(), 0);
}

#[tokio::test]
async fn a_flight_that_slept_past_its_deadline_is_given_up_by_the_next_caller() {
    let clock = ManualClock::default();
    let script = Script::hanging();
    let factory = factory(&clock, &script);
    let context = AuthTokenContext::vehicle("v1");
    let first = ask(&factory, &context);
    settle().await;
    // Timers stand still while the device sleeps: nobody but a caller can notice.
    clock.suspend(HOUR);
    settle().await;
    assert!(!first.is_finished());
    let second = ask(&factory, &context);
    settle().await;
    assert!(first.is_finished(), "nobody gave the flight up");
    assert_eq!(first.await.unwrap().unwrap_err().kind(), TokenErrorKind::Timeout);
    assert!(!second.is_finished(), "the second has a flight of its own");
    assert_eq!(script.asked(), 2);
}
