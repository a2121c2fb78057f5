//! The 64 callers of a run: each asks for tokens in its own way, key after key, and uses every one that it gets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use fleet_token::{AuthToken, AuthTokenFactory, BootTime, Clock as _, SystemClock, TokenError, TokenHandle};
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::gate::Pass;
use crate::judge::{Judge, Verdict};
use crate::keys::Key;

/// How callers ask, and how many of each kind there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// `token().await`, at times given up in the middle.
    Async,
    /// `token_valid_for().await`.
    ValidFor,
    /// `try_token()`, for those who may not wait.
    Try,
    /// By a handle on one key, of which each is kept for a while: `token().await` and `try_token()`.
    Handle,
    /// `blocking_token()` on a thread of its own.
    Blocking,
    /// The same by a handle.
    BlockingHandle,
}

impl Way {
    pub(crate) const ALL: [(Self, usize); 6] = [
        (Self::Async, 24),
        (Self::ValidFor, 8),
        (Self::Try, 8),
        (Self::Handle, 12),
        (Self::Blocking, 8),
        (Self::BlockingHandle, 4),
    ];

    pub(crate) const fn blocks(self) -> bool {
        matches!(self, Self::Blocking | Self::BlockingHandle)
    }
}

/// How many callers there are.
pub(crate) fn number() -> usize {
    Way::ALL.iter().map(|(_, number)| number).sum()
}

/// The pause between two calls of a caller, in milliseconds.
const PAUSE: std::ops::RangeInclusive<u64> = 20..=180;

/// A handle is let go after so many calls.
const CALLS_BY_A_HANDLE: u32 = 25;

/// What callers were answered. `made` are all the calls, and each of them is one of the others.
#[derive(Default)]
pub(crate) struct Answers {
    pub(crate) made: AtomicU64,
    pub(crate) tokens: AtomicU64,
    /// `try_token` found nothing to serve.
    pub(crate) none: AtomicU64,
    /// Given up by the caller before there was an answer.
    pub(crate) left: AtomicU64,
    pub(crate) errors: Mutex<BTreeMap<&'static str, u64>>,
    /// The longest that anybody waited for an answer, in milliseconds.
    pub(crate) longest: AtomicU64,
    /// Reports of a refused token that the factory had not replaced yet.
    pub(crate) reported: AtomicU64,
    /// Tokens that were handed out again to the caller who had just reported them.
    pub(crate) again: AtomicU64,
}

impl Answers {
    pub(crate) fn errors(&self) -> u64 {
        self.errors.lock().values().sum()
    }
}

/// A caller.
pub(crate) struct Caller {
    pub(crate) way: Way,
    pub(crate) factory: AuthTokenFactory,
    pub(crate) keys: Arc<Vec<Key>>,
    pub(crate) judge: Judge,
    pub(crate) answers: Arc<Answers>,
    pub(crate) pass: Pass,
    pub(crate) rng: Rng,
}

impl Caller {
    /// Calls until it is sent home.
    pub(crate) async fn run(mut self) {
        let (mut handle, mut calls) = (None, 0);
        while self.pass.through().await {
            let key = self.key(handle.as_ref());
            if self.way == Way::Handle && handle.is_none() {
                handle = self.hold(&key);
            }
            let asked = SystemClock::new().now();
            if let Some(token) = self.ask(&key, handle.as_ref().map(|(_, handle)| handle)).await {
                self.used(&key, token, asked).await;
            }
            let_go(&mut handle, &mut calls);
            let pause = Duration::from_millis(self.rng.u64(PAUSE));
            self.pass.pause(pause).await;
        }
    }

    /// The same on a thread that may block; what is not the factory's is waited for on `runtime`.
    pub(crate) fn run_blocking(mut self, runtime: &Handle) {
        let (mut handle, mut calls) = (None, 0);
        while runtime.block_on(self.pass.through()) {
            let key = self.key(handle.as_ref());
            if self.way == Way::BlockingHandle && handle.is_none() {
                handle = self.hold(&key);
            }
            let asked = SystemClock::new().now();
            self.answers.made.fetch_add(1, Ordering::Relaxed);
            let answer = match &handle {
                Some((_, handle)) => handle.blocking_token(),
                None => self.factory.blocking_token(&key.context),
            };
            if let Some(token) = self.answered(asked, answer) {
                runtime.block_on(self.used(&key, token, asked));
            }
            let_go(&mut handle, &mut calls);
            let pause = Duration::from_millis(self.rng.u64(PAUSE));
            runtime.block_on(self.pass.pause(pause));
        }
    }

