//! One fetch from its first attempt to its landing.

use std::collections::VecDeque;
use std::time::Duration;

use fleet_token::{TokenError, TokenErrorKind, TokenEvent, TransportError};

use super::age::{self, Age, Held, Life};
use super::{Check, Commit, FlightId, HeldBy, Hold, Landing, Model, Phase};
use crate::outside::{Class, Failure, Meaning, Scope, Seen};

/// Of random shares of a duration.
const HAIR: Duration = Duration::from_micros(1);

/// What an attempt came to.
enum Outcome {
    Token(Meaning),
    Failure(Failure),
}

impl Model {
    /// A fetch's task was polled, and has ended or not.
    pub(crate) fn flew(&mut self, id: FlightId, ended: bool, seen: &mut VecDeque<Seen>) -> Check {
        if self.flights[id].landed.is_none() {
            while self.goes_on_flying(id, seen)? {}
        }
        match (self.flights[id].landed.is_some(), ended) {
            (true, false) => Err(format!("fetch {id} has landed, and its task goes on")),
            (false, true) => Err(format!("the task of fetch {id} has ended, and nothing landed")),
            _ => Ok(()),
        }
    }

    /// One phase further; whether there may be more.
    fn goes_on_flying(&mut self, id: FlightId, seen: &mut VecDeque<Seen>) -> Result<bool, String> {
        let awake = self.times.awake;
        match self.flights[id].phase {
            Phase::Before => self.line_up(id),
            Phase::Pause { until } if awake >= until => self.line_up(id),
            Phase::InLine { until } => return self.in_line(id, until, seen),
            Phase::Attempt { anchor, device_ms, until, is_last } => {
                let key = self.flights[id].key;
                let outcome = match seen.pop_front() {
                    Some(Seen::Request(of)) if of == key => return Ok(true),
                    Some(Seen::LoginFailed(failure) | Seen::Reply(Meaning::Failure(failure))) => {
                        Outcome::Failure(failure)
                    }
                    Some(Seen::Reply(meaning)) => Outcome::Token(meaning),
                    Some(other) => return Err(format!("fetch {id} of key {key} did {other:?}")),
                    None if awake >= until => {
                        let kind = if is_last { TokenErrorKind::Timeout } else { TokenErrorKind::Transport };
                        Outcome::Failure(Failure { kind, class: Class::Transient, retry_after: None })
                    }
                    None => return Ok(false),
                };
                let failure = match outcome {
                    Outcome::Failure(failure) => failure,
                    Outcome::Token(meaning) => match self.take(id, &meaning, anchor, device_ms)? {
                        None => return Ok(self.flights[id].landed.is_none()),
                        Some(failure) => failure,
                    },
                };
                self.attempt_failed(id, failure, is_last)?;
                return Ok(self.flights[id].landed.is_none());
            }
            Phase::Pause { .. } => return Ok(false),
        }
        Ok(true)
    }

    fn left(&self, id: FlightId) -> Duration {
        self.flights[id].deadline.saturating_sub(self.now())
    }

    fn line_up(&mut self, id: FlightId) {
        let until = self.times.awake + self.left(id);
        let flight = &mut self.flights[id];
        flight.attempt += 1;
        flight.phase = Phase::InLine { until };
    }

