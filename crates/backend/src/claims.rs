//! The kinds of token and the claims of each: pure functions, no clock, no keys.
//!
//! Sources: what Google's `fleetengine-auth` library mints, and Google's page "Issue JSON Web Tokens" for what that
//! library cannot say (`scope` of the delivery fleet reader, the `taskids` array).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::role::Role;

/// The `aud` of every Fleet Engine token, with the slash.
pub const AUDIENCE: &str = "https://fleetengine.googleapis.com/";

/// The `scope` that Google's page puts in delivery fleet reader tokens.
pub const FLEET_READER_SCOPE: &str = "https://www.googleapis.com/auth/xapi";

/// What a token is for. Each kind is signed by one [`Role`] and carries the narrowest claims that do its work.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TokenKind {
    /// A driver's phone, for one vehicle.
    Driver {
        /// The vehicle.
        vehicle_id: String,
    },
    /// A rider's phone, for one trip.
    Consumer {
        /// The trip.
        trip_id: String,
    },
    /// A delivery driver's phone that is not trusted with tasks.
    UntrustedDeliveryDriver {
        /// The delivery vehicle.
        delivery_vehicle_id: String,
    },
    /// A delivery driver's phone that may also update a task.
    TrustedDeliveryDriver {
        /// The delivery vehicle.
        delivery_vehicle_id: String,
        /// The task, when the token is for one.
        task_id: Option<String>,
    },
    /// A trusted driver's token for a task alone, no vehicle.
    Task {
        /// The task.
        task_id: String,
    },
    /// The recipient of a parcel.
    DeliveryConsumer {
        /// The tracking id, the only claim of its token.
        tracking_id: String,
    },
    /// An operator who watches everything, on-demand and delivery.
    FleetReader,
    /// An operator who watches deliveries.
    DeliveryFleetReader,
    /// The app's own backend, on-demand.
    OnDemandServer,
    /// The app's own backend, scheduled tasks.
    DeliveryServer,
    /// The app's own backend, for `BatchCreateTasks` only.
    BatchCreate,
    /// The app's own backend, for the per-delivery-vehicle methods.
    PerDeliveryVehicle,
}

impl TokenKind {
    /// The role whose service account signs it.
    pub const fn role(&self) -> Role {
        match self {
            Self::Driver { .. } => Role::DriverSdkUser,
            Self::Consumer { .. } => Role::ConsumerSdkUser,
            Self::UntrustedDeliveryDriver { .. } => Role::DeliveryUntrustedDriver,
            Self::TrustedDeliveryDriver { .. } | Self::Task { .. } => Role::DeliveryTrustedDriver,
            Self::DeliveryConsumer { .. } => Role::DeliveryConsumer,
            Self::FleetReader => Role::Viewer,
            Self::DeliveryFleetReader => Role::DeliveryFleetReader,
            Self::OnDemandServer => Role::OnDemandAdmin,
            Self::DeliveryServer | Self::BatchCreate | Self::PerDeliveryVehicle => Role::DeliveryAdmin,
        }
    }

    /// Google's name of the kind (`FleetEngineTokenType`), the `tokenType` of the on-demand stub's body.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Driver { .. } => "DRIVER",
            Self::Consumer { .. } => "CONSUMER",
            Self::UntrustedDeliveryDriver { .. } => "UNTRUSTED_DELIVERY_DRIVER",
            Self::TrustedDeliveryDriver { .. } => "TRUSTED_DELIVERY_DRIVER",
            Self::DeliveryConsumer { .. } => "DELIVERY_CONSUMER",
            Self::FleetReader => "FLEET_READER",
            Self::DeliveryFleetReader => "DELIVERY_FLEET_READER",
            Self::OnDemandServer => "SERVER",
            Self::DeliveryServer => "DELIVERY_SERVER",
            Self::Task { .. } | Self::BatchCreate | Self::PerDeliveryVehicle => "CUSTOM",
        }
    }

    /// The kind and its ids in one line, the key of the counters. Holds ids, never a token.
    pub fn key(&self) -> String {
        match self {
            Self::Driver { vehicle_id } => format!("driver vehicle={vehicle_id}"),
            Self::Consumer { trip_id } => format!("consumer trip={trip_id}"),
            Self::UntrustedDeliveryDriver { delivery_vehicle_id } => {
                format!("untrusted_delivery_driver delivery_vehicle={delivery_vehicle_id}")
            }
            Self::TrustedDeliveryDriver { delivery_vehicle_id, task_id: None } => {
                format!("trusted_delivery_driver delivery_vehicle={delivery_vehicle_id}")
            }
            Self::TrustedDeliveryDriver { delivery_vehicle_id, task_id: Some(task) } => {
                format!("trusted_delivery_driver delivery_vehicle={delivery_vehicle_id} task={task}")
            }
            Self::Task { task_id } => format!("task task={task_id}"),
            Self::DeliveryConsumer { tracking_id } => format!("delivery_consumer tracking={tracking_id}"),
            Self::FleetReader => "fleet_reader".into(),
            Self::DeliveryFleetReader => "delivery_fleet_reader".into(),
            Self::OnDemandServer => "server".into(),
            Self::DeliveryServer => "delivery_server".into(),
            Self::BatchCreate => "batch_create".into(),
            Self::PerDeliveryVehicle => "per_delivery_vehicle".into(),
        }
    }

    /// The `authorization` claim.
    pub fn authorization(&self) -> Map<String, Value> {
        let claim = match self {
            Self::Driver { vehicle_id } => json!({ "vehicleid": vehicle_id }),
            Self::Consumer { trip_id } => json!({ "tripid": trip_id }),
            Self::UntrustedDeliveryDriver { delivery_vehicle_id }
            | Self::TrustedDeliveryDriver { delivery_vehicle_id, task_id: None } => {
                json!({ "deliveryvehicleid": delivery_vehicle_id })
            }
            Self::TrustedDeliveryDriver { delivery_vehicle_id, task_id: Some(task_id) } => {
                json!({ "deliveryvehicleid": delivery_vehicle_id, "taskid": task_id })
            }
            Self::Task { task_id } => json!({ "taskid": task_id }),
            Self::DeliveryConsumer { tracking_id } => json!({ "trackingid": tracking_id }),
            Self::FleetReader => json!({
                "tripid": "*", "taskid": "*", "trackingid": "*", "vehicleid": "*", "deliveryvehicleid": "*",
            }),
            Self::DeliveryFleetReader | Self::DeliveryServer => {
                json!({ "taskid": "*", "trackingid": "*", "deliveryvehicleid": "*" })
            }
            Self::OnDemandServer => json!({ "tripid": "*", "vehicleid": "*" }),
            Self::BatchCreate => json!({ "taskids": ["*"] }),
            Self::PerDeliveryVehicle => json!({ "deliveryvehicleid": "*" }),
        };
        match claim {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    /// The `scope` claim, where Google's page has one.
    pub const fn scope(&self) -> Option<&'static str> {
        match self {
            Self::DeliveryFleetReader => Some(FLEET_READER_SCOPE),
            _ => None,
        }
    }

    /// Whether the token opens more than one resource.
    pub fn is_wildcard(&self) -> bool {
        self.authorization().values().any(|value| value == "*" || value == &json!(["*"]))
    }

    /// The vehicle that shape G names beside the token, if the kind has one.
    pub fn vehicle_id(&self) -> Option<&str> {
        match self {
            Self::Driver { vehicle_id } => Some(vehicle_id),
            Self::UntrustedDeliveryDriver { delivery_vehicle_id }
            | Self::TrustedDeliveryDriver { delivery_vehicle_id, .. } => Some(delivery_vehicle_id),
            _ => None,
        }
    }
}

