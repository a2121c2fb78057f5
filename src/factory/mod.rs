//! The factory: what apps hold. The only room that knows all the others.

mod ask;
mod builder;
mod core;
mod handle;
mod run;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use self::builder::AuthTokenFactoryBuilder;
pub use self::handle::TokenHandle;
use crate::cache::answer::Need;
use crate::config::Settings;
use crate::context::AuthTokenContext;
use crate::error::TokenError;
use crate::event::TokenEvents;
use crate::stats::Stats;
use crate::status::ContextStatus;
use crate::token::AuthToken;

use self::core::Core;

/// Gets, keeps and refreshes Fleet Engine tokens. Cheap to clone; every clone is the same factory.
///
/// What it promises, whatever the network, the clocks and the backend do:
///
/// - A token is served only for the context it was fetched for, only while it is valid, and never again once it was
///   [rejected](Self::invalidate).
/// - For one context at most one fetch is under way. Whoever asks meanwhile gets its result, once; whoever goes away
///   changes nothing.
/// - Every call is answered within the fetch deadline (30 s by default); within twice that, if the token it waited for
///   was rejected, or expired while the device slept, before it could be handed out. A call that finds a fresh token
///   never waits for anything.
/// - A failing backend is left alone for a while; tokens that are still good are served meanwhile.
/// - No token and no login is ever printed.
///
/// Asked in the way that suits the caller: [`token`](Self::token) in async code, [`blocking_token`](Self::blocking_token)
/// on a thread that may wait, [`try_token`](Self::try_token) on one that may not.
///
/// Dropping the last clone, and the last [`TokenHandle`], shuts the factory down.
#[derive(Clone)]
pub struct AuthTokenFactory {
    owner: Arc<Owner>,
}

/// Held by every clone and handle, but not by flights: when it goes, nobody can ask any more.
struct Owner {
    core: Arc<Core>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.core.close();
    }
}

impl AuthTokenFactory {
    /// Starts to configure a factory.
    pub fn builder() -> AuthTokenFactoryBuilder {
        AuthTokenFactoryBuilder::new()
    }

    fn start(settings: Settings) -> Self {
        Self { owner: Arc::new(Owner { core: Arc::new(Core::new(settings)) }) }
    }

    /// A valid token for `context`: at once if a fresh one is there, else after a fetch.
    ///
    /// Dropping the returned future is safe and loses nothing: the fetch goes on, and the next caller has its result.
    ///
    /// # Errors
    ///
    /// Any [`TokenError`] of the context, the fetch or the factory's state. While a token is valid for long enough
    /// (`min_validity`), a failed fetch is not an error: that token is served.
    pub async fn token(&self, context: &AuthTokenContext) -> Result<AuthToken, TokenError> {
        match self.core().hit(context) {
            Some(token) => Ok(token),
            None => self.core().get(context, Need::Usual).await,
        }
    }

    /// The same, for a token with at least `valid_for` left, such as for a long upload.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token), but no older token stands in; and [`TokenError::LifetimeTooShort`] when even the
    /// newest token does not live so long.
    pub async fn token_valid_for(
        &self,
        context: &AuthTokenContext,
        valid_for: Duration,
    ) -> Result<AuthToken, TokenError> {
        self.core().get(context, Need::ValidFor(valid_for)).await
    }

    /// The same as [`token`](Self::token) for a thread that may wait, at most for the fetch deadline. This is what
    /// `AuthTokenFactory.getToken` of Google's Android SDKs calls for.
    ///
    /// # Errors
    ///
    /// As [`token`](Self::token); and [`TokenError::BlockingInAsync`] on any thread that belongs to a tokio runtime,
    /// hit or miss: there, blocking stops other work or deadlocks. Inside `spawn_blocking` use
    /// `Handle::current().block_on(factory.token(&context))`.
    pub fn blocking_token(&self, context: &AuthTokenContext) -> Result<AuthToken, TokenError> {
        self.core().get_blocking(context, Need::Usual)
    }

    /// The token if one can be served at once; never waits, for a main or a location thread.
    ///
    /// A token that is due, spent or missing is fetched in the background, so that a later call finds it. Errors are
    /// seen in [`events`](Self::events).
    pub fn try_token(&self, context: &AuthTokenContext) -> Option<AuthToken> {
        self.core().hit(context).or_else(|| self.core().try_get(context))
    }

    /// A handle on one context, which finds its token without a lookup: for loops that ask for the same one.
    ///
    /// # Errors
    ///
    /// [`TokenError::InvalidContext`]; [`TokenError::ShutDown`].
    pub fn handle(&self, context: &AuthTokenContext) -> Result<TokenHandle, TokenError> {
        TokenHandle::new(self.clone(), context)
    }

