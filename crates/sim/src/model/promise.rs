//! What must hold of every answer, however it came about: told from the truth that only the simulation knows.

use super::{Answer, Check, Model, Need, Told};
use crate::setting::Key;

impl Model {
    /// The answer is the right one, and a token in it breaks no promise.
    pub(super) fn check_answer(&mut self, key: Key, need: Need, floor: u64, told: Told, answer: &Answer) -> Check {
        let fits = match (told, answer) {
            (Told::Token(generation), Answer::Token(token)) => token.generation() == generation,
            (Told::Error(refusal), Answer::Error(error)) => {
                refusal.kind == error.kind()
                    && refusal.retry_in.is_none_or(|wait| {
                        error.retry_after().is_some_and(|said| said.abs_diff(wait) < super::age::HAIR)
                    })
            }
            (Told::None, Answer::None) => true,
            _ => false,
        };
        if !fits {
            return Err(format!("a call for key {key} ({need:?}) should be told {told:?}, was told {answer:?}"));
        }
        if self.must_succeed && !matches!(answer, Answer::Token(_)) {
            return Err(format!("key {key} has no token, though nothing is wrong any more: {answer:?}"));
        }
        if let Answer::Token(token) = answer {
            self.check_served(key, need, floor, token)?;
        }
        Ok(())
    }

    fn check_served(&mut self, key: Key, need: Need, floor: u64, token: &fleet_token::AuthToken) -> Check {
        let now = self.now();
        let generation = token.generation();
        let commit = usize::try_from(generation).ok().and_then(|g| self.commits.get(g.wrapping_sub(1)));
        let Some(commit) = commit else {
            return Err(format!("generation {generation} was served, and never came"));
        };
        let broken = |promise: &str| Err(format!("key {key} was served token {} {promise}", commit.token));
        if commit.key != key {
            return broken(&format!("of key {}", commit.key));
        }
        if self.rejected.contains(&commit.token) {
            return broken("that was rejected");
        }
        if commit.epoch != self.epoch || self.closed {
            return broken("from before a clear");
        }
        if commit.expires.is_some_and(|at| at <= now) {
            return broken("after its life was over");
        }
        if commit.honest && super::age::server_ms(&self.times, now) >= commit.dies_ms {
            return broken(&format!(
                "{} ms after Fleet Engine began to refuse it",
                super::age::server_ms(&self.times, now) - commit.dies_ms
            ));
        }
        if token.expires_at().map(fleet_token::BootTime::since_origin) != commit.expires {
            return broken(&format!(
                "that says it expires at {:?} instead of {:?}",
                token.expires_at(),
                commit.expires
            ));
        }
        if let Need::ValidFor(asked) = need
            && commit.expires.is_none_or(|at| at.saturating_sub(now) < asked)
        {
            return broken(&format!("that lives less than {asked:?}"));
        }
        if generation < floor {
            return broken(&format!("of generation {generation}, after somebody had one of {floor}"));
        }
        let newest = self.newest.entry(key).or_default();
        *newest = generation.max(*newest);
        Ok(())
    }

    /// Which token a value is, for traces and rejections.
    pub(crate) fn token_of(&self, generation: u64) -> Option<usize> {
        let index = usize::try_from(generation).ok()?.checked_sub(1)?;
        Some(self.commits.get(index)?.token)
    }

    /// Points in boot time at which something about a key changes: where mistakes by one hide.
    pub(crate) fn edges(&self) -> Vec<std::time::Duration> {
        let mut edges = Vec::new();
        for slot in self.slots.values() {
            if let Some(held) = &slot.token {
                edges.extend([held.due.0, held.due.1, held.spent, held.fallback_until, held.expires]);
            }
            edges.extend(slot.hold.map(|hold| hold.until));
            edges.extend(slot.hold.map(|hold| hold.rest_until));
            edges.extend(slot.flight.map(|flight| self.flights[flight].deadline));
            edges.extend(slot.rejections.front().map(|at| *at + std::time::Duration::from_secs(30)));
        }
        edges.retain(|edge| *edge > self.now());
        edges
    }
}

impl Model {
    /// A call that waits, when nothing is ready: what it waits for has not come, and its time is not up.
    pub(crate) fn check_waiting(&self, call: &super::Call) -> Check {
        let Some(flight) = call.flight() else { return Err("waits for nothing".to_owned()) };
        if self.flights[flight].landed.is_some() {
            return Err(format!("waits for fetch {flight}, which has landed"));
        }
        let (waited, plainly) = call.waited(&self.times);
        let within = self.rules.deadline + super::GRACE;
        // Whoever slept through the deadline, or waited for what was no good any more, may ask once more.
        if waited > if plainly { within } else { within * 2 } {
            return Err(format!("has waited for {waited:?}, and {:?} is the deadline", self.rules.deadline));
        }
        Ok(())
    }

    /// A fetch under way, when nothing is ready.
    pub(crate) fn check_flying(&self, id: super::FlightId, awake: std::time::Duration) -> Check {
        let flight = &self.flights[id];
        if !self.task_of.contains_key(&id) {
            return Err(format!("fetch {id} has no task"));
        }
        if awake > flight.began + self.rules.deadline {
            return Err(format!("fetch {id} has been under way for {:?}", awake - flight.began));
        }
        Ok(())
    }
}
