//! The promises, said a second time and as plainly as possible: what each key holds, and what must follow from each step.
//!
//! Written from the documentation; it shares no code with the factory. Where the factory draws a random number the model
//! knows the range, and takes the number from the event that says it. Where its clock could be a hair off, it cannot:
//! time stands still within a step.

mod act;
mod age;
mod ask;
mod bound;
mod call;
mod count;
mod flight;
mod promise;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use fleet_token::{AuthToken, TokenError, TokenErrorKind, TokenEvent};

use crate::executor::TaskId;
use crate::outside::{Times, TokenId};
use crate::setting::{Key, Rules};

pub(crate) use self::age::Held;
pub(crate) use self::call::Call;
pub(crate) use self::count::Counts;

/// What was not as promised.
pub(crate) type Check = Result<(), String>;

/// How long others wait beyond a deadline, since timers fire a little late.
pub(crate) const GRACE: Duration = Duration::from_millis(200);

pub(crate) type FlightId = usize;

/// What a caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Usual,
    ValidFor(Duration),
    /// Does not wait.
    AtOnce,
}

/// What a call came to.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Token(AuthToken),
    Error(TokenError),
    /// Nothing yet, from a call that does not wait.
    None,
}

/// What it must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The token of this generation.
    Token(u64),
    Error(Refusal),
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: TokenErrorKind,
    /// How long until the next try, where that must be said.
    pub(crate) retry_in: Option<Duration>,
}

impl From<TokenErrorKind> for Refusal {
    fn from(kind: TokenErrorKind) -> Self {
        Self { kind, retry_in: None }
    }
}

/// Why a key is left alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    until: Duration,
    /// For the successor of a token that is still good.
    rest_until: Duration,
    by: HeldBy,
    kind: TokenErrorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeldBy {
    Us,
    Server,
    Refusal,
}

/// One key.
pub(crate) struct Slot {
    /// Which making of the key's entry this is.
    serial: u64,
    token: Option<Held>,
    flight: Option<FlightId>,
    /// Moves when what is being fetched is overtaken by a rejection.
    rejections_seen: u64,
    hold: Option<Hold>,
    failures: u32,
    /// Of the breaker: the newest six at most.
    rejections: VecDeque<Duration>,
    pub(crate) pins: usize,
    /// In [`tick`]s.
    last_used: u128,
}

/// A token that the factory took.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    key: Key,
    token: TokenId,
    epoch: u64,
    /// `None`: unknown, and handed only to those who waited.
    expires: Option<Duration>,
    good_until: Option<Duration>,
    honest: bool,
    dies_ms: i64,
}

/// How a fetch ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Landing {
    Token(u64),
    Failed(Refusal),
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Not yet polled.
    Before,
    /// For a place among the requests that are made at a time.
    InLine {
        until: Duration,
    },
    Attempt {
        anchor: Duration,
        device_ms: i64,
        until: Duration,
        is_last: bool,
    },
    Pause {
        until: Duration,
    },
}

pub(crate) struct Flight {
    pub(crate) key: Key,
    serial: u64,
    deadline: Duration,
    /// On waking time.
    began: Duration,
    epoch: u64,
    landed: Option<Landing>,
    phase: Phase,
    attempt: u32,
    /// How many there may be.
    most: u32,
    rejections_seen: u64,
    /// The backend was asked, and what it said last was no token.
    failed: bool,
}

pub(crate) struct Model {
    pub(crate) rules: Rules,
    pub(crate) times: Times,
    good_keys: usize,
    pub(crate) slots: BTreeMap<Key, Slot>,
    serial: u64,
    room_at: usize,
    epoch: u64,
    pub(crate) closed: bool,
    pub(crate) flights: Vec<Flight>,
    /// Begun in this step: their tasks come in this order.
    pub(crate) begun: VecDeque<FlightId>,
    pub(crate) task_of: BTreeMap<FlightId, TaskId>,
    /// By generation, from 1.
    commits: Vec<Commit>,
    /// Of each key, the newest generation that a call was answered with.
    newest: BTreeMap<Key, u64>,
    rejected: BTreeSet<TokenId>,
    pub(crate) counts: Counts,
    /// Whoever asks now must have a token.
    pub(crate) must_succeed: bool,
    /// What the factory said in this step.
    pub(crate) events: VecDeque<(Option<Key>, TokenEvent)>,
}

impl Model {
    pub(crate) fn new(rules: Rules, good_keys: usize, times: Times) -> Self {
        Self {
            room_at: rules.max_entries,
            rules,
            times,
            good_keys,
            slots: BTreeMap::new(),
            serial: 0,
            epoch: 0,
            closed: false,
            flights: Vec::new(),
            begun: VecDeque::new(),
            task_of: BTreeMap::new(),
            commits: Vec::new(),
            newest: BTreeMap::new(),
            rejected: BTreeSet::new(),
            counts: Counts::default(),
            must_succeed: false,
            events: VecDeque::new(),
        }
    }

    fn now(&self) -> Duration {
        self.times.boot
    }

    /// The next thing that the factory said.
    fn said(&mut self) -> Result<(Option<Key>, TokenEvent), String> {
        self.events.pop_front().ok_or_else(|| "an event is missing".to_owned())
    }

    /// Whether the next thing that the factory said is this, of this key.
    fn is_next(&self, key: Key, what: impl FnOnce(&TokenEvent) -> bool) -> bool {
        // Nothing is heard after the end.
        self.events.front().is_some_and(|(of, event)| *of == Some(key) && what(event))
    }

    fn expect(&mut self, key: Key, name: &str, what: impl FnOnce(&TokenEvent) -> bool) -> Check {
        let (of, event) = self.said().map_err(|_| format!("key {key} should have said {name}, nothing was said"))?;
        if of == Some(key) && what(&event) {
            return Ok(());
        }
        Err(format!("key {key} should have said {name}; said was {event:?}"))
    }

    /// What this step was must have said all that is accounted for, and nothing else.
    pub(crate) fn all_said(&self) -> Check {
        match self.events.front() {
            Some((_, event)) => Err(format!("{event:?}: nothing that happened is a reason to say so")),
            None if !self.begun.is_empty() => Err("a fetch was begun and no task started".to_owned()),
            None => Ok(()),
        }
    }

    /// Fetches that have not landed.
    pub(crate) fn under_way(&self) -> impl Iterator<Item = FlightId> + '_ {
        self.slots.values().filter_map(|slot| slot.flight)
    }
}

/// As finely as the factory knows when a key was last used: 2³⁰ ns.
fn tick(now: Duration) -> u128 {
    now.as_nanos() >> 30
}

impl Slot {
    /// Whether no fetch may start now to replace a token that is still good.
    fn rests(&self, now: Duration) -> bool {
        self.refusal(now).is_some() || self.hold.is_some_and(|hold| now < hold.rest_until)
    }

    /// Why no fetch may start now.
    fn refusal(&self, now: Duration) -> Option<Refusal> {
        let window = Duration::from_secs(30);
        if self.rejections.len() > 5
            && let Some(oldest) = self.rejections.front()
            && now < *oldest + window
        {
            let retry_in = Some(*oldest + window - now);
            return Some(Refusal { kind: TokenErrorKind::TooManyRejections, retry_in });
        }
        let hold = self.hold.filter(|hold| now < hold.until)?;
        Some(match hold.by {
            HeldBy::Refusal => hold.kind.into(),
            _ => Refusal { kind: TokenErrorKind::BackingOff, retry_in: Some(hold.until - now) },
        })
    }
}
