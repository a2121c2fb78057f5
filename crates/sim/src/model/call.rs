//! One call that may wait, from its first look to its answer.

use std::time::Duration;

use fleet_token::TokenErrorKind;

use super::ask::Asked;
use super::{Answer, Check, FlightId, GRACE, Landing, Model, Need, Refusal, Told};
use crate::outside::Times;
use crate::setting::Key;

/// A call under way.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) key: Key,
    pub(crate) need: Need,
    /// Has tokio's timers at hand. One without relies on the fetch's own task.
    pub(crate) in_runtime: bool,
    /// The newest generation that anybody was answered with when it began.
    floor: u64,
    until: Duration,
    asked: u32,
    began: Option<Times>,
    waiting: Option<Waiting>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    flight: FlightId,
    serial: u64,
    /// On waking time.
    patience: Duration,
}

impl Call {
    pub(crate) fn new(key: Key, need: Need, in_runtime: bool) -> Self {
        let until = Duration::ZERO;
        Self { key, need, in_runtime, floor: 0, until, asked: 0, began: None, waiting: None }
    }

    pub(crate) fn flight(&self) -> Option<FlightId> {
        self.waiting.map(|waiting| waiting.flight)
    }

    /// For how long it has waited while the process ran, and whether that was for one fetch and without a gap.
    pub(crate) fn waited(&self, now: &Times) -> (Duration, bool) {
        let plainly = |began: Times| now.gaps == began.gaps && self.asked < 2;
        self.began.map_or((Duration::ZERO, true), |began| (now.ran - began.ran, plainly(began)))
    }
}

impl Model {
    /// A call was polled, and has answered or not.
    pub(crate) fn polled(&mut self, call: &mut Call, answer: Option<&Answer>) -> Check {
        let too_short = matches!(answer, Some(Answer::Error(e)) if e.kind() == TokenErrorKind::LifetimeTooShort);
        let told = self.goes_on(call, too_short)?;
        match (told, answer) {
            (None, None) => Ok(()),
            (Some(told), Some(answer)) => self.check_answer(call.key, call.need, call.floor, told, answer),
            (Some(told), None) => Err(format!("a call for key {} should have been told {told:?}", call.key)),
            (None, Some(answer)) => Err(format!("a call for key {} should wait, got {answer:?}", call.key)),
        }
    }

    /// What the call is told when it looks now; `None`: it waits.
    fn goes_on(&mut self, call: &mut Call, too_short: bool) -> Result<Option<Told>, String> {
        if call.began.is_none() {
            call.began = Some(self.times);
            call.floor = self.newest.get(&call.key).copied().unwrap_or(0);
            if call.need == Need::Usual
                && let Some(generation) = self.hit(call.key)
            {
                self.counts.hits += 1;
                return Ok(Some(Told::Token(generation)));
            }
            call.until = self.now() + self.rules.deadline;
        }
        loop {
            let waiting = match call.waiting {
                Some(waiting) => waiting,
                None => match self.look(call, too_short)? {
                    Ok(waiting) => waiting,
                    Err(told) => return Ok(Some(told)),
                },
            };
            call.waiting = Some(waiting);
            let flight = &self.flights[waiting.flight];
            let landing = match flight.landed {
                Some(landing) => landing,
                None if call.in_runtime && self.times.awake >= waiting.patience => {
                    self.interrupt(call.key, waiting.flight)?;
                    Landing::Failed(TokenErrorKind::Timeout.into())
                }
                None => return Ok(None),
            };
            call.waiting = None;
            if let Some(told) = self.settle(call, waiting, landing)? {
                return Ok(Some(told));
            }
        }
    }

    fn look(&mut self, call: &mut Call, too_short: bool) -> Result<Result<Waiting, Told>, String> {
        let now = self.now();
        if call.asked > 1 && call.until <= now {
            return Ok(Err(Told::Error(TokenErrorKind::Timeout.into())));
        }
        let asked = self.ask(call.key, call.need, too_short)?;
        if let Asked::Token { stale: true, .. } = asked {
            self.served_stale(call.key)?;
        }
        call.asked += 1;
        if call.asked == 1 {
            match asked {
                Asked::Token { .. } => self.counts.hits += 1,
                Asked::Wait(_) => self.counts.waits += 1,
                Asked::Refused(_) => self.counts.refusals += 1,
            }
        }
        Ok(match asked {
            Asked::Token { generation, .. } => Err(Told::Token(generation)),
            Asked::Refused(refusal) => Err(Told::Error(refusal)),
            Asked::Wait(flight) => {
                let left = self.flights[flight].deadline.saturating_sub(now);
                let patience = self.times.awake + left + GRACE;
                Ok(Waiting { flight, serial: self.flights[flight].serial, patience })
            }
        })
    }

    /// What a call makes of what landed, perhaps a while ago; `None`: it is no good any more, ask again.
    fn settle(&mut self, call: &Call, waiting: Waiting, landing: Landing) -> Result<Option<Told>, String> {
        use TokenErrorKind as Kind;
        let now = self.now();
        let error = |kind: Kind| Ok(Some(Told::Error(kind.into())));
        match landing {
            Landing::Token(_) if self.closed => error(Kind::ShutDown),
            Landing::Token(_) if self.flights[waiting.flight].epoch != self.epoch => error(Kind::Cleared),
            Landing::Token(generation) => {
                let commit = &self.commits[usize::try_from(generation).unwrap_or(0) - 1];
                let left = commit.expires.map(|at| at.saturating_sub(now));
                if commit.good_until.is_some_and(|at| at <= now) || self.rejected.contains(&commit.token) {
                    return Ok(None);
                }
                match call.need {
                    Need::ValidFor(asked) if left.unwrap_or_default() < asked => error(Kind::LifetimeTooShort),
                    _ => Ok(Some(Told::Token(generation))),
                }
            }
            Landing::Failed(refusal) => {
                let is_final = matches!(refusal.kind, Kind::Cleared | Kind::ShutDown);
                let stands_in = self.slots.get(&call.key).filter(|slot| slot.serial == waiting.serial);
                match stands_in.and_then(|slot| slot.token).filter(|token| token.stands_in(now)) {
                    Some(token) if call.need == Need::Usual && !is_final => {
                        self.served_stale(call.key)?;
                        Ok(Some(Told::Token(token.generation)))
                    }
                    _ => Ok(Some(Told::Error(Refusal { retry_in: None, ..refusal }))),
                }
            }
        }
    }
}
