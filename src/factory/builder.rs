//! What can be chosen, with defaults that suit most apps, checked once when the factory is built.

mod endpoints;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::AuthTokenFactory;
use crate::backoff::RetryPolicy;
use crate::clock::{Clock, SystemClock};
use crate::config::{ConfigError, ScopeCheck, Settings, UnknownLifetime};
use crate::context::ContextKind;
use crate::fetch::TokenFetcher;
use crate::fetch::endpoint::{Endpoint, Endpoints, Template};
use crate::fetch::http::{HttpFetcher, HttpTransport};
use crate::fetch::response::ResponseFormat;
use crate::fetch::session::SessionHeaderProvider;
use crate::jitter::Jitter;
use crate::policy::RefreshPolicy;
use crate::runtime::Home;

/// Configures an [`AuthTokenFactory`]. Every setting has a default but the endpoints.
#[derive(Clone)]
#[must_use = "a builder does nothing until build() is called"]
pub struct AuthTokenFactoryBuilder {
    endpoints: Vec<(Option<ContextKind>, Endpoint)>,
    allow_http_loopback: bool,
    session: Option<Arc<dyn SessionHeaderProvider>>,
    transport: Option<Arc<dyn HttpTransport>>,
    format: Option<ResponseFormat>,
    fetcher: Option<Arc<dyn TokenFetcher>>,
    clock: Arc<dyn Clock>,
    jitter: JitterChoice,
    home: Home,
    refresh: RefreshPolicy,
    retry: RetryPolicy,
    fetch_deadline: Duration,
    attempt_timeout: Duration,
    max_lifetime: Duration,
    unknown_lifetime: UnknownLifetime,
    scope_check: ScopeCheck,
    max_entries: usize,
    max_concurrent_fetches: usize,
}

#[derive(Clone, Copy)]
enum JitterChoice {
    Random,
    #[cfg(any(test, feature = "test-util"))]
    Fixed(f64),
    #[cfg(any(test, feature = "test-util"))]
    Seeded(u64),
}

impl AuthTokenFactoryBuilder {
    pub(crate) fn new() -> Self {
        Self {
            endpoints: Vec::new(),
            allow_http_loopback: false,
            session: None,
            transport: None,
            format: None,
            fetcher: None,
            clock: Arc::new(SystemClock::new()),
            jitter: JitterChoice::Random,
            home: Home::Own,
            refresh: RefreshPolicy::default(),
            retry: RetryPolicy::default(),
            fetch_deadline: Duration::from_secs(30),
            attempt_timeout: Duration::from_secs(10),
            max_lifetime: Duration::from_secs(70 * 60),
            unknown_lifetime: UnknownLifetime::default(),
            scope_check: ScopeCheck::default(),
            max_entries: 16_384,
            max_concurrent_fetches: 64,
        }
    }

    /// Allows plain `http` to this machine, for a backend under development. Plain `http` to anywhere else stays
    /// refused: the app's login and the token would be readable on the way.
    pub fn allow_http_loopback(mut self) -> Self {
        self.allow_http_loopback = true;
        self
    }

    /// Shows the backend who is asking. Asked anew at each request.
    pub fn header_provider(mut self, provider: impl SessionHeaderProvider) -> Self {
        self.session = Some(Arc::new(provider));
        self
    }

    /// Which fields of the reply are looked at. Default: [`ResponseFormat::Auto`].
    pub fn response_format(mut self, format: ResponseFormat) -> Self {
        self.format = Some(format);
        self
    }

