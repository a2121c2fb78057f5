//! A token as it crosses: all that a wrapper needs for its copy, in one piece.

use std::fmt;

use super::millis;
use crate::AuthTokenFactory;
use crate::token::AuthToken;

/// A token, and how long a wrapper may serve it without asking again.
///
/// A record and not an object: an object would need a second crossing for the secret and a cleaner for each token. The
/// price is that both languages would print a record's fields. Hence the exported `Display` and `Debug`: Kotlin's
/// `toString`, Swift's `description` and `debugDescription` come here and print no secret. Swift's `Mirror` and `dump`
/// still see the field, so this type never leaves the wrapper.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct FfiToken {
    /// The secret itself.
    pub value: String,
    /// Grows with every token of its context.
    pub generation: u64,
    /// The factory's epoch from before the token was asked for. A wrapper keeps its copy only if no epoch that it has
    /// seen since is higher: else the token may be one that was just rejected.
    pub epoch: u64,
    /// How long it may be served without asking again; zero if every call must ask.
    pub fresh_for_ms: u64,
    /// How long it is valid; none if nobody said.
    pub valid_for_ms: Option<u64>,
    /// When it was served, on the factory's clock: what Android calls elapsed realtime, and Darwin continuous time.
    /// On another clock count from before the call, never from after it: the thread may have been suspended between.
    pub served_at_ms: u64,
    /// How many entries the core had evicted when it served this. When it has grown, a wrapper drops its copies, or it
    /// would keep more than the core does.
    pub evictions: u64,
}

impl FfiToken {
    pub(super) fn served(factory: &AuthTokenFactory, token: &AuthToken, epoch: u64) -> Self {
        // First the clock, then what is left: what passes between shortens the copy's life, and never stretches it.
        let served_at_ms = millis(factory.now().since_origin());
        Self {
            value: token.value().to_owned(),
            generation: token.generation(),
            epoch,
            fresh_for_ms: millis(factory.fresh_for(token)),
            valid_for_ms: factory.remaining(token).map(millis),
            served_at_ms,
            evictions: factory.evictions(),
        }
    }
}

impl fmt::Debug for FfiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FfiToken")
            .field("value", &"[redacted]")
            .field("generation", &self.generation)
            .field("epoch", &self.epoch)
            .field("fresh_for_ms", &self.fresh_for_ms)
            .field("valid_for_ms", &self.valid_for_ms)
            .field("served_at_ms", &self.served_at_ms)
            .field("evictions", &self.evictions)
            .finish()
    }
}

impl fmt::Display for FfiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_prints() {
        let token = FfiToken {
            value: "SECRET-TOKEN-1".to_owned(),
            generation: 1,
            epoch: 2,
            fresh_for_ms: 3,
            valid_for_ms: None,
            served_at_ms: 4,
            evictions: 5,
        };
        assert!(!format!("{token} {token:?} {token:#?}").contains("SECRET"));
    }
}
