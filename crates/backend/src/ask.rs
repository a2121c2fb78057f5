//! What a client asked for, and the decision whether this user gets it: least privilege, as a pure function.

use serde::Deserialize;

use crate::claims::TokenKind;
use crate::ids::{IdError, checked_id};
use crate::session::Grant;

/// Google's `FleetEngineServiceType`, as its JavaScript SDK sends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(clippy::enum_variant_names, reason = "Google's names")]
pub(crate) enum ServiceType {
    DeliveryVehicleService,
    TaskService,
    TripService,
    VehicleService,
    #[default]
    UnknownService,
}

/// The context of a token request: the field names of Google's own SDKs. `""` is the same as absent, as bridges turn
/// null into `""`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(clippy::struct_field_names, reason = "Google's names")]
pub(crate) struct Context {
    pub(crate) vehicle_id: Option<String>,
    pub(crate) trip_id: Option<String>,
    pub(crate) delivery_vehicle_id: Option<String>,
    pub(crate) task_id: Option<String>,
    pub(crate) tracking_id: Option<String>,
}

/// One request for a token.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// For the ids of a context.
    For(Context, ServiceType),
    /// A rider's token without naming the trip.
    OwnTrip,
    /// A driver's token without naming the vehicle.
    OwnVehicle,
    /// A kind without ids, for operators and servers.
    Whole(TokenKind),
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denied {
    #[error("{field}: {error}")]
    BadId { field: &'static str, error: IdError },
    #[error("ask for one vehicle, trip, delivery vehicle (with or without a task), task or tracking id")]
    Ambiguous,
    #[error("this session may not have that token")]
    NotYours,
    #[error("this session has no such resource of its own")]
    NothingOfYours,
}

/// Decides which token the user gets.
pub(crate) fn decide(ask: Ask, grant: &Grant) -> Result<TokenKind, Denied> {
    match ask {
        Ask::OwnTrip => only(&grant.trips).map(|trip_id| TokenKind::Consumer { trip_id }),
        Ask::OwnVehicle => own_vehicle(grant),
        Ask::Whole(kind) => {
            let reads = matches!(kind, TokenKind::FleetReader | TokenKind::DeliveryFleetReader);
            let allowed = grant.server || (reads && grant.fleet_reader);
            allowed.then_some(kind).ok_or(Denied::NotYours)
        }
        Ask::For(context, service) => decide_for(context, service, grant),
    }
}

fn decide_for(context: Context, service: ServiceType, grant: &Grant) -> Result<TokenKind, Denied> {
    let vehicle = id("vehicleId", context.vehicle_id)?;
    let trip = id("tripId", context.trip_id)?;
    let delivery_vehicle = id("deliveryVehicleId", context.delivery_vehicle_id)?;
    let task = id("taskId", context.task_id)?;
    let tracking = id("trackingId", context.tracking_id)?;
    let (kind, allowed) = match (vehicle, trip, delivery_vehicle, task, tracking) {
        (None, None, None, None, None) => return decide_for_service(service, grant),
        (Some(vehicle_id), None, None, None, None) if service != ServiceType::DeliveryVehicleService => {
            let allowed = grant.vehicles.contains(&vehicle_id);
            (TokenKind::Driver { vehicle_id }, allowed)
        }
        (None, Some(trip_id), None, None, None) => {
            let allowed = grant.trips.contains(&trip_id);
            (TokenKind::Consumer { trip_id }, allowed)
        }
        // The Driver SDK says `vehicleId` for delivery vehicles too, with the service or the task telling which it is.
        (Some(id), None, None, task, None) | (None, None, Some(id), task, None) => {
            let allowed = grant.delivery_vehicles.contains(&id)
                && task.as_ref().is_none_or(|task| grant.trusted && grant.tasks.contains(task));
            let kind = if grant.trusted || grant.server {
                TokenKind::TrustedDeliveryDriver { delivery_vehicle_id: id, task_id: task }
            } else {
                TokenKind::UntrustedDeliveryDriver { delivery_vehicle_id: id }
            };
            (kind, allowed)
        }
        (None, None, None, Some(task_id), None) => {
            let allowed = grant.trusted && grant.tasks.contains(&task_id);
            (TokenKind::Task { task_id }, allowed)
        }
        (None, None, None, None, Some(tracking_id)) => {
            let allowed = grant.tracking_ids.contains(&tracking_id);
            (TokenKind::DeliveryConsumer { tracking_id }, allowed)
        }
        _ => return Err(Denied::Ambiguous),
    };
    (allowed || grant.server).then_some(kind).ok_or(Denied::NotYours)
}

/// No id at all: the Consumer SDK's vehicle service, or an operator's view.
fn decide_for_service(service: ServiceType, grant: &Grant) -> Result<TokenKind, Denied> {
    match service {
        ServiceType::DeliveryVehicleService | ServiceType::TaskService if grant.fleet_reader => {
            Ok(TokenKind::DeliveryFleetReader)
        }
        ServiceType::DeliveryVehicleService | ServiceType::TaskService => Err(Denied::NotYours),
        _ if grant.fleet_reader => Ok(TokenKind::FleetReader),
        _ => only(&grant.trips).map(|trip_id| TokenKind::Consumer { trip_id }),
    }
}

fn own_vehicle(grant: &Grant) -> Result<TokenKind, Denied> {
    if let Ok(vehicle_id) = only(&grant.vehicles) {
        return Ok(TokenKind::Driver { vehicle_id });
    }
    let delivery_vehicle_id = only(&grant.delivery_vehicles)?;
    Ok(if grant.trusted {
        TokenKind::TrustedDeliveryDriver { delivery_vehicle_id, task_id: None }
    } else {
        TokenKind::UntrustedDeliveryDriver { delivery_vehicle_id }
    })
}

fn only(ids: &std::collections::BTreeSet<String>) -> Result<String, Denied> {
    ids.first().cloned().ok_or(Denied::NothingOfYours)
}

fn id(field: &'static str, raw: Option<String>) -> Result<Option<String>, Denied> {
    match raw {
        Some(raw) if !raw.is_empty() => checked_id(&raw).map(Some).map_err(|error| Denied::BadId { field, error }),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(fields: &[(&str, &str)]) -> Ask {
        let map: serde_json::Map<_, _> = fields.iter().map(|(name, id)| ((*name).to_owned(), (*id).into())).collect();
        Ask::For(serde_json::from_value(map.into()).unwrap(), ServiceType::UnknownService)
    }

    #[test]
    fn everyone_gets_their_own_and_nobody_elses() {
        let delivery = Grant::none().delivery_vehicle("d1");
        let table = [
            (Grant::driver("v1"), "vehicleId", "v1", "v2"),
            (Grant::consumer("t1"), "tripId", "t1", "t2"),
            (delivery.clone(), "deliveryVehicleId", "d1", "d2"),
            (delivery.task("k1"), "taskId", "k1", "k2"),
            (Grant::none().tracking("x1"), "trackingId", "x1", "x2"),
        ];
        for (grant, field, mine, other) in table {
            assert!(decide(ask(&[(field, mine)]), &grant).is_ok(), "{field}");
            assert_eq!(decide(ask(&[(field, other)]), &grant), Err(Denied::NotYours), "{field}");
            assert_eq!(decide(ask(&[(field, mine)]), &Grant::none()), Err(Denied::NotYours), "{field}");
        }
    }

    #[test]
    fn trust_decides_the_delivery_drivers_role() {
        let untrusted = Grant::none().delivery_vehicle("d1");
        let trusted = untrusted.clone().task("k1");
        let plain = ask(&[("deliveryVehicleId", "d1")]);
        let with_task = ask(&[("deliveryVehicleId", "d1"), ("taskId", "k1")]);
        let kind = decide(plain.clone(), &untrusted).unwrap();
        assert!(matches!(kind, TokenKind::UntrustedDeliveryDriver { .. }));
        assert_eq!(decide(with_task.clone(), &untrusted), Err(Denied::NotYours));
        let kind = decide(plain, &trusted).unwrap();
        assert!(matches!(kind, TokenKind::TrustedDeliveryDriver { task_id: None, .. }));
        let kind = decide(with_task, &trusted).unwrap();
        assert!(matches!(kind, TokenKind::TrustedDeliveryDriver { task_id: Some(_), .. }));
    }

    #[test]
    fn two_contexts_in_one_request_are_refused() {
        let grant = Grant::driver("v1").trip("t1");
        assert_eq!(decide(ask(&[("vehicleId", "v1"), ("tripId", "t1")]), &grant), Err(Denied::Ambiguous));
    }

    #[test]
    fn the_wildcard_is_refused_even_to_a_server() {
        for field in ["vehicleId", "tripId", "deliveryVehicleId", "taskId", "trackingId"] {
            let denied = decide(ask(&[(field, "*")]), &Grant::server()).unwrap_err();
            assert_eq!(denied, Denied::BadId { field, error: IdError::Wildcard });
        }
    }

    #[test]
    fn server_kinds_need_the_server_role() {
        let kinds = [
            TokenKind::OnDemandServer,
            TokenKind::DeliveryServer,
            TokenKind::BatchCreate,
            TokenKind::PerDeliveryVehicle,
        ];
        for kind in kinds {
            for grant in [Grant::driver("v"), Grant::fleet_reader(), Grant::none()] {
                assert_eq!(decide(Ask::Whole(kind.clone()), &grant), Err(Denied::NotYours), "{kind:?}");
            }
            assert_eq!(decide(Ask::Whole(kind.clone()), &Grant::server()), Ok(kind));
        }
        assert!(decide(Ask::Whole(TokenKind::FleetReader), &Grant::fleet_reader()).is_ok());
        assert!(decide(Ask::Whole(TokenKind::FleetReader), &Grant::driver("v")).is_err());
    }

    #[test]
    fn a_login_alone_gives_its_own_vehicle_or_trip() {
        assert!(matches!(decide(Ask::OwnVehicle, &Grant::driver("v")), Ok(TokenKind::Driver { .. })));
        assert!(matches!(decide(Ask::OwnTrip, &Grant::consumer("t")), Ok(TokenKind::Consumer { .. })));
        assert_eq!(decide(Ask::OwnTrip, &Grant::driver("v")), Err(Denied::NothingOfYours));
        assert!(matches!(decide(ask(&[]), &Grant::consumer("t")), Ok(TokenKind::Consumer { .. })));
    }
}