    /// Replaces the wire. Default: reqwest, with the feature of that name.
    pub fn transport(mut self, transport: impl HttpTransport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Replaces the whole HTTP side, for a backend that speaks something else.
    pub fn fetcher(mut self, fetcher: impl TokenFetcher) -> Self {
        self.fetcher = Some(Arc::new(fetcher));
        self
    }

    // How tokens age.

    /// How long before its expiry a token is replaced. Default: 5 minutes; Google advises 10 for drivers. Clamped to
    /// half of each token's life, so that a short-lived token never means a fetch per call; never less than a second.
    pub fn safety_margin(mut self, margin: Duration) -> Self {
        self.refresh.safety_margin = margin;
        self
    }

    /// How long before the margin a token that is asked for is renewed in the background. Default: 30 seconds; the
    /// moment is drawn from between the whole and a third of it, 30 to 10 seconds before. Of use if longer than the pause
    /// between two calls.
    pub fn refresh_ahead(mut self, ahead: Duration) -> Self {
        self.refresh.refresh_ahead = ahead;
        self
    }

    /// How much life an old token must have left to stand in for one that could not be fetched. Default: 30 seconds.
    /// Clamped to a quarter of the margin; never less than a second.
    pub fn min_validity(mut self, min_validity: Duration) -> Self {
        self.refresh.min_validity = min_validity;
        self
    }

    /// The longest life that is believed. Default: 70 minutes, since Fleet Engine refuses tokens with more than an hour
    /// left, give or take 10 minutes of clock skew. A longer one is a unit error at the backend: it is clamped, with
    /// an event.
    pub fn max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.max_lifetime = max_lifetime;
        self
    }

    /// What to do with a token whose life is not known at all. Default: [`UnknownLifetime::DoNotCache`].
    pub fn unknown_lifetime(mut self, unknown_lifetime: UnknownLifetime) -> Self {
        self.unknown_lifetime = unknown_lifetime;
        self
    }

    /// What to do with a token that is wider than asked. Default: [`ScopeCheck::Warn`].
    pub fn scope_check(mut self, scope_check: ScopeCheck) -> Self {
        self.scope_check = scope_check;
        self
    }

    // How failure is met.

    /// Within what time every call is answered, all attempts included. Default: 30 seconds.
    pub fn fetch_deadline(mut self, deadline: Duration) -> Self {
        self.fetch_deadline = deadline;
        self
    }

