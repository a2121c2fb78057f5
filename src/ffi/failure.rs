//! Every error in one flat form, the same for all kinds.

use thiserror::Error;

use super::millis;
use crate::config::ConfigError;
use crate::error::{TokenError, TokenErrorKind};

/// Why there is no token. One variant on purpose: wrappers make their own exceptions of the failure's kind.
#[derive(Clone, Debug, PartialEq, Eq, Error, uniffi::Error)]
pub enum FfiTokenError {
    /// What failed.
    #[error("{}", failure.description)]
    Failed {
        /// What failed.
        failure: FfiFailure,
    },
}

/// What failed, in words and numbers that hold no secret.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct FfiFailure {
    /// What it was.
    pub kind: FfiTokenErrorKind,
    /// For `BackingOff`: the failure before. (Not `cause`, which Kotlin's exceptions have already.)
    pub underlying: Option<FfiTokenErrorKind>,
    /// Whether asking again later can help although nobody mends anything.
    pub retryable: bool,
    /// How long until the factory asks the backend again, where that is known.
    pub retry_after_ms: Option<u64>,
    /// The backend's HTTP status, where one was the reason.
    pub status: Option<u16>,
    /// For a log or a developer. (Not `message`, which Kotlin's exceptions have already.)
    pub description: String,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, uniffi::Enum)]
pub enum FfiTokenErrorKind {
    /// No token can be had for this context; nothing was sent.
    InvalidContext,
    /// No endpoint was configured for this kind of context; nothing was sent.
    NoEndpoint,
    /// The app's own login could not be had; nothing was sent.
    Session,
    /// The backend could not be reached, or the connection broke.
    Transport,
    /// No answer within the fetch deadline.
    Timeout,
    /// The backend is in trouble or asks for patience: 408, 425, 429 or 5xx.
    Unavailable,
    /// 401 or 403: the backend does not accept the app's login for this.
    SessionRejected,
    /// 404: the backend knows no such id, or the endpoint is wrong.
    NotFound,
    /// Another status that no retry will change.
    Rejected,
    /// A redirect that is not followed.
    Redirected,
    /// The reply was no token.
    BadResponse,
    /// The backend says that Fleet Engine is switched off here. Not a failure.
    Disabled,
    /// The token had expired when it came.
    ExpiredOnArrival,
    /// The token is for something else.
    ScopeMismatch,
    /// The backend handed out a token again that had been rejected.
    RejectedTokenReturned,
    /// Too short a wait since the last failure; nothing was sent.
    BackingOff,
    /// Too many tokens of this context were rejected; nothing was sent.
    TooManyRejections,
    /// The token is good, but not for as long as was asked.
    LifetimeTooShort,
    /// The cache was cleared while this call waited.
    Cleared,
    /// The factory was shut down.
    ShutDown,
    /// A blocking call on a thread that must not block.
    BlockingInAsync,
    /// The fetch was cut short.
    Interrupted,
    /// A token fetcher of the app's own failed.
    Fetcher,
    /// The configuration makes no sense; only from the constructors.
    InvalidConfig,
    /// The caller went away.
    Cancelled,
}

impl From<TokenErrorKind> for FfiTokenErrorKind {
    fn from(kind: TokenErrorKind) -> Self {
        match kind {
            TokenErrorKind::InvalidContext => Self::InvalidContext,
            TokenErrorKind::NoEndpoint => Self::NoEndpoint,
            TokenErrorKind::Session => Self::Session,
            TokenErrorKind::Transport => Self::Transport,
            TokenErrorKind::Timeout => Self::Timeout,
            TokenErrorKind::Unavailable => Self::Unavailable,
            TokenErrorKind::SessionRejected => Self::SessionRejected,
            TokenErrorKind::NotFound => Self::NotFound,
            TokenErrorKind::Rejected => Self::Rejected,
            TokenErrorKind::Redirected => Self::Redirected,
            TokenErrorKind::BadResponse => Self::BadResponse,
            TokenErrorKind::Disabled => Self::Disabled,
            TokenErrorKind::ExpiredOnArrival => Self::ExpiredOnArrival,
            TokenErrorKind::ScopeMismatch => Self::ScopeMismatch,
            TokenErrorKind::RejectedTokenReturned => Self::RejectedTokenReturned,
            TokenErrorKind::BackingOff => Self::BackingOff,
            TokenErrorKind::TooManyRejections => Self::TooManyRejections,
            TokenErrorKind::LifetimeTooShort => Self::LifetimeTooShort,
            TokenErrorKind::Cleared => Self::Cleared,
            TokenErrorKind::ShutDown => Self::ShutDown,
            TokenErrorKind::BlockingInAsync => Self::BlockingInAsync,
            TokenErrorKind::Interrupted => Self::Interrupted,
            TokenErrorKind::Fetcher => Self::Fetcher,
        }
    }
}

