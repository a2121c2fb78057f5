//! The tokens that Fleet Engine refused: known beside the keys, so that whatever becomes of those, none comes back.

use std::collections::VecDeque;

use crate::sync::Mutex;
use crate::token::Fingerprint;

/// How many are remembered. More within the hour that a token lives at most are a flood that no memory helps against.
const MOST: usize = 4096;

/// Rejected tokens of all keys, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Rejected(Mutex<VecDeque<Fingerprint>>);

impl Rejected {
    pub(crate) fn add(&self, token: Fingerprint) {
        let mut tokens = self.0.lock();
        if !tokens.contains(&token) {
            if tokens.len() == MOST {
                tokens.pop_front();
            }
            tokens.push_back(token);
        }
    }

    pub(crate) fn contains(&self, token: Fingerprint) -> bool {
        self.0.lock().contains(&token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_rejections_is_bounded_and_the_newest_are_known() {
        let rejected = Rejected::default();
        for n in 0..2 * MOST {
            rejected.add(Fingerprint::of(&n.to_string()));
            rejected.add(Fingerprint::of(&n.to_string()));
        }
        assert_eq!(rejected.0.lock().len(), MOST);
        assert!(rejected.contains(Fingerprint::of(&MOST.to_string())));
        assert!(!rejected.contains(Fingerprint::of("0")));
    }
}
