//! What the wire does not show: what is done to a request, and what is not.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, poll_fn, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use fleet_token::attach::{AttachError, GrpcTokenLayer, HttpTokenLayer, TokenMiddleware};
use fleet_token::http::header::AUTHORIZATION;
use fleet_token::http::{HeaderMap, Request, Response, StatusCode};
use fleet_token::{AuthTokenFactory, ManualClock, async_trait};
use fleet_token_backend::{Fault, Role};
use http_body::{Body, Frame};
use http_body_util::Empty;
use reqwest_middleware::{ClientBuilder, Middleware, Next, reqwest};
use tower_layer::Layer;
use tower_service::Service;

use super::client::{self, Client, Face, Seen};
use super::{calls, fetches, fleet};
use crate::end_to_end::vehicle;
use crate::secrets::Captured;
use crate::support::{HOUR, Script};

/// Notes the headers of requests; answers them with 200, or passes them on.
#[derive(Clone, Default)]
pub(super) struct Probe(Arc<Mutex<Vec<HeaderMap>>>);

impl Probe {
    /// The `Authorization` of the one request that there was, and whether that is sensitive.
    fn authorization(&self) -> Option<(String, bool)> {
        let seen = self.0.lock().unwrap();
        assert_eq!(seen.len(), 1);
        seen[0].get(AUTHORIZATION).map(|value| (value.to_str().unwrap().to_owned(), value.is_sensitive()))
    }
}

impl<B> Service<Request<B>> for Probe {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.0.lock().unwrap().push(request.headers().clone());
        ready(Ok(Response::new(Empty::new())))
    }
}

#[async_trait]
impl Middleware for Probe {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut fleet_token::http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        self.0.lock().unwrap().push(request.headers().clone());
        next.run(request, extensions).await
    }
}

fn scripted() -> AuthTokenFactory {
    crate::support::factory(&ManualClock::default(), &Script::tokens(HOUR))
}

const HERE: &str = "http://127.0.0.1:1";

