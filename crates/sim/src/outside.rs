//! Everything outside the factory that a step can change: time, the backend's mood, the login, and what was sent.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use fleet_token::{HttpResponse, TokenErrorKind, TransportError};

use crate::setting::{Key, Setting};

/// Which token, by its number in the ledger: what traces say in place of the secret.
pub(crate) type TokenId = usize;

/// The clocks of one device, and the server's by it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Counts suspend.
    pub(crate) boot: Duration,
    /// Does not: what timers run on.
    pub(crate) awake: Duration,
    /// Waking time in which whatever was due ran: not that which passes while the process is frozen.
    pub(crate) ran: Duration,
    /// How often the device slept or the process was frozen.
    pub(crate) gaps: u32,
    /// The device's wall clock, in milliseconds since 1970.
    pub(crate) device_ms: i64,
    /// The server's when boot time was zero.
    pub(crate) server_origin_ms: i64,
}

impl Times {
    /// The server's clock at a point in boot time, in milliseconds since 1970.
    pub(crate) fn server_ms(&self, boot: Duration) -> i64 {
        self.server_origin_ms + millis(boot)
    }
}

pub(crate) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// A token that the backend has minted.
pub(crate) struct Minted {
    pub(crate) value: String,
    /// From here on Fleet Engine refuses it, by the server's clock.
    pub(crate) dies_ms: i64,
    pub(crate) issued_ms: i64,
    /// The keys that it was sent for.
    pub(crate) sent_for: Vec<Key>,
    pub(crate) has_exp: bool,
    pub(crate) has_iat: bool,
    pub(crate) scope: Scope,
}

/// What a token's claims mean for the key that it is sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Exact,
    /// Wider or vaguer than asked.
    Loose,
    /// For something else.
    Other,
}

/// What a reply says about time, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Evidence {
    pub(crate) declared_at: Option<i64>,
    pub(crate) declared_in: Option<i64>,
    pub(crate) jwt_exp: Option<i64>,
    pub(crate) jwt_iat: Option<i64>,
    /// `Date`, and `Age` added.
    pub(crate) date: Option<i64>,
}

/// What a factory must make of a reply, from its documentation.
#[derive(Clone, Debug)]
pub(crate) enum Meaning {
    Token {
        token: TokenId,
        scope: Scope,
        evidence: Evidence,
        /// The reply holds enough truth to know when the token dies, whatever else it holds.
        honest: bool,
        /// When, by the server's clock.
        dies_ms: i64,
    },
    Failure(Failure),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: TokenErrorKind,
    pub(crate) class: Class,
    pub(crate) retry_after: Option<Duration>,
}

/// What a failure means for the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Tried again within the fetch, then backed off from.
    Transient,
    /// Backed off from.
    Persistent,
    /// Remembered for five seconds; a switched-off backend for a minute.
    Permanent,
    /// Found on the device: not remembered.
    Local,
}

/// What the wire and the login saw in one step, in order.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// The app's login was asked for: an attempt has begun.
    LoginAsked(Key),
    LoginFailed(Failure),
    Request(Key),
    Reply(Meaning),
}

/// How the app's login stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    In(u32),
    SignedOut,
    Unavailable,
    /// Is being renewed, and not done in time.
    Slow,
}

/// How the backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Good,
    /// One reply in three is a fault.
    Flaky,
    /// No reply is a token.
    Down,
    /// Every kind of fault, and every lie about time.
    Cruel,
    /// Good, at once, and with a `Date`.
    Perfect,
}

/// An exchange under way.
pub(crate) struct Pending {
    pub(crate) key: Option<Key>,
    pub(crate) due: Due,
    /// When the server sent its reply, once it has.
    pub(crate) sent: Option<Duration>,
    pub(crate) waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    Never,
    /// The reply is delayed while the device sleeps.
    Awake(Duration),
    /// The server answers while the device sleeps; the reply waits in a buffer.
    Boot(Duration),
}

pub(crate) struct State {
    pub(crate) rng: fastrand::Rng,
    pub(crate) times: Times,
    pub(crate) mood: Mood,
    pub(crate) login: Login,
    pub(crate) keys: HashMap<String, Key>,
    pub(crate) setting: Setting,
    pub(crate) ledger: Vec<Minted>,
    pub(crate) by_value: HashMap<String, TokenId>,
    /// The token that was sent last for a key.
    pub(crate) last_sent: BTreeMap<Key, TokenId>,
    /// One for all, as a careless backend hands out.
    pub(crate) shared: Option<TokenId>,
    pub(crate) pending: BTreeMap<u64, Pending>,
    pub(crate) next_pending: u64,
    pub(crate) seen: Vec<Seen>,
    /// What the outside itself saw that must not be.
    pub(crate) complaints: Vec<String>,
}

/// Shared by the factory's transport and login, and the world.
#[derive(Clone)]
pub(crate) struct Outside(Arc<Mutex<State>>);

pub(crate) type Reply = (Result<HttpResponse, TransportError>, Meaning);

impl Outside {
    pub(crate) fn new(setting: &Setting, times: Times, rng: fastrand::Rng) -> Self {
        let keys = setting.contexts.iter().enumerate().map(|(key, c)| (crate::setting::url(c), key)).collect();
        Self(Arc::new(Mutex::new(State {
            rng,
            times,
            mood: Mood::Good,
            login: Login::In(0),
            keys,
            setting: setting.clone(),
            ledger: Vec::new(),
            by_value: HashMap::new(),
            last_sent: BTreeMap::new(),
            shared: None,
            pending: BTreeMap::new(),
            next_pending: 0,
            seen: Vec::new(),
            complaints: Vec::new(),
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time has moved: the server sends what is due, at the moment it was due.
    pub(crate) fn moved(&self, now: Times) {
        let woken: Vec<_> = {
            let mut state = self.state();
            let before = state.times;
            state.times = now;
            let due = |pending: &&mut Pending| pending.sent.is_none();
            let mut woken = Vec::new();
            for pending in state.pending.values_mut().filter(due) {
                pending.sent = match pending.due {
                    Due::Never => None,
                    Due::Boot(at) => (at <= now.boot).then_some(at),
                    Due::Awake(at) => (at <= now.awake).then(|| before.boot + at.saturating_sub(before.awake)),
                };
                if pending.sent.is_some() {
                    woken.extend(pending.waker.take());
                }
            }
            woken
        };
        woken.into_iter().for_each(Waker::wake);
    }

    /// Requests under way, for one key or for all.
    pub(crate) fn requests(&self, of: Option<Key>) -> usize {
        self.state().pending.values().filter(|p| p.key.is_some() && (of.is_none() || p.key == of)).count()
    }
}
