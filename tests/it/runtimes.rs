//! Where calls come from and where flights run: threads, runtimes that end, fetchers that panic, shutdowns.

use std::time::Duration;

use fleet_token::{AuthTokenContext, AuthTokenFactory, ManualClock, TokenErrorKind, TokenEvent};
use tokio::runtime::{Builder, Runtime};

use crate::support::{HOUR, Script, ask, factory, number, settle, token};

fn vehicle() -> AuthTokenContext {
    AuthTokenContext::vehicle("v1")
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn real(script: &Script) -> AuthTokenFactory {
    AuthTokenFactory::builder().fetcher(script.clone()).build().unwrap()
}

#[test]
fn a_plain_thread_gets_a_token_without_any_runtime() {
    let script = Script::tokens(HOUR);
    let factory = real(&script);
    assert_eq!(number(&factory.blocking_token(&vehicle()).unwrap()), 1);
    assert_eq!(number(&factory.try_token(&vehicle()).unwrap()), 1);
    assert_eq!(script.asked(), 1);
}

#[test]
fn many_threads_of_a_cold_key_cause_one_fetch() {
    let script = Script::new(|n, _| async move {
        tokio::time::sleep(Duration::from_millis(30)).await;
        Ok(token(n, HOUR))
    });
    let factory = real(&script);
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| assert_eq!(number(&factory.blocking_token(&vehicle()).unwrap()), 1));
        }
    });
    assert_eq!(script.asked(), 1);
}

#[test]
fn a_blocked_thread_is_answered_by_the_deadline() {
    let factory = AuthTokenFactory::builder()
        .fetcher(Script::hanging())
        .fetch_deadline(Duration::from_millis(40))
        .build()
        .unwrap();
    assert_eq!(factory.blocking_token(&vehicle()).unwrap_err().kind(), TokenErrorKind::Timeout);
}

#[tokio::test]
async fn blocking_on_an_async_runtime_is_a_clear_error() {
    let clock = ManualClock::default();
    let script = Script::tokens(HOUR);
    let factory = factory(&clock, &script);
    let error = factory.blocking_token(&vehicle()).unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::BlockingInAsync);
    assert!(error.to_string().contains("token().await"), "it says what to do: {error}");
    // The same whether or not a token is there, so that it is found in the first test and not in the field.
    factory.token(&vehicle()).await.unwrap();
    assert_eq!(factory.blocking_token(&vehicle()).unwrap_err().kind(), TokenErrorKind::BlockingInAsync);
}

#[test]
fn a_runtime_that_ends_in_a_flight_is_an_answer_and_the_next_call_works() {
    let script = Script::new(|n, _| async move {
        if n == 1 {
            std::future::pending::<()>().await;
        }
        Ok(token(n, HOUR))
    });
    let first = runtime();
    let factory = first.block_on(async { real(&script) });
    let waiting = std::thread::spawn({
        let factory = factory.clone();
        move || factory.blocking_token(&vehicle())
    });
    while script.asked() == 0 {
        std::thread::yield_now();
    }
    first.shutdown_background();
    let error = waiting.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Interrupted, "{error}");
    assert!(error.is_retryable());
    assert_eq!(number(&factory.blocking_token(&vehicle()).unwrap()), 2);
}

#[test]
fn a_factory_outlives_the_runtime_it_was_built_in() {
    let script = Script::tokens(HOUR);
    let first = runtime();
    let factory = first.block_on(async { real(&script) });
    drop(first);
    let error = factory.blocking_token(&vehicle()).unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Interrupted);
    runtime().block_on(async { assert!(factory.token(&vehicle()).await.is_ok()) });
}

#[tokio::test]
async fn a_fetcher_that_panics_is_an_answer() {
    let clock = ManualClock::default();
    let script = Script::new(|n, _| async move { if n == 1 { panic!("planned") } else { Ok(token(n, HOUR)) } });
    let factory = factory(&clock, &script);
    let callers: Vec<_> = (0..8).map(|_| ask(&factory, &vehicle())).collect();
    settle().await;
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap_err().kind(), TokenErrorKind::Interrupted);
    }
    assert_eq!(factory.token(&vehicle()).await.unwrap_err().kind(), TokenErrorKind::BackingOff);
    clock.advance(Duration::from_secs(2));
    assert_eq!(number(&factory.token(&vehicle()).await.unwrap()), 2);
}

