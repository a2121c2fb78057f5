//! What happens inside, told to a listener of the app's.

use std::sync::Arc;

use thiserror::Error;

use super::cancel::Signal;
use super::context::FfiTokenContext;
use super::engine::Engine;
use super::factory::Epoch;
use super::failure::FfiFailure;
use super::millis;
use crate::event::{TokenEvent, TokenEvents};

/// Hears what happens. One call at a time, in order, on a thread that may be blocked; what it throws is ignored.
#[uniffi::export(foreign)]
pub trait FfiTokenEventListener: Send + Sync + 'static {
    /// Something happened. The epoch is the factory's after it: see `FfiToken`.
    fn on_event(&self, event: FfiTokenEvent, epoch: u64) -> Result<(), FfiListenerError>;
}

/// A listener failed. Ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, uniffi::Error)]
pub enum FfiListenerError {
    /// It threw.
    #[error("the listener failed")]
    Failed,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for FfiListenerError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed
    }
}

/// Something that happened to the tokens of one context, or to all. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
#[allow(missing_docs, reason = "each is documented at the TokenEvent variant of the same name")]
pub enum FfiTokenEvent {
    /// A fetch was started, in the background if nobody waits for it.
    FetchStarted { context: FfiTokenContext, background: bool },
    /// One attempt failed; another follows within the same fetch.
    AttemptFailed { context: FfiTokenContext, attempt: u32, failure: FfiFailure, next_in_ms: u64 },
    /// A token came.
    Fetched { context: FfiTokenContext, lifetime_ms: Option<u64>, generation: u64, attempts: u32 },
    /// A fetch failed for good.
    FetchFailed { context: FfiTokenContext, failure: FfiFailure, retry_in_ms: u64 },
    /// A caller was given a token inside its safety margin, because no newer one could be had.
    StaleServed { context: FfiTokenContext, left_ms: u64 },
    /// A token was reported as refused by Fleet Engine, and dropped.
    Rejected { context: FfiTokenContext },
    /// Too many tokens of one context were rejected in a short time.
    BreakerTripped { context: FfiTokenContext },
    /// The reply claims a longer life than a Fleet Engine token can have.
    LifetimeClamped { context: FfiTokenContext, claimed_ms: u64, used_ms: u64 },
    /// The token is wider or vaguer than asked.
    ScopeWarning { context: FfiTokenContext, description: String },
    /// The device's wall clock is more than a minute off the server's.
    ClockSkew { context: FfiTokenContext, by_ms: u64, device_ahead: bool },
    /// A context's entry was dropped to keep the number of entries bounded.
    Evicted { context: FfiTokenContext, was_valid: bool },
    /// Everything was forgotten.
    Cleared,
    /// The app reported the network; so many waits ended.
    NetworkAvailable { ended_backoffs: u64 },
    /// The app reported a new login; so many remembered refusals ended.
    SessionChanged { ended_refusals: u64 },
    /// The factory was shut down. The last event.
    ShutDown,
    /// This listener was too slow and missed events.
    Missed { count: u64 },
}

impl From<TokenEvent> for FfiTokenEvent {
    fn from(event: TokenEvent) -> Self {
        match event {
            TokenEvent::FetchStarted { context, background } => {
                Self::FetchStarted { context: (&context).into(), background }
            }
            TokenEvent::AttemptFailed { context, attempt, error, next_in } => Self::AttemptFailed {
                context: (&context).into(),
                attempt,
                failure: (&error).into(),
                next_in_ms: millis(next_in),
            },
            TokenEvent::Fetched { context, lifetime, generation, attempts } => {
                Self::Fetched { context: (&context).into(), lifetime_ms: lifetime.map(millis), generation, attempts }
            }
            TokenEvent::FetchFailed { context, error, retry_in } => Self::FetchFailed {
                context: (&context).into(),
                failure: (&error).into(),
                retry_in_ms: millis(retry_in),
            },
            TokenEvent::StaleServed { context, left } => {
                Self::StaleServed { context: (&context).into(), left_ms: millis(left) }
            }
            TokenEvent::Rejected { context } => Self::Rejected { context: (&context).into() },
            TokenEvent::BreakerTripped { context } => Self::BreakerTripped { context: (&context).into() },
            TokenEvent::LifetimeClamped { context, claimed, used } => {
                Self::LifetimeClamped { context: (&context).into(), claimed_ms: millis(claimed), used_ms: millis(used) }
            }
            TokenEvent::ScopeWarning { context, mismatch } => {
                Self::ScopeWarning { context: (&context).into(), description: mismatch.to_string() }
            }
            TokenEvent::ClockSkew { context, by, device_ahead } => {
                Self::ClockSkew { context: (&context).into(), by_ms: millis(by), device_ahead }
            }
            TokenEvent::Evicted { context, was_valid } => Self::Evicted { context: (&context).into(), was_valid },
            TokenEvent::Cleared => Self::Cleared,
            TokenEvent::NetworkAvailable { ended_backoffs } => {
                Self::NetworkAvailable { ended_backoffs: ended_backoffs as u64 }
            }
            TokenEvent::SessionChanged { ended_refusals } => {
                Self::SessionChanged { ended_refusals: ended_refusals as u64 }
            }
            TokenEvent::ShutDown => Self::ShutDown,
            TokenEvent::Missed { count } => Self::Missed { count },
        }
    }
}

/// A listener's place. Letting go of this does not end it: `stop` does, and so does the end of the factory.
#[derive(uniffi::Object)]
pub struct FfiSubscription {
    stopped: Arc<Signal>,
}

#[uniffi::export]
impl FfiSubscription {
    /// Ends it: no event that has not been begun to be told is told, and the listener is let go.
    pub fn stop(&self) {
        self.stopped.raise();
    }
}

impl FfiSubscription {
    /// One that nothing is told to.
    pub(super) fn ended() -> Self {
        Self { stopped: Arc::default() }
    }

    /// Starts to tell `listener`, on `engine`, what comes by `events`.
    pub(super) fn start(
        engine: Engine,
        events: TokenEvents,
        epoch: Arc<Epoch>,
        listener: Arc<dyn FfiTokenEventListener>,
    ) -> Self {
        let stopped = Arc::default();
        if let Some(handle) = engine.handle() {
            handle.spawn(pump(engine, events, epoch, listener, Arc::clone(&stopped)));
        }
        Self { stopped }
    }
}

/// Holds the runtime, so that the last event is told before it stops; ends with that event.
async fn pump(
    engine: Engine,
    mut events: TokenEvents,
    epoch: Arc<Epoch>,
    listener: Arc<dyn FfiTokenEventListener>,
    stopped: Arc<Signal>,
) {
    loop {
        let event = tokio::select! {
            biased;
            () = stopped.raised() => return,
            event = events.next() => event,
        };
        let Some(event) = event else { return };
        // These are sent after the tokens were dropped: who hears of it must know copies from before by their epoch.
        let epoch = match event {
            TokenEvent::Rejected { .. } | TokenEvent::Cleared | TokenEvent::ShutDown | TokenEvent::Missed { .. } => {
                epoch.bump()
            }
            _ => epoch.now(),
        };
        let listener = Arc::clone(&listener);
        engine
            .tell(move || {
                // What a listener throws is its own business.
                let _ = listener.on_event(event.into(), epoch);
            })
            .await;
    }
}