    /// The attempt begins when the login is asked for; a key without an endpoint fails before.
    fn in_line(&mut self, id: FlightId, until: Duration, seen: &mut VecDeque<Seen>) -> Result<bool, String> {
        let key = self.flights[id].key;
        let (left, awake) = (self.left(id), self.times.awake);
        let begins = matches!(seen.front(), Some(Seen::LoginAsked(_)));
        let is_nowhere = key == self.good_keys && self.is_next(key, |event| {
            matches!(event, TokenEvent::FetchFailed { error, .. } if error.kind() == TokenErrorKind::NoEndpoint)
        });
        if begins || is_nowhere {
            if left.is_zero() {
                return Err(format!("fetch {id} of key {key} made an attempt after its deadline"));
            }
            self.counts.fetches += 1;
        }
        if is_nowhere {
            let failure = Failure { kind: TokenErrorKind::NoEndpoint, class: Class::Local, retry_after: None };
            self.attempt_failed(id, failure, false)?;
            return Ok(false);
        }
        if begins {
            if seen.pop_front().is_none_or(|seen| !matches!(seen, Seen::LoginAsked(of) if of == key)) {
                return Err(format!("fetch {id} of key {key} asked for another's login"));
            }
            let places = self.under_way().filter(|id| matches!(self.flights[*id].phase, Phase::Attempt { .. })).count();
            if places >= self.rules.lines {
                return Err(format!("{places} attempts are under way, and fetch {id} begins another"));
            }
            let timeout = self.rules.attempt_timeout.min(left);
            let (anchor, device_ms) = (self.now(), self.times.device_ms);
            let rejections_seen = self.slots.get(&key).map_or(0, |slot| slot.rejections_seen);
            let flight = &mut self.flights[id];
            flight.rejections_seen = rejections_seen;
            flight.phase = Phase::Attempt { anchor, device_ms, until: awake + timeout, is_last: timeout == left };
            return Ok(true);
        }
        // The timer, or, if the device has slept, a look at the time when a place was free at last.
        if awake < until && !(left.is_zero() && self.is_next(key, |e| matches!(e, TokenEvent::FetchFailed { .. }))) {
            return Ok(false);
        }
        if self.flights[id].failed {
            // What the backend said last is a reason to leave it alone.
            let failure = Failure { kind: TokenErrorKind::Timeout, class: Class::Transient, retry_after: None };
            self.fails(id, failure)?;
        } else {
            self.interrupt(key, id)?;
        }
        Ok(false)
    }

    /// A token came. `None` if that ends the matter; else why it is none.
    fn take(
        &mut self,
        id: FlightId,
        meaning: &Meaning,
        anchor: Duration,
        device_ms: i64,
    ) -> Result<Option<Failure>, String> {
        let Meaning::Token { token, scope, evidence, honest, dies_ms } = meaning else {
            return Err("no token".to_owned());
        };
        let key = self.flights[id].key;
        let persistent = |kind| Ok(Some(Failure { kind, class: Class::Persistent, retry_after: None }));
        match scope {
            Scope::Exact => {}
            Scope::Loose if !self.rules.strict => {
                self.expect(key, "that its scope is off", |event| matches!(event, TokenEvent::ScopeWarning { .. }))?;
            }
            _ => return persistent(TokenErrorKind::ScopeMismatch),
        }
        if age::is_skewed(evidence, device_ms) {
            self.expect(key, "that clocks are off", |event| matches!(event, TokenEvent::ClockSkew { .. }))?;
        }
        let longest = self.rules.max_lifetime;
        let lifetime = match age::life(evidence, device_ms, longest) {
            Life::Over => return persistent(TokenErrorKind::ExpiredOnArrival),
            Life::Unknown => self.rules.assumed.map(|assumed| assumed.min(longest)),
            Life::Lives { lifetime, clamped } => {
                if clamped {
                    self.expect(
                        key,
                        "that a life was cut",
                        |event| matches!(event, TokenEvent::LifetimeClamped { used, .. } if *used == lifetime),
                    )?;
                }
                Some(lifetime)
            }
        };
        let expires = lifetime.map(|lifetime| anchor + lifetime);
        let good_until = lifetime.map(|lifetime| age::good_until(anchor + lifetime, lifetime));
        if good_until.is_some_and(|at| at <= self.now()) {
            return persistent(TokenErrorKind::ExpiredOnArrival);
        }
        let generation = self.commits.len() as u64 + 1;
        let held = lifetime.map(|lifetime| Held::new(&self.rules, *token, generation, anchor, lifetime));
        let seen_before = self.flights[id].rejections_seen;
        let Some(slot) = self.slots.get_mut(&key).filter(|slot| slot.flight == Some(id)) else {
            return Err(format!("fetch {id} goes on, and is not the one of key {key}"));
        };
        if slot.rejections_seen != seen_before {
            // Fetched again, and not counted as an attempt.
            self.flights[id].attempt -= 1;
            self.line_up(id);
            return Ok(None);
        }
        if self.rejected.contains(token) {
            let kind = TokenErrorKind::RejectedTokenReturned;
            return Ok(Some(Failure { kind, class: Class::Transient, retry_after: None }));
        }
        slot.token = held;
        slot.hold = None;
        slot.failures = 0;
        let attempt = self.flights[id].attempt;
        self.expect(key, "that a token came", |event| {
            matches!(event, TokenEvent::Fetched { lifetime: l, generation: g, attempts, .. }
                if (*l, *g, *attempts) == (lifetime, generation, attempt))
        })?;
        self.commits.push(Commit {
            key,
            token: *token,
            epoch: self.epoch,
            expires,
            good_until,
            honest: *honest,
            dies_ms: *dies_ms,
        });
        self.counts.successes += 1;
        self.land(id, Landing::Token(generation));
        Ok(None)
    }

