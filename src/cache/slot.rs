//! One key's state: its token, its flight, its memory of failure. Every decision about the key is made here, under one
//! short lock; a fresh token is served without it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::answer::{Answer, Class, Commit, EvictionRank, Invalidated, Need};
use super::flight::{Flight, GRACE};
use crate::backoff::{Backoff, Breaker, RetryPolicy};
use crate::boot_time::BootTime;
use crate::context::AuthTokenContext;
use crate::error::TokenError;
use crate::policy::Age;
use crate::status::{ContextStatus, FailureStatus};
use crate::sync::{ArcSwap, AtomicU64, AtomicUsize, Mutex};
use crate::token::{AuthToken, Sealed};

/// One key of the cache.
pub(crate) struct Slot {
    pub(crate) context: AuthTokenContext,
    /// What is served. Written under `state`'s lock, read without it.
    current: ArcSwap<Sealed>,
    /// For eviction: in ticks of about a second (2³⁰ ns) of boot time, so that a busy key seldom writes.
    last_used: AtomicU64,
    /// Handles that hold this slot: it is not evicted while there are any.
    pins: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Counts rejections, which make a result that is under way worthless. A clear takes the flight away instead.
    generation: u64,
    flight: Option<Arc<Flight>>,
    backoff: Backoff,
    breaker: Breaker,
    /// Out of the map: whoever still holds it must look up the key again.
    evicted: bool,
}

impl Slot {
    pub(crate) fn new(context: AuthTokenContext, now: BootTime) -> Self {
        Self {
            context,
            current: ArcSwap::new(Sealed::nothing()),
            last_used: AtomicU64::new(tick(now)),
            pins: AtomicUsize::new(0),
            state: Mutex::default(),
        }
    }

    /// The hot path: the token if it is fresh.
    #[inline]
    pub(crate) fn hit(&self, now: BootTime) -> Option<AuthToken> {
        let current = self.current.load();
        if now >= current.schedule()?.due_at {
            return None;
        }
        self.touch(now);
        Some(AuthToken::lent(current))
    }

    /// Decides what a caller gets. A new flight is made by `take_off` when one is needed and allowed.
    pub(crate) fn ask(&self, need: Need, now: BootTime, take_off: impl FnOnce() -> Flight) -> Answer {
        let mut state = self.state.lock();
        if state.evicted {
            return Answer::Gone;
        }
        self.touch(now);
        let current = self.current.load_full();
        let standing = current.schedule().copied();
        let age = standing.map_or(Age::Expired, |schedule| schedule.age(now));

        if let Some(schedule) = standing {
            let serve = |stale, refresh| Answer::Token { token: AuthToken::of(current), stale, refresh };
            match need {
                Need::ValidFor(asked) => {
                    let left = schedule.remaining(now);
                    if left >= asked && schedule.is_good(now) {
                        let due = age >= Age::Due;
                        return serve(false, due.then(|| state.refresh(now, take_off)).flatten());
                    }
                    // A fresh token that never lived so long: another one would not either.
                    if age == Age::Fresh && schedule.lifetime < asked {
                        return Answer::Refused(TokenError::LifetimeTooShort { asked, left });
                    }
                }
                Need::Usual | Need::AtOnce => match age {
                    Age::Fresh => return serve(false, None),
                    Age::Due => return serve(false, state.refresh(now, take_off)),
                    Age::Spent if need == Need::AtOnce && schedule.is_fallback(now) => {
                        return serve(true, state.refresh(now, take_off));
                    }
                    // No fetch is allowed now: the old token while it is good, rather than an error.
                    Age::Spent if schedule.is_fallback(now) && state.rests(now) => {
                        return serve(true, None);
                    }
                    Age::Spent | Age::Expired => {}
                },
            }
        }

        if let Some(flight) = &state.flight {
            return Answer::Wait { flight: Arc::clone(flight), new: false };
        }
        if let Some(error) = state.refusal(now) {
            return Answer::Refused(error);
        }
        let flight = Arc::new(take_off());
        state.flight = Some(Arc::clone(&flight));
        Answer::Wait { flight, new: true }
    }

    /// The old token, if it may stand in for one that could not be fetched.
    pub(crate) fn fallback(&self, now: BootTime) -> Option<AuthToken> {
        let current = self.current.load();
        current.schedule()?.is_fallback(now).then(|| AuthToken::lent(current))
    }

