use super::*;
use crate::policy::RefreshPolicy;

const HOUR: Duration = Duration::from_secs(3600);
const POLICY: RetryPolicy = RetryPolicy {
    attempts: 3,
    attempt_pause: Duration::from_millis(500),
    backoff_base: Duration::from_secs(1),
    backoff_max: Duration::from_secs(60),
    negative_ttl: Duration::from_secs(5),
};

fn at(seconds: u64) -> BootTime {
    BootTime::from_origin(Duration::from_secs(1000 + seconds))
}

fn slot() -> Slot {
    Slot::new(AuthTokenContext::vehicle("v1"), at(0))
}

fn ask(slot: &Slot, need: Need, now: BootTime) -> Answer {
    slot.ask(need, now, || Flight::new(now.plus(Duration::from_secs(30)), 0))
}

fn flight(slot: &Slot, now: BootTime) -> Arc<Flight> {
    match ask(slot, Need::Usual, now) {
        Answer::Wait { flight, new: true } => flight,
        _ => panic!("no flight took off"),
    }
}

/// A token that lives for an hour from `now`, with the usual margin and no jitter.
fn land(slot: &Slot, flight: &Arc<Flight>, secret: &str, now: BootTime) -> AuthToken {
    let schedule = RefreshPolicy::default().schedule(now, HOUR, 0.0);
    let make = || AuthToken::new(secret, Some(schedule), 1);
    match slot.commit(flight, slot.generation(), || false, || false, make) {
        Commit::Landed(token) => token,
        _ => panic!("not committed"),
    }
}

#[test]
fn a_token_that_cannot_stand_in_is_no_answer_to_a_backoff() {
    let slot = slot();
    let token = land(&slot, &flight(&slot, at(0)), "SECRET-TOKEN-1", at(0));
    let late = token.schedule().unwrap().fallback_until.plus(Duration::from_millis(1));
    let unavailable = TokenError::Unavailable { status: 503, retry_after: Some(HOUR) };
    let flight = flight(&slot, at(3500));
    assert!(slot.fail(&flight, &unavailable, &POLICY, at(3500), 0.5).is_some());
    assert!(matches!(ask(&slot, Need::Usual, at(3501)), Answer::Token { stale: true, refresh: None, .. }));
    for need in [Need::Usual, Need::AtOnce] {
        assert!(matches!(ask(&slot, need, late), Answer::Refused(TokenError::BackingOff { .. })));
    }
    assert!(slot.fallback(late).is_none());
}

#[test]
fn as_long_a_life_as_a_token_had_can_be_asked_for_again() {
    let slot = slot();
    land(&slot, &flight(&slot, at(0)), "SECRET-TOKEN-1", at(0));
    assert!(matches!(ask(&slot, Need::ValidFor(HOUR), at(0)), Answer::Token { stale: false, .. }));
    assert!(matches!(ask(&slot, Need::ValidFor(HOUR), at(1)), Answer::Wait { new: true, .. }));
    let longer = Need::ValidFor(HOUR + Duration::from_secs(1));
    assert!(matches!(ask(&slot, longer, at(1)), Answer::Refused(TokenError::LifetimeTooShort { .. })));
}

#[test]
fn what_is_in_flight_or_held_is_neither_chosen_nor_evicted() {
    let slot = slot();
    assert!(slot.eviction_rank(at(0)).is_some());
    let first = flight(&slot, at(0));
    assert!(slot.eviction_rank(at(0)).is_none() && !slot.evict(), "in flight");
    land(&slot, &first, "SECRET-TOKEN-1", at(0));
    assert!(slot.eviction_rank(at(0)).is_some());
    assert!(slot.pin());
    assert!(slot.eviction_rank(at(0)).is_none() && !slot.evict(), "held");
    slot.unpin();
    assert!(slot.evict());
    assert!(slot.hit(at(0)).is_none() && !slot.pin());
}

#[test]
fn each_rejection_makes_what_is_under_way_worthless() {
    let slot = slot();
    let mut token = land(&slot, &flight(&slot, at(0)), "SECRET-TOKEN-0", at(0));
    for n in 1..3 {
        let before = slot.generation();
        assert!(matches!(slot.invalidate(&token, at(n)), Invalidated::Dropped { tripped: false }));
        assert!(matches!(slot.invalidate(&token, at(n)), Invalidated::NotCurrent));
        let next = flight(&slot, at(n));
        let outdated = slot.commit(&next, before, || false, || false, || panic!("committed"));
        assert!(matches!(outdated, Commit::Outdated));
        token = land(&slot, &next, &format!("SECRET-TOKEN-{n}"), at(n));
    }
}

#[test]
fn tokens_that_callers_hold_are_whole_when_others_have_replaced_them_and_gone_when_let_go_of() {
    let slot = slot();
    let weaks: Vec<_> = (0..20_u64)
        .map(|round| {
            let landed = at(round * 3600);
            let token = land(&slot, &flight(&slot, landed), &format!("SECRET-TOKEN-{round}"), landed);
            // More of them at once than a thread can be lent.
            let held: Vec<_> = (0..20).map(|_| slot.hit(landed).unwrap()).collect();
            let weak = Arc::downgrade(&token.sealed());
            assert!(matches!(slot.invalidate(&token, landed), Invalidated::Dropped { .. }));
            drop(token);
            let clones: Vec<_> = held.iter().map(AuthToken::clone).collect();
            std::thread::spawn(move || drop(held)).join().unwrap();
            assert!(clones.iter().all(|token| token.value() == format!("SECRET-TOKEN-{round}")));
            weak
        })
        .collect();
    assert!(weaks.iter().all(|weak| weak.upgrade().is_none()), "kept after its last holder");
}

