//! The factory's counters, and what a wrapper has to add to them.

use super::context::FfiTokenContext;
use crate::stats::Stats;

macro_rules! mirrored {
    ($($(#[$doc:meta])* $field:ident),* $(,)?) => {
        /// What a factory has done since it was made. Calls that a wrapper answered from its copy are among them once
        /// it has told with `note_hits`.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, uniffi::Record)]
        pub struct FfiStats {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl From<Stats> for FfiStats {
            fn from(stats: Stats) -> Self {
                Self { $($field: stats.$field,)* }
            }
        }
    };
}

mirrored! {
    /// Questions asked.
    calls,
    /// Answered at once with a token.
    hits,
    /// Answered after waiting for a fetch.
    waits,
    /// Answered at once with an error.
    refusals,
    /// `try_token` calls that found nothing to serve yet.
    not_ready,
    /// Answers with a token inside its safety margin, because no newer one could be had.
    stale_served,
    /// Requests made, attempts counted one by one.
    fetches,
    /// Fetches begun, each of one or more attempts.
    flights,
    /// Those of them that renewed a token which was still good.
    background_flights,
    /// Fetches that brought a token.
    successes,
    /// Fetches that failed.
    failures,
    /// Tokens reported as refused while they were current.
    rejections,
    /// Entries dropped to keep the bound.
    evictions,
    /// Entries now.
    entries,
}

/// Calls that a wrapper answered from its copy.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct FfiHits {
    /// What for.
    pub context: FfiTokenContext,
    /// How many.
    pub count: u64,
}
