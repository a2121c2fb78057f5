//! The emulated Fleet Engine: verified caller in, resource or [`EngineError`] out. Knows neither HTTP nor gRPC:
//! `rest` and `grpc` are its two faces.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::http::HeaderMap;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

mod authorize;
mod delivery;
mod error;
pub(crate) mod grpc;
mod on_demand;
mod resource;
mod rest;
mod state;
mod verify;

pub use authorize::Method;
pub use error::EngineError;
pub use resource::{
    Attribute, DeliveryVehicle, LatLng, Task, TaskOutcome, TaskState, TaskTrackingInfo, TaskType, TerminalLocation,
    Trip, TripStatus, TripType, Vehicle, VehicleCategory, VehicleLocation, VehicleState, VehicleType,
};
pub use state::{FieldMask, FleetState};
pub use verify::{Caller, MAX_LIFETIME_SECS, SKEW_SECS};

use crate::clock::ServerClock;
use crate::ids::checked_id;
use crate::keys::KeyRing;
use crate::reply::google_error;
use crate::role::Role;
use crate::stats::Counters;
use authorize::authorize;
use state::{is_active, merged};
use verify::{Revoked, verify};

/// Every route of the engine, REST and gRPC.
pub(crate) fn routes(engine: &Arc<FleetEngine>) -> Router {
    rest::routes(Arc::clone(engine)).merge(grpc::routes(engine)).fallback(async |headers: HeaderMap| {
        if grpc::is_grpc(&headers) {
            return grpc::refusal(501, "No such service.");
        }
        google_error(404, "NOT_FOUND", "No such path.")
    })
}

type Outcome<T> = Result<T, EngineError>;

/// The emulated Fleet Engine of one provider: a strict judge of tokens in front of a small fleet.
pub struct FleetEngine {
    state: FleetState,
    keys: Arc<KeyRing>,
    clock: ServerClock,
    counters: Arc<Counters>,
    revoked: Revoked,
}

impl fmt::Debug for FleetEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetEngine").field("provider_id", &self.state.provider_id()).finish_non_exhaustive()
    }
}

impl FleetEngine {
    pub(crate) fn new(provider_id: String, keys: Arc<KeyRing>, clock: ServerClock, counters: Arc<Counters>) -> Self {
        Self { state: FleetState::new(provider_id), keys, clock, counters, revoked: Revoked::default() }
    }

    /// The fleet, to be seeded and looked at without a token.
    pub fn state(&self) -> &FleetState {
        &self.state
    }

    /// Refuses this one token from now on, with 401, although it verifies. Forgotten some time after it has expired: a
    /// clock that is moved back over that makes it good again.
    pub fn revoke_token(&self, jwt: &str) {
        self.revoked.token(jwt, self.clock.unix_secs());
    }

    /// Refuses every token that was issued before that moment (whole seconds).
    pub fn revoke_issued_before(&self, moment: SystemTime) {
        let secs = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.revoked.issued_before(i64::try_from(secs).unwrap_or(i64::MAX));
    }

    /// Refuses every token signed by the key `kid`.
    pub fn revoke_key(&self, kid: &str) {
        self.keys.revoke(kid);
    }

    /// Makes the key that [`rotate_role`](Self::rotate_role) gives the role, so that it takes no time. Blocks.
    pub(crate) fn prepare_rotation(&self, role: Role) {
        // A key that cannot be made is an error to whoever mints with it.
        let _ = self.keys.prepare_next(role);
    }

    /// Gives the role a new key and refuses every token of the old one. The next token minted is good.
    pub fn rotate_role(&self, role: Role) {
        if let Ok(old) = self.keys.current(role) {
            self.keys.rotate(role);
            self.keys.revoke(old.kid());
        }
    }

    /// Checks the token of a call; `None` when the call has none.
    ///
    /// # Errors
    ///
    /// `UNAUTHENTICATED`, with the reason.
    pub fn authenticate(&self, jwt: Option<&str>) -> Outcome<Caller> {
        let now = self.clock.unix_secs();
        let outcome = match jwt {
            Some(jwt) => verify(jwt, &self.keys, &self.revoked, self.state.provider_id(), now),
            None => Err(EngineError::unauthenticated(
                "no_token",
                "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie \
                 or other valid authentication credential.",
            )),
        };
        if let Err(error) = &outcome {
            self.counters.refused(error.reason);
            tracing::debug!(reason = error.reason, "call refused");
        }
        outcome
    }

    /// Runs a call after asking whether the caller may make it, and counts how it ended.
    fn judged<T>(
        &self,
        caller: &Caller,
        method: Method,
        provider: &str,
        id: Option<&str>,
        run: impl FnOnce(&str) -> Outcome<T>,
    ) -> Outcome<T> {
        let outcome = self.admit(caller, method, provider, id).and_then(|id| run(&id));
        match &outcome {
            Ok(_) => self.counters.accepted(&method.name()),
            Err(error) => {
                self.counters.refused(error.reason);
                tracing::debug!(method = method.name(), reason = error.reason, "call refused");
            }
        }
        outcome
    }

    fn admit(&self, caller: &Caller, method: Method, provider: &str, id: Option<&str>) -> Outcome<String> {
        if provider != self.state.provider_id() {
            return Err(EngineError::denied("The service account has no access to that provider."));
        }
        let id = match id {
            Some(id) => Some(checked_id(id).map_err(|error| EngineError::invalid(error.to_string()))?),
            None => None,
        };
        let drives = |trip: &str| {
            self.state.trip(trip).is_some_and(|trip| is_active(&trip) && Some(&trip.vehicle_id) == id.as_ref())
        };
        authorize(caller, method, id.as_deref(), drives)?;
        Ok(id.unwrap_or_default())
    }

    fn server_time(&self) -> Option<String> {
        OffsetDateTime::from_unix_timestamp(self.clock.unix_secs()).ok()?.format(&Rfc3339).ok()
    }

    fn stamp(&self, location: &mut Option<VehicleLocation>) {
        if let Some(location) = location {
            location.server_time = self.server_time();
        }
    }
}

/// Changes a resource in place, under the table's lock. Its name is the engine's to give.
fn update<T>(current: Option<&mut T>, change: &T, mask: &FieldMask) -> Outcome<()>
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let current = found(current)?;
    *current = merged(current, change, mask)?;
    Ok(())
}

fn found<T>(resource: Option<T>) -> Outcome<T> {
    resource.ok_or_else(|| EngineError::not_found("The resource does not exist."))
}
