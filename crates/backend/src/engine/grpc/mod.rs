//! The gRPC face of the engine: a message in, one engine call, a message out. Who may do what is decided where it is decided
//! for REST. The routing header that Google's clients send, `x-goog-request-params`, is not looked at, as REST does not.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use fleet_engine_proto::delivery::v1::delivery_service_server::DeliveryServiceServer;
use fleet_engine_proto::v1::trip_service_server::TripServiceServer;
use fleet_engine_proto::v1::vehicle_service_server::VehicleServiceServer;
use tonic::server::NamedService;
use tonic::{Code, Request, Status};

use super::error::EngineError;
use super::{Caller, FleetEngine};
use crate::reply::bearer;

mod delivery;
mod on_demand;
mod translate;

/// The routes of the three services, to stand beside the REST ones on the same port.
pub(crate) fn routes(engine: &Arc<FleetEngine>) -> Router {
    let face = Face { engine: Arc::clone(engine) };
    let router = Router::new()
        .route_service(&every_method::<VehicleServiceServer<Face>>(), VehicleServiceServer::new(face.clone()))
        .route_service(&every_method::<TripServiceServer<Face>>(), TripServiceServer::new(face.clone()));
    router.route_service(&every_method::<DeliveryServiceServer<Face>>(), DeliveryServiceServer::new(face))
}

fn every_method<S: NamedService>() -> String {
    format!("/{}/{{*method}}", S::NAME)
}

/// Whether a request or a reply with these headers is gRPC.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let content = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content.is_some_and(|content| content == "application/grpc" || content.starts_with("application/grpc+"))
}

/// A refusal that is not the engine's own, for an HTTP status: in the headers, as a call has them that was never begun.
pub(crate) fn refusal(http_status: u16, message: &str) -> Response {
    Status::new(code(http_status), message).into_http::<axum::body::Body>().into_response()
}

/// How a call ended, as the counters name it. Success has its status in the trailers, every refusal in the headers.
pub(crate) fn status_name(headers: &HeaderMap) -> &'static str {
    let code = headers.get("grpc-status").map_or(Code::Ok, |value| Code::from_bytes(value.as_bytes()));
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// The code that stands beside that HTTP status in Google's APIs; the counterpart of [`crate::reply::status_name`].
const fn code(http_status: u16) -> Code {
    match http_status {
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        409 => Code::AlreadyExists,
        429 => Code::ResourceExhausted,
        500 => Code::Internal,
        501 => Code::Unimplemented,
        503 => Code::Unavailable,
        504 => Code::DeadlineExceeded,
        _ => Code::Unknown,
    }
}

impl From<EngineError> for Status {
    fn from(error: EngineError) -> Self {
        Self::new(code(error.code), error.message)
    }
}

/// The engine as the three services see it.
#[derive(Clone)]
pub(super) struct Face {
    engine: Arc<FleetEngine>,
}

impl Face {
    /// Checks the call's token, then runs it.
    fn call<Q, A>(
        &self,
        request: Request<Q>,
        run: impl FnOnce(&FleetEngine, &Caller, Q) -> Result<A, EngineError>,
    ) -> Result<tonic::Response<A>, Status> {
        let caller = self.engine.authenticate(bearer(request.metadata().as_ref()))?;
        Ok(tonic::Response::new(run(&self.engine, &caller, request.into_inner())?))
    }
}

/// The provider's id out of `providers/{provider}`.
fn provider(parent: &str) -> Result<&str, EngineError> {
    match parent.split('/').collect::<Vec<_>>()[..] {
        ["providers", provider] => Ok(provider),
        _ => Err(EngineError::invalid("The parent is not of the form providers/{provider}.")),
    }
}

/// The provider's and the resource's id out of `providers/{provider}/{collection}/{id}`.
fn resource<'a>(name: &'a str, collection: &str) -> Result<(&'a str, &'a str), EngineError> {
    match name.split('/').collect::<Vec<_>>()[..] {
        ["providers", provider, found, id] if found == collection => Ok((provider, id)),
        _ => Err(EngineError::invalid(format!(
            "The name is not of the form providers/{{provider}}/{collection}/{{id}}."
        ))),
    }
}
