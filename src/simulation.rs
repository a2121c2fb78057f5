//! One device of a fleet, for simulations of many: the factory's own slot, policy, backoff and attempts, with time and
//! randomness as arguments, and without tasks, events and counters. Not part of the API.
#![allow(missing_docs, reason = "hidden, and for this workspace only")]

use std::sync::Arc;
use std::time::Duration;

use crate::attempts::Attempts;
use crate::backoff::RetryPolicy;
use crate::boot_time::BootTime;
use crate::cache::answer::{Answer, Commit, Invalidated, Need};
use crate::cache::flight::Flight;
use crate::cache::slot::Slot;
use crate::context::AuthTokenContext;
use crate::error::TokenError;
use crate::policy::RefreshPolicy;
use crate::token::AuthToken;

/// What the builder of a factory is told; the rest is as by default there.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    refresh: RefreshPolicy,
    retry: RetryPolicy,
    deadline: Duration,
}

impl Rules {
    /// The defaults, and this margin.
    pub fn with_margin(safety_margin: Duration) -> Self {
        Self {
            refresh: RefreshPolicy { safety_margin, ..RefreshPolicy::default() },
            retry: RetryPolicy::default(),
            deadline: Duration::from_secs(30),
        }
    }
}

/// What a call is told.
#[derive(Debug)]
pub enum Ask {
    /// A token; with the fetch of its successor if this call starts one.
    Token { stale: bool, fetch: Option<Fetch> },
    /// To wait for a fetch; with it if this call starts it.
    Wait { fetch: Option<Fetch> },
    /// That there is none, and none may be fetched.
    Refused,
}

/// A fetch under way.
#[derive(Debug)]
pub struct Fetch {
    flight: Arc<Flight>,
    attempts: Attempts,
    generation: u64,
}

/// One device with one key.
pub struct Device {
    slot: Slot,
}

impl Device {
    pub fn new(now: BootTime) -> Self {
        Self { slot: Slot::new(AuthTokenContext::new(), now) }
    }

    /// The app asks for a token.
    pub fn ask(&self, now: BootTime, rules: &Rules) -> Ask {
        let answer = self.slot.ask(Need::Usual, now, || Flight::new(now.plus(rules.deadline), 0));
        let fetch = |flight| {
            let attempts = Attempts::new(self.slot.attempts(&rules.retry, now));
            Fetch { flight, attempts, generation: 0 }
        };
        match answer {
            Answer::Token { stale, refresh, .. } => Ask::Token { stale, fetch: refresh.map(fetch) },
            Answer::Wait { flight, new } => Ask::Wait { fetch: new.then(|| fetch(flight)) },
            // The map never took it out: there is none.
            Answer::Refused(_) | Answer::Gone => Ask::Refused,
        }
    }

    /// The fetch makes an attempt.
    pub fn begin(&self, fetch: &mut Fetch) {
        fetch.attempts.begin();
        fetch.generation = self.slot.generation();
    }

    /// The attempt that began at `anchor` brought a token that lives for `lifetime` from there. Whether the fetch has
    /// ended by that: if not, it makes another attempt at once.
    pub fn fetched(
        &self,
        fetch: &mut Fetch,
        rules: &Rules,
        anchor: BootTime,
        lifetime: Duration,
        jitter: impl FnOnce() -> f64,
    ) -> bool {
        let schedule = rules.refresh.schedule(anchor, lifetime, jitter());
        let make = || AuthToken::new("simulated", Some(schedule), 1);
        let commit = self.slot.commit(&fetch.flight, fetch.generation, || false, || false, make);
        if matches!(commit, Commit::Outdated) {
            fetch.attempts.overtaken();
            return false;
        }
        true
    }

    /// The attempt failed. The pause before the next, or `None`: the fetch has failed.
    pub fn failed(
        &self,
        fetch: &mut Fetch,
        rules: &Rules,
        error: &TokenError,
        now: BootTime,
        mut jitter: impl FnMut() -> f64,
    ) -> Option<Duration> {
        let left = fetch.flight.deadline.saturating_since(now);
        let pause = fetch.attempts.failed(error, &rules.retry, left, jitter());
        if pause.is_none() {
            self.slot.fail(&fetch.flight, error, &rules.retry, now, jitter());
        }
        pause
    }

    /// Whether those who waited for a fetch that failed get the old token.
    pub fn stands_in(&self, now: BootTime) -> bool {
        self.slot.fallback(now).is_some()
    }

    /// Fleet Engine refused the token: the app reports it. Whether it was current.
    pub fn invalidate(&self, now: BootTime) -> bool {
        self.slot.invalidate(&AuthToken::new("simulated", None, 1), now) != Invalidated::NotCurrent
    }

    /// The app says that the network came back.
    pub fn network_available(&self, now: BootTime) {
        self.slot.network_available(now);
    }

    /// Until when every call is answered as it is now and starts nothing, if nothing else happens meanwhile.
    pub fn quiet_until(&self, now: BootTime) -> BootTime {
        self.slot.quiet_until(now)
    }
}