    /// Reports that Fleet Engine refused `token` with `UNAUTHENTICATED` (HTTP 401): it is never served again, and the
    /// next call fetches another.
    ///
    /// Does nothing if another token has replaced it already, so that two requests that failed with the same token
    /// cause one refresh. Do not call it for `PERMISSION_DENIED` (403): that means the wrong id or role, and another
    /// token would be refused just so. Returns whether the token was current.
    pub fn invalidate(&self, context: &AuthTokenContext, token: &AuthToken) -> bool {
        self.core().invalidate(context, token)
    }

    /// Forgets everything, as when the user signs out. Fetches under way are dropped, and their callers get
    /// [`TokenError::Cleared`]: no token of the old session is served from here on.
    pub fn clear(&self) {
        self.core().clear();
    }

    /// Fetches, in the background, what is not there yet, such as at the start of a shift. Does not wait; bad contexts
    /// are passed over.
    pub fn prefetch<'a>(&self, contexts: impl IntoIterator<Item = &'a AuthTokenContext>) {
        for context in contexts {
            self.core().prefetch(context);
        }
    }

    /// Reports that the network is back: the next calls ask the backend at once instead of sitting out a backoff.
    ///
    /// A wait that the backend itself asked for with `Retry-After` stands, and so does a refusal (401, 403, 404), which
    /// is remembered for 5 seconds: see [`session_changed`](Self::session_changed).
    pub fn network_available(&self) {
        self.core().network_available();
    }

    /// Reports that the user signed in, or was given another vehicle or trip: contexts that the backend refused (401,
    /// 403, 404 and the like) are asked for again at the next call, instead of after 5 seconds. Tokens are kept; when
    /// *another* user signs in, call [`clear`](Self::clear).
    pub fn session_changed(&self) {
        self.core().session_changed();
    }

    /// What happens from now on, for logs and screens.
    pub fn events(&self) -> TokenEvents {
        self.core().events()
    }

    /// Counters since the factory was built.
    pub fn stats(&self) -> Stats {
        self.core().stats()
    }

    /// How each context stands now, in no order: for a screen or a dashboard of yours, several times a second if you like.
    ///
    /// It lists every entry and takes each one's lock for a moment, so it is not for every call. Looking is no use: it
    /// fetches nothing, counts nothing, and keeps no entry from being evicted.
    ///
    /// ```
    /// # use fleet_token::{AuthTokenContext, AuthTokenFactory};
    /// # fn print(factory: &AuthTokenFactory) {
    /// for status in factory.contexts() {
    ///     match status.token {
    ///         Some(token) => println!("{}: {}, {:.0?} left", status.context, token.age.as_str(), token.left),
    ///         None => println!("{}: none", status.context),
    ///     }
    /// }
    /// # }
    /// ```
    pub fn contexts(&self) -> Vec<ContextStatus> {
        self.core().contexts()
    }

    /// Brings `fleet_token_calls_total` and `fleet_token_entries` up to now, for whoever scrapes them next.
    ///
    /// Calls are too many to be counted by the facade one by one: these two are told when a fetch ends, when the factory
    /// is shut down, and here. All other metrics are told as things happen.
    #[cfg(feature = "metrics")]
    pub fn publish_metrics(&self) {
        self.core().publish_metrics();
    }

    /// How long `token` is still valid, on the factory's clock; `None` when nobody said.
    pub fn remaining(&self, token: &AuthToken) -> Option<Duration> {
        token.expires_at().map(|at| at.saturating_since(self.core().now()))
    }

    /// Ends everything: callers that wait get [`TokenError::ShutDown`] at once, later calls too, tokens are wiped,
    /// fetches are dropped. Returns when no flight is left, or after a second if their runtime does not let them end.
    pub async fn shutdown(&self) {
        self.core().close();
        self.core().drained().await;
    }

    /// The first half of [`shutdown`](Self::shutdown), for callers that do not wait for the second.
    #[cfg(feature = "ffi")]
    pub(crate) fn close(&self) {
        self.core().close();
    }

    /// How long `token` may be served without asking again.
    #[cfg(feature = "ffi")]
    pub(crate) fn fresh_for(&self, token: &AuthToken) -> Duration {
        token.schedule().map_or(Duration::ZERO, |schedule| schedule.due_at.saturating_since(self.core().now()))
    }

    /// Now, on the factory's clock.
    #[cfg(feature = "ffi")]
    pub(crate) fn now(&self) -> crate::BootTime {
        self.core().now()
    }

    /// Entries dropped so far to keep the bound.
    #[cfg(feature = "ffi")]
    pub(crate) fn evictions(&self) -> u64 {
        self.core().evictions()
    }

    /// Counts calls that a face answered from a copy of `context`'s token, and marks the context as used.
    #[cfg(feature = "ffi")]
    pub(crate) fn note_hits(&self, context: &AuthTokenContext, count: u64) {
        self.core().note_hits(context, count);
    }

    /// On its clock.
    #[cfg(feature = "tonic")]
    pub(crate) async fn sleep(&self, time: Duration) {
        self.core().settings.clock.sleep(time).await;
    }

    fn core(&self) -> &Arc<Core> {
        &self.owner.core
    }
}

impl fmt::Debug for AuthTokenFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthTokenFactory").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