    /// How many attempts a flight makes that takes off now. One if the last flight failed and there is no token that stands
    /// in: what further ones are for, a failure that is gone in a moment, it was not, and all devices that have none ask
    /// this often.
    pub(crate) fn attempts(&self, policy: &RetryPolicy, now: BootTime) -> u32 {
        let has_failed = self.state.lock().backoff.has_failed();
        if has_failed && self.fallback(now).is_none() { 1 } else { policy.attempts }
    }

    /// The generation that a flight fetches for.
    pub(crate) fn generation(&self) -> u64 {
        self.state.lock().generation
    }

    /// A fetch succeeded. The token becomes current, under the lock and in one step, if the flight is still the key's,
    /// nothing was cleared since it took off, its generation is still the newest and the token not one that was rejected.
    pub(crate) fn commit(
        &self,
        flight: &Arc<Flight>,
        generation: u64,
        is_over: impl FnOnce() -> bool,
        is_rejected: impl FnOnce() -> bool,
        make: impl FnOnce() -> AuthToken,
    ) -> Commit {
        let mut state = self.state.lock();
        if !state.owns(flight) {
            return Commit::Disowned;
        }
        if is_over() {
            state.flight = None;
            return Commit::Cleared;
        }
        if state.generation != generation {
            return Commit::Outdated;
        }
        if is_rejected() {
            return Commit::Refused(TokenError::RejectedTokenReturned);
        }
        let token = make();
        self.current.store(if token.schedule().is_some() { token.sealed() } else { Sealed::nothing() });
        state.backoff.reset();
        state.flight = None;
        Commit::Landed(token)
    }

    /// A flight failed. Returns for how long nothing is fetched to replace what the key has, or `None` if the flight was
    /// no longer the key's.
    pub(crate) fn fail(
        &self,
        flight: &Arc<Flight>,
        error: &TokenError,
        policy: &RetryPolicy,
        now: BootTime,
        jitter: f64,
    ) -> Option<Duration> {
        let mut state = self.state.lock();
        if !state.owns(flight) {
            return None;
        }
        state.flight = None;
        let current = self.current.load();
        let schedule = current.schedule();
        let standby = schedule.map_or(Duration::ZERO, |schedule| schedule.standby(now));
        Some(state.backoff.failed(error, policy, standby, now, jitter))
    }

    /// A flight ended without a result, through nobody's fault. Returns whether it was the key's.
    pub(crate) fn abandon(&self, flight: &Arc<Flight>) -> bool {
        let mut state = self.state.lock();
        let owns = state.owns(flight);
        if owns {
            state.flight = None;
        }
        owns
    }

    /// A flight past its deadline that never landed, because its runtime was suspended or is stuck.
    pub(crate) fn overdue(&self, now: BootTime) -> Option<Arc<Flight>> {
        let state = self.state.lock();
        state.flight.as_ref().filter(|flight| flight.deadline.plus(GRACE) <= now).cloned()
    }

    /// The token was refused by Fleet Engine, and is among the rejected already, so that no commit can bring it back:
    /// stop serving it.
    pub(crate) fn invalidate(&self, token: &AuthToken, now: BootTime) -> Invalidated {
        let mut state = self.state.lock();
        if !self.drop_current(&mut state, token) {
            return Invalidated::NotCurrent;
        }
        Invalidated::Dropped { tripped: state.breaker.rejected(now) }
    }

    /// The same for a key that was handed the same token, but did not report it. Returns whether it was.
    pub(crate) fn revoke(&self, token: &AuthToken) -> bool {
        // Looked at under the lock only: a commit that checked for rejections before this one may be about to store it.
        self.drop_current(&mut self.state.lock(), token)
    }

    fn drop_current(&self, state: &mut State, token: &AuthToken) -> bool {
        let is_current = self.serves(token);
        if is_current {
            self.current.store(Sealed::nothing());
            state.generation += 1;
        }
        is_current
    }

    fn serves(&self, token: &AuthToken) -> bool {
        self.current.load().is_secret_of(token)
    }

