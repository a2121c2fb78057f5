//! Over gRPC, as Google's own clients do. With their generated code it looks the same.

use fleet_engine_proto::LatLng;
use fleet_engine_proto::v1::trip_service_client::TripServiceClient;
use fleet_engine_proto::v1::vehicle_service_client::VehicleServiceClient;
use fleet_engine_proto::v1::{GetTripRequest, GetVehicleRequest, TerminalLocation};
use fleet_token::attach::{AttachError, GrpcTokenLayer, GrpcTokens};
use fleet_token::{AuthTokenContext, AuthTokenFactory};
use time::OffsetDateTime;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tower_layer::Layer as _;

use super::{CallError, Point, Trip};
use crate::Result;

/// One connection, shared by all calls.
#[derive(Clone)]
pub(crate) struct Client {
    channel: GrpcTokens<Channel>,
    provider: String,
}

impl Client {
    pub(super) fn new(url: &str, provider: &str, factory: AuthTokenFactory) -> Result<Self> {
        // For Google's own, add tonic's `tls-ring` and `tls-native-roots`, and `tls_config` here.
        let endpoint = Endpoint::from_shared(url.to_owned())?;
        // It connects with the first call.
        let channel = GrpcTokenLayer::new(factory, endpoint.uri())?.layer(endpoint.connect_lazy());
        Ok(Self { channel, provider: provider.to_owned() })
    }

    pub(super) async fn vehicle(&self, id: &str) -> std::result::Result<Option<Point>, CallError> {
        let name = format!("providers/{}/vehicles/{id}", self.provider);
        let request = about(AuthTokenContext::vehicle(id), GetVehicleRequest { name, ..Default::default() });
        let vehicle = VehicleServiceClient::new(self.channel.clone())
            .get_vehicle(request)
            .await
            .map_err(|status| failed(&status))?;
        Ok(vehicle.into_inner().last_location.and_then(|seen| seen.location).map(point))
    }

    pub(super) async fn trip(&self, id: &str) -> std::result::Result<Trip, CallError> {
        let name = format!("providers/{}/trips/{id}", self.provider);
        let request = about(AuthTokenContext::trip(id), GetTripRequest { name, ..Default::default() });
        let trip = TripServiceClient::new(self.channel.clone())
            .get_trip(request)
            .await
            .map_err(|status| failed(&status))?
            .into_inner();
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

/// What the layer needs to know of a call.
fn about<T>(context: AuthTokenContext, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(context);
    request
}

fn failed(status: &Status) -> CallError {
    let own = std::error::Error::source(status).and_then(|source| source.downcast_ref::<AttachError>());
    match (own, status.code()) {
        (Some(error), _) => CallError::NoToken(error.to_string()),
        (None, Code::Unauthenticated) => CallError::Unauthenticated,
        (None, Code::Unavailable | Code::DeadlineExceeded | Code::Unknown) => {
            CallError::Unreachable(status.message().to_owned())
        }
        (None, code) => CallError::Refused(format!("{code:?}: {}", status.message())),
    }
}

fn point(at: LatLng) -> Point {
    Point { latitude: at.latitude, longitude: at.longitude }
}
