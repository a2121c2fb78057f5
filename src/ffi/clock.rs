//! Time and order in the hands of a test in another language: a clock that stands still, and a runtime that runs only
//! while it is told to settle. Feature `ffi-testing`; never in a library that is shipped.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, UNIX_EPOCH};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;

use super::config::FfiConfig;
use super::engine::Engine;
use super::factory::FfiTokenFactory;
use super::failure::FfiTokenError;
use super::millis;
use super::session::FfiSessionHeaderProvider;
use super::transport::FfiHttpTransport;
use crate::clock::{Clock, ManualClock};

/// How many turns every task gets: more than any chain of tasks that wake one another is long.
const TURNS: usize = 64;

/// How long a call into the app's code may take, in real time, that neither answers nor sleeps on this clock.
const PATIENCE: Duration = Duration::from_secs(10);

/// A clock that stands still until it is moved, and the runtime of the factories that are made with it.
///
/// Nothing of theirs runs but in `settle`: no thread, no timer. A scripted transport waits with `sleep_ms`, and hangs by
/// sleeping for ever (the largest number there is).
#[derive(uniffi::Object)]
pub struct FfiManualClock {
    clock: ManualClock,
    driven: Arc<Driven>,
}

#[uniffi::export]
impl FfiManualClock {
    /// A clock whose wall reads so many milliseconds since 1970.
    #[uniffi::constructor]
    pub fn new(wall_ms: u64) -> Result<Self, FfiTokenError> {
        let runtime = Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|_| crate::TokenError::Interrupted(crate::Interruption::RuntimeGone))?;
        let driven = Driven { runtime, under_way: AtomicI64::new(0), changed: Notify::new() };
        let clock = ManualClock::new(UNIX_EPOCH + Duration::from_millis(wall_ms));
        Ok(Self { clock, driven: Arc::new(driven) })
    }

    /// Time passes on a device that is awake: every clock moves, and sleepers that are due wake.
    pub fn advance_ms(&self, by: u64) {
        self.clock.advance(Duration::from_millis(by));
    }

    /// The device sleeps: boot time and wall clock move, timers do not.
    pub fn suspend_ms(&self, by: u64) {
        self.clock.suspend(Duration::from_millis(by));
    }

    /// Somebody sets the wall clock forward, or back when negative; in whole seconds.
    pub fn step_wall_ms(&self, by: i64) {
        self.clock.step_wall(by / 1000);
    }

    /// Boot time, in milliseconds since the clock's origin: the clock for a wrapper's copies.
    pub fn now_ms(&self) -> u64 {
        millis(self.clock.now().since_origin())
    }

    /// What the wall clock reads, in milliseconds since 1970.
    pub fn wall_ms(&self) -> u64 {
        self.clock.wall().duration_since(UNIX_EPOCH).map_or(0, millis)
    }

    /// How many sleep on it, the transport's replies among them.
    pub fn sleepers(&self) -> u64 {
        self.clock.sleepers() as u64
    }

    /// How long until the next sleeper wakes, if any sleeps.
    pub fn next_wake_ms(&self) -> Option<u64> {
        self.clock.next_wake().map(millis)
    }

    /// Ends when the clock was advanced so far. For a scripted transport or login, inside the call it is answering, and
    /// for nothing else: `settle` takes who sleeps here for a call that is waiting.
    pub async fn sleep_ms(&self, delay: u64) {
        let sleep = self.clock.sleep(Duration::from_millis(delay));
        Noted::new(&self.driven, Who::Call, sleep).await;
    }

    /// Runs everything that is ready, until nothing is: until every call into the app's code has answered or sleeps,
    /// and every caller who has an answer has taken it. False if that did not come about in ten seconds.
    ///
    /// Not from a thread that the transport, the login or the callers need.
    pub fn settle(&self) -> bool {
        // tokio would panic: it is being called from a listener.
        Handle::try_current().is_err() && self.driven.settle()
    }
}

#[uniffi::export]
impl FfiTokenFactory {
    /// A factory on a manual clock, whose every jitter is this share, from 0 to 1, of its range.
    #[uniffi::constructor]
    #[allow(clippy::needless_pass_by_value, reason = "the bindings hand objects over so")]
    pub fn for_testing(
        config: FfiConfig,
        transport: Option<Arc<dyn FfiHttpTransport>>,
        session: Option<Arc<dyn FfiSessionHeaderProvider>>,
        clock: Arc<FfiManualClock>,
        jitter: f64,
    ) -> Result<Self, FfiTokenError> {
        let builder = config.into_builder().clock(clock.clock.clone()).fixed_jitter(jitter);
        Self::on(Engine::Driven(Arc::clone(&clock.driven)), builder, transport, session)
    }
}

