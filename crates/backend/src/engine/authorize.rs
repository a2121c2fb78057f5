//! May this caller call this method on this resource? A pure table of roles, and the claim that each method asks for.
//!
//! Sources: Google's IAM table for Fleet Engine, the validation scripts of the `fleetengine-auth` samples, and the
//! "Issue JSON Web Tokens" page. Admin roles ignore custom claims, as Google's do.

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use super::error::EngineError;
use super::verify::Caller;
use crate::role::Role;

/// The methods that the engine knows, under the names of Google's gRPC services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are Google's method names")]
pub enum Method {
    CreateVehicle,
    GetVehicle,
    DeleteVehicle,
    UpdateVehicle,
    UpdateVehicleAttributes,
    ListVehicles,
    SearchVehicles,
    CreateTrip,
    GetTrip,
    DeleteTrip,
    UpdateTrip,
    SearchTrips,
    CreateDeliveryVehicle,
    GetDeliveryVehicle,
    DeleteDeliveryVehicle,
    UpdateDeliveryVehicle,
    ListDeliveryVehicles,
    CreateTask,
    BatchCreateTasks,
    GetTask,
    DeleteTask,
    UpdateTask,
    ListTasks,
    GetTaskTrackingInfo,
}

impl Method {
    const fn is_on_demand(self) -> bool {
        use Method::{
            CreateTrip, CreateVehicle, DeleteTrip, DeleteVehicle, GetTrip, GetVehicle, ListVehicles, SearchTrips,
            SearchVehicles, UpdateTrip, UpdateVehicle, UpdateVehicleAttributes,
        };
        matches!(
            self,
            CreateVehicle
                | GetVehicle
                | DeleteVehicle
                | UpdateVehicle
                | UpdateVehicleAttributes
                | ListVehicles
                | SearchVehicles
                | CreateTrip
                | GetTrip
                | DeleteTrip
                | UpdateTrip
                | SearchTrips
        )
    }

    const fn reads(self) -> bool {
        use Method::{
            GetDeliveryVehicle, GetTask, GetTaskTrackingInfo, GetTrip, GetVehicle, ListDeliveryVehicles, ListTasks,
            ListVehicles, SearchTrips, SearchVehicles,
        };
        matches!(
            self,
            GetVehicle
                | ListVehicles
                | SearchVehicles
                | GetTrip
                | SearchTrips
                | GetDeliveryVehicle
                | ListDeliveryVehicles
                | GetTask
                | ListTasks
                | GetTaskTrackingInfo
        )
    }

    /// The claim that opens it.
    const fn claim(self) -> &'static str {
        use Method::{
            BatchCreateTasks, CreateTask, CreateTrip, DeleteTask, DeleteTrip, GetTask, GetTaskTrackingInfo, GetTrip,
            ListTasks, SearchTrips, UpdateTask, UpdateTrip,
        };
        match self {
            CreateTrip | GetTrip | DeleteTrip | UpdateTrip | SearchTrips => "tripid",
            CreateTask | GetTask | DeleteTask | UpdateTask | ListTasks => "taskid",
            BatchCreateTasks => "taskids",
            GetTaskTrackingInfo => "trackingid",
            _ if self.is_on_demand() => "vehicleid",
            _ => "deliveryvehicleid",
        }
    }

    /// Its name, as the counters have it.
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

/// Whether the role has the permission at all.
const fn role_may(role: Role, method: Method) -> bool {
    use Method::{
        CreateDeliveryVehicle, CreateTask, GetDeliveryVehicle, GetTask, GetTaskTrackingInfo, GetTrip, GetVehicle,
        SearchVehicles, UpdateDeliveryVehicle, UpdateTask, UpdateVehicle, UpdateVehicleAttributes,
    };
    match role {
        Role::OnDemandAdmin => method.is_on_demand(),
        Role::DeliveryAdmin => !method.is_on_demand(),
        Role::Viewer => method.reads(),
        Role::DeliveryFleetReader => method.reads() && !method.is_on_demand(),
        Role::DriverSdkUser => matches!(method, GetVehicle | UpdateVehicle | UpdateVehicleAttributes),
        Role::ConsumerSdkUser => matches!(method, GetTrip | GetVehicle | SearchVehicles),
        Role::DeliveryTrustedDriver => matches!(
            method,
            CreateDeliveryVehicle | GetDeliveryVehicle | UpdateDeliveryVehicle | CreateTask | GetTask | UpdateTask
        ),
        Role::DeliveryUntrustedDriver => matches!(method, GetDeliveryVehicle | UpdateDeliveryVehicle),
        Role::DeliveryConsumer => matches!(method, GetTaskTrackingInfo),
    }
}

/// Allows the call or says `PERMISSION_DENIED`. `id` is the resource's, `None` for methods on the whole collection;
/// `vehicle_of_own_trip` tells whether the vehicle asked for drives the caller's trip.
pub(crate) fn authorize(
    caller: &Caller,
    method: Method,
    id: Option<&str>,
    vehicle_of_own_trip: impl Fn(&str) -> bool,
) -> Result<(), EngineError> {
    if !role_may(caller.role, method) {
        return Err(EngineError::denied(format!("The role {} may not call {method:?}.", caller.role)));
    }
    if caller.role.ignores_claims() {
        return Ok(());
    }
    let claims = &caller.authorization;
    let opened = match (caller.role, method) {
        (Role::ConsumerSdkUser, Method::SearchVehicles) => claims.contains_key("tripid"),
        (Role::ConsumerSdkUser, Method::GetVehicle) => {
            let trip = claims.get("tripid").and_then(Value::as_str);
            covers(claims.get("vehicleid"), id) || trip.is_some_and(vehicle_of_own_trip)
        }
        (Role::DeliveryConsumer, Method::GetTaskTrackingInfo) => {
            claims.len() == 1 && covers(claims.get("trackingid"), id)
        }
        _ => covers(claims.get(method.claim()), id),
    };
    if opened {
        return Ok(());
    }
    Err(EngineError::denied(format!("The JWT's {} claim does not cover the resource.", method.claim())))
}

/// A claim covers its own id, after NFC; only `*` covers a collection.
fn covers(claim: Option<&Value>, id: Option<&str>) -> bool {
    match (claim.and_then(Value::as_str), id) {
        (Some("*"), _) => true,
        (Some(claimed), Some(id)) => claimed.nfc().eq(id.nfc()),
        _ => false,
    }
}
