//! The tokens that Fleet Engine refused: known for as long as they could come back, whatever became of their keys.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;

use crate::boot_time::BootTime;
use crate::token::Fingerprint;

/// More than this many within one lifetime are a flood that no memory helps against; the oldest are forgotten.
const MOST: usize = 4096;

/// Rejected tokens of all keys. Each is remembered for the longest life a token can have; after that it would be
/// expired on arrival.
#[derive(Debug)]
pub(crate) struct Rejected {
    remembered_for: Duration,
    tokens: Mutex<VecDeque<(BootTime, Fingerprint)>>,
}

impl Rejected {
    pub(crate) fn new(remembered_for: Duration) -> Self {
        Self { remembered_for, tokens: Mutex::default() }
    }

    pub(crate) fn add(&self, token: Fingerprint, now: BootTime) {
        let mut tokens = self.tokens.lock();
        while tokens.len() >= MOST || tokens.front().is_some_and(|(at, _)| at.plus(self.remembered_for) <= now) {
            tokens.pop_front();
        }
        if !tokens.iter().any(|(_, known)| *known == token) {
            tokens.push_back((now, token));
        }
    }

    pub(crate) fn contains(&self, token: Fingerprint) -> bool {
        self.tokens.lock().iter().any(|(_, known)| *known == token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> BootTime {
        BootTime::from_origin(Duration::from_secs(seconds))
    }

    #[test]
    fn a_rejection_is_remembered_for_a_token_s_longest_life() {
        let rejected = Rejected::new(Duration::from_secs(60));
        rejected.add(Fingerprint::of("a"), at(0));
        rejected.add(Fingerprint::of("b"), at(59));
        assert!(rejected.contains(Fingerprint::of("a")));
        rejected.add(Fingerprint::of("c"), at(60));
        assert!(!rejected.contains(Fingerprint::of("a")));
        assert!(rejected.contains(Fingerprint::of("b")));
    }

    #[test]
    fn a_flood_of_rejections_is_bounded() {
        let rejected = Rejected::new(Duration::from_secs(60));
        for n in 0..3 * MOST {
            rejected.add(Fingerprint::of(&n.to_string()), at(0));
        }
        assert_eq!(rejected.tokens.lock().len(), MOST);
    }
}
