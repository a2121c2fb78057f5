//! What the two servers counted, so that a demo, a bench or a soak test can judge.

use std::collections::BTreeMap;
use std::fmt::Display;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::claims::TokenKind;

/// How many names a counter tells apart: ids are without bound, and so are the methods that a client may make up.
const MOST_NAMES: usize = 4096;

/// The name of all that came after.
const OTHERS: &str = "others";

/// A snapshot of the counters. Keys hold ids and reasons, never a token. Each tells the first 4096 names apart and counts
/// the rest under `others`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// Requests by route template and status, like `GET /token/driver/{vehicleId} 200`; of gRPC by path and
    /// code, like `POST /maps.fleetengine.v1.TripService/GetTrip UNAUTHENTICATED`.
    pub requests: BTreeMap<String, u64>,
    /// Tokens signed, by [`TokenKind::key`].
    pub minted: BTreeMap<String, u64>,
    /// Faults applied, by their name.
    pub faults: BTreeMap<String, u64>,
    /// Calls that the engine accepted, by method name.
    pub accepted: BTreeMap<String, u64>,
    /// Calls that the engine refused, by reason, like `expired` or `permission_denied`.
    pub refused: BTreeMap<String, u64>,
}

impl Stats {
    /// All tokens signed.
    pub fn minted_total(&self) -> u64 {
        self.minted.values().sum()
    }

    /// Tokens signed for that kind and its ids.
    pub fn minted_for(&self, kind: &TokenKind) -> u64 {
        self.minted.get(&kind.key()).copied().unwrap_or(0)
    }

    /// All calls that the engine accepted.
    pub fn accepted_total(&self) -> u64 {
        self.accepted.values().sum()
    }

    /// All calls that the engine refused.
    pub fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }

    /// Calls refused for that reason.
    pub fn refused_for(&self, reason: &str) -> u64 {
        self.refused.get(reason).copied().unwrap_or(0)
    }
}

/// The live counters.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    stats: Mutex<Stats>,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> Stats {
        self.stats.lock().clone()
    }

    pub(crate) fn request(&self, method: &str, route: &str, status: impl Display) {
        count(&mut self.stats.lock().requests, format!("{method} {route} {status}"));
    }

    pub(crate) fn minted(&self, kind: &TokenKind) {
        count(&mut self.stats.lock().minted, kind.key());
    }

    pub(crate) fn fault(&self, name: &str) {
        count(&mut self.stats.lock().faults, name.to_owned());
    }

    pub(crate) fn accepted(&self, method: &str) {
        count(&mut self.stats.lock().accepted, method.to_owned());
    }

    pub(crate) fn refused(&self, reason: &str) {
        count(&mut self.stats.lock().refused, reason.to_owned());
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: String) {
    if let Some(times) = counts.get_mut(&name) {
        *times += 1;
    } else {
        let name = if counts.len() < MOST_NAMES { name } else { OTHERS.to_owned() };
        *counts.entry(name).or_insert(0) += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_without_end_take_no_memory_without_end_and_are_counted_all_the_same() {
        let counters = Counters::default();
        let trip = |n: usize| TokenKind::Consumer { trip_id: format!("t{n}") };
        for n in 0..3 * MOST_NAMES {
            counters.minted(&trip(n));
        }
        counters.minted(&trip(7));
        let stats = counters.snapshot();
        assert_eq!(stats.minted.len(), MOST_NAMES + 1);
        assert_eq!(stats.minted_total(), 3 * MOST_NAMES as u64 + 1);
        assert_eq!((stats.minted_for(&trip(7)), stats.minted_for(&trip(2 * MOST_NAMES))), (2, 0));
        assert_eq!(stats.minted[OTHERS], 2 * MOST_NAMES as u64);
    }
}
