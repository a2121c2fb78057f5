//! Many callers, failing backends, leaving callers: what rivals get wrong (S1 to S8 of the peers' comparison).

use std::time::Duration;

use fleet_token::{AuthTokenContext, ManualClock, TokenErrorKind};

use crate::support::{HOUR, MINUTE, SECOND, Script, ask, builder, factory, number, refused_connection, settle, token};

fn vehicle() -> AuthTokenContext {
    AuthTokenContext::vehicle("v1")
}

#[tokio::test]
async fn sixty_four_callers_of_a_cold_key_cause_one_fetch() {
    let clock = ManualClock::default();
    let script = Script::slow_tokens(&clock, Duration::from_millis(50), HOUR);
    let factory = factory(&clock, &script);
    let callers: Vec<_> = (0..64).map(|_| ask(&factory, &vehicle())).collect();
    settle().await;
    clock.advance(Duration::from_millis(50));
    settle().await;
    assert!(callers.iter().all(tokio::task::JoinHandle::is_finished), "not everybody was served by the one fetch");
    for caller in callers {
        assert_eq!(number(&caller.await.unwrap().unwrap()), 1);
    }
    assert_eq!(script.asked(), 1);
    assert_eq!((factory.stats().flights, factory.stats().waits), (1, 64));
}