#[tokio::test]
async fn a_shutdown_answers_everybody_at_once() {
    let clock = ManualClock::default();
    let factory = factory(&clock, &Script::hanging());
    let mut events = factory.events();
    let callers: Vec<_> = (0..8).map(|_| ask(&factory, &vehicle())).collect();
    settle().await;
    factory.shutdown().await;
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap_err().kind(), TokenErrorKind::ShutDown);
    }
    assert_eq!(factory.token(&vehicle()).await.unwrap_err().kind(), TokenErrorKind::ShutDown);
    assert!(factory.try_token(&vehicle()).is_none());
    assert_eq!(factory.handle(&vehicle()).unwrap_err().kind(), TokenErrorKind::ShutDown);
    assert_eq!(clock.sleepers(), 0, "a timer outlived the factory");
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event);
    }
    assert!(matches!(last, Some(TokenEvent::ShutDown)), "the stream ends with it");
}

#[test]
fn a_shutdown_lets_blocked_threads_go() {
    let factory = real(&Script::hanging());
    let waiting: Vec<_> = (0..4)
        .map(|_| {
            let factory = factory.clone();
            std::thread::spawn(move || factory.blocking_token(&vehicle()))
        })
        .collect();
    while factory.stats().waits < 4 {
        std::thread::yield_now();
    }
    runtime().block_on(factory.shutdown());
    for thread in waiting {
        assert_eq!(thread.join().unwrap().unwrap_err().kind(), TokenErrorKind::ShutDown);
    }
    assert_eq!(factory.blocking_token(&vehicle()).unwrap_err().kind(), TokenErrorKind::ShutDown);
}

#[tokio::test]
async fn dropping_the_factory_ends_its_flights_and_its_events() {
    let clock = ManualClock::default();
    let factory = factory(&clock, &Script::hanging());
    let mut events = factory.events();
    factory.prefetch([&vehicle()]);
    settle().await;
    assert!(clock.sleepers() > 0);
    drop(factory);
    settle().await;
    assert_eq!(clock.sleepers(), 0, "a flight outlived its factory");
    while let Some(event) = events.next().await {
        assert!(matches!(event, TokenEvent::FetchStarted { .. } | TokenEvent::ShutDown), "{event:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn no_thread_is_started_before_it_is_needed_and_none_is_left_behind() {
    const ALONE: &str = "FLEET_TOKEN_TEST_ALONE";
    fn own_threads() -> usize {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name.trim() == "fleet-token").count()
    }
    if std::env::var_os(ALONE).is_none() {
        // Other tests' factories have threads too: count in a process of its own.
        let this = "runtimes::no_thread_is_started_before_it_is_needed_and_none_is_left_behind";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", this])
            .env(ALONE, "1")
            .output()
            .unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        return;
    }
    let factories: Vec<_> = (0..20).map(|_| real(&Script::tokens(HOUR))).collect();
    assert_eq!(own_threads(), 0, "building a factory started a thread");
    for factory in &factories {
        factory.blocking_token(&vehicle()).unwrap();
    }
    assert_eq!(own_threads(), 20);
    drop(factories);
    while own_threads() > 0 {
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_handle_finds_its_token_and_keeps_its_place() {
    let clock = ManualClock::default();
    let script = Script::tokens(HOUR);
    let factory = crate::support::builder(&clock, &script).max_entries(4).build().unwrap();
    let handle = factory.handle(&vehicle()).unwrap();
    let token = handle.token().await.unwrap();
    for n in 0..100 {
        factory.token(&AuthTokenContext::trip(format!("t{n}"))).await.unwrap();
        clock.advance(Duration::from_secs(1));
    }
    assert!(handle.try_token().unwrap().is_same(&token), "a handle's entry was evicted");
    assert!(factory.stats().entries <= 4);
    assert!(handle.invalidate(&token));
    assert!(!handle.token().await.unwrap().is_same(&token));
    factory.clear();
    assert!(handle.try_token().is_none());
    assert!(handle.token().await.is_ok(), "a handle lives on after a clear");
}
