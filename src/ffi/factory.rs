//! The factory as the wrappers hold it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::calm;
use super::cancel::FfiCancelHandle;
use super::config::FfiConfig;
use super::context::FfiTokenContext;
use super::engine::Engine;
use super::event::{FfiSubscription, FfiTokenEventListener};
use super::failure::FfiTokenError;
use super::lent::Lent;
use super::session::{FfiSessionHeaderProvider, ForeignSession};
use super::stats::{FfiHits, FfiStats};
use super::token::FfiToken;
use super::transport::{FfiHttpTransport, ForeignTransport};
use crate::context::AuthTokenContext;
use crate::error::TokenError;
use crate::token::AuthToken;
use crate::{AuthTokenFactory, AuthTokenFactoryBuilder, TokenHandle};

/// Gets, keeps and refreshes Fleet Engine tokens.
///
/// A wrapper keeps a copy of each token it is given and asks again when the copy is no longer fresh. To keep a token
/// that was just rejected or cleared from being put back by a slower thread, it remembers the highest epoch it has seen
/// (returned by `invalidate`, `clear` and the shutdowns, and told with each event) and keeps a token only if the
/// token's own epoch is not lower; comparing and keeping are one step under the wrapper's lock.
///
/// Shut it down before letting go of it: a caller that waits keeps it alive.
#[derive(uniffi::Object)]
pub struct FfiTokenFactory {
    factory: AuthTokenFactory,
    /// Gone once it is shut down.
    engine: Mutex<Option<Engine>>,
    epoch: Arc<Epoch>,
    transport: Option<Lent<dyn FfiHttpTransport>>,
    session: Option<Lent<dyn FfiSessionHeaderProvider>>,
}

/// Grows whenever tokens were dropped before their time.
#[derive(Debug, Default)]
pub(super) struct Epoch(AtomicU64);

impl Epoch {
    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Always after the drop: whoever reads the new epoch and asks then cannot be given what was dropped.
    pub(super) fn bump(&self) -> u64 {
        self.0.fetch_add(1, Ordering::AcqRel) + 1
    }
}

/// What reporting a token came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct FfiInvalidation {
    /// Whether the token was the current one; if not, another has replaced it already.
    pub was_current: bool,
    /// The factory's epoch from here on.
    pub epoch: u64,
}

#[uniffi::export]
impl FfiTokenFactory {
    /// A factory on the device's clocks. Touches no network and starts no thread. Without a transport it needs the
    /// build that has HTTP inside.
    #[uniffi::constructor(default(transport = None, session = None))]
    pub fn new(
        config: FfiConfig,
        transport: Option<Arc<dyn FfiHttpTransport>>,
        session: Option<Arc<dyn FfiSessionHeaderProvider>>,
    ) -> Result<Self, FfiTokenError> {
        Self::on(Engine::shared(), config.into_builder(), transport, session)
    }

    /// A valid token: at once if there is one, else after a fetch. With a time, one that is valid for so long.
    ///
    /// Whoever goes away, by dropping this or through the handle, loses no work: the fetch goes on.
    #[uniffi::method(default(valid_for_ms = None, cancel = None))]
    pub async fn token(
        &self,
        context: FfiTokenContext,
        valid_for_ms: Option<u64>,
        cancel: Option<Arc<FfiCancelHandle>>,
    ) -> Result<FfiToken, FfiTokenError> {
        let epoch = self.epoch.now();
        let context = AuthTokenContext::from(context);
        let asked = async {
            match valid_for_ms {
                None => self.factory.token(&context).await,
                Some(time) => self.factory.token_valid_for(&context, Duration::from_millis(time)).await,
            }
        };
        let token = self.awaited(asked, cancel).await?;
        Ok(FfiToken::served(&self.factory, &token, epoch))
    }

    /// The same for a thread that may wait, at most for the fetch deadline.
    pub fn token_blocking(&self, context: FfiTokenContext) -> Result<FfiToken, FfiTokenError> {
        let epoch = self.epoch.now();
        let token = self.factory.blocking_token(&context.into())?;
        Ok(FfiToken::served(&self.factory, &token, epoch))
    }

    /// The token if one can be served at once. What is due, spent or missing is fetched in the background.
    pub fn try_token(&self, context: FfiTokenContext) -> Option<FfiToken> {
        calm(None, || {
            let epoch = self.epoch.now();
            let token = self.factory.try_token(&context.into())?;
            Some(FfiToken::served(&self.factory, &token, epoch))
        })
    }

    /// Reports that Fleet Engine refused a token with UNAUTHENTICATED. By its value, since a token of unknown life is
    /// kept nowhere else and must not come back either. The token is dropped wherever it is kept, under other contexts
    /// too; a wrapper drops all its copies, as the new epoch tells it to.
    pub fn invalidate(&self, context: FfiTokenContext, value: String) -> FfiInvalidation {
        let value = Zeroizing::new(value);
        let was_current = calm(false, || self.factory.invalidate(&context.into(), &AuthToken::new(&value, None, 0)));
        FfiInvalidation { was_current, epoch: self.epoch.bump() }
    }

    /// Forgets everything, as when the user signs out. Returns the new epoch.
    pub fn clear(&self) -> u64 {
        calm((), || self.factory.clear());
        self.epoch.bump()
    }