    /// An attempt brought no token: another follows after a pause, or the fetch has failed.
    fn attempt_failed(&mut self, id: FlightId, failure: Failure, is_last: bool) -> Check {
        let (key, number, left) = (self.flights[id].key, self.flights[id].attempt, self.left(id));
        self.flights[id].failed = true;
        let may_go_on = failure.class == Class::Transient && failure.retry_after.is_none();
        let longest = Duration::from_millis(500) * (1 << (number - 1));
        let (least, most) = match self.rules.jitter {
            Some(jitter) => (longest.mul_f64(0.5 + 0.5 * jitter), longest.mul_f64(0.5 + 0.5 * jitter)),
            None => (longest / 2, longest),
        };
        // Whoever signs again within the second signs the same token.
        let floor = match failure.kind {
            TokenErrorKind::RejectedTokenReturned => Duration::from_millis(500),
            _ => Duration::ZERO,
        };
        let (least, most) = (least.max(floor), most.max(floor));
        let goes_on = self.is_next(key, |event| matches!(event, TokenEvent::AttemptFailed { .. }));
        let too_late = most + HAIR >= left;
        let must_stop = !may_go_on || number >= self.flights[id].most || least >= left + HAIR;
        if !goes_on {
            if !must_stop && !too_late {
                return Err(format!("fetch {id} of key {key} gave up after {number} attempts, with {left:?} left"));
            }
            return self.fails(id, or_timeout(failure, is_last, self));
        }
        let (_, event) = self.said()?;
        let TokenEvent::AttemptFailed { attempt, error, next_in, .. } = event else { return Ok(()) };
        let kind_fits = error.kind() == failure.kind || (is_last && error.kind() == TokenErrorKind::Timeout);
        let pause_fits = least <= next_in + HAIR && next_in <= most + HAIR && next_in < left;
        if must_stop || attempt != number || !kind_fits || !pause_fits {
            return Err(format!(
                "attempt {number} of key {key} failed with {failure:?}, {left:?} left; it said attempt {attempt}, {error:?}, next in {next_in:?}"
            ));
        }
        self.flights[id].phase = Phase::Pause { until: self.times.awake + next_in };
        Ok(())
    }

