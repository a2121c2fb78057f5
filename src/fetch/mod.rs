//! Getting one token from the app's backend. Knows endpoints, wires and shapes; knows nothing of the cache.

pub(crate) mod endpoint;
pub(crate) mod http;
#[cfg(feature = "reqwest")]
pub(crate) mod reqwest;
pub(crate) mod response;
pub(crate) mod session;

use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::context::AuthTokenContext;
use crate::error::TokenError;
use crate::lifetime::Expiry;

/// Gets one token for one context. Replaces the whole HTTP side, for apps whose backend speaks something else.
///
/// The factory calls it at most once at a time for a context, again after a transient failure, and drops the returned
/// future when the fetch deadline passes or the factory is shut down. It is never called under a lock.
#[async_trait]
pub trait TokenFetcher: Send + Sync + 'static {
    /// Fetches a token.
    ///
    /// # Errors
    ///
    /// Any [`TokenError`] that says what happened: the factory retries [`Transport`](TokenError::Transport),
    /// [`Timeout`](TokenError::Timeout), [`Unavailable`](TokenError::Unavailable) and a retryable
    /// [`Fetcher`](TokenError::Fetcher), and backs off from the rest.
    async fn fetch(&self, request: FetchRequest<'_>) -> Result<FetchedToken, TokenError>;
}

/// What a [`TokenFetcher`] is asked.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FetchRequest<'a> {
    /// What the token must be for.
    pub context: &'a AuthTokenContext,
    /// How long this attempt may take; the answer is not waited for any longer.
    pub timeout: Duration,
}

impl<'a> FetchRequest<'a> {
    /// A request, for tests of a fetcher.
    pub const fn new(context: &'a AuthTokenContext, timeout: Duration) -> Self {
        Self { context, timeout }
    }
}

/// What a [`TokenFetcher`] brings back. The secret is wiped from memory when this is dropped.
#[derive(Clone)]
#[non_exhaustive]
pub struct FetchedToken {
    pub(crate) secret: Zeroizing<String>,
    /// When it expires, if the reply says so; a JWT's own `exp` is read in any case.
    pub expiry: Option<Expiry>,
    /// What time it was at the server when it answered, if it said so.
    pub server_time: Option<SystemTime>,
}

impl FetchedToken {
    /// A token, with nothing known about it but what it says itself if it is a JWT.
    pub fn new(secret: impl Into<String>) -> Self {
        Self { secret: Zeroizing::new(secret.into()), expiry: None, server_time: None }
    }

    /// The same, with an expiry that came beside it.
    #[must_use]
    pub fn with_expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = Some(expiry);
        self
    }

    /// The same, with the server's own time, as its `Date` header says.
    #[must_use]
    pub fn with_server_time(mut self, server_time: SystemTime) -> Self {
        self.server_time = Some(server_time);
        self
    }
}

impl fmt::Debug for FetchedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchedToken")
            .field("secret", &"[redacted]")
            .field("expiry", &self.expiry)
            .field("server_time", &self.server_time)
            .finish()
    }
}
