//! Fleet Engine's resources: the few fields that a demo and a test need, under Google's names.
//!
//! Source: `google/maps/fleetengine/v1/*.proto` and `google/maps/fleetengine/delivery/v1/*.proto`. Fields that are not
//! here are read and forgotten. Enums are read as names and as numbers, as Google's clients send both.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

macro_rules! google_enum {
    ($(#[$meta:meta])* $name:ident { $first:ident = $first_text:literal, $($variant:ident = $number:literal $text:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            #[doc = concat!("`", $first_text, "`")]
            #[default]
            $first,
            $(#[doc = concat!("`", $text, "`")] $variant,)*
        }

        impl $name {
            /// Its name in the proto.
            pub const fn name(self) -> &'static str {
                match self { Self::$first => $first_text, $(Self::$variant => $text,)* }
            }

            /// Its number in the proto.
            pub const fn number(self) -> i32 {
                match self { Self::$first => 0, $(Self::$variant => $number,)* }
            }

            /// The value of that number; the first one for a number that is not here, as proto3 reads them.
            pub const fn from_number(number: i32) -> Self {
                match number { $($number => Self::$variant,)* _ => Self::$first }
            }

            /// The value of that name or number.
            fn from_json(value: &Value) -> Option<Self> {
                match value {
                    Value::String(name) if name == $first_text => Some(Self::$first),
                    $(Value::String(name) if name == $text => Some(Self::$variant),)*
                    Value::Number(number) if number.as_i64() == Some(0) => Some(Self::$first),
                    $(Value::Number(number) if number.as_i64() == Some($number) => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = Value::deserialize(deserializer)?;
                Self::from_json(&value).ok_or_else(|| {
                    serde::de::Error::custom(concat!("no value of ", stringify!($name)))
                })
            }
        }
    };
}

google_enum!(
    /// Whether a vehicle takes trips.
    VehicleState { Unknown = "UNKNOWN_VEHICLE_STATE", Offline = 1 "OFFLINE", Online = 2 "ONLINE" }
);
google_enum!(
    /// Whether a trip is shared.
    TripType { Unknown = "UNKNOWN_TRIP_TYPE", Shared = 1 "SHARED", Exclusive = 2 "EXCLUSIVE" }
);
google_enum!(
    /// How far a trip is.
    TripStatus {
        Unknown = "UNKNOWN_TRIP_STATUS",
        New = 1 "NEW",
        EnrouteToPickup = 2 "ENROUTE_TO_PICKUP",
        ArrivedAtPickup = 3 "ARRIVED_AT_PICKUP",
        EnrouteToDropoff = 4 "ENROUTE_TO_DROPOFF",
        Complete = 5 "COMPLETE",
        Canceled = 6 "CANCELED",
        ArrivedAtIntermediateDestination = 7 "ARRIVED_AT_INTERMEDIATE_DESTINATION",
        EnrouteToIntermediateDestination = 8 "ENROUTE_TO_INTERMEDIATE_DESTINATION",
    }
);
google_enum!(
    /// What a vehicle is.
    VehicleCategory {
        Unknown = "UNKNOWN",
        Auto = 1 "AUTO",
        Taxi = 2 "TAXI",
        Truck = 3 "TRUCK",
        TwoWheeler = 4 "TWO_WHEELER",
        Bicycle = 5 "BICYCLE",
        Pedestrian = 6 "PEDESTRIAN",
    }
);
google_enum!(
    /// What a task is.
    TaskType {
        Unspecified = "TYPE_UNSPECIFIED",
        Pickup = 1 "PICKUP",
        Delivery = 2 "DELIVERY",
        ScheduledStop = 3 "SCHEDULED_STOP",
        Unavailable = 4 "UNAVAILABLE",
    }
);
google_enum!(
    /// Whether a task is still to be done.
    TaskState { Unspecified = "STATE_UNSPECIFIED", Open = 1 "OPEN", Closed = 2 "CLOSED" }
);
google_enum!(
    /// How a task ended.
    TaskOutcome { Unspecified = "TASK_OUTCOME_UNSPECIFIED", Succeeded = 1 "SUCCEEDED", Failed = 2 "FAILED" }
);

/// A point in degrees (`google.type.LatLng`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LatLng {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
}

/// Where a vehicle was last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VehicleLocation {
    /// The point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<LatLng>,
    /// Degrees from north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heading: Option<i32>,
    /// Metres a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// When the vehicle says it was there, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_time: Option<String>,
    /// When the engine heard of it, RFC 3339; set by the engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_time: Option<String>,
}

/// A key and a value that the app attaches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attribute {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// What a vehicle is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VehicleType {
    /// Its category.
    pub category: VehicleCategory,
}

/// An end of a trip or the place of a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TerminalLocation {
    /// The point.
    pub point: LatLng,
}

