//! Every way in which asking for a token can fail. One enum for all faces; no variant holds a secret.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::context::{AuthTokenContext, ContextError, ContextKind, IdField};

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
    /// may have.
    #[error("the backend refused the app's session with {status}")]
    SessionRejected {
        /// The HTTP status.
        status: u16,
    },

    /// 404: the backend knows no such vehicle, trip or task, or the endpoint is wrong.
    #[error("the backend answered 404: it knows no such id, or the endpoint is wrong")]
    NotFound,

    /// Another status that no retry will change.
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

    /// The backend says, with a `null` token, that Fleet Engine is switched off here. Not a failure.
    #[error("Fleet Engine is switched off here: the backend answered with a null token")]
    Disabled,

    /// The token had expired when it came: a backend that serves its own cache for too long, or clocks that disagree.
    #[error("the token had expired {by:?} before it came; check the clocks of backend and device")]
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
    #[error("not asking the backend for another {retry_in:?}, since: {cause}")]
    BackingOff {
        /// How long until the next try is allowed.
        retry_in: Duration,
        /// The failure before.
        cause: Arc<TokenError>,
    },

    /// More than five tokens of this context were rejected within 30 seconds: fetching more would not help. Nothing
    /// was sent.
    #[error("this context's tokens were rejected too often; not fetching another for {retry_in:?}")]
    TooManyRejections {
        /// How long until the next try is allowed.
        retry_in: Duration,
    },

    /// The token is good, but not for as long as was asked with
    /// [`token_valid_for`](crate::AuthTokenFactory::token_valid_for).
    #[error("the backend's token lives {left:?} more, {asked:?} was asked")]
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

/// [`TokenError`] without its details.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is documented at the TokenError variant of the same name")]
pub enum TokenErrorKind {
    InvalidContext,
    NoEndpoint,
    Session,
    Transport,
    Timeout,
    Unavailable,
    SessionRejected,
    NotFound,
    Rejected,
    Redirected,
    BadResponse,
    Disabled,
    ExpiredOnArrival,
    ScopeMismatch,
    RejectedTokenReturned,
    BackingOff,
    TooManyRejections,
    LifetimeTooShort,
    Cleared,
    ShutDown,
    BlockingInAsync,
    Interrupted,
    Fetcher,
}

impl TokenErrorKind {
    /// The stable name, in snake case, as in logs, scenarios and other languages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidContext => "invalid_context",
            Self::NoEndpoint => "no_endpoint",
            Self::Session => "session",
            Self::Transport => "transport",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::SessionRejected => "session_rejected",
            Self::NotFound => "not_found",
            Self::Rejected => "rejected",
            Self::Redirected => "redirected",
            Self::BadResponse => "bad_response",
            Self::Disabled => "disabled",
            Self::ExpiredOnArrival => "expired_on_arrival",
            Self::ScopeMismatch => "scope_mismatch",
            Self::RejectedTokenReturned => "rejected_token_returned",
            Self::BackingOff => "backing_off",
            Self::TooManyRejections => "too_many_rejections",
            Self::LifetimeTooShort => "lifetime_too_short",
            Self::Cleared => "cleared",
            Self::ShutDown => "shut_down",
            Self::BlockingInAsync => "blocking_in_async",
            Self::Interrupted => "interrupted",
            Self::Fetcher => "fetcher",
        }
    }
}

impl fmt::Display for TokenErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
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
            | Self::Disabled => false,
            fetched => fetched.class() != FailureClass::Permanent,
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
            _ => FailureClass::Permanent,
        }
    }
}

/// Why the app's own login could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Nobody is signed in. Not retried.
    #[error("nobody is signed in")]
    SignedOut,
    /// The session could not be read or renewed just now, for example because its own refresh found no network.
    #[error("the session is not available just now")]
    Unavailable,
    /// A header's name or value cannot be sent (RFC 9110 §5.1, §5.5). Not retried.
    #[error("a session header cannot be sent as it is")]
    InvalidHeader,
}

/// What broke between the app and its backend.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection: refused, no route, no DNS.
    #[error("no connection ({detail})")]
    Connect {
        /// The cause in words that hold no secret.
        detail: String,
    },
    /// The certificate or the TLS handshake failed. Not retried within a call.
    #[error("TLS failed ({detail})")]
    Tls {
        /// The cause in words that hold no secret.
        detail: String,
    },
    /// One attempt took too long.
    #[error("the attempt timed out")]
    Timeout,
    /// The connection broke before the whole reply had come.
    #[error("the connection broke before the whole reply had come")]
    Interrupted,
    /// The transport could not send the request as it is. Not retried within a call.
    #[error("the request could not be sent ({detail})")]
    Request {
        /// The cause in words that hold no secret.
        detail: String,
    },
    /// Anything else.
    #[error("{detail}")]
    Other {
        /// The cause in words that hold no secret.
        detail: String,
    },
}

impl TransportError {
    fn is_final(&self) -> bool {
        matches!(self, Self::Tls { .. } | Self::Request { .. })
    }
}

/// Why a reply with status 200 was no token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// No body.
    #[error("the body is empty")]
    Empty,
    /// An HTML page, as captive portals and proxies send.
    #[error("the body is an HTML page, perhaps from a captive portal or a proxy")]
    Html,
    /// More than 64 KiB.
    #[error("the body is over {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Not a JSON object.
    #[error("the body is not a JSON object")]
    NotJson,
    /// JSON without a token in any field that is looked at.
    #[error("the body has no token in a field that is known; set a response format with your field names")]
    MissingToken,
    /// A JSON error in place of a token.
    #[error("the body holds an error in place of a token")]
    ErrorInBody,
    /// A token that could not stand in a header: control characters, spaces, not ASCII.
    #[error("the token has characters that no bearer token can have")]
    MalformedToken,
    /// An expiry that is neither a number nor RFC 3339.
    #[error("the expiry in field {field:?} is neither a time nor a duration")]
    BadExpiry {
        /// The field's name.
        field: String,
    },
}

/// A token for something else.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScopeMismatch {
    /// The JWT names another id.
    #[error("the token's \"{claim}\" is not the one asked for in {context:?}")]
    OtherId {
        /// The key in the `authorization` claim.
        claim: &'static str,
        /// What was asked.
        context: AuthTokenContext,
    },
    /// The JWT names none of the ids asked for.
    #[error("the token has no claim for {field} in its authorization")]
    MissingId {
        /// The id asked for.
        field: IdField,
    },
    /// The JWT is for all ids (`*`) where one was asked; an error in [`ScopeCheck::Strict`](crate::ScopeCheck::Strict)
    /// only.
    #[error("the token is for all ids (\"*\") where one was asked")]
    Wildcard,
    /// The JWT has no `authorization` claim, which Fleet Engine refuses; an error in
    /// [`ScopeCheck::Strict`](crate::ScopeCheck::Strict) only.
    #[error("the token has no authorization claim")]
    NoAuthorization,
}

/// What cut a fetch short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Interruption {
    /// The tokio runtime it ran on was shut down. The next call fetches on a runtime of the factory's own.
    #[error("its runtime was shut down")]
    RuntimeGone,
    /// The fetcher, the transport or the header provider panicked.
    #[error("the fetcher panicked")]
    Panicked,
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
