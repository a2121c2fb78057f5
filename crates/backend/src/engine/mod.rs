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
mod error;
pub(crate) mod grpc;
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

/// On-demand: `maps.fleetengine.v1`. All take the caller, the provider id, and answer with the resource.
#[allow(missing_docs, reason = "the names are Google's method names")]
impl FleetEngine {
    pub fn create_vehicle(&self, who: &Caller, provider: &str, id: &str, mut vehicle: Vehicle) -> Outcome<Vehicle> {
        self.judged(who, Method::CreateVehicle, provider, Some(id), |id| {
            if self.state.vehicle(id).is_some() {
                return Err(EngineError::exists("The vehicle exists."));
            }
            self.stamp(&mut vehicle.last_location);
            self.state.put_vehicle(id, vehicle);
            found(self.state.vehicle(id))
        })
    }

    pub fn get_vehicle(&self, who: &Caller, provider: &str, id: &str) -> Outcome<Vehicle> {
        self.judged(who, Method::GetVehicle, provider, Some(id), |id| found(self.state.vehicle(id)))
    }

    pub fn delete_vehicle(&self, who: &Caller, provider: &str, id: &str) -> Outcome<()> {
        self.judged(who, Method::DeleteVehicle, provider, Some(id), |id| {
            found(self.state.tables().vehicles.remove(id)).map(drop)
        })
    }

    pub fn update_vehicle(
        &self,
        who: &Caller,
        provider: &str,
        id: &str,
        mut change: Vehicle,
        mask: &FieldMask,
    ) -> Outcome<Vehicle> {
        self.judged(who, Method::UpdateVehicle, provider, Some(id), |id| {
            self.stamp(&mut change.last_location);
            update(self.state.tables().vehicles.get_mut(id), &change, mask)?;
            found(self.state.vehicle(id))
        })
    }

    pub fn update_vehicle_attributes(
        &self,
        who: &Caller,
        provider: &str,
        id: &str,
        attributes: Vec<Attribute>,
    ) -> Outcome<Vec<Attribute>> {
        self.judged(who, Method::UpdateVehicleAttributes, provider, Some(id), |id| {
            let mut tables = self.state.tables();
            let vehicle = found(tables.vehicles.get_mut(id))?;
            for new in attributes {
                vehicle.attributes.retain(|old| old.key != new.key);
                vehicle.attributes.push(new);
            }
            Ok(vehicle.attributes.clone())
        })
    }

    pub fn list_vehicles(&self, who: &Caller, provider: &str) -> Outcome<Vec<Vehicle>> {
        self.judged(who, Method::ListVehicles, provider, None, |_| {
            Ok(self.state.tables().vehicles.values().cloned().collect())
        })
    }

    pub fn search_vehicles(&self, who: &Caller, provider: &str) -> Outcome<Vec<Vehicle>> {
        self.judged(who, Method::SearchVehicles, provider, None, |_| {
            let tables = self.state.tables();
            let online = tables.vehicles.values().filter(|vehicle| vehicle.vehicle_state == VehicleState::Online);
            Ok(online.cloned().collect())
        })
    }

    pub fn create_trip(&self, who: &Caller, provider: &str, id: &str, mut trip: Trip) -> Outcome<Trip> {
        self.judged(who, Method::CreateTrip, provider, Some(id), |id| {
            if self.state.trip(id).is_some() {
                return Err(EngineError::exists("The trip exists."));
            }
            if trip.trip_status == TripStatus::Unknown {
                trip.trip_status = TripStatus::New;
            }
            self.state.put_trip(id, trip);
            found(self.state.trip(id))
        })
    }

    pub fn get_trip(&self, who: &Caller, provider: &str, id: &str) -> Outcome<Trip> {
        self.judged(who, Method::GetTrip, provider, Some(id), |id| found(self.state.trip(id)))
    }

    pub fn delete_trip(&self, who: &Caller, provider: &str, id: &str) -> Outcome<()> {
        self.judged(who, Method::DeleteTrip, provider, Some(id), |id| {
            found(self.state.tables().trips.remove(id)).map(drop)
        })
    }

    pub fn update_trip(
        &self,
        who: &Caller,
        provider: &str,
        id: &str,
        change: &Trip,
        mask: &FieldMask,
    ) -> Outcome<Trip> {
        self.judged(who, Method::UpdateTrip, provider, Some(id), |id| {
            update(self.state.tables().trips.get_mut(id), change, mask)?;
            found(self.state.trip(id))
        })
    }

    /// All trips of a vehicle, or of all when `vehicle_id` is empty.
    pub fn search_trips(
        &self,
        who: &Caller,
        provider: &str,
        vehicle_id: &str,
        active_only: bool,
    ) -> Outcome<Vec<Trip>> {
        self.judged(who, Method::SearchTrips, provider, None, |_| {
            let tables = self.state.tables();
            let wanted = |trip: &&Trip| {
                (vehicle_id.is_empty() || trip.vehicle_id == vehicle_id) && (!active_only || is_active(trip))
            };
            Ok(tables.trips.values().filter(wanted).cloned().collect())
        })
    }
}

