//! One client over each face, so that the promises are tested once for all three.

use std::error::Error;

use bytes::Bytes;
use fleet_engine_proto::v1::GetVehicleRequest;
use fleet_engine_proto::v1::vehicle_service_client::VehicleServiceClient;
use fleet_token::attach::{
    AttachError, GrpcTokenLayer, GrpcTokens, HttpTokenLayer, HttpTokens, ReplayBody, TokenMiddleware,
};
use fleet_token::http::{Request, StatusCode, Uri};
use fleet_token::{AuthTokenContext, AuthTokenFactory};
use fleet_token_backend::World;
use http_body_util::Empty;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tower_layer::Layer;
use tower_service::Service;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    Http,
    Grpc,
    Reqwest,
}

impl Face {
    pub(super) const ALL: [Self; 3] = [Self::Http, Self::Grpc, Self::Reqwest];

    /// What the path of [`Client::get`] holds, for a fault to meet it.
    pub(super) fn get_path(self) -> &'static str {
        if self == Self::Grpc { "/GetVehicle" } else { "/vehicles/" }
    }
}

/// What came of a call.
#[derive(Debug)]
pub(super) enum Seen {
    Vehicle,
    Unauthenticated,
    Denied,
    Attach(AttachError),
    #[allow(dead_code, reason = "printed when an assertion fails")]
    Other(String),
}

impl PartialEq for Seen {
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

type Hyper = legacy::Client<HttpConnector, ReplayBody<Empty<Bytes>>>;

#[derive(Clone)]
enum Wire {
    Http(Box<HttpTokens<Hyper>>),
    Grpc(GrpcTokens<Channel>),
    Reqwest(ClientWithMiddleware),
}

#[derive(Clone)]
pub(super) struct Client {
    wire: Wire,
    base: String,
}

impl Client {
    /// A client whose tokens are for this world's engine.
    pub(super) async fn new(face: Face, factory: AuthTokenFactory, world: &World) -> Self {
        let base = world.engine_url();
        let wire = match face {
            Face::Http => {
                let client = legacy::Client::builder(TokioExecutor::new()).build_http();
                Wire::Http(Box::new(HttpTokenLayer::for_origins(factory, [&base]).unwrap().layer(client)))
            }
            Face::Grpc => {
                let endpoint = Endpoint::from_shared(base.clone()).unwrap();
                let channel = endpoint.connect().await.unwrap();
                Wire::Grpc(GrpcTokenLayer::new(factory, endpoint.uri()).unwrap().layer(channel))
            }
            Face::Reqwest => {
                let middleware = TokenMiddleware::for_origins(factory, [&base]).unwrap();
                Wire::Reqwest(ClientBuilder::new(reqwest()).with(middleware).build())
            }
        };
        Self { wire, base }
    }

    /// The same client, with its calls going elsewhere.
    pub(super) fn aimed_at(self, elsewhere: &World) -> Self {
        Self { base: elsewhere.engine_url(), ..self }
    }

    /// Reads a vehicle.
    pub(super) async fn get(&self, id: &str, context: Option<AuthTokenContext>) -> Seen {
        let url = format!("{}/v1/providers/demo/vehicles/{id}", self.base);
        match self.wire.clone() {
            Wire::Http(mut client) => {
                let mut request = Request::get(url).body(Empty::new()).unwrap();
                request.extensions_mut().extend(context.into_extensions());
                match client.call(request).await {
                    Ok(reply) => of_status(reply.status()),
                    Err(error) => of_error(&*error),
                }
            }
            Wire::Grpc(channel) => {
                let mut client = VehicleServiceClient::with_origin(channel, self.base.parse::<Uri>().unwrap());
                let name = format!("providers/demo/vehicles/{id}");
                let mut request = tonic::Request::new(GetVehicleRequest { name, ..Default::default() });
                request.extensions_mut().extend(context.into_extensions());
                match client.get_vehicle(request).await {
                    Ok(_) => Seen::Vehicle,
                    Err(status) => of_tonic(&status),
                }
            }
            Wire::Reqwest(client) => {
                let mut request = client.get(url);
                request.extensions().extend(context.into_extensions());
                match request.send().await {
                    Ok(reply) => of_status(reply.status()),
                    Err(reqwest_middleware::Error::Middleware(error)) => of_error(&*error),
                    Err(error) => Seen::Other(error.to_string()),
                }
            }
        }
    }
}

/// A client without TLS, which needs cryptography to be named.
pub(super) fn reqwest() -> reqwest_middleware::reqwest::Client {
    use fleet_token::rustls::{ClientConfig, RootCertStore, crypto};
    let tls = ClientConfig::builder_with_provider(crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    reqwest_middleware::reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build().unwrap()
}

trait IntoExtensions {
    fn into_extensions(self) -> fleet_token::http::Extensions;
}

impl IntoExtensions for Option<AuthTokenContext> {
    fn into_extensions(self) -> fleet_token::http::Extensions {
        let mut extensions = fleet_token::http::Extensions::new();
        if let Some(context) = self {
            extensions.insert(context);
        }
        extensions
    }
}

fn of_status(status: StatusCode) -> Seen {
    match status {
        StatusCode::OK => Seen::Vehicle,
        StatusCode::UNAUTHORIZED => Seen::Unauthenticated,
        StatusCode::FORBIDDEN => Seen::Denied,
        other => Seen::Other(other.to_string()),
    }
}

fn of_error(error: &(dyn Error + 'static)) -> Seen {
    match error.downcast_ref::<AttachError>() {
        Some(attach) => Seen::Attach(attach.clone()),
        None => Seen::Other(error.to_string()),
    }
}

pub(super) fn of_tonic(status: &tonic::Status) -> Seen {
    match (status.source().map(of_error), status.code()) {
        (Some(seen @ Seen::Attach(_)), _) => seen,
        (_, Code::Unauthenticated) => Seen::Unauthenticated,
        (_, Code::PermissionDenied) => Seen::Denied,
        (_, other) => Seen::Other(format!("{other:?}: {}", status.message())),
    }
}
