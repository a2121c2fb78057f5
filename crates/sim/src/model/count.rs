//! The counters, counted a second time.

use fleet_token::Stats;

use super::{Check, Model};

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) hits: u64,
    pub(crate) waits: u64,
    pub(crate) refusals: u64,
    pub(crate) not_ready: u64,
    pub(crate) stale_served: u64,
    pub(crate) fetches: u64,
    pub(crate) flights: u64,
    pub(crate) background_flights: u64,
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    /// Fetches that were dropped because the app cleared or shut down.
    pub(crate) dropped: u64,
    pub(crate) rejections: u64,
    pub(crate) evictions: u64,
}

impl Model {
    pub(crate) fn check_stats(&self, stats: &Stats) -> Check {
        let counts = &self.counts;
        let entries = self.slots.len() as u64;
        for (name, told, counted) in [
            ("calls", stats.calls, counts.hits + counts.waits + counts.refusals + counts.not_ready),
            ("hits", stats.hits, counts.hits),
            ("waits", stats.waits, counts.waits),
            ("refusals", stats.refusals, counts.refusals),
            ("not_ready", stats.not_ready, counts.not_ready),
            ("stale_served", stats.stale_served, counts.stale_served),
            ("fetches", stats.fetches, counts.fetches),
            ("flights", stats.flights, counts.flights),
            ("background_flights", stats.background_flights, counts.background_flights),
            ("successes", stats.successes, counts.successes),
            ("failures", stats.failures, counts.failures),
            ("rejections", stats.rejections, counts.rejections),
            ("evictions", stats.evictions, counts.evictions),
            ("entries", stats.entries, entries),
        ] {
            if told != counted {
                return Err(format!("stats.{name} is {told}, counted was {counted}"));
            }
        }
        let under_way = self.under_way().count() as u64;
        if counts.flights != counts.successes + counts.failures + counts.dropped + under_way {
            return Err(format!("{counts:?} do not add up with {under_way} fetches under way"));
        }
        Ok(())
    }
}
