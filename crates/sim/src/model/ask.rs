//! What asking for a key's token comes to at this moment.

use std::collections::VecDeque;

use fleet_token::{TokenErrorKind, TokenEvent};

use super::age::Age;
use super::{Check, Flight, FlightId, GRACE, Landing, Model, Need, Phase, Refusal, tick};
use crate::setting::Key;

/// What asking came to.
pub(super) enum Asked {
    Token { generation: u64, stale: bool },
    Wait(FlightId),
    Refused(Refusal),
}

impl Model {
    /// A fresh token, found without a look at anything else.
    pub(super) fn hit(&mut self, key: Key) -> Option<u64> {
        let now = self.now();
        let starts = self
            .is_next(key, |event| matches!(event, TokenEvent::FetchStarted { .. } | TokenEvent::FetchFailed { .. }));
        let slot = self.slots.get_mut(&key)?;
        let token = slot.token?;
        let is_fresh = match token.age(now) {
            Age::Fresh => true,
            // Served either way; if it is due after all, and may be fetched, that is said.
            Age::Unclear => !starts,
            _ => false,
        };
        is_fresh.then(|| {
            slot.last_used = tick(now);
            token.generation
        })
    }

    /// `too_short`: the call was in fact told that no token lives so long, which tells fresh from due.
    pub(super) fn ask(&mut self, key: Key, need: Need, too_short: bool) -> Result<Asked, String> {
        if self.closed {
            return Ok(Asked::Refused(TokenErrorKind::ShutDown.into()));
        }
        if !self.slots.contains_key(&key) {
            if key > self.good_keys {
                return Ok(Asked::Refused(TokenErrorKind::InvalidContext.into()));
            }
            self.make(key)?;
        }
        let now = self.now();
        if let Some(flight) = self.slots[&key].flight
            && self.flights[flight].deadline + GRACE <= now
        {
            self.interrupt(key, flight)?;
        }
        let starts = self.is_next(key, |event| matches!(event, TokenEvent::FetchStarted { .. }));
        let Some(slot) = self.slots.get_mut(&key) else { return Err(format!("key {key} is not kept")) };
        slot.last_used = tick(now);
        let refusal = slot.refusal(now);
        let rests = slot.rests(now);
        let may_start = slot.flight.is_none() && !rests;
        if let Some(token) = slot.token {
            let served = |stale| Asked::Token { generation: token.generation, stale };
            let age = match token.age(now) {
                Age::Unclear if starts => Age::Due,
                age => age,
            };
            match need {
                Need::ValidFor(asked) => {
                    if token.left(now) >= asked && token.is_good(now) {
                        if age >= Age::Due && may_start {
                            self.take_off(key, true)?;
                        }
                        return Ok(served(false));
                    }
                    if token.lifetime < asked && (age == Age::Fresh || (age == Age::Unclear && too_short)) {
                        return Ok(Asked::Refused(TokenErrorKind::LifetimeTooShort.into()));
                    }
                }
                Need::Usual | Need::AtOnce => match age {
                    Age::Fresh | Age::Unclear => return Ok(served(false)),
                    Age::Due => {
                        if may_start {
                            self.take_off(key, true)?;
                        }
                        return Ok(served(false));
                    }
                    Age::Spent if need == Need::AtOnce && token.stands_in(now) => {
                        if may_start {
                            self.take_off(key, true)?;
                        }
                        return Ok(served(true));
                    }
                    Age::Spent if rests && token.stands_in(now) => {
                        return Ok(served(true));
                    }
                    Age::Spent | Age::Expired => {}
                },
            }
        }
        match (slot.flight, refusal) {
            (Some(flight), _) => Ok(Asked::Wait(flight)),
            (None, Some(refusal)) => Ok(Asked::Refused(refusal)),
            (None, None) => self.take_off(key, false).map(Asked::Wait),
        }
    }

    /// A fetch begins; it must be said.
    fn take_off(&mut self, key: Key, behind: bool) -> Result<FlightId, String> {
        self.expect(
            key,
            "that a fetch started",
            |event| matches!(event, TokenEvent::FetchStarted { background, .. } if *background == behind),
        )?;
        self.counts.flights += 1;
        self.counts.background_flights += u64::from(behind);
        let id = self.flights.len();
        let (deadline, epoch) = (self.now() + self.rules.deadline, self.epoch);
        let Some(slot) = self.slots.get_mut(&key) else { return Err(format!("key {key} is not kept")) };
        slot.flight = Some(id);
        if let Some(token) = slot.token.as_mut().filter(|_| behind) {
            // So it is due.
            token.due.1 = token.due.1.min(self.times.boot);
        }
        // Whoever has nothing, and failed last time, is not helped by another attempt in a moment.
        let alone = slot.failures > 0 && slot.token.is_none_or(|token| !token.stands_in(self.times.boot));
        let most = if alone { 1 } else { self.rules.attempts };
        self.flights.push(Flight {
            key,
            most,
            serial: slot.serial,
            deadline,
            began: self.times.awake,
            epoch,
            landed: None,
            phase: Phase::Before,
            attempt: 0,
            rejections_seen: 0,
            failed: false,
        });
        self.begun.push_back(id);
        Ok(id)
    }

    /// A fetch is given up, through nobody's fault: the next may start at once.
    pub(super) fn interrupt(&mut self, key: Key, flight: FlightId) -> Check {
        self.expect(key, "that a fetch was given up", |event| {
            matches!(event, TokenEvent::FetchFailed { error, retry_in, .. }
                if error.kind() == TokenErrorKind::Timeout && retry_in.is_zero())
        })?;
        self.counts.failures += 1;
        self.land(flight, Landing::Failed(TokenErrorKind::Timeout.into()));
        Ok(())
    }

    pub(super) fn land(&mut self, flight: FlightId, landing: Landing) {
        let landed = &mut self.flights[flight];
        landed.landed = Some(landing);
        if let Some(slot) = self.slots.get_mut(&landed.key)
            && slot.flight == Some(flight)
        {
            slot.flight = None;
        }
    }

    /// An old token stands in: it must be said.
    pub(super) fn served_stale(&mut self, key: Key) -> Check {
        self.counts.stale_served += 1;
        self.expect(key, "that an old token was served", |event| matches!(event, TokenEvent::StaleServed { .. }))
    }

    /// The tasks of the fetches that were begun, in order.
    pub(crate) fn started(&mut self, tasks: &mut VecDeque<crate::executor::TaskId>) -> Check {
        while let Some(flight) = self.begun.pop_front() {
            let task = tasks.pop_front().ok_or("a fetch was begun and no task started")?;
            self.task_of.insert(flight, task);
        }
        if tasks.is_empty() { Ok(()) } else { Err("a task was started for no fetch".to_owned()) }
    }
}
