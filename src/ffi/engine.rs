//! Where everything of this face runs: one small runtime for all factories of the process, or, in a test, one that
//! runs only when it is told to.

use std::future::Future;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::oneshot;

#[cfg(feature = "ffi-testing")]
use super::clock::Driven;
use crate::runtime;

/// Enough that one thread which is kept busy holds up nobody.
const WORKERS: usize = 2;

/// What keeps a runtime for those who hold it.
#[derive(Clone)]
pub(super) enum Engine {
    Shared(Arc<Shared>),
    #[cfg(feature = "ffi-testing")]
    Driven(Arc<Driven>),
}

/// The process's runtime: started when it is first needed, stopped when no factory is open and no call into the app's
/// code is under way. However many factories there are, its threads are two.
#[derive(Default)]
pub(super) struct Shared {
    runtime: Mutex<Option<Runtime>>,
}

static SHARED: Mutex<Weak<Shared>> = Mutex::new(Weak::new());

impl Engine {
    /// The one that is there, or a new one.
    pub(super) fn shared() -> Self {
        let mut place = SHARED.lock();
        Self::Shared(place.upgrade().unwrap_or_else(|| {
            let made = Arc::default();
            *place = Arc::downgrade(&made);
            made
        }))
    }

    /// Its runtime, started if need be; `None` only when the system has no thread left to give.
    pub(super) fn handle(&self) -> Option<Handle> {
        match self {
            Self::Shared(shared) => {
                let mut runtime = shared.runtime.lock();
                if runtime.is_none() {
                    *runtime = runtime::start(WORKERS);
                }
                runtime.as_ref().map(|runtime| runtime.handle().clone())
            }
            #[cfg(feature = "ffi-testing")]
            Self::Driven(driven) => Some(driven.handle()),
        }
    }

    /// Its runtime if something has run there.
    pub(super) fn started(&self) -> Option<Handle> {
        match self {
            Self::Shared(shared) => shared.runtime.lock().as_ref().map(|runtime| runtime.handle().clone()),
            #[cfg(feature = "ffi-testing")]
            Self::Driven(driven) => Some(driven.handle()),
        }
    }

    /// Awaits `future` for a foreign executor, which a driven engine takes into account.
    pub(super) async fn awaited<T>(&self, future: impl Future<Output = T>) -> T {
        match self {
            Self::Shared(_) => future.await,
            #[cfg(feature = "ffi-testing")]
            Self::Driven(driven) => driven.awaited(future).await,
        }
    }

    /// Makes a call into the app's code that may block its thread.
    pub(super) async fn tell(&self, call: impl FnOnce() + Send + 'static) {
        match self {
            // Not on a worker: fetches must go on while a listener takes its time.
            Self::Shared(_) => drop(tokio::task::spawn_blocking(call).await),
            #[cfg(feature = "ffi-testing")]
            Self::Driven(_) => super::calm((), call),
        }
    }

    /// For those whom the factory owns: they must not keep the runtime alive once it is shut down.
    pub(super) fn caller(&self) -> Caller {
        match self {
            Self::Shared(shared) => Caller::Shared(Arc::downgrade(shared)),
            #[cfg(feature = "ffi-testing")]
            Self::Driven(driven) => Caller::Driven(Arc::downgrade(driven)),
        }
    }
}

impl Drop for Shared {
    /// Without waiting: the last to let go may be one of the runtime's own threads.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.get_mut().take() {
            runtime.shutdown_background();
        }
    }
}

/// Makes asynchronous calls into the app's code.
pub(super) enum Caller {
    Shared(Weak<Shared>),
    #[cfg(feature = "ffi-testing")]
    Driven(Weak<Driven>),
}

impl Caller {
    /// The answer to `call`, or `None` if it has none: it panicked, or there is nowhere to run it.
    ///
    /// The call runs in a task of its own, to its end. Dropping the returned future drops its late answer only.
    pub(super) async fn call<T: Send + 'static>(&self, call: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (tell, told) = oneshot::channel();
        match self {
            Self::Shared(shared) => {
                let engine = Engine::Shared(shared.upgrade()?);
                engine.handle()?.spawn(async move {
                    // The call keeps its runtime: a shutdown must not abort it.
                    let _engine = engine;
                    // Nobody waits any more: the answer came too late.
                    let _ = tell.send(call.await);
                });
            }
            #[cfg(feature = "ffi-testing")]
            Self::Driven(driven) => {
                let driven = driven.upgrade()?;
                let under_way = driven.call_begins();
                driven.handle().spawn(async move {
                    let _ = tell.send(call.await);
                    drop(under_way);
                });
            }
        }
        told.await.ok()
    }
}
