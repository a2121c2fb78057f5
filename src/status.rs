//! How the contexts of a factory stand at a moment, for a screen or a dashboard. No part of it holds a secret.

use std::time::Duration;

use crate::context::AuthTokenContext;
use crate::error::TokenError;

/// One context, as [`contexts`](crate::AuthTokenFactory::contexts) found it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ContextStatus {
    /// Which.
    pub context: AuthTokenContext,
    /// The token that is kept for it, if any; an expired one stays until its successor comes.
    pub token: Option<TokenStatus>,
    /// A fetch is under way.
    pub fetching: bool,
    /// Why the last fetch brought nothing, or why no other is allowed; `None` once a token has come.
    pub failure: Option<FailureStatus>,
}

/// How a kept token ages. Durations are zero once their moment has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenStatus {
    /// What that means for callers.
    pub age: TokenAge,
    /// The whole life, from the start of its fetch.
    pub lifetime: Duration,
    /// How much of it is left.
    pub left: Duration,
    /// The end of its life in which it is not served if another can be had: the safety margin, or less for a short life.
    pub margin: Duration,
    /// Until it is due: from then on the next caller has it renewed in the background.
    pub due_in: Duration,
    /// Until it is spent: from then on callers wait for its successor.
    pub spent_in: Duration,
    /// As [`AuthToken::generation`](crate::AuthToken::generation).
    pub generation: u64,
}

/// What a token's age means for whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenAge {
    /// Served as it is.
    Fresh,
    /// Served, and renewed in the background.
    Due,
    /// Inside its safety margin: callers wait for its successor, and have it only if that fails.
    Spent,
    /// Never served again.
    Expired,
}

impl TokenAge {
    /// The stable name, in snake case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Due => "due",
            Self::Spent => "spent",
            Self::Expired => "expired",
        }
    }
}

/// The memory of what went wrong.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FailureStatus {
    /// What it was.
    pub cause: TokenError,
    /// For how long nothing is fetched for whoever asks with the token that is there; zero if the next caller has it
    /// fetched. [`network_available`](crate::AuthTokenFactory::network_available) may end it earlier.
    pub retry_in: Duration,
}
