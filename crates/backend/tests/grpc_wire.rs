//! The engine's gRPC face frame by frame, by a client that adds nothing of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod support;

use fleet_token_backend::World;
use http::{HeaderMap, Request};
use support::{driver, mint, world};
use tokio::net::TcpStream;

/// A reply as it was on the wire.
struct Wire {
    status: u16,
    headers: HeaderMap,
    /// `None` where the reply had only headers.
    body: Option<Vec<u8>>,
    trailers: HeaderMap,
}

impl Wire {
    fn code(&self) -> (&str, bool) {
        let in_headers = self.headers.get("grpc-status");
        let value = in_headers.or_else(|| self.trailers.get("grpc-status")).unwrap();
        (value.to_str().unwrap(), in_headers.is_some())
    }
}

/// `GetVehicleRequest { name }` in its frame: flag, length, field 3 as bytes.
fn get_vehicle(name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    [&[0, 0, 0, 0, length + 2, 0x1a, length][..], name.as_bytes()].concat()
}

async fn post(world: &World, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Wire {
    let host = world.engine_url().replace("http://", "");
    let tcp = TcpStream::connect(&host).await.unwrap();
    let (client, connection) = h2::client::handshake(tcp).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let mut request = Request::post(format!("http://{host}{path}")).header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (reply, mut sending) = client.send_request(request.body(()).unwrap(), false).unwrap();
    sending.send_data(body.into(), true).unwrap();
    let (head, mut receiving) = reply.await.unwrap().into_parts();
    let headers_only = receiving.is_end_stream();
    let mut read = Vec::new();
    while let Some(chunk) = receiving.data().await {
        let chunk = chunk.unwrap();
        receiving.flow_control().release_capacity(chunk.len()).unwrap();
        read.extend_from_slice(&chunk);
    }
    let trailers = receiving.trailers().await.unwrap().unwrap_or_default();
    connection.abort();
    Wire { status: head.status.as_u16(), headers: head.headers, body: (!headers_only).then_some(read), trailers }
}

const GET_VEHICLE: &str = "/maps.fleetengine.v1.VehicleService/GetVehicle";

#[tokio::test]
async fn the_routing_header_is_tolerated_in_every_form() {
    let world = world().await;
    let bearer = format!("Bearer {}", mint(&world, driver("v1")).jwt);
    for routing in [Some("provider_id=providers%2Fdemo"), Some("provider_id=providers/demo"), Some(""), None] {
        let mut headers = vec![("content-type", "application/grpc"), ("authorization", bearer.as_str())];
        headers.extend(routing.map(|routing| ("x-goog-request-params", routing)));
        let wire = post(&world, GET_VEHICLE, &headers, get_vehicle("providers/demo/vehicles/v1")).await;
        assert_eq!((wire.status, wire.code()), (200, ("0", false)), "{routing:?}");
        assert_eq!(wire.headers["content-type"], "application/grpc");
        let body = wire.body.unwrap();
        assert_eq!(body[0], 0, "not compressed");
        assert_eq!(u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize, body.len() - 5);
        assert!(body[5..].starts_with(b"\x0a\x1aproviders/demo/vehicles/v1\x10\x02"), "{body:?}");
    }
}

#[tokio::test]
async fn a_refusal_is_a_200_with_headers_only() {
    let world = world().await;
    let sub_type = [("content-type", "application/grpc+proto"), ("authorization", "bearer garbage")];
    let wire = post(&world, GET_VEHICLE, &sub_type, get_vehicle("providers/demo/vehicles/v1")).await;
    assert_eq!((wire.status, wire.code()), (200, ("16", true)));
    assert!(wire.body.is_none());
    assert_eq!(wire.headers["grpc-message"], "The%20bearer%20is%20not%20a%20JWT%20that%20can%20be%20read.");
    assert!(wire.headers.contains_key("date"));
}

#[tokio::test]
async fn what_no_service_has_is_unimplemented_to_grpc_and_not_found_to_rest() {
    let world = world().await;
    let grpc = [("content-type", "application/grpc")];
    for path in ["/maps.fleetengine.v1.VehicleService/UpdateVehicleLocation", "/grpc.health.v1.Health/Check", "/"] {
        let wire = post(&world, path, &grpc, vec![0; 5]).await;
        assert_eq!((wire.status, wire.code()), (200, ("12", true)), "{path}");
    }
    let wire = post(&world, "/grpc.health.v1.Health/Check", &[("content-type", "application/json")], Vec::new()).await;
    assert_eq!((wire.status, wire.headers.contains_key("grpc-status")), (404, false));
}

#[tokio::test]
async fn rest_over_http2_is_rest() {
    let world = world().await;
    let json = [("content-type", "application/json")];
    let wire = post(&world, "/v1/providers/demo/vehicles:search", &json, b"{}".to_vec()).await;
    let body = String::from_utf8(wire.body.unwrap()).unwrap();
    assert_eq!(wire.status, 401);
    assert!(body.contains("\"UNAUTHENTICATED\""), "{body}");
}
