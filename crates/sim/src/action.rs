//! What can happen next, and how it is chosen.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fleet_token::TokenError;

use crate::executor::Job;
use crate::model::{Answer, Call, Check, Need};
use crate::outside::{Due, Login, Mood};
use crate::setting::Key;
use crate::world::{Done, World};

type Act = fn(&mut World) -> Check;

impl World {
    /// One step of the seed's choosing.
    pub(crate) fn step(&mut self) -> Check {
        let weights = self.setting.weights.clone();
        let acts: [(u32, Act); 14] = [
            (weights.poll, Self::poll),
            (weights.call, Self::call),
            (weights.try_token, Self::try_token),
            (weights.handle, Self::hold_or_let_go),
            (weights.cancel, Self::cancel),
            (weights.invalidate, Self::invalidate),
            (weights.clear, Self::clear),
            (weights.prefetch, Self::prefetch),
            (weights.advance, Self::advance_somehow),
            (weights.suspend, Self::suspend),
            (weights.step_wall, Self::step_wall),
            (weights.network, Self::network),
            (weights.login, Self::login),
            (weights.weather, Self::weather),
        ];
        let mut dice = self.rng.u32(..acts.iter().map(|(weight, _)| *weight).sum::<u32>());
        for (weight, act) in acts {
            if dice < weight {
                return act(self);
            }
            dice -= weight;
        }
        Ok(())
    }

    fn poll(&mut self) -> Check {
        if self.poll_one()? { Ok(()) } else { self.advance_somehow() }
    }

    /// Mostly a key that a token can be had for; some keys are asked for more often than others.
    fn key(&mut self) -> Key {
        let good = self.setting.good_keys();
        match self.rng.u32(..40) {
            0 => good,
            1 => good + 1,
            2..=20 => self.rng.usize(..good.min(3)),
            _ => self.rng.usize(..good),
        }
    }

    fn call(&mut self) -> Check {
        let key = self.key();
        let need = if self.rng.u32(..4) == 0 { Need::ValidFor(self.some_life()) } else { Need::Usual };
        let in_runtime = self.rng.u32(..4) > 0;
        let handle = self.handles.iter().find(|(of, _)| *of == key).map(|(_, handle)| Arc::clone(handle));
        let handle = handle.filter(|_| self.rng.bool());
        self.start_call(key, need, in_runtime, handle)
    }

    pub(crate) fn start_call(
        &mut self,
        key: Key,
        need: Need,
        in_runtime: bool,
        handle: Option<Arc<fleet_token::TokenHandle>>,
    ) -> Check {
        let Some(factory) = self.factory.clone() else { return Ok(()) };
        let context = self.context(key).clone();
        let by_handle = handle.is_some();
        let asked = async move {
            match (need, handle) {
                (Need::ValidFor(life), Some(handle)) => handle.token_valid_for(life).await,
                (Need::ValidFor(life), None) => factory.token_valid_for(&context, life).await,
                (_, Some(handle)) => handle.token().await,
                (_, None) => factory.token(&context).await,
            }
        };
        let answer = Arc::default();
        let job = into_job(asked, Arc::clone(&answer), in_runtime);
        let task = self.begin(Call::new(key, need, in_runtime), answer, job);
        let by = if by_handle { " by handle" } else { "" };
        self.note(&format!("call {task}: a token for key {key}{by}, {need:?}, timers: {in_runtime}"));
        self.judge(Done::Nothing)
    }

    /// How much life a call may ask for: often just about what a token has.
    fn some_life(&mut self) -> Duration {
        let longest = u64::try_from(self.setting.life.as_millis()).unwrap_or(u64::MAX);
        match self.rng.u32(..4) {
            0 => Duration::from_millis(self.rng.u64(..2000)),
            _ => Duration::from_millis(self.rng.u64(..longest + longest / 4)),
        }
    }

    fn try_token(&mut self) -> Check {
        let key = self.key();
        let Some(factory) = self.factory.clone() else { return Ok(()) };
        let handle = self.handles.iter().find(|(of, _)| *of == key).map(|(_, handle)| Arc::clone(handle));
        self.note(&format!("is there a token for key {key}?"));
        let token = match handle.filter(|_| self.rng.bool()) {
            Some(handle) => handle.try_token(),
            None => factory.try_token(self.context(key)),
        };
        self.judge(Done::Tried(key, token.map_or(Answer::None, Answer::Token)))
    }

