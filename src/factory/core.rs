//! The factory's inside: what all clones, handles and flights share, and what changes many keys at once.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::boot_time::BootTime;
use crate::cache::answer::Invalidated;
use crate::cache::flight::Flight;
#[cfg(feature = "metrics")]
use crate::cache::flight::Landing;
use crate::cache::rejected::Rejected;
use crate::cache::slot::Slot;
use crate::cache::slots::{Eviction, Slots};
use crate::config::Settings;
use crate::context::AuthTokenContext;
use crate::error::{Interruption, TokenError};
use crate::event::{EventSink, TokenEvent, TokenEvents};
use crate::runtime::Flights;
use crate::stats::{Counters, Stats};
use crate::status::ContextStatus;
use crate::sync::{AtomicBool, AtomicU64};
use crate::token::AuthToken;

/// How long a shutdown waits for flights to end.
const DRAIN: Duration = Duration::from_secs(1);

pub(crate) struct Core {
    pub(crate) settings: Settings,
    pub(crate) counters: Counters,
    pub(crate) events: EventSink,
    pub(crate) lines: Semaphore,
    pub(crate) rejected: Rejected,
    pub(super) slots: Slots,
    pub(super) flights: Flights,
    epoch: AtomicU64,
    generation: AtomicU64,
    closed: AtomicBool,
    #[cfg(feature = "metrics")]
    published: crate::metrics::Published,
}

impl Core {
    pub(crate) fn new(mut settings: Settings) -> Self {
        #[cfg(feature = "metrics")]
        crate::metrics::describe();
        Self {
            counters: Counters::default(),
            events: EventSink::new(),
            lines: Semaphore::new(settings.max_concurrent_fetches),
            rejected: Rejected::default(),
            slots: Slots::new(settings.max_entries),
            flights: Flights::new(std::mem::take(&mut settings.home)),
            epoch: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            #[cfg(feature = "metrics")]
            published: crate::metrics::Published::default(),
            settings,
        }
    }

    pub(crate) fn now(&self) -> BootTime {
        self.settings.clock.now()
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    #[cfg(feature = "ffi")]
    pub(crate) fn note_hits(&self, context: &AuthTokenContext, count: u64) {
        let now = self.now();
        if let Some(slot) = self.slots.get(context) {
            slot.touch(now);
        }
        self.counters.hits(count);
    }

    #[cfg(feature = "ffi")]
    pub(crate) fn evictions(&self) -> u64 {
        self.counters.evictions.get()
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

    pub(crate) fn session_changed(&self) {
        let now = self.now();
        let ended_refusals = self.slots.all().iter().filter(|slot| slot.session_changed(now)).count();
        self.events.send(TokenEvent::SessionChanged { ended_refusals });
    }

    pub(crate) fn events(&self) -> TokenEvents {
        self.events.subscribe(self.is_closed())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Grows with every token that is committed, over all contexts, so that it never goes back for any.
    pub(super) fn next_generation(&self) -> u64 {
        self.generation.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn contexts(&self) -> Vec<ContextStatus> {
        let now = self.now();
        self.slots.all().iter().map(|slot| slot.status(now)).collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.counters.snapshot(self.slots.len())
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn publish_metrics(&self) {
        self.published.bring_up_to(|| self.stats());
    }

    /// A flight that began then has landed.
    #[cfg(feature = "metrics")]
    pub(crate) fn measured(&self, context: &AuthTokenContext, began: BootTime, landing: &Landing) {
        crate::metrics::fetched(context, self.now().saturating_since(began), landing);
        self.publish_metrics();
    }

    pub(crate) fn pinned_slot(&self, context: &AuthTokenContext) -> Result<Arc<Slot>, TokenError> {
        loop {
            let slot = self.slot(context)?;
            if slot.pin() {
                return Ok(slot);
            }
            self.slots.drop_gone(&slot);
        }
    }

    pub(crate) fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            // With the one in `start`: either this sees the slot of a flight that begins now, or that one sees the end.
            fence(Ordering::SeqCst);
            self.forget(&TokenError::ShutDown);
            self.flights.close();
            self.events.send(TokenEvent::ShutDown);
            #[cfg(feature = "metrics")]
            self.publish_metrics();
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

    /// Whether what was begun in this epoch is worth nothing any more.
    pub(super) fn is_over(&self, epoch: u64) -> bool {
        self.epoch() != epoch || self.is_closed()
    }

    /// Why such a thing has ended. Asked afterwards: a shutdown moves the epoch too.
    pub(super) fn why_cleared(&self) -> TokenError {
        if self.is_closed() { TokenError::ShutDown } else { TokenError::Cleared }
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

    /// A flight's task was dropped: at the end of the factory, or because the runtime it was on has ended. That is not
    /// the backend's fault: the next call may fetch at once.
    pub(crate) fn abandon(&self, slot: &Slot, flight: &Arc<Flight>) {
        if self.is_closed() {
            slot.abandon(flight);
            flight.land(Err(TokenError::ShutDown));
            return;
        }
        self.flights.runtime_is_gone();
        self.interrupt(slot, flight, TokenError::Interrupted(Interruption::RuntimeGone));
    }

    pub(super) fn slot(&self, context: &AuthTokenContext) -> Result<Arc<Slot>, TokenError> {
        if self.is_closed() {
            return Err(TokenError::ShutDown);
        }
        if let Some(slot) = self.slots.get(context) {
            return Ok(slot);
        }
        context.kind()?;
        let (slot, evicted) = self.slots.get_or_make(context, self.now());
        for Eviction { context, was_valid } in evicted {
            self.counters.evictions.add();
            self.events.send(TokenEvent::Evicted { context, was_valid });
        }
        Ok(slot)
    }

    /// Nobody will land this flight: its deadline passed while the device slept or its runtime was stuck. Not the
    /// backend's fault, so the next fetch may start at once.
    pub(super) fn give_up(&self, slot: &Slot, flight: &Arc<Flight>) {
        self.interrupt(slot, flight, self.timeout());
    }

    fn interrupt(&self, slot: &Slot, flight: &Arc<Flight>, error: TokenError) {
        if slot.abandon(flight) {
            self.counters.failures.add();
            // Before the event: no logger that panics may come between.
            flight.land(Err(error.clone()));
            let context = slot.context.clone();
            self.events.send(TokenEvent::FetchFailed { context, error, retry_in: Duration::ZERO });
        }
    }

    /// Drops all tokens and flights. The epoch goes first, so that a result on its way finds that it is too late.
    pub(super) fn forget(&self, why: &TokenError) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        for slot in self.slots.all() {
            if let Some(flight) = slot.clear() {
                flight.land(Err(why.clone()));
            }
            self.slots.remove(&slot);
        }
        self.slots.restore_bound();
    }
}
