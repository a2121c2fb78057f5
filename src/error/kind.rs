//! [`TokenError`](super::TokenError) in a stable, fieldless form.

use std::fmt;

/// [`TokenError`](super::TokenError) without its details.
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
