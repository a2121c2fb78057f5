//! What was chosen, once checked: what the factory knows of its configuration.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::backoff::RetryPolicy;
use crate::clock::Clock;
use crate::error::TransportError;
use crate::fetch::TokenFetcher;
use crate::fetch::endpoint::EndpointError;
use crate::jitter::Jitter;
use crate::policy::RefreshPolicy;
use crate::runtime::Home;

/// What to do with a token that says nothing about when it expires, in a reply that does not either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownLifetime {
    /// Hand it to those who wait for it and forget it: a fetch per call, but never an expired token.
    #[default]
    DoNotCache,
    /// Believe that it lives so long.
    Assume(Duration),
}

/// What to do with a token that is wider or vaguer than what was asked for: for all ids (`*`), or without an
/// `authorization` claim. A token for *another* id is an error in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScopeCheck {
    /// Use it, and send a [`ScopeWarning`](crate::TokenEvent::ScopeWarning).
    #[default]
    Warn,
    /// Refuse it with [`ScopeMismatch`](crate::TokenError::ScopeMismatch).
    Strict,
}

/// Why a factory cannot be built as configured.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Neither an endpoint nor a fetcher.
    #[error("no endpoint: at least one is needed, or a preset of several")]
    NoEndpoint,
    /// An endpoint's template cannot be used.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Built without the `reqwest` feature, and no transport was set.
    #[error("no transport: set one, or build with the `reqwest` feature")]
    NoTransport,
    /// The HTTP transport could not be set up.
    #[error("the HTTP transport could not be set up: {0}")]
    Transport(#[from] TransportError),
    /// A fetcher of your own beside endpoints, a login, a transport or a format, which it would ignore.
    #[error(
        "a fetcher of your own replaces endpoints, header provider, transport and response format; set one or the other"
    )]
    FetcherAndEndpoints,
    /// A number that makes no sense.
    #[error("{setting} must not be zero")]
    Zero {
        /// Which.
        setting: &'static str,
    },
}

/// Everything that was configured.
pub(crate) struct Settings {
    pub(crate) fetcher: Arc<dyn TokenFetcher>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) jitter: Jitter,
    pub(crate) home: Home,
    pub(crate) refresh: RefreshPolicy,
    pub(crate) retry: RetryPolicy,
    pub(crate) fetch_deadline: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) max_lifetime: Duration,
    pub(crate) unknown_lifetime: UnknownLifetime,
    pub(crate) scope_check: ScopeCheck,
    pub(crate) max_entries: usize,
    pub(crate) max_concurrent_fetches: usize,
}
