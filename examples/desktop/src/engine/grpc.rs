//! Over gRPC, as Google's own clients do. With their generated code it looks the same.

use fleet_engine_proto::LatLng;
use fleet_engine_proto::v1::trip_service_client::TripServiceClient;
use fleet_engine_proto::v1::vehicle_service_client::VehicleServiceClient;
use fleet_engine_proto::v1::{GetTripRequest, GetVehicleRequest, TerminalLocation};
use fleet_token::AuthToken;
use time::OffsetDateTime;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::{CallError, Point, Trip};
use crate::Result;

/// One connection, shared by all calls.
#[derive(Clone)]
pub(super) struct Client {
    channel: Channel,
    provider: String,
}

impl Client {
    pub(super) fn new(url: &str, provider: &str) -> Result<Self> {
        // Connects with the first call. For Google's own, add tonic's `tls-ring` and `tls-native-roots`.
        let channel = Endpoint::from_shared(url.to_owned())?.connect_lazy();
        Ok(Self { channel, provider: provider.to_owned() })
    }

    pub(super) async fn vehicle(&self, id: &str, token: &AuthToken) -> std::result::Result<Option<Point>, CallError> {
        let name = format!("providers/{}/vehicles/{id}", self.provider);
        let request = authorized(GetVehicleRequest { name, ..Default::default() }, token);
        let vehicle = VehicleServiceClient::new(self.channel.clone()).get_vehicle(request).await.map_err(refused)?;
        Ok(vehicle.into_inner().last_location.and_then(|seen| seen.location).map(point))
    }

    pub(super) async fn trip(&self, id: &str, token: &AuthToken) -> std::result::Result<Trip, CallError> {
        let name = format!("providers/{}/trips/{id}", self.provider);
        let request = authorized(GetTripRequest { name, ..Default::default() }, token);
        let trip = TripServiceClient::new(self.channel.clone()).get_trip(request).await.map_err(refused)?.into_inner();
        let end = |end: Option<TerminalLocation>| end.and_then(|end| end.point).map(point);
        Ok(Trip {
            status: trip.trip_status().as_str_name().to_owned(),
            metres_left: trip.remaining_distance_meters,
            arrives: trip.eta_to_first_waypoint.and_then(|at| OffsetDateTime::from_unix_timestamp(at.seconds).ok()),
            pickup: end(trip.pickup_point),
            dropoff: end(trip.dropoff_point),
            vehicle: trip.vehicle_id,
        })
    }
}

/// The token on the call. The header's value is marked sensitive, so that nothing on the way prints or indexes it.
fn authorized<T>(message: T, token: &AuthToken) -> Request<T> {
    let mut request = Request::new(message);
    if let Ok(mut value) = MetadataValue::try_from(token.authorization_header().as_bytes()) {
        value.set_sensitive(true);
        request.metadata_mut().insert("authorization", value);
    }
    request
}

fn refused(status: Status) -> CallError {
    match status.code() {
        Code::Unauthenticated => CallError::Unauthenticated,
        Code::Unavailable | Code::DeadlineExceeded | Code::Unknown => {
            CallError::Unreachable(status.message().to_owned())
        }
        code => CallError::Refused(format!("{code:?}: {}", status.message())),
    }
}

fn point(at: LatLng) -> Point {
    Point { latitude: at.latitude, longitude: at.longitude }
}
