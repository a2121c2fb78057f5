//! Messages to resources and back. Resources hold times as JSON has them, in RFC 3339, and durations in seconds like `120s`.

use fleet_engine_proto::{LatLng as Point, delivery, v1};
use prost_types::{Duration, Timestamp};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::engine::error::EngineError;
use crate::engine::resource::{
    Attribute, DeliveryVehicle, LatLng, Task, TaskOutcome, TaskState, TaskTrackingInfo, TaskType, TerminalLocation,
    Trip, TripStatus, TripType, Vehicle, VehicleCategory, VehicleLocation, VehicleState, VehicleType,
};
use crate::engine::state::FieldMask;

/// The fields that an update touches; no mask is an empty one.
pub(super) fn mask(mask: Option<&prost_types::FieldMask>) -> FieldMask {
    FieldMask::parse(&mask.map(|mask| mask.paths.join(",")).unwrap_or_default())
}

pub(super) fn attributes_from(sent: Vec<v1::VehicleAttribute>) -> Vec<Attribute> {
    sent.into_iter().map(|sent| Attribute { key: sent.key, value: sent.value }).collect()
}

pub(super) fn attributes_to(held: Vec<Attribute>) -> Vec<v1::VehicleAttribute> {
    held.into_iter().map(|held| v1::VehicleAttribute { key: held.key, value: held.value }).collect()
}

/// proto3 has no other way to say that a number is not set.
fn set(number: i32) -> Option<i32> {
    (number != 0).then_some(number)
}

fn point_from(sent: Point) -> LatLng {
    LatLng { latitude: sent.latitude, longitude: sent.longitude }
}

fn point_to(held: LatLng) -> Point {
    Point { latitude: held.latitude, longitude: held.longitude }
}

fn time_from(sent: Timestamp) -> Result<String, EngineError> {
    let nanos = i128::from(sent.seconds) * 1_000_000_000 + i128::from(sent.nanos);
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).ok_or_else(|| EngineError::invalid("A time is out of range."))
}

/// `None` for what is no time: REST takes any string.
fn time_to(held: &str) -> Option<Timestamp> {
    let time = OffsetDateTime::parse(held, &Rfc3339).ok()?;
    Some(Timestamp { seconds: time.unix_timestamp(), nanos: i32::try_from(time.nanosecond()).ok()? })
}

fn duration_from(sent: Duration) -> String {
    if sent.nanos == 0 {
        return format!("{}s", sent.seconds);
    }
    format!("{}.{:09}s", sent.seconds, sent.nanos.unsigned_abs())
}

/// `None` for what is no duration: REST takes any string.
fn duration_to(held: &str) -> Option<Duration> {
    let (seconds, fraction) = held.strip_suffix('s').map(|number| number.split_once('.').unwrap_or((number, "")))?;
    let nanos = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Some(Duration { seconds: seconds.parse().ok()?, nanos })
}

/// The two APIs have a location of their own each, with the same fields.
macro_rules! location {
    ($message:ty) => {
        impl TryFrom<$message> for VehicleLocation {
            type Error = EngineError;

            fn try_from(sent: $message) -> Result<Self, EngineError> {
                Ok(Self {
                    location: sent.location.map(point_from),
                    heading: sent.heading,
                    speed: sent.speed,
                    update_time: sent.update_time.map(time_from).transpose()?,
                    server_time: sent.server_time.map(time_from).transpose()?,
                })
            }
        }

        impl From<VehicleLocation> for $message {
            fn from(held: VehicleLocation) -> Self {
                Self {
                    location: held.location.map(point_to),
                    heading: held.heading,
                    speed: held.speed,
                    update_time: held.update_time.as_deref().and_then(time_to),
                    server_time: held.server_time.as_deref().and_then(time_to),
                }
            }
        }
    };
}

location!(v1::VehicleLocation);
location!(delivery::v1::DeliveryVehicleLocation);

impl From<v1::TerminalLocation> for TerminalLocation {
    fn from(sent: v1::TerminalLocation) -> Self {
        Self { point: sent.point.map(point_from).unwrap_or_default() }
    }
}

impl From<TerminalLocation> for v1::TerminalLocation {
    fn from(held: TerminalLocation) -> Self {
        Self { point: Some(point_to(held.point)) }
    }
}

impl From<delivery::v1::LocationInfo> for TerminalLocation {
    fn from(sent: delivery::v1::LocationInfo) -> Self {
        Self { point: sent.point.map(point_from).unwrap_or_default() }
    }
}

impl From<TerminalLocation> for delivery::v1::LocationInfo {
    fn from(held: TerminalLocation) -> Self {
        Self { point: Some(point_to(held.point)) }
    }
}

impl TryFrom<v1::Vehicle> for Vehicle {
    type Error = EngineError;

