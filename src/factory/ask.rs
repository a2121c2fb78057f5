//! Asking for a token, in each of the ways there are, and what a waiter makes of the answer.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use tokio::runtime::Handle;

use super::core::Core;
use super::run::Run;
use crate::boot_time::BootTime;
use crate::cache::answer::{Answer, Need};
use crate::cache::flight::{Flight, GRACE, Landing};
use crate::cache::slot::Slot;
use crate::context::AuthTokenContext;
use crate::error::TokenError;
use crate::event::TokenEvent;
use crate::token::AuthToken;

/// What asking came to.
pub(super) enum Asked {
    Token { token: AuthToken, stale: bool },
    Wait { slot: Arc<Slot>, flight: Arc<Flight> },
}

impl Core {
    /// The hot path: a fresh token, without a lock.
    #[inline]
    pub(super) fn hit(&self, context: &AuthTokenContext) -> Option<AuthToken> {
        self.slots.with(context, |slot| self.hit_slot(slot))
    }

    /// The same without the lookup.
    #[inline]
    pub(super) fn hit_slot(&self, slot: &Slot) -> Option<AuthToken> {
        let token = slot.hit(self.now())?;
        self.counters.hit();
        Some(token)
    }

    pub(super) async fn get(self: &Arc<Self>, context: &AuthTokenContext, need: Need) -> Result<AuthToken, TokenError> {
        let mut call = Call::new(self);
        loop {
            let (slot, flight) = match call.ask(context, need)? {
                Asked::Token { token, .. } => return Ok(token),
                Asked::Wait { slot, flight } => (slot, flight),
            };
            let landing = self.landing(&slot, &flight).await;
            if let Some(answer) = self.settle(&slot, &flight, need, landing) {
                return answer;
            }
        }
    }

    pub(super) fn get_blocking(
        self: &Arc<Self>,
        context: &AuthTokenContext,
        need: Need,
    ) -> Result<AuthToken, TokenError> {
        if Handle::try_current().is_ok() {
            self.counters.refusals.add();
            return Err(TokenError::BlockingInAsync);
        }
        if let Some(token) = self.hit(context) {
            return Ok(token);
        }
        let mut call = Call::new(self);
        loop {
            let (slot, flight) = match call.ask(context, need)? {
                Asked::Token { token, .. } => return Ok(token),
                Asked::Wait { slot, flight } => (slot, flight),
            };
            let landing = flight.wait_blocking(self.patience(&flight)).unwrap_or_else(|| self.stuck(&slot, &flight));
            if let Some(answer) = self.settle(&slot, &flight, need, landing) {
                return answer;
            }
        }
    }

    pub(super) fn try_get(self: &Arc<Self>, context: &AuthTokenContext) -> Option<AuthToken> {
        match self.ask(context, Need::AtOnce) {
            Ok(Asked::Token { token, stale }) => {
                self.counters.hit();
                if stale {
                    self.served_stale(context, &token, self.now());
                }
                Some(token)
            }
            Ok(Asked::Wait { .. }) | Err(_) => {
                self.counters.not_ready.add();
                None
            }
        }
    }

    pub(super) fn prefetch(self: &Arc<Self>, context: &AuthTokenContext) {
        if self.slots.with(context, |slot| slot.hit(self.now())).is_none() {
            // A bad context has nothing to fetch, a backing-off one nothing to fetch now.
            let _ = self.ask(context, Need::AtOnce);
        }
    }

    fn ask(self: &Arc<Self>, context: &AuthTokenContext, need: Need) -> Result<Asked, TokenError> {
        loop {
            let slot = self.slot(context)?;
            let now = self.now();
            if let Some(flight) = slot.overdue(now) {
                self.give_up(&slot, &flight);
            }
            let take_off = || Flight::new(now.plus(self.settings.fetch_deadline), self.epoch());
            match slot.ask(need, now, take_off) {
                Answer::Token { token, stale, refresh } => {
                    if let Some(flight) = refresh {
                        self.start(&slot, &flight, true);
                    }
                    return Ok(Asked::Token { token, stale });
                }
                Answer::Wait { flight, new } => {
                    if new {
                        self.start(&slot, &flight, false);
                    }
                    return Ok(Asked::Wait { slot, flight });
                }
                Answer::Refused(error) => return Err(error),
                Answer::Gone => self.slots.drop_gone(&slot),
            }
        }
    }

