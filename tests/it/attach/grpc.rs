//! What only gRPC has: an end behind the messages, and requests that stream.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use fleet_engine_proto::v1::vehicle_service_client::VehicleServiceClient;
use fleet_engine_proto::v1::{GetVehicleRequest, Vehicle};
use fleet_token::attach::GrpcTokenLayer;
use fleet_token::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use fleet_token::{AuthTokenFactory, ManualClock};
use fleet_token_backend::Role;
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use tonic::body::Body as TonicBody;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tower_layer::Layer;
use tower_service::Service;

use super::edges::Streaming;
use super::{calls, fetches, fleet};
use crate::end_to_end::vehicle;
use crate::support::{HOUR, SECOND, Script, factory, settle};

/// A server that answers the nth call (from 1) so.
#[derive(Clone)]
struct Server {
    asked: Arc<AtomicUsize>,
    answers: fn(usize) -> Response<TonicBody>,
}

impl Service<Request<TonicBody>> for Server {
    type Response = Response<TonicBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<TonicBody>) -> Self::Future {
        ready(Ok((self.answers)(self.asked.fetch_add(1, Ordering::SeqCst) + 1)))
    }
}

/// A reply with these messages, as bytes, and this code behind them.
fn ended(messages: Bytes, code: Code) -> Response<TonicBody> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(i32::from(code)));
    let body = TonicBody::new(Full::new(messages).with_trailers(ready(Some(Ok(trailers)))));
    Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}

/// An empty message in its frame, which is a vehicle without anything.
const MESSAGE: Bytes = Bytes::from_static(&[0; 5]);
const HERE: &str = "http://127.0.0.1:1";

async fn ask(answers: fn(usize) -> Response<TonicBody>) -> (Result<Vehicle, Status>, usize, AuthTokenFactory) {
    let factory = factory(&ManualClock::default(), &Script::tokens(HOUR));
    let server = Server { asked: Arc::default(), answers };
    let layer = GrpcTokenLayer::new(factory.clone(), &HERE.parse().unwrap()).unwrap();
    let mut client = VehicleServiceClient::new(layer.layer(server.clone()));
    let mut request = tonic::Request::new(GetVehicleRequest::default());
    request.extensions_mut().insert(vehicle());
    let answer = client.get_vehicle(request).await.map(tonic::Response::into_inner);
    (answer, server.asked.load(Ordering::SeqCst), factory)
}

#[tokio::test]
async fn a_refusal_in_the_trailers_of_an_empty_reply_is_one() {
    let (answer, asked, factory) =
        ask(|n| if n == 1 { ended(Bytes::new(), Code::Unauthenticated) } else { ended(MESSAGE, Code::Ok) }).await;
    assert_eq!(answer.unwrap(), Vehicle::default());
    assert_eq!((asked, factory.stats().fetches, factory.stats().rejections), (2, 2, 1));
}

#[tokio::test]
async fn a_refusal_behind_a_message_is_the_caller_s_and_the_token_s() {
    let (answer, asked, factory) = ask(|_| ended(MESSAGE, Code::Unauthenticated)).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!((asked, factory.stats().rejections), (1, 1));
}

#[tokio::test]
async fn a_second_refusal_in_the_trailers_is_the_caller_s_and_the_token_s() {
    let (answer, asked, factory) = ask(|_| ended(Bytes::new(), Code::Unauthenticated)).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!((asked, factory.stats().fetches, factory.stats().rejections), (2, 2, 2));
}

#[tokio::test]
async fn other_ends_in_the_trailers_are_handed_on() {
    for code in [Code::Ok, Code::PermissionDenied, Code::Unavailable] {
        let answers = match code {
            Code::Ok => |_| ended(MESSAGE, Code::Ok),
            Code::PermissionDenied => |_| ended(Bytes::new(), Code::PermissionDenied),
            _ => |_| ended(Bytes::new(), Code::Unavailable),
        };
        let (answer, asked, factory) = ask(answers).await;
        assert_eq!(answer.err().map_or(Code::Ok, |status| status.code()), code);
        assert_eq!((asked, factory.stats().fetches, factory.stats().rejections), (1, 1, 0), "{code:?}");
    }
}