    fn try_from(sent: v1::Vehicle) -> Result<Self, EngineError> {
        let category = |sent: v1::vehicle::VehicleType| VehicleCategory::from_number(sent.category);
        Ok(Self {
            name: sent.name,
            vehicle_state: VehicleState::from_number(sent.vehicle_state),
            supported_trip_types: sent.supported_trip_types.into_iter().map(TripType::from_number).collect(),
            current_trips: sent.current_trips,
            last_location: sent.last_location.map(TryInto::try_into).transpose()?,
            maximum_capacity: set(sent.maximum_capacity),
            attributes: attributes_from(sent.attributes),
            vehicle_type: sent.vehicle_type.map(|sent| VehicleType { category: category(sent) }),
        })
    }
}

impl From<Vehicle> for v1::Vehicle {
    fn from(held: Vehicle) -> Self {
        let category = |held: VehicleType| v1::vehicle::VehicleType { category: held.category.number() };
        Self {
            name: held.name,
            vehicle_state: held.vehicle_state.number(),
            supported_trip_types: held.supported_trip_types.into_iter().map(TripType::number).collect(),
            current_trips: held.current_trips,
            last_location: held.last_location.map(Into::into),
            maximum_capacity: held.maximum_capacity.unwrap_or_default(),
            attributes: attributes_to(held.attributes),
            vehicle_type: held.vehicle_type.map(category),
            ..Self::default()
        }
    }
}

impl TryFrom<v1::Trip> for Trip {
    type Error = EngineError;

    fn try_from(sent: v1::Trip) -> Result<Self, EngineError> {
        Ok(Self {
            name: sent.name,
            vehicle_id: sent.vehicle_id,
            trip_status: TripStatus::from_number(sent.trip_status),
            trip_type: TripType::from_number(sent.trip_type),
            pickup_point: sent.pickup_point.map(Into::into),
            dropoff_point: sent.dropoff_point.map(Into::into),
            number_of_passengers: set(sent.number_of_passengers),
            last_location: sent.last_location.map(TryInto::try_into).transpose()?,
            remaining_distance_meters: sent.remaining_distance_meters,
            eta_to_first_waypoint: sent.eta_to_first_waypoint.map(time_from).transpose()?,
        })
    }
}

impl From<Trip> for v1::Trip {
    fn from(held: Trip) -> Self {
        Self {
            name: held.name,
            vehicle_id: held.vehicle_id,
            trip_status: held.trip_status.number(),
            trip_type: held.trip_type.number(),
            pickup_point: held.pickup_point.map(Into::into),
            dropoff_point: held.dropoff_point.map(Into::into),
            number_of_passengers: held.number_of_passengers.unwrap_or_default(),
            last_location: held.last_location.map(Into::into),
            remaining_distance_meters: held.remaining_distance_meters,
            eta_to_first_waypoint: held.eta_to_first_waypoint.as_deref().and_then(time_to),
            ..Self::default()
        }
    }
}

impl TryFrom<delivery::v1::DeliveryVehicle> for DeliveryVehicle {
    type Error = EngineError;

    fn try_from(sent: delivery::v1::DeliveryVehicle) -> Result<Self, EngineError> {
        let attribute = |sent: delivery::v1::DeliveryVehicleAttribute| Attribute { key: sent.key, value: sent.value };
        Ok(Self {
            name: sent.name,
            last_location: sent.last_location.map(TryInto::try_into).transpose()?,
            remaining_vehicle_journey_segments: sent
                .remaining_vehicle_journey_segments
                .iter()
                .map(segment_from)
                .collect(),
            attributes: sent.attributes.into_iter().map(attribute).collect(),
        })
    }
}

impl From<DeliveryVehicle> for delivery::v1::DeliveryVehicle {
    fn from(held: DeliveryVehicle) -> Self {
        let attribute = |held: Attribute| delivery::v1::DeliveryVehicleAttribute { key: held.key, value: held.value };
        Self {
            name: held.name,
            last_location: held.last_location.map(Into::into),
            remaining_vehicle_journey_segments: held
                .remaining_vehicle_journey_segments
                .iter()
                .map(segment_to)
                .collect(),
            attributes: held.attributes.into_iter().map(attribute).collect(),
        }
    }
}

/// A stop as REST sends it.
fn segment_from(sent: &delivery::v1::VehicleJourneySegment) -> Value {
    let stop = sent.stop.clone().unwrap_or_default();
    let tasks: Vec<_> = stop
        .tasks
        .iter()
        .map(|task| json!({ "taskId": task.task_id, "taskDuration": task.task_duration.map(duration_from) }))
        .collect();
    let point = stop.planned_location.and_then(|location| location.point).map(point_from);
    json!({ "stop": { "plannedLocation": { "point": point }, "tasks": tasks, "state": stop.state().as_str_name() } })
}

