//! Every way in which asking for a token can fail. One enum for all faces; no variant holds a secret.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

mod cause;
mod kind;

pub use self::cause::{Interruption, ResponseError, ScopeMismatch, SessionError, TransportError};
pub use self::kind::TokenErrorKind;
use crate::context::{ContextError, ContextKind};

/// Why there is no token.
///
/// [`kind`](Self::kind) is the same in a stable, fieldless form, for `match`es and for other languages.
/// [`is_retryable`](Self::is_retryable) says whether asking again later can help without anybody doing anything;
/// [`retry_after`](Self::retry_after) says when the factory itself will try again.
///
/// `Display` and `Debug` never hold a token, a header value or a reply's body.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// No token can be had for this context; nothing was sent.
    #[error("invalid context: {0}")]
    InvalidContext(#[from] ContextError),

    /// No endpoint was configured for this kind of context; nothing was sent.
    #[error("no endpoint is configured for a {0} context")]
    NoEndpoint(ContextKind),

    /// The app's own login could not be had from its [`SessionHeaderProvider`](crate::SessionHeaderProvider); nothing
    /// was sent.
    #[error("no app session: {0}")]
    Session(#[from] SessionError),

    /// The backend could not be reached, or the connection broke.
    #[error("the backend could not be reached: {0}")]
    Transport(#[from] TransportError),

    /// No answer within the fetch deadline, attempts included.
    #[error("no answer within {deadline:?}")]
    Timeout {
        /// The deadline that passed.
        deadline: Duration,
    },

    /// The backend is in trouble or asks for patience: 408, 425, 429 or 5xx.
    #[error("the backend answered {status}{}", Wait(*.retry_after))]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// Its `Retry-After`, if it sent one, clamped to five minutes.
        retry_after: Option<Duration>,
    },

    /// 401 or 403: the backend does not accept the app's own login for this. Sign in again, or check what this user
    /// may have. Remembered for 5 seconds, or until [`session_changed`](crate::AuthTokenFactory::session_changed).
    #[error("the backend answered {status}, {}", if *.status == 401 { "it does not accept the app's session" } else { "the app's session may not have this token" })]
    SessionRejected {
        /// The HTTP status.
        status: u16,
    },

    /// 404: the backend knows no such vehicle, trip or task, or the endpoint is wrong. Remembered for 5 seconds.
    #[error("the backend answered 404: it knows no such id, or the endpoint is wrong")]
    NotFound,

    /// Another status that no retry will change. Remembered for 5 seconds.
    #[error("the backend rejected the request with {status}")]
    Rejected {
        /// The HTTP status.
        status: u16,
    },

    /// The backend sent the request elsewhere: to another origin, or too often.
    #[error("the backend answered {status}, a redirect that is not followed")]
    Redirected {
        /// The HTTP status.
        status: u16,
    },

    /// The reply was no token.
    #[error("unreadable reply: {0}")]
    BadResponse(#[from] ResponseError),

    /// The backend says, with a `null` token, that Fleet Engine is switched off here. Not a failure. Remembered for a
    /// minute.
    #[error("Fleet Engine is switched off here: the backend answered with a null token")]
    Disabled,

    /// The token had expired when it came: a backend that serves its own cache for too long, or clocks that disagree.
    #[error("the token had expired {by:.0?} before it came; check the clocks of backend and device")]
    ExpiredOnArrival {
        /// How long before.
        by: Duration,
    },

    /// The token is for something else than what was asked for.
    #[error("{0}")]
    ScopeMismatch(#[from] ScopeMismatch),

    /// The token was refused once before (see [`invalidate`](crate::AuthTokenFactory::invalidate)) and the backend
    /// hands out the same one again.
    #[error("the backend handed out a token again that had been rejected")]
    RejectedTokenReturned,

    /// Too short a wait since the last failure. Nothing was sent.
    #[error("not asking the backend for another {retry_in:.0?}, since: {cause}")]
    BackingOff {
        /// How long until the next try is allowed.
        retry_in: Duration,
        /// The failure before.
        cause: Arc<TokenError>,
    },

    /// More than five tokens of this context were rejected within 30 seconds: fetching more would not help. Nothing
    /// was sent.
    #[error("this context's tokens were rejected too often; not fetching another for {retry_in:.0?}")]
    TooManyRejections {
        /// How long until the next try is allowed.
        retry_in: Duration,
    },

    /// The token is good, but not for as long as was asked with
    /// [`token_valid_for`](crate::AuthTokenFactory::token_valid_for).
    #[error("the backend's token lives {left:.0?} more, {asked:.0?} was asked")]
    LifetimeTooShort {
        /// What was asked.
        asked: Duration,
        /// What the newest token has left.
        left: Duration,
    },

    /// The cache was cleared while this call waited. Ask again if the token is still wanted.
    #[error("the cache was cleared while waiting")]
    Cleared,

    /// The factory was shut down.
    #[error("the token factory is shut down")]
    ShutDown,

    /// A blocking call from inside an asynchronous runtime, which would stop that runtime's other work or deadlock it.
    #[error("blocking call on an async runtime's thread; use token().await there")]
    BlockingInAsync,

    /// The runtime that the fetch ran on ended, or the fetcher panicked.
    #[error("the fetch was interrupted: {0}")]
    Interrupted(Interruption),

    /// A [`TokenFetcher`](crate::TokenFetcher) of the app's own failed in a way that none of the others says.
    #[error("the app's token fetcher failed: {reason}")]
    Fetcher {
        /// What happened, in words that hold no secret.
        reason: String,
        /// Whether trying again can help.
        retryable: bool,
    },
}

/// What a failed fetch means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureClass {
    /// May be gone in a moment: tried again within the flight, then backed off from.
    Transient,
    /// The same request would get the same answer now: not tried again within the flight, but backed off from.
    Persistent,
    /// Nothing will change by itself: remembered for a short while only, so that a fix is noticed soon.
    Permanent,
    /// Found on the device, before anything was sent: not remembered, since asking again costs nothing.
    Local,
}

impl TokenError {
    /// The same without details.
    pub const fn kind(&self) -> TokenErrorKind {
        match self {
            Self::InvalidContext(_) => TokenErrorKind::InvalidContext,
            Self::NoEndpoint(_) => TokenErrorKind::NoEndpoint,
            Self::Session(_) => TokenErrorKind::Session,
            Self::Transport(_) => TokenErrorKind::Transport,
            Self::Timeout { .. } => TokenErrorKind::Timeout,
            Self::Unavailable { .. } => TokenErrorKind::Unavailable,
            Self::SessionRejected { .. } => TokenErrorKind::SessionRejected,
            Self::NotFound => TokenErrorKind::NotFound,
            Self::Rejected { .. } => TokenErrorKind::Rejected,
            Self::Redirected { .. } => TokenErrorKind::Redirected,
            Self::BadResponse(_) => TokenErrorKind::BadResponse,
            Self::Disabled => TokenErrorKind::Disabled,
            Self::ExpiredOnArrival { .. } => TokenErrorKind::ExpiredOnArrival,
            Self::ScopeMismatch(_) => TokenErrorKind::ScopeMismatch,
            Self::RejectedTokenReturned => TokenErrorKind::RejectedTokenReturned,
            Self::BackingOff { .. } => TokenErrorKind::BackingOff,
            Self::TooManyRejections { .. } => TokenErrorKind::TooManyRejections,
            Self::LifetimeTooShort { .. } => TokenErrorKind::LifetimeTooShort,
            Self::Cleared => TokenErrorKind::Cleared,
            Self::ShutDown => TokenErrorKind::ShutDown,
            Self::BlockingInAsync => TokenErrorKind::BlockingInAsync,
            Self::Interrupted(_) => TokenErrorKind::Interrupted,
            Self::Fetcher { .. } => TokenErrorKind::Fetcher,
        }
    }

    /// Whether asking again later can help although nobody mends anything: bad networks and busy backends, yes; a wrong
    /// id or a lost session, no.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::BackingOff { cause, .. } => cause.is_retryable(),
            Self::TooManyRejections { .. } | Self::Cleared | Self::Interrupted(_) => true,
            Self::InvalidContext(_)
            | Self::NoEndpoint(_)
            | Self::LifetimeTooShort { .. }
            | Self::ShutDown
            | Self::BlockingInAsync
            | Self::ScopeMismatch(_)
            | Self::Disabled => false,
            fetched => !matches!(fetched.class(), FailureClass::Permanent | FailureClass::Local),
        }
    }

    /// How long until the factory will ask the backend again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::BackingOff { retry_in, .. } | Self::TooManyRejections { retry_in } => Some(*retry_in),
            Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The backend's HTTP status, where one was the reason.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Unavailable { status, .. }
            | Self::SessionRejected { status }
            | Self::Rejected { status }
            | Self::Redirected { status } => Some(*status),
            Self::NotFound => Some(404),
            Self::BackingOff { cause, .. } => cause.status(),
            _ => None,
        }
    }

    pub(crate) fn class(&self) -> FailureClass {
        match self {
            Self::Transport(error) if error.is_final() => FailureClass::Persistent,
            Self::Transport(_)
            | Self::Timeout { .. }
            | Self::Unavailable { .. }
            | Self::Interrupted(_)
            // Within one second a backend signs the same claims to the same bytes (RSASSA-PKCS1-v1_5 is deterministic).
            | Self::RejectedTokenReturned
            | Self::Session(SessionError::Unavailable)
            | Self::Fetcher { retryable: true, .. } => FailureClass::Transient,
            Self::BadResponse(_)
            | Self::ExpiredOnArrival { .. }
            | Self::Redirected { .. }
            | Self::ScopeMismatch(_) => FailureClass::Persistent,
            Self::NoEndpoint(_) | Self::InvalidContext(_) | Self::Session(_) => FailureClass::Local,
            _ => FailureClass::Permanent,
        }
    }
}

struct Wait(Option<Duration>);

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(wait) => write!(f, " and asks to wait {wait:?}"),
            None => Ok(()),
        }
    }
}