impl From<&TokenError> for FfiFailure {
    fn from(error: &TokenError) -> Self {
        let underlying = match error {
            TokenError::BackingOff { cause, .. } => Some(cause.kind().into()),
            _ => None,
        };
        Self {
            kind: error.kind().into(),
            underlying,
            retryable: error.is_retryable(),
            retry_after_ms: error.retry_after().map(millis),
            status: error.status(),
            description: error.to_string(),
        }
    }
}

impl From<TokenError> for FfiTokenError {
    fn from(error: TokenError) -> Self {
        Self::Failed { failure: (&error).into() }
    }
}

impl From<ConfigError> for FfiTokenError {
    fn from(error: ConfigError) -> Self {
        Self::final_one(FfiTokenErrorKind::InvalidConfig, error.to_string())
    }
}

impl FfiTokenError {
    pub(super) fn cancelled() -> Self {
        Self::final_one(FfiTokenErrorKind::Cancelled, "the caller went away; the fetch goes on".to_owned())
    }

    fn final_one(kind: FfiTokenErrorKind, description: String) -> Self {
        let failure =
            FfiFailure { kind, underlying: None, retryable: false, retry_after_ms: None, status: None, description };
        Self::Failed { failure }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::context::{ContextError, ContextKind, IdField};
    use crate::error::{Interruption, ResponseError, ScopeMismatch, SessionError, TransportError};

    fn every_error() -> Vec<TokenError> {
        let unavailable = TokenError::Unavailable { status: 503, retry_after: Some(Duration::from_secs(7)) };
        vec![
            TokenError::InvalidContext(ContextError::Wildcard { field: IdField::Trip }),
            TokenError::NoEndpoint(ContextKind::Trip),
            TokenError::Session(SessionError::SignedOut),
            TokenError::Transport(TransportError::Timeout),
            TokenError::Timeout { deadline: Duration::from_secs(30) },
            unavailable.clone(),
            TokenError::SessionRejected { status: 403 },
            TokenError::NotFound,
            TokenError::Rejected { status: 422 },
            TokenError::Redirected { status: 302 },
            TokenError::BadResponse(ResponseError::Html),
            TokenError::Disabled,
            TokenError::ExpiredOnArrival { by: Duration::ZERO },
            TokenError::ScopeMismatch(ScopeMismatch::Wildcard),
            TokenError::RejectedTokenReturned,
            TokenError::BackingOff { retry_in: Duration::from_millis(1500), cause: Arc::new(unavailable) },
            TokenError::TooManyRejections { retry_in: Duration::from_secs(9) },
            TokenError::LifetimeTooShort { asked: Duration::from_secs(2), left: Duration::from_secs(1) },
            TokenError::Cleared,
            TokenError::ShutDown,
            TokenError::BlockingInAsync,
            TokenError::Interrupted(Interruption::RuntimeGone),
            TokenError::Fetcher { reason: "no bus".to_owned(), retryable: true },
        ]
    }

    /// `InvalidContext` as `invalid_context`.
    fn snake(kind: FfiTokenErrorKind) -> String {
        let mut name = String::new();
        for character in format!("{kind:?}").chars() {
            if character.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(character.to_lowercase());
        }
        name
    }

    #[test]
    fn every_kind_crosses_under_its_own_name_and_with_all_it_says() {
        // The match in `From` is exhaustive; here the names are compared with the ones that logs and scenarios use.
        for error in every_error() {
            let failure = FfiFailure::from(&error);
            assert_eq!(snake(failure.kind), error.kind().as_str());
            assert_eq!(failure.retryable, error.is_retryable(), "{error}");
            assert_eq!(failure.status, error.status(), "{error}");
            assert_eq!(failure.retry_after_ms, error.retry_after().map(millis), "{error}");
            assert_eq!(failure.description, error.to_string());
        }
    }

    #[test]
    fn backing_off_says_from_what() {
        let errors = every_error();
        let failure = errors.iter().map(FfiFailure::from).find(|f| f.kind == FfiTokenErrorKind::BackingOff).unwrap();
        assert_eq!(failure.underlying, Some(FfiTokenErrorKind::Unavailable));
        assert_eq!((failure.retry_after_ms, failure.status), (Some(1500), Some(503)));
    }
}