#[tokio::test]
async fn sixty_four_callers_of_a_failing_backend_share_one_flight_and_its_error() {
    let clock = ManualClock::default();
    let script = Script::new(|_, _| async { Err(refused_connection()) });
    let factory = factory(&clock, &script);
    let callers: Vec<_> = (0..64).map(|_| ask(&factory, &vehicle())).collect();
    for _ in 0..4 {
        settle().await;
        clock.advance(SECOND);
    }
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap_err().kind(), TokenErrorKind::Transport);
    }
    assert_eq!(factory.stats().flights, 1);
    assert_eq!(script.asked(), 3, "the flight's three attempts and no other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::disallowed_methods, reason = "this promise is about real time")]
async fn a_hit_never_waits_for_another_key_s_flight() {
    let script = Script::new(|n, context| async move {
        if context.vehicle_id() == Some("hangs") { std::future::pending().await } else { Ok(token(n, HOUR)) }
    });
    let factory = fleet_token::AuthTokenFactory::builder().fetcher(script).build().unwrap();
    let hit = vehicle();
    factory.token(&hit).await.unwrap();
    let waiting = ask(&factory, &AuthTokenContext::vehicle("hangs"));
    while factory.stats().flights < 2 {
        tokio::task::yield_now().await;
    }
    let mut took: Vec<Duration> = (0..1000)
        .map(|_| {
            let start = std::time::Instant::now();
            assert!(factory.try_token(&hit).is_some());
            start.elapsed()
        })
        .collect();
    took.sort();
    println!("a hit while another key hangs: median {:?}, worst {:?} of {}", took[500], took[999], took.len());
    // The median, since any single call may be preempted on a busy machine; a lock held by the flight would show in all.
    assert!(took[500] < Duration::from_micros(100), "median {:?}, worst {:?}", took[500], took[999]);
    waiting.abort();
}

#[tokio::test]
async fn a_first_caller_that_leaves_loses_no_work() {
    let clock = ManualClock::default();
    let script = Script::slow_tokens(&clock, SECOND, HOUR);
    let factory = factory(&clock, &script);
    let first = ask(&factory, &vehicle());
    settle().await;
    let followers: Vec<_> = (0..10).map(|_| ask(&factory, &vehicle())).collect();
    settle().await;
    first.abort();
    settle().await;
    clock.advance(SECOND);
    for follower in followers {
        assert_eq!(number(&follower.await.unwrap().unwrap()), 1);
    }
    assert_eq!(script.asked(), 1);
}

#[tokio::test]
async fn when_every_caller_leaves_the_next_one_finds_the_token() {
    let clock = ManualClock::default();
    let script = Script::slow_tokens(&clock, SECOND, HOUR);
    let factory = factory(&clock, &script);
    let only = ask(&factory, &vehicle());
    settle().await;
    only.abort();
    settle().await;
    clock.advance(SECOND);
    settle().await;
    assert_eq!(number(&factory.try_token(&vehicle()).unwrap()), 1);
    assert_eq!(script.asked(), 1);
}

#[tokio::test]
async fn fifty_calls_in_an_outage_are_at_most_three_flights() {
    let clock = ManualClock::default();
    let script = Script::new(|_, _| async { Err(refused_connection()) });
    let factory = factory(&clock, &script);
    for _ in 0..50 {
        // A call every 60 ms: the attempts' pauses pass meanwhile, the backoff between flights, a second, seldom does.
        drop(ask(&factory, &vehicle()));
        settle().await;
        clock.advance(Duration::from_millis(60));
    }
    let flights = factory.stats().flights;
    assert!((1..=3).contains(&flights), "{flights} flights");
    assert!(script.asked() <= 9);
}

#[tokio::test]
async fn a_short_life_under_a_long_margin_is_no_fetch_per_call() {
    let clock = ManualClock::default();
    let script = Script::tokens(9 * SECOND);
    let factory = builder(&clock, &script).safety_margin(10 * MINUTE).build().unwrap();
    for _ in 0..50 {
        factory.token(&vehicle()).await.unwrap();
        clock.advance(Duration::from_millis(60));
        settle().await;
    }
    assert_eq!(script.asked(), 1, "three seconds of calls on a nine-second token");
}

#[tokio::test]
async fn a_valid_token_is_served_while_the_backend_is_dead() {
    let clock = ManualClock::default();
    let script = Script::new(|n, _| async move { if n == 1 { Ok(token(1, HOUR)) } else { Err(refused_connection()) } });
    let factory = builder(&clock, &script).safety_margin(10 * MINUTE).build().unwrap();
    factory.token(&vehicle()).await.unwrap();
    clock.advance(55 * MINUTE);
    let call = ask(&factory, &vehicle());
    for _ in 0..4 {
        settle().await;
        clock.advance(SECOND);
    }
    assert_eq!(number(&call.await.unwrap().unwrap()), 1);
    // And in the backoff that follows, without waiting.
    assert_eq!(number(&factory.try_token(&vehicle()).unwrap()), 1);
    assert!(factory.stats().stale_served >= 2);
}

#[tokio::test]
async fn four_hundred_callers_leave_one_by_one_and_nobody_panics() {
    let clock = ManualClock::default();
    let script = Script::slow_tokens(&clock, SECOND, HOUR);
    let factory = factory(&clock, &script);
    let callers: Vec<_> = (0..400).map(|_| ask(&factory, &vehicle())).collect();
    let last = ask(&factory, &vehicle());
    settle().await;
    for caller in callers {
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
    }
    clock.advance(SECOND);
    assert_eq!(number(&last.await.unwrap().unwrap()), 1);
    assert_eq!(script.asked(), 1);
}

#[tokio::test]
async fn a_thousand_vehicles_are_fetched_no_more_than_so_many_at_a_time() {
    let clock = ManualClock::default();
    let script = Script::slow_tokens(&clock, SECOND, HOUR);
    let factory = builder(&clock, &script).max_concurrent_fetches(64).build().unwrap();
    let fleet: Vec<_> = (0..1000).map(|n| AuthTokenContext::vehicle(format!("v{n}"))).collect();
    factory.prefetch(&fleet);
    settle().await;
    assert_eq!(script.asked(), 64);
    for _ in 0..16 {
        clock.advance(SECOND);
        settle().await;
    }
    assert_eq!(script.asked(), 1000);
    assert!(fleet.iter().all(|context| factory.try_token(context).is_some()));
}

#[tokio::test]
async fn a_key_that_pauses_between_attempts_holds_up_no_other() {
    let clock = ManualClock::default();
    let script = Script::new(|n, context| async move {
        if context.vehicle_id() == Some("fails") { Err(refused_connection()) } else { Ok(token(n, HOUR)) }
    });
    let factory = builder(&clock, &script).max_concurrent_fetches(1).build().unwrap();
    let pausing = ask(&factory, &AuthTokenContext::vehicle("fails"));
    settle().await;
    assert_eq!(script.asked(), 1);
    let other = ask(&factory, &vehicle());
    settle().await;
    assert!(other.is_finished(), "the one place was kept through a pause");
    assert!(other.await.unwrap().is_ok() && !pausing.is_finished());
}