    fn start(self: &Arc<Self>, slot: &Arc<Slot>, flight: &Arc<Flight>, background: bool) {
        self.counters.flights.add();
        if background {
            self.counters.background_flights.add();
        }
        self.events.send(TokenEvent::FetchStarted { context: slot.context.clone(), background });
        self.flights.spawn(Run::new(Arc::clone(self), Arc::clone(slot), Arc::clone(flight)).run(background));
        // A shutdown that went through the slots before this one was there has not seen the flight.
        fence(Ordering::SeqCst);
        if self.is_closed() {
            self.forget(&TokenError::ShutDown);
        }
    }

    /// Waits for a flight. The flight's own task keeps the deadline, unless its runtime is stuck or not driven: then
    /// this caller does, on its own runtime's timer if it has one.
    async fn landing(&self, slot: &Slot, flight: &Arc<Flight>) -> Landing {
        if Handle::try_current().is_err() {
            return flight.wait().await;
        }
        tokio::select! {
            biased;
            landing = flight.wait() => landing,
            () = self.settings.clock.sleep(self.patience(flight)) => self.stuck(slot, flight),
        }
    }

    fn patience(&self, flight: &Flight) -> Duration {
        flight.deadline.saturating_since(self.now()).saturating_add(GRACE)
    }

    fn stuck(&self, slot: &Slot, flight: &Arc<Flight>) -> Landing {
        self.give_up(slot, flight);
        flight.landed().cloned().unwrap_or(Err(self.timeout()))
    }

    /// What a waiter makes of a landing, which may have been a while ago: the device may have slept, and the app may
    /// have cleared, rejected or shut down meanwhile. `None`: what landed is no good any more, ask again.
    fn settle(
        &self,
        slot: &Slot,
        flight: &Flight,
        need: Need,
        landing: Landing,
    ) -> Option<Result<AuthToken, TokenError>> {
        let now = self.now();
        match landing {
            Ok(_) if self.is_over(flight.epoch) => Some(Err(self.why_cleared())),
            Ok(token) => {
                let schedule = token.schedule();
                if schedule.is_some_and(|s| !s.is_good(now)) || self.rejected.contains(token.fingerprint()) {
                    return None;
                }
                let left = schedule.map_or(Duration::ZERO, |schedule| schedule.remaining(now));
                Some(match need {
                    Need::ValidFor(asked) if left < asked => Err(TokenError::LifetimeTooShort { asked, left }),
                    _ => Ok(token),
                })
            }
            Err(error @ (TokenError::Cleared | TokenError::ShutDown)) => Some(Err(error)),
            Err(error) if matches!(need, Need::ValidFor(_)) => Some(Err(error)),
            Err(error) => Some(match slot.fallback(now) {
                Some(token) => {
                    self.served_stale(&slot.context, &token, now);
                    Ok(token)
                }
                None => Err(error),
            }),
        }
    }

    fn served_stale(&self, context: &AuthTokenContext, token: &AuthToken, now: BootTime) {
        self.counters.stale_served.add();
        let left = token.schedule().map_or(Duration::ZERO, |schedule| schedule.remaining(now));
        self.events.send(TokenEvent::StaleServed { context: context.clone(), left });
    }
}

/// One call that may wait: counted once, however often it has to ask, and not for ever. A second time is always
/// granted, since the device may have slept through the deadline; a third only before it.
pub(super) struct Call<'a> {
    core: &'a Arc<Core>,
    until: BootTime,
    asked: u32,
}

impl<'a> Call<'a> {
    pub(super) fn new(core: &'a Arc<Core>) -> Self {
        Self { core, until: core.now().plus(core.settings.fetch_deadline), asked: 0 }
    }

    pub(super) fn ask(&mut self, context: &AuthTokenContext, need: Need) -> Result<Asked, TokenError> {
        let Self { core, until, asked: times } = self;
        let now = core.now();
        if *times > 1 && *until <= now {
            return Err(core.timeout());
        }
        let asked = core.ask(context, need);
        if let Ok(Asked::Token { token, stale: true }) = &asked {
            core.served_stale(context, token, now);
        }
        *times += 1;
        if *times == 1 {
            match &asked {
                Ok(Asked::Token { .. }) => core.counters.hit(),
                Ok(Asked::Wait { .. }) => core.counters.waits.add(),
                Err(_) => core.counters.refusals.add(),
            }
        }
        asked
    }
}