#[tokio::test]
async fn a_proxy_s_401_is_a_refusal_too() {
    let (answer, asked, factory) = ask(|n| {
        let mut reply = ended(MESSAGE, Code::Ok);
        if n == 1 {
            reply = Response::new(TonicBody::new(Full::from("Log in at the proxy")));
            *reply.status_mut() = StatusCode::UNAUTHORIZED;
        }
        reply
    })
    .await;
    assert_eq!(answer.unwrap(), Vehicle::default());
    assert_eq!((asked, factory.stats().rejections), (2, 1));
}

#[tokio::test]
async fn a_request_that_streams_is_sent_once_and_its_token_is_replaced_all_the_same() {
    for streams in [true, false] {
        let world = fleet().await;
        let factory = super::factory(&world);
        factory.token(&vehicle()).await.unwrap();
        world.engine().rotate_role(Role::DriverSdkUser);
        let endpoint = Endpoint::from_shared(world.engine_url()).unwrap();
        let layer = GrpcTokenLayer::new(factory.clone(), endpoint.uri()).unwrap();
        let mut service = layer.layer(endpoint.connect().await.unwrap());
        // `GetVehicleRequest { name }` in its frame: flag, length, field 3 as bytes.
        let name = b"providers/demo/vehicles/v1";
        let frame = Bytes::from([&[0, 0, 0, 0, 28, 0x1a, 26][..], name].concat());
        let body = if streams { TonicBody::new(Streaming::of(frame)) } else { TonicBody::new(Full::new(frame)) };
        let request = Request::post("/maps.fleetengine.v1.VehicleService/GetVehicle")
            .header("content-type", "application/grpc")
            .extension(vehicle())
            .body(body);
        std::future::poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
        let reply = service.call(request.unwrap()).await.unwrap();
        let code = reply.headers().get("grpc-status").map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
        let expected = if streams { (Code::Unauthenticated, 1) } else { (Code::Ok, 2) };
        assert_eq!((code, calls(&world)), expected);
        factory.token(&vehicle()).await.unwrap();
        assert_eq!(fetches(&world), 2, "the refused token was kept");
    }
}

/// A caller that says how long it waits does not care for what.
#[tokio::test]
async fn a_call_waits_for_its_token_no_longer_than_its_own_timeout() {
    let clock = ManualClock::default();
    let factory = factory(&clock, &Script::hanging());
    let server = Server { asked: Arc::default(), answers: |_| ended(MESSAGE, Code::Ok) };
    let layer = GrpcTokenLayer::new(factory, &HERE.parse().unwrap()).unwrap();
    let mut client = VehicleServiceClient::new(layer.layer(server.clone()));
    let mut request = tonic::Request::new(GetVehicleRequest::default());
    request.extensions_mut().insert(vehicle());
    request.set_timeout(2 * SECOND);
    let call = tokio::spawn(async move { client.get_vehicle(request).await });
    settle().await;
    clock.advance(Duration::from_millis(1_999));
    settle().await;
    assert!(!call.is_finished());
    clock.advance(Duration::from_millis(1));
    settle().await;
    assert!(call.is_finished(), "it waits on, for the factory's own deadline");
    // What tonic itself calls it.
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Cancelled);
    assert_eq!(server.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_body_that_is_over_is_not_asked_again() {
    /// Ends at once, without trailers, and may be asked once.
    struct Once(bool);

    impl Body for Once {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            assert!(!std::mem::replace(&mut self.0, true), "asked again after its end");
            Poll::Ready(None)
        }
    }

    let (answer, asked, _) = ask(|_| Response::new(TonicBody::new(Once(false)))).await;
    assert!(answer.is_err());
    assert_eq!(asked, 1);
}

#[tokio::test]
async fn a_client_without_an_origin_of_its_own_goes_where_the_channel_goes() {
    let world = fleet().await;
    let endpoint = Endpoint::from_shared(world.engine_url()).unwrap();
    let layer = GrpcTokenLayer::new(super::factory(&world), endpoint.uri()).unwrap();
    let mut client = VehicleServiceClient::new(layer.layer(endpoint.connect_lazy()));
    let name = "providers/demo/vehicles/v1".to_owned();
    let mut request = tonic::Request::new(GetVehicleRequest { name: name.clone(), ..Default::default() });
    request.extensions_mut().insert(vehicle());
    assert_eq!(client.get_vehicle(request).await.unwrap().into_inner().name, name);
}
