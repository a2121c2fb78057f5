//! What holds the callers: they all go, all rest, or all leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// What callers may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Go,
    Rest,
    Leave,
}

/// The one who holds the callers.
pub(crate) struct Gate {
    phase: watch::Sender<Phase>,
    still: Arc<AtomicUsize>,
}

/// A caller's way through it.
#[derive(Clone)]
pub(crate) struct Pass {
    phase: watch::Receiver<Phase>,
    still: Arc<AtomicUsize>,
}

impl Gate {
    /// Closed at first.
    pub(crate) fn new() -> Self {
        Self { phase: watch::Sender::new(Phase::Rest), still: Arc::default() }
    }

    pub(crate) fn pass(&self) -> Pass {
        Pass { phase: self.phase.subscribe(), still: Arc::clone(&self.still) }
    }

    pub(crate) fn open(&self) {
        self.phase.send_replace(Phase::Go);
    }

    pub(crate) fn close(&self) {
        self.phase.send_replace(Phase::Rest);
    }

    pub(crate) fn send_home(&self) {
        self.phase.send_replace(Phase::Leave);
    }

    /// How many callers stand still.
    pub(crate) fn still(&self) -> usize {
        self.still.load(Ordering::Acquire)
    }
}

impl Pass {
    /// Waits while callers rest. `false`: go home.
    pub(crate) async fn through(&mut self) -> bool {
        if *self.phase.borrow_and_update() == Phase::Rest {
            self.still.fetch_add(1, Ordering::AcqRel);
            // An error means that the gate is gone, which is the end, too.
            let _ = self.phase.wait_for(|phase| *phase != Phase::Rest).await;
            self.still.fetch_sub(1, Ordering::AcqRel);
        }
        *self.phase.borrow() != Phase::Leave && self.phase.has_changed().is_ok()
    }

    /// A pause between two calls, which ends when the callers are to rest or to leave.
    pub(crate) async fn pause(&mut self, pause: Duration) {
        let _ = tokio::time::timeout(pause, self.phase.wait_for(|phase| *phase != Phase::Go)).await;
    }
}