    /// How long one attempt may take. Default: 10 seconds, a third of the deadline.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout;
        self
    }

    /// How many attempts are made within the deadline when the failure may be gone in a moment. Default: 3. One, if the
    /// last fetch for the context failed and there is no token that stands in: so a backend that cannot keep up is not
    /// asked three times by everybody.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.retry.attempts = attempts;
        self
    }

    /// How many contexts are kept. Default: 16 384, at about 2 KB each. Beyond it, contexts without a valid token go
    /// first, then the least recently used; those in flight or held by a handle stay.
    ///
    /// Keep it above the number of contexts that are in use: a fleet that is polled in turn would push itself out and be
    /// fetched at every call. An [`Evicted`](crate::TokenEvent::Evicted) event says whether that happens.
    pub fn max_entries(mut self, max_entries: usize) -> Self {
        self.max_entries = max_entries;
        self
    }

    /// How many requests are made at a time, over all contexts. Default: 64.
    pub fn max_concurrent_fetches(mut self, fetches: usize) -> Self {
        self.max_concurrent_fetches = fetches;
        self
    }

    // Surroundings.

    /// The runtime that fetches run on. Default: the one that [`build`](Self::build) is called in; outside any, a small
    /// one of the factory's own, started with the first fetch.
    ///
    /// It needs timers (`enable_all`). A current-thread runtime carries fetches only while it is driven: build the
    /// factory outside it, or use a multi-thread one, if calls come from elsewhere too.
    pub fn runtime(mut self, runtime: Handle) -> Self {
        self.home = Home::Given(runtime);
        self
    }

    /// Hands each fetch to `poller` instead of a runtime. For simulations, which choose the order of everything.
    #[cfg(any(test, feature = "test-util"))]
    pub fn polled_by(
        mut self,
        poller: impl Fn(std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync + 'static,
    ) -> Self {
        self.home = Home::Polled(Arc::new(poller));
        self
    }

    /// On a runtime that somebody else keeps, and starts when the first fetch asks for it.
    #[cfg(feature = "ffi")]
    pub(crate) fn kept_runtime(mut self, keeper: impl Fn() -> Option<Handle> + Send + Sync + 'static) -> Self {
        self.home = Home::Kept(Arc::new(keeper));
        self
    }

    /// The clock. Default: [`SystemClock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Takes the randomness out: every jitter is this share, from 0 to 1, of its range. For tests.
    #[cfg(any(test, feature = "test-util"))]
    pub fn fixed_jitter(mut self, share: f64) -> Self {
        self.jitter = JitterChoice::Fixed(share);
        self
    }

    /// Makes the randomness repeatable. For tests.
    #[cfg(any(test, feature = "test-util"))]
    pub fn seeded_jitter(mut self, seed: u64) -> Self {
        self.jitter = JitterChoice::Seeded(seed);
        self
    }

    /// Builds the factory. Touches no network and starts no thread.
    ///
    /// # Errors
    ///
    /// Every [`ConfigError`].
    pub fn build(mut self) -> Result<AuthTokenFactory, ConfigError> {
        for (setting, is_zero) in [
            ("fetch_deadline", self.fetch_deadline.is_zero()),
            ("attempt_timeout", self.attempt_timeout.is_zero()),
            ("max_lifetime", self.max_lifetime.is_zero()),
            ("max_attempts", self.retry.attempts == 0),
            ("max_entries", self.max_entries == 0),
            ("max_concurrent_fetches", self.max_concurrent_fetches == 0),
        ] {
            if is_zero {
                return Err(ConfigError::Zero { setting });
            }
        }
        let fetcher = match self.fetcher.take() {
            Some(fetcher) => {
                let ignored = !self.endpoints.is_empty()
                    || self.session.is_some()
                    || self.transport.is_some()
                    || self.format.is_some();
                if ignored {
                    return Err(ConfigError::FetcherAndEndpoints);
                }
                fetcher
            }
            None => self.http_fetcher()?,
        };
        Ok(AuthTokenFactory::start(Settings {
            fetcher,
            clock: self.clock,
            jitter: match self.jitter {
                JitterChoice::Random => Jitter::random(),
                #[cfg(any(test, feature = "test-util"))]
                JitterChoice::Fixed(share) => Jitter::Fixed(share),
                #[cfg(any(test, feature = "test-util"))]
                JitterChoice::Seeded(seed) => Jitter::seeded(seed),
            },
            home: match (self.home, Handle::try_current()) {
                (Home::Own, Ok(handle)) => Home::Given(handle),
                (home, _) => home,
            },
            refresh: self.refresh,
            retry: self.retry,
            fetch_deadline: self.fetch_deadline,
            attempt_timeout: self.attempt_timeout,
            max_lifetime: self.max_lifetime,
            unknown_lifetime: self.unknown_lifetime,
            scope_check: self.scope_check,
            max_entries: self.max_entries,
            max_concurrent_fetches: self.max_concurrent_fetches.min(tokio::sync::Semaphore::MAX_PERMITS),
        }))
    }

    fn http_fetcher(&mut self) -> Result<Arc<dyn TokenFetcher>, ConfigError> {
        if self.endpoints.is_empty() {
            return Err(ConfigError::NoEndpoint);
        }
        let mut endpoints = Endpoints::default();
        for (kind, endpoint) in &self.endpoints {
            let template = Template::parse(endpoint, *kind, self.allow_http_loopback)?;
            match kind {
                Some(kind) => endpoints.set(*kind, template),
                None => endpoints.set_fallback(template),
            }
        }
        let transport = match self.transport.take() {
            Some(transport) => transport,
            None => default_transport()?,
        };
        let format = self.format.take().unwrap_or_default();
        Ok(Arc::new(HttpFetcher { endpoints, session: self.session.take(), transport, format }))
    }
}

#[cfg(feature = "reqwest")]
fn default_transport() -> Result<Arc<dyn HttpTransport>, ConfigError> {
    Ok(Arc::new(crate::fetch::reqwest::ReqwestTransport::new()?))
}

#[cfg(not(feature = "reqwest"))]
fn default_transport() -> Result<Arc<dyn HttpTransport>, ConfigError> {
    Err(ConfigError::NoTransport)
}

impl fmt::Debug for AuthTokenFactoryBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<_> = self.endpoints.iter().map(|(kind, _)| kind).collect();
        f.debug_struct("AuthTokenFactoryBuilder").field("endpoints", &kinds).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
