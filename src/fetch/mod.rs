//! Getting one token from the app's backend. Knows endpoints, wires and shapes; knows nothing of the cache.

pub(crate) mod endpoint;
pub(crate) mod http;
#[cfg(feature = "reqwest")]
pub(crate) mod reqwest;
pub(crate) mod response;
pub(crate) mod session;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::context::AuthTokenContext;
use crate::error::TokenError;
use crate::lifetime::Expiry;

/// Gets one token for one context. Replaces the whole HTTP side, for apps whose backend speaks something else.
///
/// The factory calls it once at a time for a context, again after a transient failure, and drops the returned future
/// when the fetch deadline passes, when the cache is cleared and when the factory is shut down; the future for a token of
/// the session that was cleared may be dropped a moment after the next one is made. It is never called under a lock. It
/// must not block its thread: other fetches run on it.
///
/// ```
/// use std::time::Duration;
/// use fleet_token::{Expiry, FetchRequest, FetchedToken, TokenError, TokenFetcher, async_trait};
///
/// /// Tokens over the connection that the app keeps open anyway.
/// struct OverSocket;
///
/// #[async_trait]
/// impl TokenFetcher for OverSocket {
///     async fn fetch(&self, request: FetchRequest<'_>) -> Result<FetchedToken, TokenError> {
///         let Some(vehicle) = request.context.vehicle_id() else {
///             return Err(TokenError::NotFound);
///         };
///         let (token, seconds) = ask_the_socket(vehicle).await;
///         Ok(FetchedToken::new(token).with_expiry(Expiry::In(Duration::from_secs(seconds))))
///     }
/// }
/// # async fn ask_the_socket(_: &str) -> (String, u64) { (String::from("token"), 3600) }
/// # let factory = fleet_token::AuthTokenFactory::builder().fetcher(OverSocket).build()?;
/// # assert!(factory.blocking_token(&fleet_token::AuthTokenContext::vehicle("v1")).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

#[async_trait]
impl<F: TokenFetcher + ?Sized> TokenFetcher for Arc<F> {
    async fn fetch(&self, request: FetchRequest<'_>) -> Result<FetchedToken, TokenError> {
        (**self).fetch(request).await
    }
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
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) server_time: Option<SystemTime>,
}

impl FetchedToken {
    /// A token, with nothing known about it but what it says itself if it is a JWT.
    pub fn new(secret: impl Into<String>) -> Self {
        let secret = Zeroizing::new(secret.into());
        Self { secret, expires_at: None, expires_in: None, server_time: None }
    }

    /// The same, with an expiry that came beside it. With several, and a JWT's own `exp`, the earliest counts.
    #[must_use]
    pub fn with_expiry(mut self, expiry: Expiry) -> Self {
        match expiry {
            Expiry::At(at) => self.expires_at = Some(at),
            Expiry::In(lifetime) => self.expires_in = Some(lifetime),
        }
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
            .field("expires_at", &self.expires_at)
            .field("expires_in", &self.expires_in)
            .field("server_time", &self.server_time)
            .finish()
    }
}
