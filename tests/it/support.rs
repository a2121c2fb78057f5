//! What the tests share: a scripted fetcher, a factory on a manual clock, and a way to let everything that is ready run.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fleet_token::{
    AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, Expiry, FetchRequest, FetchedToken, ManualClock,
    TokenError, TokenFetcher, TransportError, async_trait,
};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) type Reply = Result<FetchedToken, TokenError>;
type Replies = dyn Fn(usize, AuthTokenContext) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync;

/// A fetcher that answers as told and counts how often it was asked. Clones share the count.
#[derive(Clone)]
pub(crate) struct Script {
    asked: Arc<AtomicUsize>,
    replies: Arc<Replies>,
}

impl Script {
    /// Answers the nth request (from 1) with what `replies` makes of it.
    pub(crate) fn new<F>(replies: impl Fn(usize, AuthTokenContext) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        Self { asked: Arc::default(), replies: Arc::new(move |n, context| Box::pin(replies(n, context))) }
    }

    /// Always a good token, at once: `SECRET-TOKEN-1`, then `-2`, …
    pub(crate) fn tokens(lifetime: Duration) -> Self {
        Self::new(move |n, _| async move { Ok(token(n, lifetime)) })
    }

    /// A good token each time `clock` has moved on by `delay`.
    pub(crate) fn slow_tokens(clock: &ManualClock, delay: Duration, lifetime: Duration) -> Self {
        let clock = clock.clone();
        Self::new(move |n, _| {
            let clock = clock.clone();
            async move {
                fleet_token::Clock::sleep(&clock, delay).await;
                Ok(token(n, lifetime))
            }
        })
    }

    /// Never answers.
    pub(crate) fn hanging() -> Self {
        Self::new(|_, _| std::future::pending())
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl TokenFetcher for Script {
    async fn fetch(&self, request: FetchRequest<'_>) -> Reply {
        let n = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        (self.replies)(n, request.context.clone()).await
    }
}

pub(crate) fn token(n: usize, lifetime: Duration) -> FetchedToken {
    FetchedToken::new(format!("SECRET-TOKEN-{n}")).with_expiry(Expiry::In(lifetime))
}

pub(crate) fn refused_connection() -> TokenError {
    TransportError::Connect { detail: "connection refused".to_owned() }.into()
}

/// Logs what `RUST_LOG` asks for, so that the whole of a test run's output can be searched for secrets.
pub(crate) fn trace() {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
}

/// A factory on a manual clock without randomness, for further settings.
pub(crate) fn builder(clock: &ManualClock, script: &Script) -> AuthTokenFactoryBuilder {
    trace();
    AuthTokenFactory::builder().clock(clock.clone()).fixed_jitter(0.0).fetcher(script.clone())
}

pub(crate) fn factory(clock: &ManualClock, script: &Script) -> AuthTokenFactory {
    builder(clock, script).build().unwrap()
}

/// Lets every task that is ready run until none is. For current-thread runtimes.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// A task that asks for a token.
pub(crate) fn ask(
    factory: &AuthTokenFactory,
    context: &AuthTokenContext,
) -> tokio::task::JoinHandle<Result<fleet_token::AuthToken, TokenError>> {
    let (factory, context) = (factory.clone(), context.clone());
    tokio::spawn(async move { factory.token(&context).await })
}

/// The number in `SECRET-TOKEN-n`, so that an assertion that fails prints no secret.
pub(crate) fn number(token: &fleet_token::AuthToken) -> usize {
    token.value().rsplit('-').next().unwrap().parse().unwrap()
}