    fn hold_or_let_go(&mut self) -> Check {
        if !self.handles.is_empty() && self.rng.bool() {
            let (key, handle) = self.handles.swap_remove(self.rng.usize(..self.handles.len()));
            // A call through it may hold it still.
            if Arc::strong_count(&handle) > 1 {
                self.handles.push((key, handle));
                return Ok(());
            }
            self.note(&format!("let go of the handle on key {key}"));
            drop(handle);
            return self.judge(Done::Unpinned(key));
        }
        let key = self.key();
        let Some(factory) = self.factory.clone() else { return Ok(()) };
        let handle = factory.handle(self.context(key));
        self.note(&format!("a handle on key {key}"));
        let refused = handle.as_ref().err().map(TokenError::kind);
        self.handles.extend(handle.ok().map(|handle| (key, Arc::new(handle))));
        self.judge(Done::Pinned(key, refused))
    }

    fn cancel(&mut self) -> Check {
        let tasks: Vec<_> = self.callers.keys().copied().collect();
        if tasks.is_empty() {
            return Ok(());
        }
        let task = tasks[self.rng.usize(..tasks.len())];
        self.note(&format!("call {task} goes away"));
        self.callers.remove(&task);
        self.executor.cancel(task);
        self.judge(Done::Nothing)
    }

    fn invalidate(&mut self) -> Check {
        let Some(factory) = self.factory.clone() else { return Ok(()) };
        if self.tokens.is_empty() {
            return Ok(());
        }
        // Mostly the newest there is; now and then an old one, or one reported under another's name.
        let newest = self.tokens.len() - 1;
        let index = if self.rng.u32(..3) > 0 { newest } else { self.rng.usize(..=newest) };
        let (of, token) = self.tokens[index].clone();
        let key = if self.rng.u32(..8) == 0 { self.key() } else { of };
        let Some(id) = self.model.token_of(token.generation()) else { return Err("a token of no commit".to_owned()) };
        self.note(&format!("Fleet Engine refused token {id}, says key {key}"));
        let was_current = factory.invalidate(self.context(key), &token);
        self.judge(Done::Invalidated(key, id, was_current))
    }

    fn clear(&mut self) -> Check {
        let Some(factory) = self.factory.clone() else { return Ok(()) };
        self.note("clear");
        factory.clear();
        self.judge(Done::Cleared)
    }

    fn prefetch(&mut self) -> Check {
        let Some(factory) = self.factory.clone() else { return Ok(()) };
        let keys: Vec<_> = (0..self.rng.usize(1..6)).map(|_| self.key()).collect();
        self.note(&format!("prefetch {keys:?}"));
        let contexts: Vec<_> = keys.iter().map(|key| self.context(*key).clone()).collect();
        factory.prefetch(&contexts);
        self.judge(Done::Prefetched(keys))
    }

    /// Time passes. Mostly what is ready has run before; now and then the device is too busy for that.
    fn advance_somehow(&mut self) -> Check {
        if self.rng.u32(..8) > 0 {
            self.settle()?;
        }
        let by = match self.rng.u32(..20) {
            0..=8 => self.until_something(),
            9..=13 => self.until_an_edge(),
            14..=16 => Some(Duration::from_millis(self.rng.u64(1..1000))),
            17 | 18 => Some(Duration::from_millis(self.rng.u64(1..60_000))),
            _ => Some(Duration::from_millis(self.rng.u64(1..3_600_000))),
        };
        let by = by.unwrap_or_else(|| Duration::from_millis(self.rng.u64(1..5000)));
        self.advance(by)
    }

    pub(crate) fn advance(&mut self, by: Duration) -> Check {
        let by = Duration::from_millis(u64::try_from(by.as_nanos().div_ceil(1_000_000)).unwrap_or(1));
        self.note(&format!("{} ms pass", by.as_millis()));
        // What is due on the way runs only afterwards, as when the system had frozen the process.
        let ran = if self.executor.is_idle() { self.until_something().unwrap_or(by).min(by) } else { Duration::ZERO };
        self.times.gaps += u32::from(ran < by);
        self.times.ran += ran;
        self.clock.advance(by);
        self.times.boot += by;
        self.times.awake += by;
        self.times.device_ms += crate::outside::millis(by);
        self.moved();
        self.judge(Done::Nothing)
    }