#[test]
fn a_hit_counts_no_share_for_that_would_write_to_memory_that_threads_share() {
    let slot = slot();
    let landed = land(&slot, &flight(&slot, at(0)), "SECRET-TOKEN-1", at(0));
    let watched = landed.sealed();
    let before = Arc::strong_count(&watched);
    let held: Vec<_> = (0..4).map(|_| slot.hit(at(1)).unwrap()).collect();
    assert_eq!(Arc::strong_count(&watched), before);
    drop(held);
    assert_eq!(Arc::strong_count(&watched), before);
}

/// A key whose renewal failed when its token fell due, with nearly the whole rest drawn.
fn resting() -> (Slot, AuthToken) {
    let slot = slot();
    let token = land(&slot, &flight(&slot, at(0)), "SECRET-TOKEN-1", at(0));
    let due = token.schedule().unwrap().due_at;
    let Answer::Token { refresh: Some(flight), .. } = ask(&slot, Need::Usual, due) else { panic!("no refresh") };
    let rest = slot.fail(&flight, &unavailable(), &POLICY, due, 1.0).unwrap();
    assert_eq!(due.plus(rest), token.schedule().unwrap().fallback_until);
    (slot, token)
}

fn unavailable() -> TokenError {
    TokenError::Unavailable { status: 503, retry_after: None }
}

#[test]
fn a_renewal_that_failed_rests_through_the_margin_and_the_old_token_is_served_at_once() {
    let (slot, token) = resting();
    let schedule = *token.schedule().unwrap();
    for now in [
        schedule.due_at.plus(Duration::from_secs(5)),
        schedule.spent_at,
        schedule.fallback_until.minus(Duration::from_millis(1)),
    ] {
        for need in [Need::Usual, Need::AtOnce] {
            assert!(matches!(ask(&slot, need, now), Answer::Token { refresh: None, .. }));
        }
    }
    let Answer::Wait { flight, new: true } = ask(&slot, Need::Usual, schedule.fallback_until) else {
        panic!("it rests")
    };
    land(&slot, &flight, "SECRET-TOKEN-2", schedule.fallback_until);
    let due_again = schedule.fallback_until.plus(HOUR).minus(Duration::from_secs(310));
    assert!(matches!(ask(&slot, Need::Usual, due_again), Answer::Token { refresh: Some(_), .. }), "a success ends it");
}

#[test]
fn a_rest_keeps_no_fetch_from_whoever_needs_more_life_than_the_token_has() {
    let (slot, token) = resting();
    let due = token.schedule().unwrap().due_at;
    let more = Need::ValidFor(HOUR / 2);
    assert!(matches!(ask(&slot, more, due), Answer::Refused(TokenError::BackingOff { .. })));
    assert!(matches!(ask(&slot, more, due.plus(Duration::from_secs(2))), Answer::Wait { new: true, .. }));
}

#[test]
fn a_rest_ends_with_its_token() {
    let (slot, token) = resting();
    let later = token.schedule().unwrap().due_at.plus(Duration::from_secs(2));
    assert!(matches!(slot.invalidate(&token, later), Invalidated::Dropped { .. }));
    assert!(matches!(ask(&slot, Need::Usual, later), Answer::Wait { new: true, .. }));
}

#[test]
fn a_fetch_that_fails_while_the_token_is_fresh_does_not_put_its_renewal_off() {
    let slot = slot();
    let token = land(&slot, &flight(&slot, at(0)), "SECRET-TOKEN-1", at(0));
    let Answer::Wait { flight, .. } = ask(&slot, Need::ValidFor(HOUR), at(60)) else { panic!("no fetch") };
    assert_eq!(slot.fail(&flight, &unavailable(), &POLICY, at(60), 1.0), Some(Duration::from_secs(2)));
    let due = token.schedule().unwrap().due_at;
    assert!(matches!(ask(&slot, Need::Usual, due), Answer::Token { refresh: Some(_), .. }));
}

#[test]
fn whoever_has_nothing_and_has_failed_makes_one_attempt() {
    let (kept, token) = resting();
    let schedule = *token.schedule().unwrap();
    assert_eq!(kept.attempts(&POLICY, schedule.fallback_until), 3, "a token stands in");
    assert_eq!(kept.attempts(&POLICY, schedule.fallback_until.plus(Duration::from_millis(1))), 1);
    let slot = slot();
    assert_eq!(slot.attempts(&POLICY, at(0)), 3, "nothing has failed");
    let first = flight(&slot, at(0));
    slot.fail(&first, &unavailable(), &POLICY, at(0), 0.0);
    assert_eq!(slot.attempts(&POLICY, at(1)), 1);
    assert!(slot.network_available(at(0)));
    assert_eq!(slot.attempts(&POLICY, at(1)), 3, "it begins anew");
}

#[test]
fn a_key_that_rests_goes_after_one_that_does_not() {
    let (resting, token) = resting();
    let now = token.schedule().unwrap().spent_at;
    let idle = slot();
    land(&idle, &flight(&idle, at(0)), "SECRET-TOKEN-2", at(0));
    idle.touch(now.plus(HOUR));
    assert!(idle.eviction_rank(now) < resting.eviction_rank(now));
}
