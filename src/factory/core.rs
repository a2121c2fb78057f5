//! The factory's inside: asks slots, starts flights, keeps books. Shared by all clones and by the flights.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::run::Run;
use crate::boot_time::BootTime;
use crate::cache::flight::{Flight, Landing};
use crate::cache::rejected::Rejected;
use crate::cache::slot::{Answer, Invalidated, Need, Slot};
use crate::cache::slots::Slots;
use crate::config::Settings;
use crate::context::AuthTokenContext;
use crate::error::{Interruption, TokenError};
use crate::event::{EventSink, TokenEvent, TokenEvents};
use crate::runtime::Flights;
use crate::stats::{Counters, Stats};
use crate::token::AuthToken;

/// How long a blocked thread waits beyond the deadline for a flight that should have landed.
const GRACE: Duration = Duration::from_millis(200);

/// How long a shutdown waits for flights to end.
const DRAIN: Duration = Duration::from_secs(1);

pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) counters: Counters,
    pub(crate) events: EventSink,
    pub(crate) lines: Semaphore,
    pub(crate) rejected: Rejected,
    slots: Slots,
    flights: Flights,
    epoch: AtomicU64,
    closed: AtomicBool,
}

/// What asking came to.
enum Asked {
    Token(AuthToken),
    Wait(Arc<Slot>, Arc<Flight>),
}

impl Core {
    pub(crate) fn new(mut settings: Settings) -> Self {
        Self {
            counters: Counters::default(),
            events: EventSink::new(),
            lines: Semaphore::new(settings.max_concurrent_fetches),
            rejected: Rejected::default(),
            slots: Slots::new(settings.max_entries),
            flights: Flights::new(std::mem::take(&mut settings.home)),
            epoch: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            settings,
        }
    }