    /// Until the next timer or reply.
    pub(crate) fn until_something(&mut self) -> Option<Duration> {
        let reply = {
            let state = self.outside.state();
            let left = |due: Due| match due {
                Due::Never => None,
                Due::Awake(at) => Some(at.saturating_sub(state.times.awake)),
                Due::Boot(at) => Some(at.saturating_sub(state.times.boot)),
            };
            state.pending.values().filter(|p| p.sent.is_none()).filter_map(|p| left(p.due)).min()
        };
        self.clock.next_wake().into_iter().chain(reply).min()
    }

    fn until_an_edge(&mut self) -> Option<Duration> {
        let edges = self.model.edges();
        if edges.is_empty() {
            return None;
        }
        let left = edges[self.rng.usize(..edges.len())] - self.times.boot;
        let hair = Duration::from_millis(1);
        Some(match self.rng.u32(..3) {
            0 => left.saturating_sub(hair),
            1 => left,
            _ => left + hair,
        })
    }

    fn suspend(&mut self) -> Check {
        let longest = [60_000, 600_000, 4 * 3_600_000][self.rng.usize(..3)];
        let by = Duration::from_millis(self.rng.u64(1000..longest));
        self.note(&format!("the device sleeps for {} ms", by.as_millis()));
        self.clock.suspend(by);
        self.times.boot += by;
        self.times.gaps += 1;
        self.times.device_ms += crate::outside::millis(by);
        self.moved();
        self.judge(Done::Nothing)
    }

    fn step_wall(&mut self) -> Check {
        let by = [1, -1, 600, -600, 86_400, -86_400][self.rng.usize(..6)];
        self.note(&format!("somebody sets the wall clock by {by} s"));
        self.clock.step_wall(by);
        self.times.device_ms += by * 1000;
        self.moved();
        self.judge(Done::Nothing)
    }

    fn network(&mut self) -> Check {
        let Some(factory) = self.factory.clone() else { return Ok(()) };
        self.note("the network is back");
        factory.network_available();
        self.judge(Done::NetworkCame)
    }

    /// The app's login changes, and the factory is told or not.
    fn login(&mut self) -> Check {
        let Some(factory) = self.factory.clone() else { return Ok(()) };
        if self.rng.bool() {
            let number = self.rng.u32(1..100);
            let login = [Login::In(number), Login::In(number), Login::SignedOut, Login::Unavailable, Login::Slow];
            let login = login[self.rng.usize(..5)];
            self.note(&format!("the login is {login:?}"));
            self.outside.state().login = login;
            return self.judge(Done::Nothing);
        }
        self.note("the session changed");
        factory.session_changed();
        self.judge(Done::SessionChanged)
    }

    fn weather(&mut self) -> Check {
        let moods = [Mood::Good, Mood::Good, Mood::Flaky, Mood::Down, Mood::Cruel, Mood::Cruel];
        let mood = moods[self.rng.usize(..moods.len())];
        self.note(&format!("the backend is {mood:?}"));
        self.outside.state().mood = mood;
        self.judge(Done::Nothing)
    }
}

thread_local! {
    /// Never driven: only there, as it is around calls from async code.
    static RUNTIME: tokio::runtime::Runtime = {
        #[allow(clippy::unwrap_used, reason = "without threads and drivers there is nothing that can fail")]
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    };
}

fn into_job(
    asked: impl Future<Output = Result<fleet_token::AuthToken, TokenError>> + Send + 'static,
    answer: Arc<Mutex<Option<Answer>>>,
    in_runtime: bool,
) -> Job {
    let mut asked = Box::pin(asked);
    Box::pin(std::future::poll_fn(move |context| {
        let polled = if in_runtime {
            RUNTIME.with(|runtime| {
                let _inside = runtime.enter();
                asked.as_mut().poll(context)
            })
        } else {
            asked.as_mut().poll(context)
        };
        polled.map(|result| {
            let result = result.map_or_else(Answer::Error, Answer::Token);
            *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        })
    }))
}