/// An on-demand vehicle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Vehicle {
    /// `providers/{p}/vehicles/{v}`; set by the engine.
    pub name: String,
    /// Whether it takes trips.
    pub vehicle_state: VehicleState,
    /// Which trips it takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_trip_types: Vec<TripType>,
    /// The trips it drives; set by the engine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub current_trips: Vec<String>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_location: Option<VehicleLocation>,
    /// Passengers without the driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_capacity: Option<i32>,
    /// What the app attaches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle_type: Option<VehicleType>,
}

/// An on-demand trip.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trip {
    /// `providers/{p}/trips/{t}`; set by the engine.
    pub name: String,
    /// The vehicle that drives it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vehicle_id: String,
    /// How far it is.
    pub trip_status: TripStatus,
    /// Whether it is shared.
    pub trip_type: TripType,
    /// Where it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pickup_point: Option<TerminalLocation>,
    /// Where it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropoff_point: Option<TerminalLocation>,
    /// Passengers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_of_passengers: Option<i32>,
    /// Where its vehicle is; set by the engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_location: Option<VehicleLocation>,
    /// Metres to the next of its ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_distance_meters: Option<i32>,
    /// When the vehicle will be there, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta_to_first_waypoint: Option<String>,
}

/// A delivery vehicle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeliveryVehicle {
    /// `providers/{p}/deliveryVehicles/{v}`; set by the engine.
    pub name: String,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_location: Option<VehicleLocation>,
    /// Its stops to come, kept as they were sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remaining_vehicle_journey_segments: Vec<Value>,
    /// What the app attaches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
}

/// A delivery task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Task {
    /// `providers/{p}/tasks/{t}`; set by the engine.
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    pub task_type: TaskType,
    /// Whether it is still to be done.
    pub state: TaskState,
    /// How it ended.
    pub task_outcome: TaskOutcome,
    /// The parcel.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tracking_id: String,
    /// The vehicle that has it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub delivery_vehicle_id: String,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned_location: Option<TerminalLocation>,
    /// How long it takes, like `120s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_duration: Option<String>,
}

/// What the recipient of a parcel may see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskTrackingInfo {
    /// `providers/{p}/taskTrackingInfo/{trackingId}`.
    pub name: String,
    /// The parcel.
    pub tracking_id: String,
    /// Where its vehicle is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vehicle_location: Option<VehicleLocation>,
    /// Whether it is still to come.
    pub state: TaskState,
    /// How it ended.
    pub task_outcome: TaskOutcome,
    /// Where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned_location: Option<TerminalLocation>,
}

/// Writes the enums of a resource as numbers, as `$alt=json;enum-encoding=int` asks.
pub(crate) fn enums_as_numbers(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(enums_as_numbers),
        Value::Object(fields) => {
            for (field, value) in fields {
                match value {
                    Value::Array(items) => {
                        for item in items {
                            match number_of(field, item) {
                                Some(number) => *item = number.into(),
                                None => enums_as_numbers(item),
                            }
                        }
                    }
                    _ => match number_of(field, value) {
                        Some(number) => *value = number.into(),
                        None => enums_as_numbers(value),
                    },
                }
            }
        }
        _ => {}
    }
}

fn number_of(field: &str, value: &Value) -> Option<i32> {
    if !value.is_string() {
        return None;
    }
    match field {
        "vehicleState" => VehicleState::from_json(value).map(VehicleState::number),
        "supportedTripTypes" | "tripType" => TripType::from_json(value).map(TripType::number),
        "tripStatus" => TripStatus::from_json(value).map(TripStatus::number),
        "category" => VehicleCategory::from_json(value).map(VehicleCategory::number),
        "type" => TaskType::from_json(value).map(TaskType::number),
        "state" => TaskState::from_json(value).map(TaskState::number),
        "taskOutcome" => TaskOutcome::from_json(value).map(TaskOutcome::number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn enums_are_read_as_names_and_numbers_and_written_as_asked() {
        let named: Vehicle =
            serde_json::from_value(json!({"vehicleState": "ONLINE", "supportedTripTypes": ["EXCLUSIVE"]})).unwrap();
        let numbered: Vehicle =
            serde_json::from_value(json!({"vehicleState": 2, "supportedTripTypes": [2], "unknownField": 1})).unwrap();
        assert_eq!(named, numbered);
        let mut value = serde_json::to_value(named).unwrap();
        assert_eq!(value["vehicleState"], "ONLINE");
        enums_as_numbers(&mut value);
        assert_eq!((&value["vehicleState"], &value["supportedTripTypes"]), (&json!(2), &json!([2])));
        assert!(serde_json::from_value::<Vehicle>(json!({"vehicleState": "FLYING"})).is_err());
    }
}