    /// Forgets the token and the failures, and disowns the flight, which is returned so that it can be landed.
    pub(crate) fn clear(&self) -> Option<Arc<Flight>> {
        let mut state = self.state.lock();
        self.current.store(Sealed::nothing());
        state.backoff.reset();
        state.breaker = Breaker::default();
        state.flight.take()
    }

    /// The network came back; returns whether that ended a wait.
    pub(crate) fn network_available(&self, now: BootTime) -> bool {
        self.state.lock().backoff.network_available(now)
    }

    /// Somebody signed in; returns whether that ended a wait.
    pub(crate) fn session_changed(&self, now: BootTime) -> bool {
        self.state.lock().backoff.session_changed(now)
    }

    /// How it stands, for those who watch. No use of it: it is evicted no later.
    pub(crate) fn status(&self, now: BootTime) -> ContextStatus {
        let state = self.state.lock();
        let current = self.current.load();
        let schedule = current.schedule().copied();
        let stands_in = schedule.is_some_and(|schedule| schedule.is_fallback(now));
        // A breaker that has tripped is why nothing is fetched, whatever failed before.
        let broken = if stands_in { None } else { state.breaker.refusal(now) };
        let failure = match broken {
            Some(error) => Some((error.clone(), error.retry_after().unwrap_or_default())),
            None => state.backoff.standing(stands_in, now),
        };
        ContextStatus {
            context: self.context.clone(),
            token: schedule.map(|schedule| schedule.status(AuthToken::lent(current).generation(), now)),
            fetching: state.flight.is_some(),
            failure: failure.map(|(cause, retry_in)| FailureStatus { cause, retry_in }),
        }
    }

    pub(crate) fn pin(&self) -> bool {
        let state = self.state.lock();
        if !state.evicted {
            self.pins.fetch_add(1, Ordering::Relaxed);
        }
        !state.evicted
    }

    pub(crate) fn unpin(&self) {
        self.pins.fetch_sub(1, Ordering::Relaxed);
    }

    /// How readily this slot is evicted; `None` while it is pinned or in flight.
    pub(crate) fn eviction_rank(&self, now: BootTime) -> Option<EvictionRank> {
        let state = self.state.lock();
        if state.flight.is_some() || self.pins.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let current = self.current.load();
        let valid = current.schedule().is_some_and(|s| s.age(now) < Age::Expired);
        let class = match (state.rests(now), valid) {
            (false, false) => Class::Empty,
            (false, true) => Class::Valid,
            (true, _) => Class::Waiting,
        };
        Some(EvictionRank { class, last_used: self.last_used.load(Ordering::Relaxed), valid })
    }

    /// Takes the slot out of use, unless somebody began to use it meanwhile.
    pub(crate) fn evict(&self) -> bool {
        let mut state = self.state.lock();
        if state.flight.is_some() || self.pins.load(Ordering::Relaxed) > 0 {
            return false;
        }
        state.evicted = true;
        self.current.store(Sealed::nothing());
        true
    }

    #[inline]
    pub(crate) fn touch(&self, now: BootTime) {
        let now = tick(now);
        if self.last_used.load(Ordering::Relaxed) != now {
            self.last_used.store(now, Ordering::Relaxed);
        }
    }
}

fn tick(now: BootTime) -> u64 {
    now.nanoseconds() >> 30
}

impl State {
    fn owns(&self, flight: &Arc<Flight>) -> bool {
        self.flight.as_ref().is_some_and(|own| Arc::ptr_eq(own, flight))
    }

    /// Why no fetch may start now.
    fn refusal(&self, now: BootTime) -> Option<TokenError> {
        self.breaker.refusal(now).or_else(|| self.backoff.refusal(now))
    }

    /// Whether no fetch may start now to replace a token that is still good.
    fn rests(&self, now: BootTime) -> bool {
        self.backoff.rests(now) || self.breaker.refusal(now).is_some()
    }

    /// Starts a refresh in the background unless one is under way or none is allowed.
    fn refresh(&mut self, now: BootTime, take_off: impl FnOnce() -> Flight) -> Option<Arc<Flight>> {
        if self.flight.is_some() || self.rests(now) {
            return None;
        }
        let flight = Arc::new(take_off());
        self.flight = Some(Arc::clone(&flight));
        Some(flight)
    }
}

#[cfg(any(test, feature = "test-util"))]
mod quiet;

#[cfg(test)]
mod tests;
