//! One run: the real factory, everything around it, and the model that watches. One thing happens at a time.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use fleet_token::{AuthToken, AuthTokenContext, AuthTokenFactory, Clock as _, ManualClock, TokenEvents, TokenHandle};

use crate::executor::{Executor, Job, TaskId};
use crate::model::{Answer, Call, Check, FlightId, Model};
use crate::outside::{Outside, Seen, Times, millis};
use crate::setting::{Key, Setting};
use crate::wire::{AppLogin, Wire};

/// 2026-01-01T00:00:00Z, in milliseconds.
const START_MS: i64 = 1_767_225_600_000;

/// A call's task, and what came of it.
pub(crate) struct Caller {
    pub(crate) call: Call,
    pub(crate) answer: Arc<Mutex<Option<Answer>>>,
}

pub(crate) struct World {
    pub(crate) setting: Setting,
    pub(crate) rng: fastrand::Rng,
    pub(crate) clock: ManualClock,
    pub(crate) times: Times,
    pub(crate) outside: Outside,
    pub(crate) factory: Option<AuthTokenFactory>,
    pub(crate) events: TokenEvents,
    pub(crate) executor: Executor,
    pub(crate) model: Model,
    pub(crate) callers: BTreeMap<TaskId, Caller>,
    pub(crate) handles: Vec<(Key, Arc<TokenHandle>)>,
    /// What callers have, to report it as refused.
    pub(crate) tokens: VecDeque<(Key, AuthToken)>,
    pub(crate) trace: String,
    pub(crate) steps: u64,
    keys: BTreeMap<String, Key>,
    flights: BTreeMap<TaskId, FlightId>,
    spawned: Arc<Mutex<Vec<Job>>>,
    seen: VecDeque<Seen>,
}

/// What a step did, for the model to judge.
pub(crate) enum Done {
    /// A fetch's task was polled.
    Flew(FlightId, bool),
    /// A call's task was polled.
    Called(TaskId, Option<Answer>),
    Tried(Key, Answer),
    Prefetched(Vec<Key>),
    Pinned(Key, Option<fleet_token::TokenErrorKind>),
    Unpinned(Key),
    Invalidated(Key, usize, bool),
    Cleared,
    ShutDown,
    NetworkCame,
    SessionChanged,
    /// Something outside that the factory is not told.
    Nothing,
}

impl World {
    pub(crate) fn new(seed: u64) -> Result<Self, String> {
        let mut rng = fastrand::Rng::with_seed(seed);
        let setting = Setting::choose(&mut rng);
        let server_ms = START_MS + rng.i64(0..1000);
        let device_ms = server_ms + setting.device_ahead_s * 1000;
        let clock = ManualClock::new(UNIX_EPOCH + Duration::from_millis(device_ms.unsigned_abs()));
        let boot = clock.now().since_origin();
        let times = Times {
            boot,
            awake: Duration::ZERO,
            ran: Duration::ZERO,
            gaps: 0,
            device_ms,
            server_origin_ms: server_ms - millis(boot),
        };
        let outside = Outside::new(&setting, times, rng.fork());
        let spawned: Arc<Mutex<Vec<Job>>> = Arc::default();
        let inbox = Arc::clone(&spawned);
        let factory = setting
            .builder(seed)
            .transport(Wire(outside.clone()))
            .header_provider(AppLogin(outside.clone()))
            .clock(clock.clone())
            .polled_by(move |job| inbox.lock().unwrap_or_else(PoisonError::into_inner).push(job))
            .build()
            .map_err(|error| error.to_string())?;
        let mut trace = String::new();
        let _ = writeln!(trace, "{:?}\n{:?}", setting.rules, setting.weights);
        Ok(Self {
            model: Model::new(setting.rules.clone(), setting.good_keys(), times),
            keys: setting.contexts.iter().enumerate().map(|(key, c)| (format!("{c:?}"), key)).collect(),
            setting,
            rng,
            clock,
            times,
            outside,
            events: factory.events(),
            factory: Some(factory),
            executor: Executor::default(),
            callers: BTreeMap::new(),
            handles: Vec::new(),
            tokens: VecDeque::new(),
            trace,
            steps: 0,
            flights: BTreeMap::new(),
            spawned,
            seen: VecDeque::new(),
        })
    }

    pub(crate) fn context(&self, key: Key) -> &AuthTokenContext {
        &self.setting.contexts[key]
    }

    pub(crate) fn note(&mut self, what: &str) {
        self.steps += 1;
        let _ = writeln!(self.trace, "{:5} {:>9} {what}", self.steps, self.times.boot.as_millis());
    }

    /// Adds a task of a caller's.
    pub(crate) fn begin(&mut self, call: Call, answer: Arc<Mutex<Option<Answer>>>, job: Job) -> TaskId {
        let task = self.executor.spawn(job);
        self.callers.insert(task, Caller { call, answer });
        task
    }

    /// Polls one of the tasks that are ready; whether there was one.
    pub(crate) fn poll_one(&mut self) -> Result<bool, String> {
        let Some(task) = self.executor.pick(&mut self.rng) else { return Ok(false) };
        if let Some(flight) = self.flights.get(&task).copied() {
            self.note(&format!("fetch {flight} goes on"));
            let ended = self.executor.poll(task);
            if ended {
                self.flights.remove(&task);
            }
            self.judge(Done::Flew(flight, ended))?;
            return Ok(true);
        }
        let Some(caller) = self.callers.get(&task) else {
            self.note("the shutdown goes on");
            self.executor.poll(task);
            self.judge(Done::Nothing)?;
            return Ok(true);
        };
        let (key, answer) = (caller.call.key, Arc::clone(&caller.answer));
        self.note(&format!("call {task} for key {key} looks"));
        self.executor.poll(task);
        let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.judge(Done::Called(task, answer))?;
        Ok(true)
    }

