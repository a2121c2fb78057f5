//! What a device's app does to keep a token: this SDK, and what others write.

use std::time::Duration;

use fleet_token::simulation::{Ask, Device, Fetch, Rules};
use fleet_token::{BootTime, TokenError};

use crate::queue::{SECOND, Time};

/// What a call for a token is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Served,
    /// To wait for the fetch under way.
    Waits,
    /// That there is none.
    Refused,
}

/// What follows a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Another, then. Who waits goes on waiting.
    Again(Time),
    /// None for now; who waited is served the old token, or not.
    Ended { served: bool },
    /// Who waited is told that there is none, and the device asks again by itself then.
    ByItself(Time),
}

/// What is the same for all devices.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub rules: Rules,
    /// How long a token lives.
    pub life: Time,
    pub margin: Time,
}

impl Setting {
    pub fn new(life: Duration, margin: Duration) -> Self {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self { rules: Rules::with_margin(margin), life: nanos(life), margin: nanos(margin) }
    }
}

/// One device's way to keep a token. At most one request is under way; times are those of the simulation.
pub trait Client {
    fn new() -> Self;
    /// The app asks: what it is told, and whether a request is sent now.
    fn ask(&mut self, setting: &Setting, now: Time) -> (Told, bool);
    /// The request is sent.
    fn sent(&mut self) {}
    /// The request that was sent at `anchor` brought a token. Whether the fetch has ended by that.
    fn came(&mut self, setting: &Setting, anchor: Time, now: Time, rng: &mut fastrand::Rng) -> bool;
    /// The request failed.
    fn failed(&mut self, setting: &Setting, now: Time, rng: &mut fastrand::Rng) -> After;
    /// Fleet Engine refused the token. Whether the client does anything about it.
    fn refused(&mut self, _now: Time) -> bool {
        false
    }
    /// The device is online again, and the app says so.
    fn online(&mut self, _now: Time) {}
    /// Until when a call is answered as now and starts nothing, if nothing else happens.
    fn quiet_until(&self, setting: &Setting, now: Time) -> Time;
}

fn boot(time: Time) -> BootTime {
    BootTime::from_origin(Duration::from_nanos(time))
}

fn time(boot: BootTime) -> Time {
    u64::try_from(boot.since_origin().as_nanos()).unwrap_or(u64::MAX)
}

/// This SDK: its own slot, policy, backoff and attempts.
pub struct Ours {
    device: Device,
    fetch: Option<Fetch>,
}

impl Client for Ours {
    fn new() -> Self {
        Self { device: Device::new(BootTime::ZERO), fetch: None }
    }

    fn ask(&mut self, setting: &Setting, now: Time) -> (Told, bool) {
        let (told, fetch) = match self.device.ask(boot(now), &setting.rules) {
            Ask::Token { fetch, .. } => (Told::Served, fetch),
            Ask::Wait { fetch } => (Told::Waits, fetch),
            Ask::Refused => (Told::Refused, None),
        };
        let starts = fetch.is_some();
        self.fetch = fetch.or(self.fetch.take());
        (told, starts)
    }

    fn sent(&mut self) {
        if let Some(fetch) = &mut self.fetch {
            self.device.begin(fetch);
        }
    }

    fn came(&mut self, setting: &Setting, anchor: Time, _: Time, rng: &mut fastrand::Rng) -> bool {
        let Some(mut fetch) = self.fetch.take() else { return true };
        let life = Duration::from_nanos(setting.life);
        let ended = self.device.fetched(&mut fetch, &setting.rules, boot(anchor), life, || rng.f64());
        self.fetch = (!ended).then_some(fetch);
        ended
    }

    fn failed(&mut self, setting: &Setting, now: Time, rng: &mut fastrand::Rng) -> After {
        const DOWN: TokenError = TokenError::Unavailable { status: 503, retry_after: None };
        let Some(mut fetch) = self.fetch.take() else { return After::Ended { served: false } };
        match self.device.failed(&mut fetch, &setting.rules, &DOWN, boot(now), || rng.f64()) {
            Some(pause) => {
                self.fetch = Some(fetch);
                After::Again(time(boot(now).plus(pause)))
            }
            None => After::Ended { served: self.device.stands_in(boot(now)) },
        }
    }

    fn refused(&mut self, now: Time) -> bool {
        self.device.invalidate(boot(now))
    }

    fn online(&mut self, now: Time) {
        self.device.network_available(boot(now));
    }