/// Sends one request over each face to a probe.
async fn probed(own: Option<&str>) -> [(Face, Probe); 3] {
    let probes = Face::ALL.map(|face| (face, Probe::default()));
    for (face, probe) in &probes {
        let mut request = Request::get(format!("{HERE}/x")).extension(vehicle());
        if let Some(own) = own {
            request = request.header(AUTHORIZATION, own);
        }
        match face {
            Face::Http => {
                let layer = HttpTokenLayer::for_origins(scripted(), [HERE]).unwrap();
                layer.layer(probe.clone()).call(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
            }
            Face::Grpc => {
                let layer = GrpcTokenLayer::new(scripted(), &HERE.parse().unwrap()).unwrap();
                layer.layer(probe.clone()).call(request.body(tonic::body::Body::empty()).unwrap()).await.unwrap();
            }
            Face::Reqwest => {
                let middleware = TokenMiddleware::for_origins(scripted(), [HERE]).unwrap();
                let client = ClientBuilder::new(client::reqwest()).with(middleware).with(probe.clone()).build();
                let mut request = client.get(format!("{HERE}/x")).with_extension(vehicle());
                if let Some(own) = own {
                    request = request.header(AUTHORIZATION, own);
                }
                // Nobody listens there.
                request.send().await.unwrap_err();
            }
        }
    }
    probes
}

#[tokio::test]
async fn the_header_is_marked_sensitive() {
    for (face, probe) in probed(None).await {
        let seen = probe.authorization();
        assert!(seen == Some(("Bearer SECRET-TOKEN-1".to_owned(), true)), "{face:?}");
        assert!(!format!("{:?}", probe.0).contains("SECRET-TOKEN"), "{face:?}");
    }
}

#[tokio::test]
async fn an_authorization_of_the_call_s_own_is_left_alone() {
    for (face, probe) in probed(Some("Basic x")).await {
        // What is there instead may be a token: not to be printed.
        assert!(probe.authorization() == Some(("Basic x".to_owned(), false)), "{face:?}");
    }
}

/// A service that has to be asked whether it is ready, and asked twice, before each call. A clone was not asked. The first
/// call is refused.
struct Strict {
    asked: usize,
    calls: Arc<Mutex<usize>>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { asked: 0, calls: Arc::clone(&self.calls) }
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.asked += 1;
        if self.asked > 1 {
            return Poll::Ready(Ok(()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(std::mem::take(&mut self.asked) > 1, "called before it was ready");
        let mut calls = self.calls.lock().unwrap();
        *calls += 1;
        let status = if *calls == 1 { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        ready(Ok(Response::builder().status(status).body(Empty::new()).unwrap()))
    }
}

#[tokio::test]
async fn the_service_under_a_layer_is_called_when_it_is_ready() {
    for face in [Face::Http, Face::Grpc] {
        let strict = Strict { asked: 0, calls: Arc::default() };
        let calls = Arc::clone(&strict.calls);
        let request = Request::get(format!("{HERE}/x")).extension(vehicle());
        let status = if face == Face::Http {
            let mut service = HttpTokenLayer::for_origins(scripted(), [HERE]).unwrap().layer(strict);
            poll_fn(|cx| Service::<Request<Empty<Bytes>>>::poll_ready(&mut service, cx)).await.unwrap();
            service.call(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap().status()
        } else {
            let mut service = GrpcTokenLayer::new(scripted(), &HERE.parse().unwrap()).unwrap().layer(strict);
            poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
            service.call(request.body(tonic::body::Body::empty()).unwrap()).await.unwrap().status()
        };
        assert_eq!((status, *calls.lock().unwrap()), (StatusCode::OK, 2), "{face:?}");
    }
}

#[tokio::test]
async fn a_url_without_an_origin_goes_nowhere() {
    let probe = Probe::default();
    let mut service = HttpTokenLayer::for_origins(scripted(), [HERE]).unwrap().layer(probe.clone());
    let request = Request::get("/x").extension(vehicle()).body(Empty::<Bytes>::new()).unwrap();
    let error = service.call(request).await.unwrap_err();
    assert!(matches!(error.downcast_ref(), Some(AttachError::OriginNotAllowed { .. })), "{error}");
    assert!(probe.0.lock().unwrap().is_empty());
    // Of tonic's clients it is what the channel is for.
    let mut service = GrpcTokenLayer::new(scripted(), &HERE.parse().unwrap()).unwrap().layer(probe.clone());
    let request = Request::post("/x").extension(vehicle()).body(tonic::body::Body::empty()).unwrap();
    service.call(request).await.unwrap();
    assert!(probe.authorization().is_some());
}

#[tokio::test]
async fn what_is_printed_of_the_layers_is_what_was_configured() {
    let factory = scripted();
    factory.token(&vehicle()).await.unwrap();
    let http = HttpTokenLayer::for_origins(factory.clone(), [HERE]).unwrap();
    let grpc = GrpcTokenLayer::new(factory.clone(), &HERE.parse().unwrap()).unwrap();
    let middleware = TokenMiddleware::for_origins(factory, [HERE]).unwrap();
    let printed = format!("{http:?} {:?} {grpc:?} {:?} {middleware:?}", http.layer(()), grpc.layer(()));
    assert!(printed.contains(HERE) && !printed.contains("SECRET"), "{printed}");
}

/// A body that is not all there when it is first asked for.
pub(super) struct Streaming(VecDeque<Option<Bytes>>);

impl Streaming {
    pub(super) fn of(data: impl Into<Bytes>) -> Self {
        Self([None, Some(data.into())].into())
    }
}

impl Body for Streaming {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.pop_front() {
            Some(None) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Some(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            None => Poll::Ready(None),
        }
    }
}

#[tokio::test]
async fn a_body_that_streams_is_sent_once_and_its_token_is_replaced_all_the_same() {
    for face in [Face::Http, Face::Reqwest] {
        for streams in [true, false] {
            let world = fleet().await;
            let factory = super::factory(&world);
            factory.token(&vehicle()).await.unwrap();
            world.engine().rotate_role(Role::DriverSdkUser);
            let url = format!("{}/v1/providers/demo/vehicles/v1?updateMask=maximumCapacity", world.engine_url());
            let json = r#"{"maximumCapacity":3}"#;
            let status = if face == Face::Http {
                let layer = HttpTokenLayer::for_origins(factory.clone(), [world.engine_url()]).unwrap();
                let executor = hyper_util::rt::TokioExecutor::new();
                let hyper = || hyper_util::client::legacy::Client::builder(executor.clone()).build_http();
                let request = Request::put(url).extension(vehicle());
                if streams {
                    let request = request.body(Streaming::of(json)).unwrap();
                    layer.layer(hyper()).call(request).await.unwrap().status()
                } else {
                    let hyper = hyper_util::client::legacy::Client::builder(executor.clone()).build_http();
                    layer.layer(hyper).call(request.body(json.to_owned()).unwrap()).await.unwrap().status()
                }
            } else {
                let middleware = TokenMiddleware::for_origins(factory.clone(), [world.engine_url()]).unwrap();
                let client = ClientBuilder::new(client::reqwest()).with(middleware).build();
                let body = if streams { reqwest::Body::wrap(Streaming::of(json)) } else { reqwest::Body::from(json) };
                client.put(url).with_extension(vehicle()).body(body).send().await.unwrap().status()
            };
            let capacity = world.engine().state().vehicle("v1").unwrap().maximum_capacity;
            let expected = if streams { (401, None, 1) } else { (200, Some(3), 2) };
            assert_eq!((status.as_u16(), capacity, calls(&world)), expected, "{face:?}");
            assert!(factory.token(&vehicle()).await.is_ok());
            assert_eq!(fetches(&world), 2, "{face:?}: the refused token was kept");
        }
    }
}

#[tokio::test]
async fn nothing_that_is_logged_on_the_way_holds_a_token() {
    let captured = Captured::default();
    // This test's runtime has one thread: h2, hyper and whoever else logs does so here.
    let _logging = captured.everything();
    let mut tokens = Vec::new();
    for face in Face::ALL {
        let world = fleet().await;
        let factory = super::factory(&world);
        let client = Client::new(face, factory.clone(), &world).await;
        tokens.push(factory.token(&vehicle()).await.unwrap().value().to_owned());
        world.engine().rotate_role(Role::DriverSdkUser);
        assert_eq!(client.get("v1", Some(vehicle())).await, Seen::Vehicle);
        tokens.push(factory.token(&vehicle()).await.unwrap().value().to_owned());
    }
    let text = captured.text();
    for from in ["h2::", "hyper_util::client"] {
        assert!(text.contains(from), "nothing of {from} was captured");
    }
    let parts = tokens.iter().flat_map(|token| token.split('.').skip(1));
    assert_eq!(parts.filter(|part| text.contains(part)).count(), 0, "parts of tokens in the output");
    assert!(!text.contains("eyJ") && !text.contains("SECRET-SESSION"));
}

#[tokio::test]
async fn what_is_answered_after_a_redirect_elsewhere_says_nothing_of_the_token() {
    let (world, elsewhere) = (fleet().await, fleet().await);
    let factory = super::factory(&world);
    let client = Client::new(Face::Reqwest, factory.clone(), &world).await;
    let to = format!("{}/v1/providers/demo/vehicles/v1", elsewhere.engine_url());
    world.faults().push("/vehicles/", Fault::redirect(&to));
    assert_eq!(client.get("v1", Some(vehicle())).await, Seen::Unauthenticated);
    assert_eq!(elsewhere.stats().refused_for("no_token"), 1, "it had no token: {:?}", elsewhere.stats());
    assert_eq!((fetches(&world), factory.stats().rejections), (1, 0));
}
