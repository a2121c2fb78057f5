//! Lets a caller go away. Kotlin's cancellation reaches Rust by itself; Swift's does not (uniffi 0.32), and comes here.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Goes with one call; cancelling it ends that call with the kind `Cancelled`. The fetch goes on: cancelling a caller
/// loses no work.
#[derive(Debug, Default, uniffi::Object)]
pub struct FfiCancelHandle {
    signal: Signal,
}

#[uniffi::export]
impl FfiCancelHandle {
    /// A handle that is not cancelled yet.
    #[uniffi::constructor]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the call that this went with, at once; a call that is made with it later ends before it begins.
    pub fn cancel(&self) {
        self.signal.raise();
    }
}

impl FfiCancelHandle {
    pub(super) async fn cancelled(&self) {
        self.signal.raised().await;
    }
}

/// Raised once, seen by all who wait and all who come later.
#[derive(Debug, Default)]
pub(super) struct Signal {
    is_raised: AtomicBool,
    waiting: Notify,
}

impl Signal {
    pub(super) fn raise(&self) {
        self.is_raised.store(true, Ordering::Release);
        self.waiting.notify_waiters();
    }

    pub(super) async fn raised(&self) {
        let told = self.waiting.notified();
        tokio::pin!(told);
        // Registered before looking, so that a signal in between is not missed.
        told.as_mut().enable();
        if !self.is_raised.load(Ordering::Acquire) {
            told.await;
        }
    }
}