/// The payload of a Fleet Engine JWT, as Google's "Issue JSON Web Tokens" page lists it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The service account's e-mail.
    pub iss: String,
    /// The same e-mail.
    pub sub: String,
    /// [`AUDIENCE`].
    pub aud: String,
    /// When it was issued, in seconds since the epoch.
    pub iat: i64,
    /// When it ends, in seconds since the epoch, at most an hour after `iat`.
    pub exp: i64,
    /// OAuth scope, for delivery fleet readers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// What the bearer may touch. `None` only in a token that someone else made: Fleet Engine refuses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Map<String, Value>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_role_and_its_claims() {
        let id = String::from;
        let all5 = json!({"tripid":"*","taskid":"*","trackingid":"*","vehicleid":"*","deliveryvehicleid":"*"});
        let delivery = json!({"taskid":"*","trackingid":"*","deliveryvehicleid":"*"});
        let table = [
            (TokenKind::Driver { vehicle_id: id("v") }, "driverSdkUser", json!({"vehicleid":"v"})),
            (TokenKind::Consumer { trip_id: id("t") }, "consumerSdkUser", json!({"tripid":"t"})),
            (
                TokenKind::UntrustedDeliveryDriver { delivery_vehicle_id: id("d") },
                "deliveryUntrustedDriver",
                json!({"deliveryvehicleid":"d"}),
            ),
            (
                TokenKind::TrustedDeliveryDriver { delivery_vehicle_id: id("d"), task_id: None },
                "deliveryTrustedDriver",
                json!({"deliveryvehicleid":"d"}),
            ),
            (
                TokenKind::TrustedDeliveryDriver { delivery_vehicle_id: id("d"), task_id: Some(id("k")) },
                "deliveryTrustedDriver",
                json!({"deliveryvehicleid":"d","taskid":"k"}),
            ),
            (TokenKind::Task { task_id: id("k") }, "deliveryTrustedDriver", json!({"taskid":"k"})),
            (TokenKind::DeliveryConsumer { tracking_id: id("x") }, "deliveryConsumer", json!({"trackingid":"x"})),
            (TokenKind::FleetReader, "viewer", all5),
            (TokenKind::DeliveryFleetReader, "deliveryFleetReader", delivery.clone()),
            (TokenKind::OnDemandServer, "ondemandAdmin", json!({"tripid":"*","vehicleid":"*"})),
            (TokenKind::DeliveryServer, "deliveryAdmin", delivery),
            (TokenKind::BatchCreate, "deliveryAdmin", json!({"taskids":["*"]})),
            (TokenKind::PerDeliveryVehicle, "deliveryAdmin", json!({"deliveryvehicleid":"*"})),
        ];
        for (kind, role, claim) in table {
            assert_eq!(kind.role().iam_name(), role, "{kind:?}");
            assert_eq!(Value::Object(kind.authorization()), claim, "{kind:?}");
        }
    }

    #[test]
    fn only_the_delivery_fleet_reader_has_a_scope() {
        assert_eq!(TokenKind::DeliveryFleetReader.scope(), Some(FLEET_READER_SCOPE));
        assert_eq!(TokenKind::FleetReader.scope(), None);
        assert!(TokenKind::BatchCreate.is_wildcard());
        assert!(!TokenKind::Driver { vehicle_id: "a*".into() }.is_wildcard());
    }
}
