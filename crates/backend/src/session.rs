//! The app's own logins: who may ask for which token. Google's sample backends have none; a real one must.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;
use unicode_normalization::UnicodeNormalization;

/// What one user may have tokens for. Starts with nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// Vehicles that the user drives.
    pub vehicles: BTreeSet<String>,
    /// Trips that the user rides.
    pub trips: BTreeSet<String>,
    /// Delivery vehicles that the user drives.
    pub delivery_vehicles: BTreeSet<String>,
    /// Tasks that the user may update; only with [`Grant::trusted`].
    pub tasks: BTreeSet<String>,
    /// Parcels that the user waits for.
    pub tracking_ids: BTreeSet<String>,
    /// Whether the user is a trusted delivery driver.
    pub trusted: bool,
    /// Whether the user watches the whole fleet.
    pub fleet_reader: bool,
    /// Whether the user is one of the app's own servers.
    pub server: bool,
}

impl Grant {
    /// Nothing at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// The driver of one vehicle.
    pub fn driver(vehicle_id: &str) -> Self {
        Self::none().vehicle(vehicle_id)
    }

    /// The rider of one trip.
    pub fn consumer(trip_id: &str) -> Self {
        Self::none().trip(trip_id)
    }

    /// One of the app's own servers: the wildcard tokens, and any single one.
    pub fn server() -> Self {
        Self { server: true, ..Self::none() }
    }

    /// An operator who watches the whole fleet.
    pub fn fleet_reader() -> Self {
        Self { fleet_reader: true, ..Self::none() }
    }

    /// Adds a vehicle.
    #[must_use]
    pub fn vehicle(mut self, id: &str) -> Self {
        self.vehicles.insert(nfc(id));
        self
    }

    /// Adds a trip.
    #[must_use]
    pub fn trip(mut self, id: &str) -> Self {
        self.trips.insert(nfc(id));
        self
    }

    /// Adds a delivery vehicle.
    #[must_use]
    pub fn delivery_vehicle(mut self, id: &str) -> Self {
        self.delivery_vehicles.insert(nfc(id));
        self
    }

    /// Adds a task, which makes the user a trusted delivery driver.
    #[must_use]
    pub fn task(mut self, id: &str) -> Self {
        self.tasks.insert(nfc(id));
        self.trusted()
    }

    /// Adds a parcel.
    #[must_use]
    pub fn tracking(mut self, id: &str) -> Self {
        self.tracking_ids.insert(nfc(id));
        self
    }

    /// Makes the user a trusted delivery driver.
    #[must_use]
    pub fn trusted(mut self) -> Self {
        self.trusted = true;
        self
    }
}

/// The user behind a bearer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Session {
    /// The user's name in the app.
    pub user: String,
    /// What the user may have.
    pub grant: Grant,
}

/// The open sessions, by bearer. `Debug` shows users, never a bearer.
#[derive(Clone, Default)]
pub struct Sessions {
    open: Arc<RwLock<HashMap<String, Session>>>,
    anonymous: Arc<RwLock<Option<Session>>>,
}

impl Sessions {
    /// Opens a session: requests with `Authorization: Bearer <bearer>` are `user`'s from now on. The same bearer again
    /// replaces the grant.
    pub fn allow(&self, user: &str, bearer: &str, grant: Grant) {
        self.open.write().insert(bearer.to_owned(), Session { user: user.to_owned(), grant });
    }

    /// Lets requests without a bearer in, with that grant, like Google's samples, which have no login.
    pub fn allow_anonymous(&self, grant: Grant) {
        *self.anonymous.write() = Some(Session { user: "anonymous".into(), grant });
    }

    /// Closes a session. Answers whether it was open.
    pub fn revoke(&self, bearer: &str) -> bool {
        self.open.write().remove(bearer).is_some()
    }

    /// Gives the session of `old` the bearer `new`. Answers whether `old` was open.
    pub fn rotate(&self, old: &str, new: &str) -> bool {
        let mut open = self.open.write();
        let Some(session) = open.remove(old) else { return false };
        open.insert(new.to_owned(), session);
        true
    }

    /// The session of a bearer; of `None` the anonymous one, where that is allowed.
    pub fn find(&self, bearer: Option<&str>) -> Option<Session> {
        match bearer {
            Some(bearer) => self.open.read().get(bearer).cloned(),
            None => self.anonymous.read().clone(),
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut users: Vec<_> = self.open.read().values().map(|session| session.user.clone()).collect();
        users.sort();
        f.debug_struct("Sessions").field("users", &users).finish_non_exhaustive()
    }
}

fn nfc(id: &str) -> String {
    id.nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_is_never_shown() {
        let sessions = Sessions::default();
        sessions.allow("alice", "s3cret-bearer", Grant::driver("v1"));
        let shown = format!("{sessions:?} {:?}", sessions.find(Some("s3cret-bearer")));
        assert!(shown.contains("alice") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_revoked_or_rotated_bearer_opens_nothing() {
        let sessions = Sessions::default();
        sessions.allow("alice", "one", Grant::driver("v1"));
        assert!(sessions.rotate("one", "two"));
        assert!(sessions.find(Some("one")).is_none());
        assert_eq!(sessions.find(Some("two")).unwrap().user, "alice");
        assert!(sessions.revoke("two") && !sessions.revoke("two"));
        assert!(sessions.find(Some("two")).is_none() && sessions.find(None).is_none());
    }
}