    pub(crate) fn now(&self) -> BootTime {
        self.settings.clock.now()
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// The hot path: a fresh token, without a lock.
    pub(crate) fn hit(&self, context: &AuthTokenContext) -> Option<AuthToken> {
        let token = self.slots.with(context, |slot| slot.hit(self.now())).flatten()?;
        self.counters.hit();
        Some(token)
    }

    pub(crate) fn hit_slot(&self, slot: &Slot) -> Option<AuthToken> {
        let token = slot.hit(self.now())?;
        self.counters.hit();
        Some(token)
    }

    #[cfg(feature = "ffi")]
    pub(crate) fn note_hits(&self, context: &AuthTokenContext, count: u64) {
        let now = self.now();
        self.slots.with(context, |slot| slot.touch(now));
        self.counters.hits(count);
    }

    pub(crate) async fn get(self: &Arc<Self>, context: &AuthTokenContext, need: Need) -> Result<AuthToken, TokenError> {
        match self.ask_counted(context, need)? {
            Asked::Token(token) => Ok(token),
            Asked::Wait(slot, flight) => self.settle(&slot, need, flight.wait().await),
        }
    }

    pub(crate) fn get_blocking(
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
        let (slot, flight) = match self.ask_counted(context, need)? {
            Asked::Token(token) => return Ok(token),
            Asked::Wait(slot, flight) => (slot, flight),
        };
        let patience = flight.deadline.saturating_since(self.now()) + GRACE;
        let landing = flight.wait_blocking(patience).unwrap_or_else(|| {
            self.give_up(&slot, &flight);
            flight.landed().cloned().unwrap_or(Err(self.timeout()))
        });
        self.settle(&slot, need, landing)
    }

    pub(crate) fn try_get(self: &Arc<Self>, context: &AuthTokenContext) -> Option<AuthToken> {
        match self.ask(context, Need::AtOnce) {
            Ok(Asked::Token(token)) => {
                self.counters.hit();
                Some(token)
            }
            Ok(Asked::Wait(..)) | Err(_) => {
                self.counters.not_ready.add();
                None
            }
        }
    }

    pub(crate) fn prefetch(self: &Arc<Self>, context: &AuthTokenContext) {
        if self.slots.with(context, |slot| slot.hit(self.now()).is_none()).unwrap_or(true) {
            // A bad context has nothing to fetch, a backing-off one nothing to fetch now.
            let _ = self.ask(context, Need::AtOnce);
        }
    }

    pub(crate) fn invalidate(&self, context: &AuthTokenContext, token: &AuthToken) -> bool {
        self.rejected.add(token.fingerprint());
        // A backend may hand out one token for several contexts: it is as bad for those.
        for other in self.slots.all() {
            if other.context != *context && other.revoke(token) {
                self.events.send(TokenEvent::Rejected { context: other.context.clone() });
            }
        }
        let Some(slot) = self.slots.get(context) else { return false };
        match slot.invalidate(token, self.now()) {
            Invalidated::NotCurrent => false,
            Invalidated::Dropped { tripped } => {
                self.counters.rejections.add();
                self.events.send(TokenEvent::Rejected { context: context.clone() });
                if tripped {
                    self.events.send(TokenEvent::BreakerTripped { context: context.clone() });
                }
                true
            }
        }
    }

    pub(crate) fn clear(&self) {
        self.forget(&TokenError::Cleared);
        self.events.send(TokenEvent::Cleared);
    }

    pub(crate) fn network_available(&self) {
        let now = self.now();
        let ended_backoffs = self.slots.all().iter().filter(|slot| slot.network_available(now)).count();
        self.events.send(TokenEvent::NetworkAvailable { ended_backoffs });
    }

    pub(crate) fn events(&self) -> TokenEvents {
        self.events.subscribe()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.counters.snapshot(self.slots.len())
    }

    pub(crate) fn pinned_slot(&self, context: &AuthTokenContext) -> Result<Arc<Slot>, TokenError> {
        loop {
            let slot = self.slot(context)?;
            if slot.pin() {
                return Ok(slot);
            }
        }
    }

    pub(crate) fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.forget(&TokenError::ShutDown);
            self.flights.close();
            self.events.send(TokenEvent::ShutDown);
        }
    }

    pub(crate) async fn drained(&self) {
        // Without a runtime there is no timer to bound the wait with, and nothing to wait for: flights are dropped.
        if Handle::try_current().is_ok() {
            tokio::select! {
                () = self.flights.idle() => {}
                () = self.settings.clock.sleep(DRAIN) => {}
            }
        }
    }

    pub(crate) fn timeout(&self) -> TokenError {
        TokenError::Timeout { deadline: self.settings.fetch_deadline }
    }

    /// A flight failed: remember it, tell everybody. Does nothing if the flight is no longer the key's.
    pub(crate) fn fail(&self, slot: &Slot, flight: &Arc<Flight>, error: TokenError) {
        let settings = &self.settings;
        let Some(retry_in) = slot.fail(flight, &error, &settings.retry, self.now(), settings.jitter.next()) else {
            return;
        };
        self.counters.failures.add();
        self.events.send(TokenEvent::FetchFailed { context: slot.context.clone(), error: error.clone(), retry_in });
        flight.land(Err(error));
    }

    /// The runtime that a flight was on has ended. Not the backend's fault: the next call may fetch at once.
    pub(crate) fn abandon(&self, slot: &Slot, flight: &Arc<Flight>) {
        self.flights.runtime_is_gone();
        self.interrupt(slot, flight, TokenError::Interrupted(Interruption::RuntimeGone));
    }

    fn ask_counted(self: &Arc<Self>, context: &AuthTokenContext, need: Need) -> Result<Asked, TokenError> {
        let asked = self.ask(context, need);
        match &asked {
            Ok(Asked::Token(_)) => self.counters.hit(),
            Ok(Asked::Wait(..)) => self.counters.waits.add(),
            Err(_) => self.counters.refusals.add(),
        }
        asked
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
                    if stale {
                        self.served_stale(&slot, &token, now);
                    }
                    return Ok(Asked::Token(token));
                }
                Answer::Wait { flight, new } => {
                    if new {
                        self.start(&slot, &flight, false);
                    }
                    return Ok(Asked::Wait(slot, flight));
                }
                Answer::Refused(error) => return Err(error),
                Answer::Gone => {}
            }
        }
    }

    fn slot(&self, context: &AuthTokenContext) -> Result<Arc<Slot>, TokenError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(TokenError::ShutDown);
        }
        if let Some(slot) = self.slots.get(context) {
            return Ok(slot);
        }
        context.kind()?;
        let (slot, evicted) = self.slots.get_or_make(context, self.now());
        for context in evicted {
            self.counters.evictions.add();
            self.events.send(TokenEvent::Evicted { context });
        }
        Ok(slot)
    }

    fn start(self: &Arc<Self>, slot: &Arc<Slot>, flight: &Arc<Flight>, background: bool) {
        self.counters.flights.add();
        if background {
            self.counters.background_flights.add();
        }
        self.events.send(TokenEvent::FetchStarted { context: slot.context.clone(), background });
        self.flights.spawn(Run::new(Arc::clone(self), Arc::clone(slot), Arc::clone(flight)).run());
        // A shutdown that went through the slots before this one was there has not seen the flight.
        if self.closed.load(Ordering::Acquire) {
            self.forget(&TokenError::ShutDown);
        }
    }

    /// Nobody will land this flight: its deadline passed while the device slept or its runtime was stuck. Not the
    /// backend's fault, so the next fetch may start at once.
    fn give_up(&self, slot: &Slot, flight: &Arc<Flight>) {
        self.interrupt(slot, flight, self.timeout());
    }

    fn interrupt(&self, slot: &Slot, flight: &Arc<Flight>, error: TokenError) {
        if slot.abandon(flight) {
            self.counters.failures.add();
            let context = slot.context.clone();
            self.events.send(TokenEvent::FetchFailed { context, error: error.clone(), retry_in: Duration::ZERO });
            flight.land(Err(error));
        }
    }

    /// What a waiter makes of a landing.
    fn settle(&self, slot: &Slot, need: Need, landing: Landing) -> Result<AuthToken, TokenError> {
        let now = self.now();
        match (landing, need) {
            (Ok(token), Need::ValidFor(asked)) => {
                let left = token.schedule().map_or(Duration::ZERO, |schedule| schedule.remaining(now));
                if left >= asked { Ok(token) } else { Err(TokenError::LifetimeTooShort { asked, left }) }
            }
            (Ok(token), _) => Ok(token),
            (Err(error @ (TokenError::Cleared | TokenError::ShutDown)), _) | (Err(error), Need::ValidFor(_)) => {
                Err(error)
            }
            (Err(error), _) => {
                let token = slot.fallback(now).ok_or(error)?;
                self.served_stale(slot, &token, now);
                Ok(token)
            }
        }
    }

    fn served_stale(&self, slot: &Slot, token: &AuthToken, now: BootTime) {
        self.counters.stale_served.add();
        let left = token.schedule().map_or(Duration::ZERO, |schedule| schedule.remaining(now));
        self.events.send(TokenEvent::StaleServed { context: slot.context.clone(), left });
    }

    /// Drops all tokens and flights. The epoch goes first, so that a result on its way finds that it is too late.
    fn forget(&self, why: &TokenError) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        for slot in self.slots.all() {
            if let Some(flight) = slot.clear() {
                flight.land(Err(why.clone()));
            }
            self.slots.remove(&slot);
        }
    }
}
