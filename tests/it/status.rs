//! What `contexts()` says is what callers meet, and looking changes nothing.

use std::time::Duration;

use fleet_token::{AuthTokenContext, AuthTokenFactory, ContextStatus, ManualClock, TokenAge, TokenError};

use crate::support::{HOUR, MINUTE, SECOND, Script, ask, builder, factory, refused_connection, settle, token};

fn vehicle(id: &str) -> AuthTokenContext {
    AuthTokenContext::vehicle(id)
}

fn only(factory: &AuthTokenFactory) -> ContextStatus {
    let [status] = <[_; 1]>::try_from(factory.contexts()).unwrap();
    status
}

/// Answers the first request, and none after it.
fn one_token() -> Script {
    Script::new(|n, _| async move { if n == 1 { Ok(token(n, HOUR)) } else { Err(refused_connection()) } })
}

#[tokio::test]
async fn a_token_is_seen_ageing_by_what_its_callers_get() {
    let (clock, script) = (ManualClock::default(), one_token());
    let factory = builder(&clock, &script).safety_margin(10 * MINUTE).max_attempts(1).build().unwrap();
    assert!(factory.contexts().is_empty());
    let generation = factory.token(&vehicle("v1")).await.unwrap().generation();
    let status = only(&factory);
    assert_eq!((&status.context, status.fetching), (&vehicle("v1"), false));
    assert!(status.failure.is_none());
    let first = status.token.unwrap();
    assert_eq!((first.age, first.generation), (TokenAge::Fresh, generation));
    assert_eq!((first.lifetime, first.left, first.spent_in, first.margin), (HOUR, HOUR, 50 * MINUTE, 10 * MINUTE));
    assert!(first.due_in < first.spent_in && first.due_in >= 49 * MINUTE, "{first:?}");

    let age_after = |advance: Duration| {
        clock.advance(advance);
        only(&factory).token.unwrap()
    };
    assert_eq!(age_after(first.due_in.saturating_sub(SECOND)).age, TokenAge::Fresh);
    assert_eq!(age_after(SECOND).age, TokenAge::Due);
    let spent = age_after(first.spent_in.saturating_sub(first.due_in));
    assert_eq!((spent.age, spent.due_in, spent.spent_in), (TokenAge::Spent, Duration::ZERO, Duration::ZERO));
    assert_eq!(spent.left, 10 * MINUTE);
    let expired = age_after(10 * MINUTE);
    assert_eq!((expired.age, expired.left), (TokenAge::Expired, Duration::ZERO));
    let names = [first.age, TokenAge::Due, spent.age, expired.age].map(TokenAge::as_str);
    assert_eq!(names, ["fresh", "due", "spent", "expired"]);
}

#[tokio::test]
async fn looking_fetches_nothing_and_counts_nothing() {
    let (clock, script) = (ManualClock::default(), Script::tokens(MINUTE));
    let factory = factory(&clock, &script);
    factory.token(&vehicle("v1")).await.unwrap();
    clock.advance(40 * SECOND);
    let before = factory.stats();
    assert_eq!(only(&factory).token.unwrap().age, TokenAge::Spent);
    settle().await;
    assert_eq!((factory.stats(), script.asked()), (before, 1));
}

#[tokio::test]
async fn looking_keeps_nothing_from_being_evicted() {
    // Were they all as young as the look, chance would decide which of them goes.
    for round in 0..10 {
        let clock = ManualClock::default();
        let factory = builder(&clock, &Script::tokens(HOUR)).max_entries(2).build().unwrap();
        let [old, young, new] = ["old", "young", "new"].map(|id| vehicle(&format!("{id}{round}")));
        for context in [&old, &young] {
            factory.token(context).await.unwrap();
            clock.advance(5 * SECOND);
        }
        assert_eq!(factory.contexts().len(), 2);
        factory.token(&new).await.unwrap();
        assert!(factory.contexts().iter().all(|status| status.context != old), "the least recently used goes");
    }
}

#[tokio::test]
async fn a_fetch_is_seen_while_it_is_under_way() {
    let clock = ManualClock::default();
    let factory = factory(&clock, &Script::slow_tokens(&clock, SECOND, HOUR));
    let call = ask(&factory, &vehicle("v1"));
    settle().await;
    let status = only(&factory);
    assert!(status.fetching && status.token.is_none());
    clock.advance(SECOND);
    call.await.unwrap().unwrap();
    assert!(!only(&factory).fetching);
}

#[tokio::test]
async fn a_failure_is_seen_with_the_wait_that_callers_are_told() {
    let clock = ManualClock::default();
    let script = Script::new(|n, _| async move { if n == 1 { Err(refused_connection()) } else { Ok(token(n, HOUR)) } });
    let factory = builder(&clock, &script).max_attempts(1).build().unwrap();
    assert!(factory.token(&vehicle("v1")).await.is_err());
    let failure = only(&factory).failure.unwrap();
    let Err(TokenError::BackingOff { retry_in, cause }) = factory.token(&vehicle("v1")).await else {
        panic!("it did not back off");
    };
    assert!(retry_in > Duration::ZERO && failure.retry_in == retry_in, "{failure:?}");
    assert_eq!(failure.cause.kind(), cause.kind());
    clock.advance(retry_in);
    assert_eq!(only(&factory).failure.unwrap().retry_in, Duration::ZERO, "the next caller has it fetched");
    factory.token(&vehicle("v1")).await.unwrap();
    assert!(only(&factory).failure.is_none());
}

#[tokio::test]
async fn a_renewal_that_failed_is_seen_resting_while_the_token_is_good() {
    let (clock, script) = (ManualClock::default(), one_token());
    // No jitter: the longest rest there is.
    let factory =
        builder(&clock, &script).fixed_jitter(1.0).safety_margin(10 * MINUTE).max_attempts(1).build().unwrap();
    factory.token(&vehicle("v1")).await.unwrap();
    clock.advance(50 * MINUTE);
    assert!(factory.token(&vehicle("v1")).await.is_ok(), "the old one stands in");
    let rest = only(&factory).failure.unwrap().retry_in;
    assert!(rest > MINUTE, "as long as a renewal rests, not as a caller without a token would wait: {rest:?}");
    clock.advance(rest.saturating_sub(SECOND));
    factory.token(&vehicle("v1")).await.unwrap();
    assert_eq!(script.asked(), 2, "it rests for as long as was said");
    // What it has does no longer: another's wait is what counts.
    clock.advance(10 * MINUTE);
    assert_eq!(only(&factory).failure.unwrap().retry_in, Duration::ZERO);
    factory.network_available();
    assert!(only(&factory).failure.is_none());
}

#[tokio::test]
async fn a_breaker_that_has_tripped_is_seen() {
    let (clock, script) = (ManualClock::default(), Script::tokens(HOUR));
    let factory = factory(&clock, &script);
    for _ in 0..6 {
        let token = factory.token(&vehicle("v1")).await.unwrap();
        factory.invalidate(&vehicle("v1"), &token);
    }
    let Err(TokenError::TooManyRejections { retry_in }) = factory.token(&vehicle("v1")).await else {
        panic!("no breaker tripped");
    };
    let failure = only(&factory).failure.unwrap();
    assert!(matches!(failure.cause, TokenError::TooManyRejections { .. }) && failure.retry_in == retry_in);
    clock.advance(retry_in);
    assert!(only(&factory).failure.is_none());
}
