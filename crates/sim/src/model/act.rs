//! What the app tells the factory.

use std::collections::BTreeSet;

use fleet_token::{TokenErrorKind, TokenEvent};

use super::age::Age;
use super::ask::Asked;
use super::{Answer, Call, Check, HeldBy, Landing, Model, Need, Told};
use crate::outside::TokenId;
use crate::setting::Key;

impl Model {
    /// A call that does not wait.
    pub(crate) fn tried(&mut self, key: Key, answer: &Answer) -> Check {
        let floor = self.newest.get(&key).copied().unwrap_or(0);
        let told = if let Some(generation) = self.hit(key) {
            self.counts.hits += 1;
            Told::Token(generation)
        } else {
            match self.ask(key, Need::AtOnce, false)? {
                Asked::Token { generation, stale } => {
                    self.counts.hits += 1;
                    if stale {
                        self.served_stale(key)?;
                    }
                    Told::Token(generation)
                }
                Asked::Wait(_) | Asked::Refused(_) => {
                    self.counts.not_ready += 1;
                    Told::None
                }
            }
        };
        self.check_answer(key, Need::AtOnce, floor, told, answer)
    }

    /// Whether a thread that asks now is answered without having to wait: one that waited would hold up everything here.
    pub(crate) fn answers_at_once(&self, key: Key) -> bool {
        let now = self.now();
        let Some(slot) = self.slots.get(&key) else { return self.closed || key > self.good_keys };
        let is_refused = slot.flight.is_none() && slot.refusal(now).is_some();
        self.closed || is_refused || slot.token.is_some_and(|token| token.age(now) < Age::Spent)
    }

    /// A call from a thread that may wait, which it did not have to; or from one that must not.
    pub(crate) fn blocked(&mut self, key: Key, in_runtime: bool, answer: &Answer) -> Check {
        if in_runtime {
            self.counts.refusals += 1;
            let told = Told::Error(TokenErrorKind::BlockingInAsync.into());
            return self.check_answer(key, Need::Usual, 0, told, answer);
        }
        self.polled(&mut Call::new(key, Need::Usual, false), Some(answer))
    }

    pub(crate) fn prefetched(&mut self, keys: &[Key]) -> Check {
        for key in keys {
            if self.hit(*key).is_none() {
                self.ask(*key, Need::AtOnce, false)?;
            }
        }
        Ok(())
    }

    /// A handle was asked for, and was given or not.
    pub(crate) fn pinned(&mut self, key: Key, refused: Option<TokenErrorKind>) -> Check {
        let right = match key {
            _ if self.closed => Some(TokenErrorKind::ShutDown),
            _ if self.slots.contains_key(&key) => None,
            _ if key > self.good_keys => Some(TokenErrorKind::InvalidContext),
            _ => {
                self.make(key)?;
                None
            }
        };
        if right != refused {
            return Err(format!("a handle on key {key} should have been answered {right:?}, was {refused:?}"));
        }
        if let (None, Some(slot)) = (refused, self.slots.get_mut(&key)) {
            slot.pins += 1;
        }
        Ok(())
    }

    pub(crate) fn unpinned(&mut self, key: Key) {
        if let Some(slot) = self.slots.get_mut(&key) {
            slot.pins -= 1;
        }
    }

    /// Fleet Engine refused a token.
    pub(crate) fn invalidated(&mut self, key: Key, token: TokenId, was_current: bool) -> Check {
        self.rejected.insert(token);
        let now = self.now();
        let mut others = BTreeSet::new();
        let mut is_current = false;
        let mut tripped = false;
        for (of, slot) in &mut self.slots {
            if slot.token.is_none_or(|held| held.token != token) {
                continue;
            }
            slot.token = None;
            slot.rejections_seen += 1;
            if *of == key {
                is_current = true;
                slot.rejections.push_back(now);
                while slot.rejections.len() > 6 {
                    slot.rejections.pop_front();
                }
                tripped = slot.refusal(now).is_some_and(|r| r.kind == TokenErrorKind::TooManyRejections);
            } else {
                others.insert(*of);
            }
        }
        if is_current != was_current {
            return Err(format!("the rejected token of key {key} was current: {is_current}; told was {was_current}"));
        }
        if self.closed {
            self.counts.rejections += u64::from(is_current);
            return Ok(());
        }
        // The others in any order, this one last.
        while !others.is_empty() {
            let (of, event) = self.said()?;
            let fits = matches!(event, TokenEvent::Rejected { .. }) && of.is_some_and(|of| others.remove(&of));
            if !fits {
                return Err(format!("keys {others:?} should have said that they lost their token; said was {event:?}"));
            }
        }
        if is_current {
            self.counts.rejections += 1;
            self.expect(key, "that its token was rejected", |event| matches!(event, TokenEvent::Rejected { .. }))?;
        }
        if tripped {
            self.expect(key, "that the breaker tripped", |event| matches!(event, TokenEvent::BreakerTripped { .. }))?;
        }
        Ok(())
    }

    pub(crate) fn cleared(&mut self) -> Check {
        let was_closed = self.closed;
        self.forget(TokenErrorKind::Cleared);
        if was_closed { Ok(()) } else { self.expect_of_all("cleared", |e| matches!(e, TokenEvent::Cleared)) }
    }

    pub(crate) fn shut_down(&mut self) -> Check {
        if self.closed {
            return Ok(());
        }
        self.closed = true;
        self.forget(TokenErrorKind::ShutDown);
        self.expect_of_all("shut down", |event| matches!(event, TokenEvent::ShutDown))
    }

    fn forget(&mut self, why: TokenErrorKind) {
        self.epoch += 1;
        self.room_at = self.rules.max_entries;
        let flights: Vec<_> = self.under_way().collect();
        for flight in flights {
            self.counts.dropped += 1;
            self.land(flight, Landing::Failed(why.into()));
        }
        self.slots.retain(|_, slot| slot.pins > 0);
        for slot in self.slots.values_mut() {
            slot.token = None;
            slot.hold = None;
            slot.failures = 0;
            slot.rejections.clear();
        }
    }

    pub(crate) fn network_came(&mut self) -> Check {
        let ended = self.end_holds(HeldBy::Us);
        if self.closed {
            return Ok(());
        }
        self.expect_of_all(
            "network available",
            |event| matches!(event, TokenEvent::NetworkAvailable { ended_backoffs } if *ended_backoffs == ended),
        )
    }

    pub(crate) fn session_changed(&mut self) -> Check {
        let ended = self.end_holds(HeldBy::Refusal);
        if self.closed {
            return Ok(());
        }
        self.expect_of_all(
            "session changed",
            |event| matches!(event, TokenEvent::SessionChanged { ended_refusals } if *ended_refusals == ended),
        )
    }

    /// How many waits that ended before their time.
    fn end_holds(&mut self, by: HeldBy) -> usize {
        let now = self.now();
        let mut ended = 0;
        for slot in self.slots.values_mut() {
            let Some(hold) = &mut slot.hold else { continue };
            if hold.by == by {
                ended += usize::from(hold.rest_until > now);
                slot.hold = None;
                slot.failures = 0;
            } else if by == HeldBy::Us && hold.by == HeldBy::Server {
                // What we added to the server's wait is ours.
                ended += usize::from(hold.until <= now && now < hold.rest_until);
                hold.rest_until = hold.until;
            }
        }
        ended
    }

    fn expect_of_all(&mut self, name: &str, what: impl FnOnce(&TokenEvent) -> bool) -> Check {
        let (_, event) = self.said()?;
        if what(&event) { Ok(()) } else { Err(format!("should have said {name}; said was {event:?}")) }
    }
}
