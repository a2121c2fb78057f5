//! What a [slot](super::slot) is asked for, and what it answers.

use std::sync::Arc;
use std::time::Duration;

use super::flight::Flight;
use crate::error::TokenError;
use crate::token::AuthToken;

/// What a caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// A token outside its safety margin.
    Usual,
    /// A token with at least so much life left.
    ValidFor(Duration),
    /// A token only if one is there: this caller does not wait.
    AtOnce,
}

/// What the slot answers.
pub(crate) enum Answer {
    /// Served.
    Token { token: AuthToken, stale: bool, refresh: Option<Arc<Flight>> },
    /// A fetch is under way; `new` if it has yet to be started by this caller.
    Wait { flight: Arc<Flight>, new: bool },
    /// Neither.
    Refused(TokenError),
    /// The slot was evicted meanwhile: look up the key again.
    Gone,
}

/// What became of a flight's result.
pub(crate) enum Commit {
    /// It is the key's token now, or, without a lifetime, handed to the waiters only.
    Landed(AuthToken),
    /// The key's token was rejected meanwhile: fetch again.
    Outdated,
    /// It was rejected before.
    Refused(TokenError),
    /// Everything was cleared meanwhile: its result is dropped.
    Cleared,
    /// The flight is no longer the key's: its result is dropped, and whoever took it from the key lands it.
    Disowned,
}

/// What [`Slot::invalidate`](super::slot::Slot::invalidate) did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalidated {
    /// The token was current, and is gone; `tripped` if that was one too many.
    Dropped { tripped: bool },
    /// It had been replaced already.
    NotCurrent,
}

/// The lowest goes first: keys without a valid token, then keys with one, then keys that wait out a failure; among
/// equals the least recently used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EvictionRank {
    pub(super) class: Class,
    pub(super) last_used: u64,
    pub(super) valid: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Empty,
    Valid,
    Waiting,
}

impl EvictionRank {
    pub(crate) fn has_valid_token(self) -> bool {
        self.valid
    }
}