/// Scheduled tasks: `maps.fleetengine.delivery.v1`.
#[allow(missing_docs, reason = "the names are Google's method names")]
impl FleetEngine {
    pub fn create_delivery_vehicle(
        &self,
        who: &Caller,
        provider: &str,
        id: &str,
        mut vehicle: DeliveryVehicle,
    ) -> Outcome<DeliveryVehicle> {
        self.judged(who, Method::CreateDeliveryVehicle, provider, Some(id), |id| {
            if self.state.delivery_vehicle(id).is_some() {
                return Err(EngineError::exists("The delivery vehicle exists."));
            }
            self.stamp(&mut vehicle.last_location);
            self.state.put_delivery_vehicle(id, vehicle);
            found(self.state.delivery_vehicle(id))
        })
    }

    pub fn get_delivery_vehicle(&self, who: &Caller, provider: &str, id: &str) -> Outcome<DeliveryVehicle> {
        self.judged(who, Method::GetDeliveryVehicle, provider, Some(id), |id| found(self.state.delivery_vehicle(id)))
    }

    pub fn delete_delivery_vehicle(&self, who: &Caller, provider: &str, id: &str) -> Outcome<()> {
        self.judged(who, Method::DeleteDeliveryVehicle, provider, Some(id), |id| {
            found(self.state.tables().delivery_vehicles.remove(id)).map(drop)
        })
    }

    /// An untrusted driver may change the location and nothing else.
    pub fn update_delivery_vehicle(
        &self,
        who: &Caller,
        provider: &str,
        id: &str,
        mut change: DeliveryVehicle,
        mask: &FieldMask,
    ) -> Outcome<DeliveryVehicle> {
        self.judged(who, Method::UpdateDeliveryVehicle, provider, Some(id), |id| {
            if who.role == Role::DeliveryUntrustedDriver {
                let masked = mask.fields().iter().any(|field| field != "lastLocation");
                let sent = mask.fields().is_empty()
                    && !(change.attributes.is_empty() && change.remaining_vehicle_journey_segments.is_empty());
                if masked || sent {
                    return Err(EngineError::denied("An untrusted driver may update the location only."));
                }
            }
            self.stamp(&mut change.last_location);
            update(self.state.tables().delivery_vehicles.get_mut(id), &change, mask)?;
            found(self.state.delivery_vehicle(id))
        })
    }

    pub fn list_delivery_vehicles(&self, who: &Caller, provider: &str) -> Outcome<Vec<DeliveryVehicle>> {
        self.judged(who, Method::ListDeliveryVehicles, provider, None, |_| {
            Ok(self.state.tables().delivery_vehicles.values().cloned().collect())
        })
    }

    pub fn create_task(&self, who: &Caller, provider: &str, id: &str, task: Task) -> Outcome<Task> {
        self.judged(who, Method::CreateTask, provider, Some(id), |id| self.insert_task(id, task))
    }

    /// All or none of the tasks.
    pub fn batch_create_tasks(&self, who: &Caller, provider: &str, tasks: Vec<(String, Task)>) -> Outcome<Vec<Task>> {
        self.judged(who, Method::BatchCreateTasks, provider, None, |_| {
            let mut batch = std::collections::BTreeMap::new();
            for (id, task) in tasks {
                let id = checked_id(&id).map_err(|error| EngineError::invalid(error.to_string()))?;
                if self.state.task(&id).is_some() || batch.insert(id, task).is_some() {
                    return Err(EngineError::exists("A task of the batch exists."));
                }
            }
            batch.into_iter().map(|(id, task)| self.insert_task(&id, task)).collect()
        })
    }

    pub fn get_task(&self, who: &Caller, provider: &str, id: &str) -> Outcome<Task> {
        self.judged(who, Method::GetTask, provider, Some(id), |id| found(self.state.task(id)))
    }

    pub fn delete_task(&self, who: &Caller, provider: &str, id: &str) -> Outcome<()> {
        self.judged(who, Method::DeleteTask, provider, Some(id), |id| {
            found(self.state.tables().tasks.remove(id)).map(drop)
        })
    }

    pub fn update_task(
        &self,
        who: &Caller,
        provider: &str,
        id: &str,
        change: &Task,
        mask: &FieldMask,
    ) -> Outcome<Task> {
        self.judged(who, Method::UpdateTask, provider, Some(id), |id| {
            update(self.state.tables().tasks.get_mut(id), change, mask)?;
            found(self.state.task(id))
        })
    }

    pub fn list_tasks(&self, who: &Caller, provider: &str) -> Outcome<Vec<Task>> {
        self.judged(who, Method::ListTasks, provider, None, |_| {
            Ok(self.state.tables().tasks.values().cloned().collect())
        })
    }

    pub fn get_task_tracking_info(&self, who: &Caller, provider: &str, tracking_id: &str) -> Outcome<TaskTrackingInfo> {
        self.judged(who, Method::GetTaskTrackingInfo, provider, Some(tracking_id), |id| {
            found(self.state.tracking_info(id))
        })
    }

    fn insert_task(&self, id: &str, mut task: Task) -> Outcome<Task> {
        if self.state.task(id).is_some() {
            return Err(EngineError::exists("The task exists."));
        }
        if task.state == TaskState::Unspecified {
            task.state = TaskState::Open;
        }
        self.state.put_task(id, task);
        found(self.state.task(id))
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