/// What REST sent, as far as it is a stop.
fn segment_to(held: &Value) -> delivery::v1::VehicleJourneySegment {
    let stop = &held["stop"];
    let task = |held: &Value| delivery::v1::vehicle_stop::TaskInfo {
        task_id: held["taskId"].as_str().unwrap_or_default().to_owned(),
        task_duration: held["taskDuration"].as_str().and_then(duration_to),
    };
    let point = serde_json::from_value::<Option<LatLng>>(stop["plannedLocation"]["point"].clone()).unwrap_or_default();
    let state = stop["state"].as_str().and_then(delivery::v1::vehicle_stop::State::from_str_name).unwrap_or_default();
    delivery::v1::VehicleJourneySegment {
        stop: Some(delivery::v1::VehicleStop {
            planned_location: point.map(|point| delivery::v1::LocationInfo { point: Some(point_to(point)) }),
            tasks: stop["tasks"].as_array().map(|tasks| tasks.iter().map(task).collect()).unwrap_or_default(),
            state: state.into(),
        }),
    }
}

impl TryFrom<delivery::v1::Task> for Task {
    type Error = EngineError;

    fn try_from(sent: delivery::v1::Task) -> Result<Self, EngineError> {
        Ok(Self {
            task_type: TaskType::from_number(sent.r#type),
            state: TaskState::from_number(sent.state),
            task_outcome: TaskOutcome::from_number(sent.task_outcome),
            name: sent.name,
            tracking_id: sent.tracking_id,
            delivery_vehicle_id: sent.delivery_vehicle_id,
            planned_location: sent.planned_location.map(Into::into),
            task_duration: sent.task_duration.map(duration_from),
        })
    }
}

impl From<Task> for delivery::v1::Task {
    fn from(held: Task) -> Self {
        Self {
            name: held.name,
            r#type: held.task_type.number(),
            state: held.state.number(),
            tracking_id: held.tracking_id,
            delivery_vehicle_id: held.delivery_vehicle_id,
            planned_location: held.planned_location.map(Into::into),
            task_duration: held.task_duration.as_deref().and_then(duration_to),
            task_outcome: held.task_outcome.number(),
        }
    }
}

impl From<TaskTrackingInfo> for delivery::v1::TaskTrackingInfo {
    fn from(held: TaskTrackingInfo) -> Self {
        Self {
            name: held.name,
            tracking_id: held.tracking_id,
            vehicle_location: held.vehicle_location.map(Into::into),
            task_outcome: held.task_outcome.number(),
            planned_location: held.planned_location.map(Into::into),
            state: held.state.number(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations_come_back_as_they_went() {
        for (seconds, nanos) in [(0, 0), (1_700_000_000, 0), (1_700_000_000, 500_000_000), (-1, 999_999_999)] {
            let time = Timestamp { seconds, nanos };
            assert_eq!(time_to(&time_from(time).unwrap()), Some(time));
        }
        assert!(time_from(Timestamp { seconds: i64::MAX, nanos: 0 }).is_err());
        assert_eq!(time_to("yesterday"), None);
        for (seconds, nanos, text) in [(120, 0, "120s"), (1, 500_000_000, "1.500000000s"), (0, 1, "0.000000001s")] {
            let duration = Duration { seconds, nanos };
            assert_eq!(duration_from(duration), text);
            assert_eq!(duration_to(text), Some(duration));
        }
        assert_eq!(duration_to("1.5s"), Some(Duration { seconds: 1, nanos: 500_000_000 }));
        assert_eq!((duration_to("1.5"), duration_to("soon")), (None, None));
    }

    #[test]
    fn the_engine_and_the_proto_number_their_enums_alike() {
        for number in 0..12 {
            let engine = TripStatus::from_number(number);
            let proto = v1::TripStatus::try_from(number).unwrap_or_default();
            assert_eq!((engine.name(), engine.number()), (proto.as_str_name(), proto as i32));
            let engine = VehicleCategory::from_number(number);
            let proto = v1::vehicle::vehicle_type::Category::try_from(number).unwrap_or_default();
            assert_eq!(engine.name(), proto.as_str_name());
            let engine = (VehicleState::from_number(number).name(), TripType::from_number(number).name());
            let proto = (v1::VehicleState::try_from(number), v1::TripType::try_from(number));
            assert_eq!(engine, (proto.0.unwrap_or_default().as_str_name(), proto.1.unwrap_or_default().as_str_name()));
            let engine = (TaskType::from_number(number).name(), TaskState::from_number(number).name());
            let proto = (delivery::v1::task::Type::try_from(number), delivery::v1::task::State::try_from(number));
            assert_eq!(engine, (proto.0.unwrap_or_default().as_str_name(), proto.1.unwrap_or_default().as_str_name()));
            let proto = delivery::v1::task::TaskOutcome::try_from(number).unwrap_or_default();
            assert_eq!(TaskOutcome::from_number(number).name(), proto.as_str_name());
        }
    }

    #[test]
    fn the_stops_of_a_vehicle_are_the_same_over_both_faces() {
        let rest = json!({ "stop": {
            "plannedLocation": { "point": { "latitude": 1.0, "longitude": 2.0 } },
            "tasks": [{ "taskId": "k1", "taskDuration": "120s" }],
            "state": "ENROUTE",
        } });
        assert_eq!(segment_from(&segment_to(&rest)), rest);
        assert_eq!(segment_to(&json!("no stop")).stop, Some(delivery::v1::VehicleStop::default()));
    }
}