    /// A key: the one of the handle; or one in five times one of the first five, which everybody wants; or any.
    fn key(&mut self, held: Option<&(usize, TokenHandle)>) -> Key {
        let among = if self.rng.u8(0..5) == 0 { 5 } else { self.keys.len() };
        let index = held.map_or_else(|| self.rng.usize(0..among), |(index, _)| *index);
        self.keys[index].clone()
    }

    fn hold(&self, key: &Key) -> Option<(usize, TokenHandle)> {
        let index = self.keys.iter().position(|other| other.context == key.context && other.kind == key.kind)?;
        Some((index, self.factory.handle(&key.context).ok()?))
    }

    async fn ask(&mut self, key: &Key, handle: Option<&TokenHandle>) -> Option<AuthToken> {
        let asked = SystemClock::new().now();
        self.answers.made.fetch_add(1, Ordering::Relaxed);
        let context = &key.context;
        let answer = match (self.way, handle) {
            (Way::ValidFor, _) => {
                // Less than the margin, so that it is no reason to fetch.
                self.factory.token_valid_for(context, Duration::from_secs(self.rng.u64(2..=4))).await
            }
            (Way::Try, _) => return self.found(self.factory.try_token(context)),
            (_, Some(handle)) if self.rng.bool() => return self.found(handle.try_token()),
            (_, Some(handle)) => handle.token().await,
            // One in sixteen is given up: at once, or after up to 200 ms.
            _ if self.rng.u8(0..16) == 0 => {
                let patience = Duration::from_millis(self.rng.u64(0..=200));
                let Ok(answer) = tokio::time::timeout(patience, self.factory.token(context)).await else {
                    self.answers.left.fetch_add(1, Ordering::Relaxed);
                    return None;
                };
                answer
            }
            _ => self.factory.token(context).await,
        };
        self.answered(asked, answer)
    }

    fn found(&self, found: Option<AuthToken>) -> Option<AuthToken> {
        let count = if found.is_some() { &self.answers.tokens } else { &self.answers.none };
        count.fetch_add(1, Ordering::Relaxed);
        found
    }

    fn answered(&self, asked: BootTime, answer: Result<AuthToken, TokenError>) -> Option<AuthToken> {
        let took = SystemClock::new().now().saturating_since(asked).as_millis();
        self.answers.longest.fetch_max(u64::try_from(took).unwrap_or(u64::MAX), Ordering::Relaxed);
        match answer {
            Ok(token) => self.found(Some(token)),
            Err(error) => {
                *self.answers.errors.lock().entry(error.kind().as_str()).or_default() += 1;
                None
            }
        }
    }

    /// Calls Fleet Engine with the token, as an app does: refused as revoked, it says so, asks again, and calls once more.
    async fn used(&mut self, key: &Key, token: AuthToken, asked: BootTime) {
        let update = self.rng.u8(0..4) == 0;
        if self.judge.judge(key, &token, asked, update).await != Verdict::Revoked {
            return;
        }
        self.report(key, &token);
        self.answers.made.fetch_add(1, Ordering::Relaxed);
        let asked = SystemClock::new().now();
        let answer = self.factory.token(&key.context).await;
        if let Some(next) = self.answered(asked, answer) {
            if next.value() == token.value() {
                self.answers.again.fetch_add(1, Ordering::Relaxed);
            }
            if self.judge.judge(key, &next, asked, update).await == Verdict::Revoked {
                self.report(key, &next);
            }
        }
    }

    fn report(&self, key: &Key, token: &AuthToken) {
        if self.factory.invalidate(&key.context, token) {
            self.answers.reported.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn let_go(handle: &mut Option<(usize, TokenHandle)>, calls: &mut u32) {
    *calls += 1;
    if calls.is_multiple_of(CALLS_BY_A_HANDLE) {
        *handle = None;
    }
}
