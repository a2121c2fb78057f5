//! A clock that stands still until a test moves it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

use super::{Clock, Sleep};
use crate::boot_time::BootTime;

/// A clock for tests: time passes only when told to, and in the three ways it passes on a device.
///
/// | call | boot time | wall clock | sleeping flights |
/// |---|---|---|---|
/// | [`advance`](Self::advance) | moves | moves | wake when due |
/// | [`suspend`](Self::suspend) | moves | moves | stand still, as timers do while a device sleeps |
/// | [`step_wall`](Self::step_wall) | – | jumps | – |
///
/// Clones share one time. Moving it only makes sleepers ready: let them run before you look.
///
/// ```
/// use std::time::Duration;
/// use fleet_token::{AuthTokenContext, AuthTokenFactory, Expiry, ManualClock};
/// # use fleet_token::{FetchRequest, FetchedToken, TokenError, TokenFetcher, async_trait};
/// # struct Backend;
/// # #[async_trait]
/// # impl TokenFetcher for Backend {
/// #     async fn fetch(&self, _: FetchRequest<'_>) -> Result<FetchedToken, TokenError> {
/// #         Ok(FetchedToken::new("token").with_expiry(Expiry::In(Duration::from_secs(3600))))
/// #     }
/// # }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let clock = ManualClock::default();
/// let factory = AuthTokenFactory::builder().clock(clock.clone()).fetcher(Backend).build()?;
/// let context = AuthTokenContext::vehicle("v1");
/// let first = factory.token(&context).await?;
///
/// clock.suspend(Duration::from_secs(3600)); // the phone lay in a pocket
/// assert!(factory.try_token(&context).is_none()); // expired; this has started a fetch
/// while factory.stats().fetches < 2 || factory.try_token(&context).is_none() {
///     tokio::task::yield_now().await; // let it run
/// }
/// assert!(!factory.token(&context).await?.is_same(&first));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    boot: Duration,
    awake: Duration,
    wall: SystemTime,
    sleepers: Vec<(u64, Duration, Waker)>,
    next_id: u64,
}

impl ManualClock {
    /// A clock whose wall reads `wall`. Boot time starts at one hour, so that tests see no special zero.
    pub fn new(wall: SystemTime) -> Self {
        let state =
            State { boot: Duration::from_secs(3600), awake: Duration::ZERO, wall, sleepers: Vec::new(), next_id: 0 };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Time passes on a device that is awake: every clock moves, and sleepers that are due wake.
    pub fn advance(&self, by: Duration) {
        let due: Vec<Waker> = {
            let mut state = self.state.lock();
            state.boot += by;
            state.awake += by;
            state.wall += by;
            let awake = state.awake;
            let (due, waiting) = std::mem::take(&mut state.sleepers).into_iter().partition(|s| s.1 <= awake);
            state.sleepers = waiting;
            let due: Vec<(u64, Duration, Waker)> = due;
            due.into_iter().map(|(_, _, waker)| waker).collect()
        };
        due.into_iter().for_each(Waker::wake);
    }

    /// The device sleeps: boot time and wall clock move, timers do not.
    pub fn suspend(&self, by: Duration) {
        let mut state = self.state.lock();
        state.boot += by;
        state.wall += by;
    }

    /// Somebody sets the wall clock: `seconds` forward, or back when negative.
    pub fn step_wall(&self, seconds: i64) {
        let mut state = self.state.lock();
        let by = Duration::from_secs(seconds.unsigned_abs());
        state.wall = if seconds < 0 { state.wall - by } else { state.wall + by };
    }

    /// How long until the next sleeper wakes, if any sleeps. Lets a test or a simulation jump to what happens next.
    pub fn next_wake(&self) -> Option<Duration> {
        let state = self.state.lock();
        state.sleepers.iter().map(|s| s.1.saturating_sub(state.awake)).min()
    }

    /// How many sleepers there are: zero when nothing is under way, which is the promise of an idle factory.
    pub fn sleepers(&self) -> usize {
        self.state.lock().sleepers.len()
    }
}

impl Default for ManualClock {
    /// A clock whose wall reads 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::new(UNIX_EPOCH + Duration::from_secs(1_767_225_600))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> BootTime {
        BootTime::from_origin(self.state.lock().boot)
    }

    fn wall(&self) -> SystemTime {
        self.state.lock().wall
    }

    fn sleep(&self, delay: Duration) -> Sleep {
        let mut state = self.state.lock();
        let id = state.next_id;
        state.next_id += 1;
        Box::pin(ManualSleep { state: Arc::clone(&self.state), id, until: state.awake + delay })
    }
}

struct ManualSleep {
    state: Arc<Mutex<State>>,
    id: u64,
    until: Duration,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        let id = self.id;
        state.sleepers.retain(|s| s.0 != id);
        if state.awake >= self.until {
            return Poll::Ready(());
        }
        state.sleepers.push((self.id, self.until, context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for ManualSleep {
    fn drop(&mut self) {
        let id = self.id;
        self.state.lock().sleepers.retain(|s| s.0 != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(sleep: &mut Sleep) -> Poll<()> {
        sleep.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn sleepers_wake_by_waking_time_only() {
        let clock = ManualClock::default();
        let mut sleep = clock.sleep(Duration::from_secs(10));
        assert_eq!(poll(&mut sleep), Poll::Pending);
        clock.suspend(Duration::from_secs(60));
        assert_eq!(poll(&mut sleep), Poll::Pending);
        assert_eq!(clock.next_wake(), Some(Duration::from_secs(10)));
        clock.advance(Duration::from_secs(10));
        assert_eq!(poll(&mut sleep), Poll::Ready(()));
        assert_eq!(clock.sleepers(), 0);
    }

    #[test]
    fn a_dropped_sleep_leaves_nothing() {
        let clock = ManualClock::default();
        let mut sleep = clock.sleep(Duration::from_secs(10));
        assert_eq!(poll(&mut sleep), Poll::Pending);
        drop(sleep);
        assert_eq!(clock.sleepers(), 0);
    }

    #[test]
    fn stepping_the_wall_moves_the_wall_alone() {
        let clock = ManualClock::default();
        let (boot, wall) = (clock.now(), clock.wall());
        clock.step_wall(-86_400);
        assert_eq!(clock.now(), boot);
        assert_eq!(wall.duration_since(clock.wall()).unwrap(), Duration::from_secs(86_400));
    }
}
