//! What happens inside, for those who watch: a stream of events, each also a line in the log. No event holds a secret.

use std::time::Duration;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::context::AuthTokenContext;
use crate::error::{ScopeMismatch, TokenError};
use crate::trace;

/// How many events a slow reader may be behind before it misses some.
const CAPACITY: usize = 1024;

/// Something that happened to the tokens of one context, or to all.
///
/// Serving a fresh token is no event: it happens too often and costs too little.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TokenEvent {
    /// A fetch was started, in the background if nobody waits for it.
    FetchStarted {
        /// What for.
        context: AuthTokenContext,
        /// A token that is still good is being renewed.
        background: bool,
    },
    /// One attempt of a fetch failed; another follows within the same fetch.
    AttemptFailed {
        /// What for.
        context: AuthTokenContext,
        /// Counted from 1.
        attempt: u32,
        /// Why.
        error: TokenError,
        /// The pause before the next attempt.
        next_in: Duration,
    },
    /// A token came.
    Fetched {
        /// What for.
        context: AuthTokenContext,
        /// How long it lives from the start of its fetch; `None` when nobody said, and it is not cached.
        lifetime: Option<Duration>,
        /// The context's generation.
        generation: u64,
        /// How many attempts it took.
        attempts: u32,
    },
    /// A fetch failed for good.
    FetchFailed {
        /// What for.
        context: AuthTokenContext,
        /// Why.
        error: TokenError,
        /// How long the backend is now left alone, unless somebody needs a token and has none that is good enough: while
        /// an old one is good, mostly nearly as long as it may stand in.
        retry_in: Duration,
    },
    /// A caller was given a token inside its safety margin, because no newer one could be had.
    StaleServed {
        /// What for.
        context: AuthTokenContext,
        /// How long it is still valid.
        left: Duration,
    },
    /// A token was reported as refused by Fleet Engine, and dropped.
    Rejected {
        /// What for.
        context: AuthTokenContext,
    },
    /// Too many tokens of one context were rejected in a short time.
    BreakerTripped {
        /// What for.
        context: AuthTokenContext,
    },
    /// The reply claims a longer life than a Fleet Engine token can have: most likely milliseconds taken for seconds at
    /// the backend.
    LifetimeClamped {
        /// What for.
        context: AuthTokenContext,
        /// What was claimed.
        claimed: Duration,
        /// What is used.
        used: Duration,
    },
    /// The token is wider or vaguer than asked; see [`ScopeCheck`](crate::ScopeCheck).
    ScopeWarning {
        /// What for.
        context: AuthTokenContext,
        /// In which way.
        mismatch: ScopeMismatch,
    },
    /// The device's wall clock is more than a minute off the server's. Nothing depends on it; other software might.
    ClockSkew {
        /// What was being fetched.
        context: AuthTokenContext,
        /// By how much.
        by: Duration,
        /// Whether the device is ahead of the server.
        device_ahead: bool,
    },
    /// A context's entry was dropped to keep the number of entries bounded.
    Evicted {
        /// Which.
        context: AuthTokenContext,
        /// Its token was still good. If that happens often, the bound (`max_entries`) is too small for the number of
        /// contexts in use, and tokens are fetched again and again.
        was_valid: bool,
    },
    /// Everything was forgotten.
    Cleared,
    /// The app reported the network; so many waits ended.
    NetworkAvailable {
        /// How many contexts may be fetched again.
        ended_backoffs: usize,
    },
    /// The app reported a new login; so many remembered refusals ended.
    SessionChanged {
        /// How many contexts may be fetched again.
        ended_refusals: usize,
    },
    /// The factory was shut down. The last event.
    ShutDown,
    /// This reader was too slow and missed events.
    Missed {
        /// How many.
        count: u64,
    },
}

impl TokenEvent {
    /// The stable name, in snake case, as in logs, scenarios and other languages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::FetchStarted { .. } => "fetch_started",
            Self::AttemptFailed { .. } => "attempt_failed",
            Self::Fetched { .. } => "fetched",
            Self::FetchFailed { .. } => "fetch_failed",
            Self::StaleServed { .. } => "stale_served",
            Self::Rejected { .. } => "rejected",
            Self::BreakerTripped { .. } => "breaker_tripped",
            Self::LifetimeClamped { .. } => "lifetime_clamped",
            Self::ScopeWarning { .. } => "scope_warning",
            Self::ClockSkew { .. } => "clock_skew",
            Self::Evicted { .. } => "evicted",
            Self::Cleared => "cleared",
            Self::NetworkAvailable { .. } => "network_available",
            Self::SessionChanged { .. } => "session_changed",
            Self::ShutDown => "shut_down",
            Self::Missed { .. } => "missed",
        }
    }

    /// What it happened to, unless to all.
    pub const fn context(&self) -> Option<&AuthTokenContext> {
        match self {
            Self::FetchStarted { context, .. }
            | Self::AttemptFailed { context, .. }
            | Self::Fetched { context, .. }
            | Self::FetchFailed { context, .. }
            | Self::StaleServed { context, .. }
            | Self::Rejected { context }
            | Self::BreakerTripped { context }
            | Self::LifetimeClamped { context, .. }
            | Self::ScopeWarning { context, .. }
            | Self::ClockSkew { context, .. }
            | Self::Evicted { context, .. } => Some(context),
            Self::Cleared
            | Self::NetworkAvailable { .. }
            | Self::SessionChanged { .. }
            | Self::ShutDown
            | Self::Missed { .. } => None,
        }
    }
}

/// Where events are sent. Sending never waits.
#[derive(Debug)]
pub(crate) struct EventSink(broadcast::Sender<TokenEvent>);

impl EventSink {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }

    pub(crate) fn send(&self, event: TokenEvent) {
        trace::event(&event);
        #[cfg(feature = "metrics")]
        crate::metrics::event(&event);
        // Nobody listening is fine.
        let _ = self.0.send(event);
    }

    /// `ended`: the factory is shut down, and nothing will follow.
    pub(crate) fn subscribe(&self, ended: bool) -> TokenEvents {
        TokenEvents { receiver: self.0.subscribe(), ended }
    }
}

/// The events from the moment of [`events`](crate::AuthTokenFactory::events) on. Needs no runtime.
#[derive(Debug)]
pub struct TokenEvents {
    receiver: broadcast::Receiver<TokenEvent>,
    ended: bool,
}

impl TokenEvents {
    /// The next event; `None` after the factory was shut down or dropped. Safe to cancel: no event is lost.
    pub async fn next(&mut self) -> Option<TokenEvent> {
        if self.ended {
            return None;
        }
        let event = match self.receiver.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(count)) => Some(TokenEvent::Missed { count }),
            Err(RecvError::Closed) => None,
        };
        self.ended = matches!(event, None | Some(TokenEvent::ShutDown));
        event
    }

    /// An event that is there already, without waiting.
    pub fn try_next(&mut self) -> Option<TokenEvent> {
        if self.ended {
            return None;
        }
        let event = match self.receiver.try_recv() {
            Ok(event) => Some(event),
            Err(TryRecvError::Lagged(count)) => Some(TokenEvent::Missed { count }),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        };
        self.ended = matches!(event, Some(TokenEvent::ShutDown));
        event
    }
}