    fn quiet_until(&self, _: &Setting, now: Time) -> Time {
        time(self.device.quiet_until(boot(now)))
    }
}

/// Google's Android Driver sample (`TripAuthTokenFactory`): one slot; at each call that finds less than the margin left
/// it fetches, and the call waits; if that fails it throws, though the old token is good for as long as the margin yet.
#[derive(Default)]
pub struct Sample {
    expires: Time,
}

impl Client for Sample {
    fn new() -> Self {
        Self::default()
    }

    fn ask(&mut self, setting: &Setting, now: Time) -> (Told, bool) {
        if now + setting.margin < self.expires { (Told::Served, false) } else { (Told::Waits, true) }
    }

    fn came(&mut self, setting: &Setting, anchor: Time, _: Time, _: &mut fastrand::Rng) -> bool {
        self.expires = anchor + setting.life;
        true
    }

    fn failed(&mut self, _: &Setting, _: Time, _: &mut fastrand::Rng) -> After {
        After::Ended { served: false }
    }

    fn quiet_until(&self, setting: &Setting, _: Time) -> Time {
        self.expires.saturating_sub(setting.margin)
    }
}

/// Serves a token until it expires, fetches within the margin, and after a failure every five seconds until it has one.
#[derive(Default)]
pub struct Interval {
    expires: Time,
    fetches: bool,
}

const INTERVAL: Time = 5 * SECOND;

impl Client for Interval {
    fn new() -> Self {
        Self::default()
    }

    fn ask(&mut self, setting: &Setting, now: Time) -> (Told, bool) {
        let starts = !self.fetches && now + setting.margin >= self.expires;
        self.fetches |= starts;
        let told = match (now < self.expires, starts) {
            (true, _) => Told::Served,
            (false, true) => Told::Waits,
            (false, false) => Told::Refused,
        };
        (told, starts)
    }

    fn came(&mut self, setting: &Setting, anchor: Time, _: Time, _: &mut fastrand::Rng) -> bool {
        *self = Self { expires: anchor + setting.life, fetches: false };
        true
    }

    fn failed(&mut self, _: &Setting, now: Time, _: &mut fastrand::Rng) -> After {
        After::ByItself(now + INTERVAL)
    }

    fn refused(&mut self, _: Time) -> bool {
        self.expires = 0;
        true
    }

    fn quiet_until(&self, setting: &Setting, now: Time) -> Time {
        match (self.fetches, now < self.expires) {
            (false, _) => self.expires.saturating_sub(setting.margin),
            (true, true) => self.expires,
            (true, false) => Time::MAX,
        }
    }
}

/// The usual good advice: serves a token until it expires, fetches within the margin, and after a failure waits for a
/// random time of up to 2, 4, 8 … 60 seconds, whatever is left of the token. So did this SDK before.
#[derive(Default)]
pub struct Ladder {
    expires: Time,
    fetches: bool,
    failures: u32,
    held_until: Time,
}

impl Client for Ladder {
    fn new() -> Self {
        Self::default()
    }

    fn ask(&mut self, setting: &Setting, now: Time) -> (Told, bool) {
        let starts = !self.fetches && now >= self.held_until && now + setting.margin >= self.expires;
        self.fetches |= starts;
        let told = match (now < self.expires, self.fetches) {
            (true, _) => Told::Served,
            (false, true) => Told::Waits,
            (false, false) => Told::Refused,
        };
        (told, starts)
    }

    fn came(&mut self, setting: &Setting, anchor: Time, _: Time, _: &mut fastrand::Rng) -> bool {
        *self = Self { expires: anchor + setting.life, ..Self::default() };
        true
    }

    fn failed(&mut self, _: &Setting, now: Time, rng: &mut fastrand::Rng) -> After {
        self.failures += 1;
        self.fetches = false;
        let ceiling = (SECOND << self.failures.min(6)).min(60 * SECOND);
        self.held_until = now + rng.u64(SECOND..=ceiling);
        After::Ended { served: now < self.expires }
    }

    fn refused(&mut self, _: Time) -> bool {
        self.expires = 0;
        true
    }

    fn quiet_until(&self, setting: &Setting, now: Time) -> Time {
        let next =
            if self.fetches { Time::MAX } else { self.held_until.max(self.expires.saturating_sub(setting.margin)) };
        if now < self.expires { next.min(self.expires) } else { next }
    }
}