    /// Lets everything run that is ready to, in any order.
    pub(crate) fn settle(&mut self) -> Check {
        let mut polls = 0;
        while self.poll_one()? {
            polls += 1;
            if polls > 100_000 {
                return Err("something is ready again and again".to_owned());
            }
        }
        self.check_settled()
    }

    /// The model looks at what was done, said and seen.
    pub(crate) fn judge(&mut self, done: Done) -> Check {
        while let Some(event) = self.events.try_next() {
            let key = event.context().and_then(|context| self.keys.get(&format!("{context:?}")).copied());
            let _ = writeln!(self.trace, "        key {key:?}: {}", told(&event));
            self.model.events.push_back((key, event));
        }
        {
            let mut state = self.outside.state();
            self.seen.extend(state.seen.drain(..));
            if let Some(complaint) = state.complaints.pop() {
                return Err(complaint);
            }
        }
        for seen in &self.seen {
            let _ = writeln!(self.trace, "        {seen:?}");
        }
        let jobs = std::mem::take(&mut *self.spawned.lock().unwrap_or_else(PoisonError::into_inner));
        let mut tasks: VecDeque<_> = jobs.into_iter().map(|job| self.executor.spawn(job)).collect();
        match done {
            Done::Flew(flight, ended) => self.model.flew(flight, ended, &mut self.seen)?,
            Done::Called(task, answer) => self.called(task, answer)?,
            Done::Tried(key, answer) => {
                let _ = writeln!(self.trace, "        {answer:?}");
                self.model.tried(key, &answer)?;
                self.keep(key, answer);
            }
            Done::Prefetched(keys) => self.model.prefetched(&keys)?,
            Done::Pinned(key, refused) => self.model.pinned(key, refused)?,
            Done::Unpinned(key) => self.model.unpinned(key),
            Done::Invalidated(key, token, was_current) => self.model.invalidated(key, token, was_current)?,
            Done::Cleared => self.model.cleared()?,
            Done::ShutDown => self.model.shut_down()?,
            Done::NetworkCame => self.model.network_came()?,
            Done::SessionChanged => self.model.session_changed()?,
            Done::Nothing => {}
        }
        let known = self.model.flights.len() - self.model.begun.len();
        for (offset, task) in tasks.iter().enumerate() {
            self.flights.insert(*task, known + offset);
        }
        self.model.started(&mut tasks)?;
        self.model.all_said()?;
        if let Some(seen) = self.seen.pop_front() {
            return Err(format!("{seen:?}: nothing that happened is a reason for it"));
        }
        self.check_always()
    }

    fn called(&mut self, task: TaskId, answer: Option<Answer>) -> Check {
        let Some(mut caller) = self.callers.remove(&task) else { return Err(format!("no caller {task}")) };
        if let Some(answer) = &answer {
            let _ = writeln!(self.trace, "        {answer:?}");
        }
        self.model.polled(&mut caller.call, answer.as_ref())?;
        let key = caller.call.key;
        match answer {
            Some(answer) => self.keep(key, answer),
            None => drop(self.callers.insert(task, caller)),
        }
        Ok(())
    }

    fn keep(&mut self, key: Key, answer: Answer) {
        if let Answer::Token(token) = answer {
            self.tokens.push_back((key, token));
            if self.tokens.len() > 20 {
                self.tokens.pop_front();
            }
        }
    }

    /// Time has moved: the outside and the model are told.
    pub(crate) fn moved(&mut self) {
        self.outside.moved(self.times);
        self.model.times = self.times;
    }

    /// After every step.
    fn check_always(&mut self) -> Check {
        if let Some(factory) = &self.factory {
            self.model.check_stats(&factory.stats())?;
        }
        let requests = self.outside.requests(None);
        if requests > self.setting.rules.lines {
            return Err(format!("{requests} requests are under way, {} may be", self.setting.rules.lines));
        }
        Ok(())
    }

    /// When nothing is ready: nobody waits in vain, and nothing is left over.
    fn check_settled(&mut self) -> Check {
        let awake = self.times.awake;
        for (task, caller) in &self.callers {
            self.model.check_waiting(&caller.call).map_err(|broken| format!("call {task}: {broken}"))?;
        }
        if let Some(flight) = self.model.waits_in_vain() {
            return Err(format!("fetch {flight} waits for a place, and there is one"));
        }
        let under_way: Vec<FlightId> = self.model.under_way().collect();
        for flight in &under_way {
            self.model.check_flying(*flight, awake)?;
        }
        if self.flights.len() != under_way.len() {
            return Err(format!("{} fetches are under way in {} tasks", under_way.len(), self.flights.len()));
        }
        let keys: Vec<Key> = under_way.iter().map(|flight| self.model.flights[*flight].key).collect();
        for key in 0..self.setting.contexts.len() {
            let requests = self.outside.requests(Some(key));
            if requests > keys.iter().filter(|of| **of == key).count() {
                return Err(format!("{requests} requests are under way for key {key}"));
            }
        }
        let is_idle = under_way.is_empty() && self.callers.is_empty();
        if is_idle && self.clock.sleepers() > 0 && !self.model.closed {
            return Err(format!("nothing is under way, and {} timers run", self.clock.sleepers()));
        }
        Ok(())
    }
}

/// An event without what no trace needs.
fn told(event: &fleet_token::TokenEvent) -> String {
    format!("{event:?}")
}
