//! Fleet Engine's gRPC services, `maps.fleetengine.v1` and `maps.fleetengine.delivery.v1`: clients, server traits and messages.
//!
//! Wire-compatible with Google's own definitions, and much smaller: every method, and of the messages those fields that a
//! tracking client, a driver and the emulated Fleet Engine need. Fields that are not here are skipped when they arrive.
//!
//! ```
//! use fleet_engine_proto::v1::{GetTripRequest, TripStatus};
//!
//! let request = GetTripRequest { name: "providers/demo/trips/trip_1".into(), ..Default::default() };
//! assert_eq!(TripStatus::EnrouteToPickup.as_str_name(), "ENROUTE_TO_PICKUP");
//! # drop(request);
//! ```
//!
//! A client takes any channel: `TripServiceClient::new(channel)`, with a tonic `Channel` or with layers around it.

#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated")]
mod services {
    include!(concat!(env!("OUT_DIR"), "/services.rs"));
}

pub use services::google::r#type::LatLng;
pub use services::maps::fleetengine::{delivery, v1};

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;

    /// `fleetengine_v1.Vehicle.serialize` of Google's Python client 0.6.1. Of its fields the licence plate, the navigation
    /// status, the device settings, and in the location the sensor and the snapping are not here.
    const GOOGLES_VEHICLE: &[u8] =
        b"\x0a\x01n\x10\x02\x1a\x02\x01\x02\x2a\x1d\x0a\x12\x09\0\0\0\0\0\0\xf8\x3f\x11\0\0\0\0\0\0\0\xc0\
        \x12\0\x58\x64\xda\x01\x02\x08\x01\x30\x03\x52\x07\x0a\x02US\x12\x014\xd0\x01\x03\xda\x01\x02\x10\x01";

    #[test]
    fn what_google_writes_is_read_and_the_fields_that_are_not_here_are_skipped() {
        let vehicle = v1::Vehicle::decode(GOOGLES_VEHICLE).unwrap();
        let location = v1::VehicleLocation {
            location: Some(LatLng { latitude: 1.5, longitude: -2.0 }),
            heading: Some(0),
            ..Default::default()
        };
        let expected = v1::Vehicle {
            name: "n".into(),
            vehicle_state: v1::VehicleState::Online.into(),
            supported_trip_types: vec![v1::TripType::Shared.into(), v1::TripType::Exclusive.into()],
            maximum_capacity: 3,
            last_location: Some(location),
            ..Default::default()
        };
        assert_eq!(vehicle, expected);
    }
}
