//! Where flights run: the tokio runtime that the factory was built in, or a small one of the factory's own.

use std::future::Future;
#[cfg(any(test, feature = "test-util"))]
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;

use crate::sync::{AtomicUsize, Mutex};

/// Where flights were told to run.
#[derive(Clone, Default)]
pub(crate) enum Home {
    /// On a runtime of the factory's own, started with the first flight.
    #[default]
    Own,
    /// On this one.
    Given(Handle),
    /// On one that its keeper starts when it is asked for the first time; `None` if it has none to give.
    #[cfg(feature = "ffi")]
    Kept(Arc<dyn Fn() -> Option<Handle> + Send + Sync>),
    /// On nothing of tokio's: whoever is given a flight polls it, in an order of his own.
    #[cfg(any(test, feature = "test-util"))]
    Polled(Arc<dyn Fn(Job) + Send + Sync>),
}

/// A flight, to be polled.
#[cfg(any(test, feature = "test-util"))]
pub(crate) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who takes a flight.
enum Pilot {
    Runtime(Handle),
    #[cfg(any(test, feature = "test-util"))]
    Poller(Arc<dyn Fn(Job) + Send + Sync>),
}

/// Runs flights, and knows how many are running.
pub(crate) struct Flights {
    place: Mutex<Place>,
    running: Arc<Running>,
}

struct Place {
    home: Home,
    own: Option<Runtime>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Running {
    count: AtomicUsize,
    none_left: Notify,
}

impl Flights {
    pub(crate) fn new(home: Home) -> Self {
        Self { place: Mutex::new(Place { home, own: None, closed: false }), running: Arc::default() }
    }

    /// Runs a flight. If there is nowhere to run it, it is dropped at once, which lands it with an error.
    pub(crate) fn spawn(&self, flight: impl Future<Output = ()> + Send + 'static) {
        let count = Count::up(&self.running);
        let flight = async move {
            let _count = count;
            flight.await;
        };
        let pilot = self.place.lock().pilot();
        match pilot {
            Some(Pilot::Runtime(handle)) => drop(handle.spawn(flight)),
            #[cfg(any(test, feature = "test-util"))]
            Some(Pilot::Poller(poller)) => poller(Box::pin(flight)),
            None => {}
        }
    }

    /// The runtime that flights were given to has ended: later ones run on the own runtime.
    pub(crate) fn runtime_is_gone(&self) {
        self.place.lock().home = Home::Own;
    }

    /// Stops the own runtime without waiting for it; nothing is run any more.
    pub(crate) fn close(&self) {
        let (own, home) = {
            let mut place = self.place.lock();
            place.closed = true;
            (place.own.take(), std::mem::take(&mut place.home))
        };
        if let Some(runtime) = own {
            runtime.shutdown_background();
        }
        // Outside the lock: a kept runtime may end with the last that held it.
        drop(home);
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
}

impl Place {
    fn pilot(&mut self) -> Option<Pilot> {
        if self.closed {
            return None;
        }
        match &self.home {
            Home::Given(handle) => Some(Pilot::Runtime(handle.clone())),
            #[cfg(feature = "ffi")]
            Home::Kept(keeper) => keeper().map(Pilot::Runtime),
            Home::Own => {
                if self.own.is_none() {
                    self.own = start(1);
                }
                self.own.as_ref().map(|runtime| Pilot::Runtime(runtime.handle().clone()))
            }
            #[cfg(any(test, feature = "test-util"))]
            Home::Polled(poller) => Some(Pilot::Poller(Arc::clone(poller))),
        }
    }
}

/// Starts a small runtime. Fails only when the system has no thread left to give.
pub(crate) fn start(workers: usize) -> Option<Runtime> {
    Builder::new_multi_thread().worker_threads(workers).thread_name("fleet-token").enable_all().build().ok()
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
