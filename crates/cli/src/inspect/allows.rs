//! What Fleet Engine would let the bearer of a token do, as far as its claims say. The role of the service account that signed
//! it decides, too, and is not in the token.
//!
//! Source: Google's IAM table for Fleet Engine, the page "Issue JSON Web Tokens", and the validation scripts of the
//! `fleetengine-auth` samples.

use crate::claims::Authorization;

/// Methods of one service that one claim opens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) service: &'static str,
    pub(crate) methods: &'static str,
    /// What they may be called on.
    pub(crate) on: String,
}

/// A claim, the service that reads it, what it opens on one resource and what on all of them.
const TABLE: [(&str, &str, &str, &str); 6] = [
    (
        "vehicleid",
        "VehicleService",
        "GetVehicle, UpdateVehicle, UpdateVehicleAttributes",
        "GetVehicle, UpdateVehicle, ListVehicles, SearchVehicles",
    ),
    ("tripid", "TripService", "GetTrip", "GetTrip, SearchTrips, UpdateTrip"),
    (
        "deliveryvehicleid",
        "DeliveryService",
        "GetDeliveryVehicle, UpdateDeliveryVehicle",
        "GetDeliveryVehicle, UpdateDeliveryVehicle, ListDeliveryVehicles",
    ),
    ("taskid", "DeliveryService", "GetTask, CreateTask, UpdateTask", "GetTask, CreateTask, UpdateTask, ListTasks"),
    ("taskids", "DeliveryService", "BatchCreateTasks", "BatchCreateTasks"),
    ("trackingid", "DeliveryService", "GetTaskTrackingInfo", "GetTaskTrackingInfo"),
];

/// What the claims open, claim by claim.
pub(crate) fn by(ids: &Authorization<'_>) -> Vec<Allowed> {
    let mut allowed = Vec::new();
    for (claim, service, one, all) in TABLE {
        let named = ids.ids(claim);
        if named.is_empty() {
            continue;
        }
        let is_all = named.contains(&"*");
        let noun = noun(claim);
        let on = if is_all {
            format!("every {noun}")
        } else {
            format!("{noun} {}", crate::jwt::Jwt::brief(&named.join(", ")))
        };
        allowed.push(Allowed { service, methods: if is_all { all } else { one }, on });
        if claim == "tripid" && !is_all {
            // A rider's token needs no vehicle id for what its trip needs of vehicles.
            let on = "the trip's own vehicle, and vehicles nearby".to_owned();
            allowed.push(Allowed { service: "VehicleService", methods: "GetVehicle, SearchVehicles", on });
        }
    }
    allowed
}

fn noun(claim: &str) -> &'static str {
    match claim {
        "vehicleid" => "vehicle",
        "tripid" => "trip",
        "deliveryvehicleid" => "delivery vehicle",
        "trackingid" => "parcel",
        _ => "task",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn services(authorization: &Value) -> Vec<(&'static str, String)> {
        let claims = json!({ "authorization": authorization });
        let Some(ids) = Authorization::of(&claims) else { return Vec::new() };
        by(&ids).into_iter().map(|allowed| (allowed.service, allowed.on)).collect()
    }

    #[test]
    fn each_claim_opens_its_service() {
        let on = |service, on: &str| (service, on.to_owned());
        assert_eq!(services(&json!({ "vehicleid": "v1" })), [on("VehicleService", "vehicle v1")]);
        assert_eq!(services(&json!({ "vehicleid": "*" })), [on("VehicleService", "every vehicle")]);
        assert_eq!(
            services(&json!({ "tripid": "t1" })),
            [on("TripService", "trip t1"), on("VehicleService", "the trip's own vehicle, and vehicles nearby")]
        );
        assert_eq!(
            services(&json!({ "deliveryvehicleid": "d1", "taskid": "k1" })),
            [on("DeliveryService", "delivery vehicle d1"), on("DeliveryService", "task k1")]
        );
        assert_eq!(services(&json!({ "taskids": ["a", "b"] })), [on("DeliveryService", "task a, b")]);
        assert_eq!(services(&json!({ "trackingid": "x" })), [on("DeliveryService", "parcel x")]);
        assert_eq!(services(&json!({ "other": "x" })), []);
    }

    /// The emulated Fleet Engine knows each method under the same name.
    #[test]
    fn every_method_is_one() {
        let known = [
            "GetVehicle",
            "UpdateVehicle",
            "UpdateVehicleAttributes",
            "ListVehicles",
            "SearchVehicles",
            "GetTrip",
            "SearchTrips",
            "UpdateTrip",
            "GetDeliveryVehicle",
            "UpdateDeliveryVehicle",
            "ListDeliveryVehicles",
            "GetTask",
            "CreateTask",
            "UpdateTask",
            "ListTasks",
            "BatchCreateTasks",
            "GetTaskTrackingInfo",
        ];
        for (claim, _, one, all) in TABLE {
            for method in one.split(", ").chain(all.split(", ")) {
                assert!(known.contains(&method), "{claim}: {method}");
            }
        }
    }
}