/// A runtime without threads, and what goes on outside it that it must wait for.
pub(super) struct Driven {
    runtime: Runtime,
    /// Calls into the app's code that do not sleep, and callers who have an answer and have not taken it.
    under_way: AtomicI64,
    changed: Notify,
}

impl Driven {
    pub(super) fn handle(&self) -> Handle {
        self.runtime.handle().clone()
    }

    /// A call into the app's code begins; it ends when what is returned is dropped.
    pub(super) fn call_begins(self: &Arc<Self>) -> CallUnderWay {
        self.add(1);
        CallUnderWay(Arc::downgrade(self))
    }

    /// Awaits `future` on a foreign executor, such that settling waits for that executor to look.
    pub(super) async fn awaited<T>(self: &Arc<Self>, future: impl Future<Output = T>) -> T {
        Noted::new(self, Who::Caller, Box::pin(future)).await
    }

    fn add(&self, calls: i64) {
        self.under_way.fetch_add(calls, Ordering::AcqRel);
        self.changed.notify_waiters();
    }

    fn settle(&self) -> bool {
        self.runtime.block_on(async {
            let settled = async {
                loop {
                    turns().await;
                    let changed = self.changed.notified();
                    tokio::pin!(changed);
                    changed.as_mut().enable();
                    if self.under_way.load(Ordering::Acquire) > 0 {
                        changed.await;
                        continue;
                    }
                    // What came in while it was looked at.
                    turns().await;
                    if self.under_way.load(Ordering::Acquire) <= 0 {
                        return;
                    }
                }
            };
            tokio::time::timeout(PATIENCE, settled).await.is_ok()
        })
    }
}

async fn turns() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

/// Holds nothing: a call that hangs for ever must not keep the runtime that its task is in.
pub(super) struct CallUnderWay(Weak<Driven>);

impl Drop for CallUnderWay {
    fn drop(&mut self) {
        if let Some(driven) = self.0.upgrade() {
            driven.add(-1);
        }
    }
}

/// What is awaited through [`Noted`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    /// A call into the app's code: it is under way, but not while it waits here.
    Call,
    /// A caller: under way only from when it is woken until it looks.
    Caller,
}

/// A future that a foreign executor polls, whose waking is noted at once, before that executor gets round to it.
struct Noted<F> {
    driven: Arc<Driven>,
    who: Who,
    future: F,
    bell: Option<Arc<Bell>>,
}

impl<F> Noted<F> {
    fn new(driven: &Arc<Driven>, who: Who, future: F) -> Self {
        Self { driven: Arc::clone(driven), who, future, bell: None }
    }

    /// Takes back what the last look left behind: a call that still waits, or a caller who has not looked.
    fn forget_last_look(&mut self) {
        let Some(bell) = self.bell.take() else { return };
        match (self.who, bell.state.swap(RUNG, Ordering::AcqRel)) {
            (Who::Call, WAITING) => self.driven.add(1),
            (Who::Caller, RUNG) => self.driven.add(-1),
            _ => {}
        }
    }
}

impl<F: Future + Unpin> Future for Noted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.forget_last_look();
        let bell = Arc::new(Bell {
            driven: Arc::clone(&self.driven),
            who: self.who,
            state: AtomicU8::new(NEW),
            waker: context.waker().clone(),
        });
        self.bell = Some(Arc::clone(&bell));
        let polled = Pin::new(&mut self.future).poll(&mut Context::from_waker(&Waker::from(Arc::clone(&bell))));
        if polled.is_ready() {
            self.forget_last_look();
        } else {
            bell.arm();
        }
        polled
    }
}

impl<F> Drop for Noted<F> {
    fn drop(&mut self) {
        self.forget_last_look();
    }
}

const NEW: u8 = 0;
const WAITING: u8 = 1;
const RUNG: u8 = 2;

struct Bell {
    driven: Arc<Driven>,
    who: Who,
    state: AtomicU8,
    waker: Waker,
}

impl Bell {
    fn arm(&self) {
        let waits = self.state.compare_exchange(NEW, WAITING, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if waits && self.who == Who::Call {
            self.driven.add(-1);
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let was = self.state.swap(RUNG, Ordering::AcqRel);
        if was == RUNG {
            return;
        }
        if self.who == Who::Caller || was == WAITING {
            self.driven.add(1);
        }
        self.waker.wake_by_ref();
    }
}
