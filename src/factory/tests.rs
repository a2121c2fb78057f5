//! What only the inside shows of the factory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

use super::ask::{Asked, Call};
use super::{AuthTokenFactory, AuthTokenFactoryBuilder};
use crate::cache::answer::{Answer, Need};
use crate::cache::flight::Flight;
use crate::context::AuthTokenContext;
use crate::error::{TokenError, TransportError};
use crate::event::TokenEvent;
use crate::lifetime::Expiry;
use crate::{Clock, FetchRequest, FetchedToken, ManualClock, TokenFetcher, async_trait};

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);

/// Answers each time another token that lives for an hour, if it is to answer at all.
#[derive(Clone, Default)]
struct Backend {
    asked: Arc<AtomicUsize>,
    hangs: bool,
    times_out: bool,
    server_time: Option<SystemTime>,
    /// Takes a second of this clock.
    takes_a_second: Option<ManualClock>,
}

#[async_trait]
impl TokenFetcher for Backend {
    async fn fetch(&self, _: FetchRequest<'_>) -> Result<FetchedToken, TokenError> {
        let asked = Arc::clone(&self.asked);
        let n = asked.fetch_add(1, Ordering::SeqCst);
        if self.hangs {
            std::future::pending::<()>().await;
        }
        if let Some(clock) = &self.takes_a_second {
            clock.sleep(SECOND).await;
        }
        if self.times_out {
            return Err(TransportError::Timeout.into());
        }
        let token = FetchedToken::new(format!("SECRET-TOKEN-{n}")).with_expiry(Expiry::In(HOUR));
        Ok(match self.server_time {
            Some(time) => token.with_server_time(time),
            None => token,
        })
    }
}

fn factory(backend: Backend, clock: &ManualClock) -> AuthTokenFactoryBuilder {
    AuthTokenFactory::builder().clock(clock.clone()).fetcher(backend).fixed_jitter(0.0)
}

fn vehicle(id: &str) -> AuthTokenContext {
    AuthTokenContext::vehicle(id)
}

/// Whoever decides about the key holds its lock meanwhile; here that is this test.
#[tokio::test]
async fn a_hit_waits_for_nobody_who_decides_about_its_key() {
    let clock = ManualClock::default();
    let factory = factory(Backend::default(), &clock).build().unwrap();
    let handle = factory.handle(&vehicle("v1")).unwrap();
    factory.token(&vehicle("v1")).await.unwrap();
    clock.advance(SECOND);
    let core = Arc::clone(factory.core());
    let slot = core.slots.get(&vehicle("v1")).unwrap();
    let (tell, told) = mpsc::channel();
    // It is fresh, but a second short of what is asked for here.
    let answer = slot.ask(Need::ValidFor(HOUR), core.now(), || {
        // The last of them would clear the key as it goes, which takes its lock.
        let factory = factory.clone();
        let asks = thread::spawn(move || {
            let hit = factory.try_token(&vehicle("v1")).is_some() && handle.try_token().is_some();
            let _ = tell.send(hit && factory.blocking_token(&vehicle("v1")).is_ok());
        });
        assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(true), "a hit waited for the key's lock");
        asks.join().unwrap();
        Flight::new(core.now().plus(HOUR), core.epoch())
    });
    assert!(matches!(answer, Answer::Wait { new: true, .. }));
}

#[tokio::test]
async fn a_call_asks_twice_whatever_the_time_and_a_third_time_before_its_deadline_only() {
    for late in [false, true] {
        let clock = ManualClock::default();
        let hanging = Backend { hangs: true, ..Backend::default() };
        let factory = factory(hanging, &clock).fetch_deadline(30 * SECOND).build().unwrap();
        let mut call = Call::new(factory.core());
        if late {
            clock.suspend(HOUR);
        }
        for _ in 0..2 {
            assert!(matches!(call.ask(&vehicle("v1"), Need::Usual), Ok(Asked::Wait { .. })));
        }
        let third = call.ask(&vehicle("v1"), Need::Usual);
        if late {
            assert!(matches!(third, Err(TokenError::Timeout { .. })));
        } else {
            assert!(matches!(third, Ok(Asked::Wait { .. })));
        }
    }
}

#[tokio::test]
async fn a_life_of_just_what_was_asked_is_enough() {
    let factory = factory(Backend::default(), &ManualClock::default()).build().unwrap();
    assert!(factory.token_valid_for(&vehicle("v1"), HOUR).await.is_ok());
    let longer = factory.token_valid_for(&vehicle("v2"), HOUR + SECOND).await;
    assert!(matches!(longer, Err(TokenError::LifetimeTooShort { .. })));
}