    /// Fetches, in the background, what is not there yet.
    pub fn prefetch(&self, contexts: Vec<FfiTokenContext>) {
        calm((), || {
            let contexts: Vec<AuthTokenContext> = contexts.into_iter().map(Into::into).collect();
            self.factory.prefetch(&contexts);
        });
    }

    /// Reports that the network is back: the next calls ask the backend at once.
    pub fn network_available(&self) {
        calm((), || self.factory.network_available());
    }

    /// Reports that the user signed in: what the backend refused is asked for again at the next call.
    pub fn session_changed(&self) {
        calm((), || self.factory.session_changed());
    }

    /// Tells what a wrapper answered from its copies, so that the counters are whole and busy contexts are evicted
    /// last. To be called before asking for a token of another context, and before `stats`.
    pub fn note_hits(&self, hits: Vec<FfiHits>) {
        calm((), || {
            for FfiHits { context, count } in hits {
                self.factory.note_hits(&context.into(), count);
            }
        });
    }

    /// The counters.
    pub fn stats(&self) -> FfiStats {
        calm(FfiStats::default(), || self.factory.stats().into())
    }

    /// The epoch: see the type.
    pub fn epoch(&self) -> u64 {
        self.epoch.now()
    }

    /// Now, on the factory's clock, in milliseconds: what `FfiToken.served_at_ms` is measured on.
    pub fn now_ms(&self) -> u64 {
        calm(0, || super::millis(self.factory.now().since_origin()))
    }

    /// Tells the listener what happens from now on, until it is stopped or the factory is shut down. It must not hold
    /// the wrapper strongly, or neither is ever freed without a shutdown.
    pub fn listen(&self, listener: Arc<dyn FfiTokenEventListener>) -> Arc<FfiSubscription> {
        let events = self.factory.events();
        // After a shutdown an engine of its own is not worth starting: nothing happens any more.
        let subscription = match self.engine() {
            Some(engine) => FfiSubscription::start(engine, events, Arc::clone(&self.epoch), listener),
            None => FfiSubscription::ended(),
        };
        Arc::new(subscription)
    }

    /// Ends everything: who waits gets the kind `ShutDown` at once, and so does who asks later. Waits for fetches to
    /// end, a second at most. Returns the new epoch.
    pub async fn shutdown(&self) -> u64 {
        let engine = self.engine.lock().take();
        self.end();
        let epoch = self.epoch.bump();
        if let Some(engine) = engine
            && let Some(handle) = engine.started()
        {
            // There, for it needs a timer, which foreign executors do not have.
            let factory = self.factory.clone();
            let ended = handle.spawn(async move { factory.shutdown().await });
            // An end that was cut short is an end.
            let _ = engine.awaited(ended).await;
        }
        epoch
    }

    /// The same without waiting, for where nobody can. Returns the new epoch.
    pub fn shut_down_now(&self) -> u64 {
        let engine = self.engine.lock().take();
        self.end();
        drop(engine);
        self.epoch.bump()
    }
}

impl FfiTokenFactory {
    pub(super) fn on(
        engine: Engine,
        mut builder: AuthTokenFactoryBuilder,
        transport: Option<Arc<dyn FfiHttpTransport>>,
        session: Option<Arc<dyn FfiSessionHeaderProvider>>,
    ) -> Result<Self, FfiTokenError> {
        let transport = transport.map(Lent::new);
        if let Some(transport) = transport.clone() {
            builder = builder.transport(ForeignTransport { transport, caller: engine.caller() });
        }
        let session = session.map(Lent::new);
        if let Some(provider) = session.clone() {
            builder = builder.header_provider(ForeignSession { provider, caller: engine.caller() });
        }
        let kept = engine.clone();
        let factory = builder.kept_runtime(move || kept.handle()).build()?;
        Ok(Self { factory, engine: Mutex::new(Some(engine)), epoch: Arc::default(), transport, session })
    }

    /// Ends what is served and fetched, and lets go of the app's objects.
    fn end(&self) {
        calm((), || self.factory.close());
        if let Some(transport) = &self.transport {
            transport.give_back();
        }
        if let Some(session) = &self.session {
            session.give_back();
        }
    }

    pub(super) fn held(&self, context: &AuthTokenContext) -> Result<TokenHandle, TokenError> {
        self.factory.handle(context)
    }

    fn engine(&self) -> Option<Engine> {
        self.engine.lock().clone()
    }

    /// Waits for `asked`, or until the caller goes away. A caller who is gone already asks nothing.
    async fn awaited(
        &self,
        asked: impl Future<Output = Result<AuthToken, TokenError>>,
        cancel: Option<Arc<FfiCancelHandle>>,
    ) -> Result<AuthToken, FfiTokenError> {
        let gone = async {
            match &cancel {
                Some(cancel) => cancel.cancelled().await,
                None => std::future::pending().await,
            }
        };
        let answered = async {
            tokio::select! {
                biased;
                () = gone => Err(FfiTokenError::cancelled()),
                answer = asked => answer.map_err(FfiTokenError::from),
            }
        };
        match self.engine() {
            Some(engine) => engine.awaited(answered).await,
            None => answered.await,
        }
    }
}
