//! What the two servers counted, so that a demo, a bench or a soak test can judge.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::claims::TokenKind;

/// A snapshot of the counters. Keys hold ids and reasons, never a token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// Requests by route template and status, like `GET /token/driver/{vehicleId} 200`.
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

    pub(crate) fn request(&self, method: &str, route: &str, status: u16) {
        *self.stats.lock().requests.entry(format!("{method} {route} {status}")).or_insert(0) += 1;
    }

    pub(crate) fn minted(&self, kind: &TokenKind) {
        *self.stats.lock().minted.entry(kind.key()).or_insert(0) += 1;
    }

    pub(crate) fn fault(&self, name: &str) {
        *self.stats.lock().faults.entry(name.to_owned()).or_insert(0) += 1;
    }

    pub(crate) fn accepted(&self, method: &str) {
        *self.stats.lock().accepted.entry(method.to_owned()).or_insert(0) += 1;
    }

    pub(crate) fn refused(&self, reason: &str) {
        *self.stats.lock().refused.entry(reason.to_owned()).or_insert(0) += 1;
    }
}