#[tokio::test]
async fn generations_grow_over_all_contexts() {
    let factory = factory(Backend::default(), &ManualClock::default()).build().unwrap();
    for (n, id) in ["v1", "v2", "v3", "v4"].into_iter().enumerate() {
        assert_eq!(factory.token(&vehicle(id)).await.unwrap().generation(), n as u64 + 1);
    }
}

/// Lets everything that is ready run; a step here is a few polls long.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_fetch_that_a_rejection_made_worthless_is_no_failed_attempt() {
    let clock = ManualClock::default();
    let slow = Backend { takes_a_second: Some(clock.clone()), ..Backend::default() };
    let factory = factory(slow, &clock).max_attempts(1).safety_margin(600 * SECOND).build().unwrap();
    assert!(factory.try_token(&vehicle("v1")).is_none());
    settle().await;
    clock.advance(SECOND);
    settle().await;
    // Due: in the ten seconds before its margin.
    clock.advance(2995 * SECOND);
    let due = factory.try_token(&vehicle("v1")).unwrap();
    settle().await;
    let mut events = factory.events();
    assert!(factory.invalidate(&vehicle("v1"), &due), "its successor is on its way, and from before this");
    for _ in 0..2 {
        clock.advance(SECOND);
        settle().await;
    }
    assert_eq!(factory.stats().fetches, 3);
    let mut told = std::iter::from_fn(|| events.try_next());
    let attempts = told.find_map(|event| match event {
        TokenEvent::Fetched { attempts, .. } => Some(attempts),
        _ => None,
    });
    assert_eq!(attempts, Some(1));
}

/// Here flights run only while this test waits.
#[tokio::test]
async fn a_shutdown_returns_when_its_flights_have_ended() {
    let hanging = Backend { hangs: true, ..Backend::default() };
    let asked = Arc::clone(&hanging.asked);
    let factory = factory(hanging, &ManualClock::default()).build().unwrap();
    assert!(factory.try_token(&vehicle("v1")).is_none());
    while asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    // This one, the fetcher's and the flight's.
    assert_eq!(Arc::strong_count(&asked), 3);
    factory.shutdown().await;
    assert_eq!(Arc::strong_count(&asked), 2, "a flight goes on after the shutdown");
}

#[tokio::test]
async fn a_handle_that_is_gone_holds_nothing() {
    let factory = factory(Backend::default(), &ManualClock::default()).max_entries(1).build().unwrap();
    let handle = factory.handle(&vehicle("v1")).unwrap();
    factory.token(&vehicle("v2")).await.unwrap();
    assert_eq!(factory.stats().entries, 2, "more than the bound rather than one that is held");
    drop(handle);
    factory.token(&vehicle("v3")).await.unwrap();
    assert_eq!(factory.stats().entries, 1);
}

#[tokio::test]
async fn a_transport_that_gives_up_at_the_deadline_has_met_the_deadline() {
    for (attempt, meets_it) in [(10, false), (30, true)] {
        let backend = Backend { times_out: true, ..Backend::default() };
        let builder = factory(backend, &ManualClock::default()).fetch_deadline(30 * SECOND).max_attempts(1);
        let error = builder.attempt_timeout(attempt * SECOND).build().unwrap().token(&vehicle("v1")).await.unwrap_err();
        assert_eq!(matches!(error, TokenError::Timeout { .. }), meets_it, "{error}");
        assert_eq!(matches!(error, TokenError::Transport(TransportError::Timeout)), !meets_it, "{error}");
    }
}

#[tokio::test]
async fn a_clock_is_notably_wrong_from_more_than_a_minute_on() {
    for (off, notable) in [(60, false), (61, true)] {
        let clock = ManualClock::default();
        let backend = Backend { server_time: Some(clock.wall() + off * SECOND), ..Backend::default() };
        let factory = factory(backend, &clock).build().unwrap();
        let mut events = factory.events();
        factory.token(&vehicle("v1")).await.unwrap();
        let mut told = std::iter::from_fn(|| events.try_next());
        assert_eq!(told.any(|event| matches!(event, TokenEvent::ClockSkew { .. })), notable, "{off} s");
    }
}

#[tokio::test]
async fn what_is_printed_says_what_it_is() {
    let builder = factory(Backend::default(), &ManualClock::default());
    assert!(format!("{builder:?}").contains("AuthTokenFactoryBuilder"));
    let factory = builder.build().unwrap();
    factory.token(&vehicle("v1")).await.unwrap();
    assert!(format!("{factory:?}").contains("fetches: 1"));
    let fetched = FetchedToken::new("SECRET-TOKEN-1").with_expiry(Expiry::In(HOUR));
    assert!(format!("{fetched:?}").contains("3600s"));
    assert!(format!("{:?}", factory.handle(&vehicle("v1")).unwrap()).contains("v1"));
}
