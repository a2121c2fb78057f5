//! One fetch under way for one key, and everybody who waits for it. Owned by the slot, never by a caller.

use std::time::Duration;

use tokio::sync::Notify;

use crate::boot_time::BootTime;
use crate::error::TokenError;
use crate::sync::{Condvar, Mutex, OnceLock};
use crate::token::AuthToken;

/// How long others wait beyond the deadline for a flight to land by itself, since timers fire a little late.
pub(crate) const GRACE: Duration = Duration::from_millis(200);

/// What a flight brings: the same for everybody who waited.
pub(crate) type Landing = Result<AuthToken, TokenError>;

/// A fetch under way.
///
/// Promises: it lands once; every waiter, however it waits, gets that landing; a waiter that goes away changes nothing.
#[derive(Debug)]
pub(crate) struct Flight {
    /// When it was taken off; lifetimes are counted from the attempt, deadlines from here.
    pub(crate) deadline: BootTime,
    /// The factory's epoch at the start: a `clear` since then makes its result worthless.
    pub(crate) epoch: u64,
    landing: OnceLock<Landing>,
    tasks: Notify,
    /// For waiters that block a thread. Held only to close the gap between looking and waiting.
    gate: Mutex<()>,
    threads: Condvar,
}

impl Flight {
    pub(crate) fn new(deadline: BootTime, epoch: u64) -> Self {
        Self {
            deadline,
            epoch,
            landing: OnceLock::new(),
            tasks: Notify::new(),
            gate: Mutex::new(()),
            threads: Condvar::new(),
        }
    }

    /// Tells everybody. The first landing counts; a later one is dropped and `false` returned.
    pub(crate) fn land(&self, landing: Landing) -> bool {
        if self.landing.set(landing).is_err() {
            return false;
        }
        self.tasks.notify_waiters();
        drop(self.gate.lock());
        self.threads.notify_all();
        true
    }

    pub(crate) fn landed(&self) -> Option<&Landing> {
        self.landing.get()
    }

    /// Waits without a thread. Safe to drop at any moment.
    pub(crate) async fn wait(&self) -> Landing {
        loop {
            // Registered before looking, so that a landing in between is not missed.
            let told = self.tasks.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            if let Some(landing) = self.landing.get() {
                return landing.clone();
            }
            told.await;
        }
    }

    /// Blocks the thread for at most `patience`; `None` when nothing landed in that time.
    pub(crate) fn wait_blocking(&self, patience: Duration) -> Option<Landing> {
        let mut gate = self.gate.lock();
        if self.landing.get().is_none() {
            self.threads.wait_for(&mut gate, patience);
        }
        self.landing.get().cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn flight() -> Arc<Flight> {
        Arc::new(Flight::new(BootTime::ZERO, 0))
    }

    fn token() -> AuthToken {
        AuthToken::new("SECRET-TOKEN-1", None, 1)
    }

    #[tokio::test]
    async fn every_waiter_gets_the_one_landing() {
        let flight = flight();
        let waiters: Vec<_> = (0..20)
            .map(|_| {
                let flight = Arc::clone(&flight);
                tokio::spawn(async move { flight.wait().await })
            })
            .collect();
        let thread = {
            let flight = Arc::clone(&flight);
            std::thread::spawn(move || flight.wait_blocking(Duration::from_secs(20)))
        };
        tokio::task::yield_now().await;
        assert!(flight.land(Ok(token())));
        assert!(!flight.land(Err(TokenError::Cleared)));
        for waiter in waiters {
            assert!(waiter.await.unwrap().is_ok());
        }
        assert!(thread.join().unwrap().unwrap().is_ok());
        assert!(flight.wait().await.is_ok(), "a late waiter is told too");
    }

    #[test]
    fn a_blocked_thread_is_let_go_when_its_patience_ends() {
        assert!(flight().wait_blocking(Duration::from_millis(1)).is_none());
    }
}
