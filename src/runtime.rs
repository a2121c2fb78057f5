//! Where flights run: the tokio runtime that the factory was built in, or a small one of the factory's own.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;

/// Runs flights, and knows how many are running.
#[derive(Debug)]
pub(crate) struct Flights {
    given: Option<Handle>,
    given_is_gone: AtomicBool,
    own: Mutex<Own>,
    running: Arc<Running>,
}

#[derive(Debug, Default)]
struct Own {
    runtime: Option<Runtime>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Running {
    count: AtomicUsize,
    none_left: Notify,
}

impl Flights {
    /// On `given`, or on an own runtime that is started with the first flight.
    pub(crate) fn new(given: Option<Handle>) -> Self {
        Self { given, given_is_gone: AtomicBool::new(false), own: Mutex::default(), running: Arc::default() }
    }

    /// Runs a flight. If there is nowhere to run it, it is dropped at once, which lands it with an error.
    pub(crate) fn spawn(&self, flight: impl Future<Output = ()> + Send + 'static) {
        let count = Count::up(&self.running);
        let flight = async move {
            let _count = count;
            flight.await;
        };
        match &self.given {
            Some(handle) if !self.given_is_gone.load(Ordering::Relaxed) => {
                handle.spawn(flight);
            }
            _ => {
                if let Some(handle) = self.own_handle() {
                    handle.spawn(flight);
                }
            }
        }
    }

    /// The runtime that flights were given to has ended: later ones run on the own runtime.
    pub(crate) fn runtime_is_gone(&self) {
        self.given_is_gone.store(true, Ordering::Relaxed);
    }

    /// Stops the own runtime without waiting for it; nothing is run any more.
    pub(crate) fn close(&self) {
        let runtime = {
            let mut own = self.own.lock();
            own.closed = true;
            own.runtime.take()
        };
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }

    /// Ends when no flight is running.
    pub(crate) async fn idle(&self) {
        loop {
            let told = self.running.none_left.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            if self.running.count.load(Ordering::Acquire) == 0 {
                return;
            }
            told.await;
        }
    }

    fn own_handle(&self) -> Option<Handle> {
        let mut own = self.own.lock();
        if own.closed {
            return None;
        }
        if own.runtime.is_none() {
            // Fails only when the system has no thread left to give.
            own.runtime =
                Builder::new_multi_thread().worker_threads(1).thread_name("fleet-token").enable_all().build().ok();
        }
        own.runtime.as_ref().map(|runtime| runtime.handle().clone())
    }
}

impl Drop for Flights {
    /// A runtime must not be dropped by a thread that runs tasks, which the last flight's would be.
    fn drop(&mut self) {
        self.close();
    }
}

struct Count(Arc<Running>);

impl Count {
    fn up(running: &Arc<Running>) -> Self {
        running.count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(running))
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none_left.notify_waiters();
        }
    }
}
