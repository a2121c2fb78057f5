//! The keys of a run: every kind of context, under the same ids, so that a key that lost its kind is another's.

use std::time::Duration;

use fleet_token::AuthTokenContext;
use fleet_token_backend::TokenKind;

/// How many keys there are.
pub(crate) const KEYS: usize = 200;

/// The shortest and the longest life of a key's tokens, in seconds.
pub(crate) const LIVES: std::ops::RangeInclusive<u64> = 10..=60;

/// The Google Cloud project of the run.
pub(crate) const PROVIDER: &str = "soak";

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Vehicle,
    Trip,
    DeliveryVehicle,
    Task,
    Tracking,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [Self::Vehicle, Self::Trip, Self::DeliveryVehicle, Self::Task, Self::Tracking];

    /// Where its tokens are asked for, below the backend: a route and a shape of reply of its own.
    pub(crate) const fn route(self) -> &'static str {
        match self {
            Self::Vehicle => "/token/driver/{vehicleId}",
            Self::Trip => "/token/consumer/{tripId}?shape=C",
            Self::DeliveryVehicle => "/token/delivery_driver/{deliveryVehicleId}?shape=E",
            Self::Task => "/token/task/{taskId}",
            Self::Tracking => "/api/fleet-engine/token?trackingId={trackingId}",
        }
    }

    /// A call to Fleet Engine that only this kind's token for `id` may make: a read, or the update of a location.
    pub(crate) fn call(self, id: &str, update: bool) -> (&'static str, String) {
        let mask = if update { "?updateMask=lastLocation" } else { "" };
        match self {
            Self::Vehicle => (if update { "PUT" } else { "GET" }, format!("vehicles/{id}{mask}")),
            Self::Trip => ("GET", format!("trips/{id}")),
            Self::DeliveryVehicle => (if update { "PATCH" } else { "GET" }, format!("deliveryVehicles/{id}{mask}")),
            Self::Task => ("GET", format!("tasks/{id}")),
            Self::Tracking => ("GET", format!("taskTrackingInfo/{id}")),
        }
    }
}

/// One key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) context: AuthTokenContext,
}

/// All keys: the same 40 ids for each kind.
pub(crate) fn all() -> Vec<Key> {
    let ids = 0..KEYS / Kind::ALL.len();
    ids.flat_map(|n| {
        let id = format!("n{n}");
        Kind::ALL.map(|kind| {
            let context = match kind {
                Kind::Vehicle => AuthTokenContext::vehicle(&id),
                Kind::Trip => AuthTokenContext::trip(&id),
                Kind::DeliveryVehicle => AuthTokenContext::delivery_vehicle(&id),
                Kind::Task => AuthTokenContext::task(&id),
                Kind::Tracking => AuthTokenContext::tracking(&id),
            };
            Key { kind, id: id.clone(), context }
        })
    })
    .collect()
}

impl Key {
    /// The kind of token that the backend mints for it: the user is a driver who is trusted with tasks.
    pub(crate) fn minted_as(&self) -> TokenKind {
        let id = self.id.clone();
        match self.kind {
            Kind::Vehicle => TokenKind::Driver { vehicle_id: id },
            Kind::Trip => TokenKind::Consumer { trip_id: id },
            Kind::DeliveryVehicle => TokenKind::TrustedDeliveryDriver { delivery_vehicle_id: id, task_id: None },
            Kind::Task => TokenKind::Task { task_id: id },
            Kind::Tracking => TokenKind::DeliveryConsumer { tracking_id: id },
        }
    }

    /// The URL that its tokens are asked for with.
    pub(crate) fn url(&self, backend: &str) -> String {
        let route = self.kind.route();
        let (before, rest) = route.split_once('{').unwrap_or((route, ""));
        let after = rest.split_once('}').map_or("", |(_, after)| after);
        format!("{backend}{before}{}{after}", self.id)
    }
}

/// How long the tokens of key number `index` live: from 10 to 60 s, the same in every run.
pub(crate) fn life(index: usize) -> Duration {
    let span = LIVES.end() - LIVES.start() + 1;
    // 37 and 51 have no common factor, so that neighbours differ and every life occurs.
    Duration::from_secs(LIVES.start() + index as u64 * 37 % span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_another_one_and_every_life_occurs() {
        let keys = all();
        let urls: std::collections::BTreeSet<_> = keys.iter().map(|key| key.url("http://b")).collect();
        assert_eq!((keys.len(), urls.len()), (KEYS, KEYS));
        assert!(urls.contains("http://b/token/consumer/n39?shape=C"), "{urls:?}");
        let lives: std::collections::BTreeSet<_> = (0..KEYS).map(life).collect();
        assert_eq!(lives.len(), 51);
    }
}