    /// A fetch has failed: the key is left alone for a while.
    fn fails(&mut self, id: FlightId, failure: Failure) -> Check {
        let key = self.flights[id].key;
        let (of, event) = self.said()?;
        let (Some(of), TokenEvent::FetchFailed { error, retry_in, .. }) = (of, &event) else {
            return Err(format!("the fetch of key {key} should have failed with {failure:?}; said was {event:?}"));
        };
        if of != key || error.kind() != failure.kind {
            return Err(format!("the fetch of key {key} should have failed with {failure:?}; said was {event:?}"));
        }
        let now = self.now();
        let jitter = self.rules.jitter;
        let Some(slot) = self.slots.get_mut(&key).filter(|slot| slot.flight == Some(id)) else {
            return Err(format!("fetch {id} fails, and is not the one of key {key}"));
        };
        let seconds = Duration::from_secs;
        let asked = failure.retry_after;
        // What everybody waits who has no token: by the share that is drawn, from nothing to all.
        let (wait, by): (Box<dyn Fn(f64) -> Duration>, _) = match failure.class {
            Class::Local => (Box::new(|_| Duration::ZERO), None),
            Class::Permanent => {
                let fixed = seconds(if failure.kind == TokenErrorKind::Disabled { 60 } else { 5 });
                (Box::new(move |_| fixed), Some(HeldBy::Refusal))
            }
            Class::Transient | Class::Persistent => {
                slot.failures += 1;
                let ceiling = seconds(60).min(seconds(1 << slot.failures.min(10)));
                // What the server asks for, unless our own patience is longer.
                let at = move |share: f64| {
                    (seconds(1) + (ceiling - seconds(1)).mul_f64(share)).max(asked.unwrap_or_default())
                };
                (Box::new(at), Some(HeldBy::Us))
            }
        };
        // While a token is good: mostly nearly as long as it may stand in.
        let standby = by.and(slot.token).map_or(Duration::ZERO, |token| match token.age(now) {
            Age::Fresh => Duration::ZERO,
            Age::Unclear if *retry_in <= wait(1.0) + HAIR => Duration::ZERO,
            _ => token.fallback_until.saturating_sub(now),
        });
        let cut_off = matches!(error, TokenError::Transport(TransportError::Connect { .. }));
        let power = if cut_off { 1.0 } else { 0.04 };
        let rest = |share: f64| wait(share).max(standby.mul_f64(share.powf(power)));
        let (least, most) = jitter.map_or((rest(0.0), rest(1.0)), |share| (rest(share), rest(share)));
        if *retry_in + HAIR < least || *retry_in > most + HAIR {
            return Err(format!(
                "key {key} is left alone for {retry_in:?} after {failure:?}; {least:?} to {most:?} is right"
            ));
        }
        if let Some(by) = by {
            // Both come of one share, which the longer tells.
            let share = jitter.unwrap_or_else(|| share_of(*retry_in, rest));
            let wait = wait(share).min(*retry_in);
            let by = if by == HeldBy::Us && asked.is_some_and(|asked| wait <= asked) { HeldBy::Server } else { by };
            let wait = if standby.is_zero() { *retry_in } else { wait };
            slot.hold = Some(Hold { until: now + wait, rest_until: now + *retry_in, by, kind: error.kind() });
        }
        self.counts.failures += 1;
        self.land(id, Landing::Failed(error.kind().into()));
        Ok(())
    }

    /// Whether somebody who waits for a place among the requests could have one.
    pub(crate) fn waits_in_vain(&self) -> Option<FlightId> {
        let phase = |id: &FlightId| self.flights[*id].phase;
        let attempts = self.under_way().filter(|id| matches!(phase(id), Phase::Attempt { .. })).count();
        let mut in_line = self.under_way().filter(|id| matches!(phase(id), Phase::InLine { .. }));
        if attempts < self.rules.lines { in_line.next() } else { None }
    }
}

/// The attempt's timer and the fetch's are the same one when the deadline is what ends the attempt.
fn or_timeout(failure: Failure, is_last: bool, model: &Model) -> Failure {
    let said = model.events.front().and_then(|(_, event)| match event {
        TokenEvent::FetchFailed { error, .. } => Some(error.kind()),
        _ => None,
    });
    match (failure.kind, said) {
        (TokenErrorKind::Transport, Some(TokenErrorKind::Timeout)) if is_last => {
            Failure { kind: TokenErrorKind::Timeout, ..failure }
        }
        _ => failure,
    }
}

/// The share of 0 to 1 at which a wait that grows with it has this length.
fn share_of(wait: Duration, at: impl Fn(f64) -> Duration) -> f64 {
    let (mut least, mut most) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(least, most);
        if at(middle) < wait { least = middle } else { most = middle }
    }
    most
}
