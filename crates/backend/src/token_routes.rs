//! The token backend's face: request → session → decision → token → body in the wanted shape.

use std::sync::Arc;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;

use crate::ask::{Ask, Context, Denied, ServiceType, decide};
use crate::claims::TokenKind;
use crate::clock::ServerClock;
use crate::fault::FaultKind;
use crate::mint::{Minted, Minter, Tamper};
use crate::reply::{bearer, google_error, status_name};
use crate::session::Sessions;
use crate::shape::{Distortion, Shape, body};

/// What the routes need.
#[derive(Clone)]
pub(crate) struct TokenService {
    pub(crate) minter: Minter,
    pub(crate) sessions: Sessions,
    pub(crate) clock: ServerClock,
    /// Overrides each route's own shape; `?shape=` overrides both.
    pub(crate) default_shape: Option<Shape>,
}

type Service = State<Arc<TokenService>>;
type OneId = Result<Path<String>, PathRejection>;

/// The query that every route takes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    shape: Option<String>,
}

/// The body of `POST /token`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Posted {
    context: Context,
    service_type: ServiceType,
}

/// The query of `/api/fleet-engine/token`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Queried {
    vehicle_id: Option<String>,
    trip_id: Option<String>,
    delivery_vehicle_id: Option<String>,
    task_id: Option<String>,
    tracking_id: Option<String>,
    service_type: ServiceType,
}

pub(crate) fn routes(service: TokenService) -> Router {
    Router::new()
        .route("/token", post(posted))
        .route("/api/fleet-engine/token", get(queried))
        .route("/fleetEngine/driverToken", whole(|| Ask::OwnVehicle, Shape::G))
        .route("/token/driver/{vehicleId}", one(|id| Context { vehicle_id: id, ..Context::default() }, Shape::A))
        .route("/token/consumer/{tripId}", one(|id| Context { trip_id: id, ..Context::default() }, Shape::A))
        .route("/token/consumer", whole(|| Ask::OwnTrip, Shape::A))
        .route("/token/server", whole(|| Ask::Whole(TokenKind::OnDemandServer), Shape::A))
        .route(
            "/token/delivery_driver/{vehicleId}",
            one(|id| Context { delivery_vehicle_id: id, ..Context::default() }, Shape::B),
        )
        .route("/token/delivery_driver/{vehicleId}/{taskId}", get(driver_with_task))
        .route(
            "/token/delivery_consumer/{trackingId}",
            one(|id| Context { tracking_id: id, ..Context::default() }, Shape::B),
        )
        .route("/token/task/{taskId}", one(|id| Context { task_id: id, ..Context::default() }, Shape::B))
        .route("/token/fleet_reader", whole(|| Ask::Whole(TokenKind::DeliveryFleetReader), Shape::B))
        .route("/token/fleet_reader/all", whole(|| Ask::Whole(TokenKind::FleetReader), Shape::B))
        .route("/token/delivery_server", whole(|| Ask::Whole(TokenKind::DeliveryServer), Shape::B))
        .route("/token/batch_create", whole(|| Ask::Whole(TokenKind::BatchCreate), Shape::B))
        .route("/token/per_delivery_vehicle", whole(|| Ask::Whole(TokenKind::PerDeliveryVehicle), Shape::B))
        .fallback(async || refuse(404, "no such route"))
        .method_not_allowed_fallback(async || refuse(405, "this route does not take that method"))
        .with_state(Arc::new(service))
}

/// A route whose path ends in one id.
fn one(context: fn(Option<String>) -> Context, shape: Shape) -> axum::routing::MethodRouter<Arc<TokenService>> {
    get(
        async move |service: Service,
                    fault: Option<Extension<FaultKind>>,
                    wanted: Result<Query<Wanted>, QueryRejection>,
                    headers: HeaderMap,
                    id: OneId| {
            let Ok(Path(id)) = id else { return refuse(400, "the id is not valid UTF-8") };
            let ask = Ask::For(context(Some(id)), ServiceType::default());
            answer(service, ask, shape, wanted, &headers, fault).await
        },
    )
}

/// A route without ids.
fn whole(ask: fn() -> Ask, shape: Shape) -> axum::routing::MethodRouter<Arc<TokenService>> {
    get(
        async move |service: Service,
                    fault: Option<Extension<FaultKind>>,
                    wanted: Result<Query<Wanted>, QueryRejection>,
                    headers: HeaderMap| { answer(service, ask(), shape, wanted, &headers, fault).await },
    )
}

async fn driver_with_task(
    service: Service,
    fault: Option<Extension<FaultKind>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    headers: HeaderMap,
    ids: Result<Path<(String, String)>, PathRejection>,
) -> Response {
    let Ok(Path((vehicle, task))) = ids else { return refuse(400, "an id is not valid UTF-8") };
    let context = Context { delivery_vehicle_id: Some(vehicle), task_id: Some(task), ..Context::default() };
    answer(service, Ask::For(context, ServiceType::default()), Shape::B, wanted, &headers, fault).await
}

async fn queried(
    service: Service,
    fault: Option<Extension<FaultKind>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    query: Result<Query<Queried>, QueryRejection>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Response {
    // Form decoding replaces what is not UTF-8, which would make one id of many.
    let raw = raw.unwrap_or_default();
    if percent_encoding::percent_decode_str(&raw).decode_utf8().is_err() {
        return refuse(400, "the query is not valid UTF-8");
    }
    let Ok(Query(query)) = query else { return refuse(400, "the query is not a token context") };
    let context = Context {
        vehicle_id: query.vehicle_id,
        trip_id: query.trip_id,
        delivery_vehicle_id: query.delivery_vehicle_id,
        task_id: query.task_id,
        tracking_id: query.tracking_id,
    };
    answer(service, Ask::For(context, query.service_type), Shape::F, wanted, &headers, fault).await
}

async fn posted(
    service: Service,
    fault: Option<Extension<FaultKind>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
    headers: HeaderMap,
    posted: Result<Json<Posted>, JsonRejection>,
) -> Response {
    let Ok(Json(posted)) = posted else {
        return refuse(400, "the body is not {\"context\": {…}, \"serviceType\": …}");
    };
    answer(service, Ask::For(posted.context, posted.service_type), Shape::E, wanted, &headers, fault).await
}

async fn answer(
    State(service): Service,
    ask: Ask,
    route_shape: Shape,
    wanted: Result<Query<Wanted>, QueryRejection>,
    headers: &HeaderMap,
    fault: Option<Extension<FaultKind>>,
) -> Response {
    let fault = fault.map_or(FaultKind::None, |Extension(kind)| kind);
    let Some(session) = service.sessions.find(bearer(headers)) else {
        return refuse(401, "no session: log in and send its bearer");
    };
    let Ok(Query(wanted)) = wanted else { return refuse(400, "the query cannot be read") };
    let shape = match wanted.shape.as_deref().map(str::parse) {
        None => service.default_shape.unwrap_or(route_shape),
        Some(Ok(shape)) => shape,
        Some(Err(_)) => return refuse(400, "no such shape: A to H, or oauth"),
    };
    let kind = match decide(ask, &session.grant) {
        Ok(kind) => kind,
        Err(denied) => {
            tracing::debug!(user = session.user, %denied, "token refused");
            let code = if matches!(denied, Denied::BadId { .. } | Denied::Ambiguous) { 400 } else { 403 };
            return refuse(code, &denied.to_string());
        }
    };
    let minter = service.minter.clone();
    // A role's first token may have to wait for its key, which is seconds of arithmetic.
    let signing = tokio::task::spawn_blocking(move || mint(&minter, kind, fault)).await;
    let Ok(Ok(token)) = signing else { return refuse(500, "the token could not be signed") };
    let text = body(shape, &token, service.minter.provider_id(), service.clock.unix_ms(), distortion(fault));
    let content_type =
        if fault == FaultKind::PlainText { "text/plain; charset=utf-8" } else { "application/json; charset=utf-8" };
    let mut response = ([(header::CONTENT_TYPE, content_type)], text).into_response();
    if fault == FaultKind::PublicCache {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
    }
    response
}

fn mint(minter: &Minter, kind: TokenKind, fault: FaultKind) -> Result<Minted, crate::keys::KeyError> {
    let tamper = match fault {
        FaultKind::WrongId => Some(Tamper::WrongId),
        FaultKind::Wildcard => Some(Tamper::Wildcard),
        FaultKind::Expired => Some(Tamper::Expired),
        FaultKind::Unsigned => Some(Tamper::Unsigned),
        FaultKind::WrongAlgorithm => Some(Tamper::WrongAlgorithm),
        FaultKind::WrongSubject => Some(Tamper::WrongSubject),
        FaultKind::WrongAudience => Some(Tamper::WrongAudience),
        FaultKind::NoAuthorization => Some(Tamper::NoAuthorization),
        FaultKind::TooLong => Some(Tamper::TooLong),
        FaultKind::IssuedAhead => Some(Tamper::IssuedAhead),
        FaultKind::Opaque => Some(Tamper::Opaque),
        FaultKind::SameTokenAgain => match minter.last(&kind) {
            Some(last) => return Ok(last),
            None => None,
        },
        _ => None,
    };
    match tamper {
        None => minter.mint(kind),
        tampered => minter.mint_tampered(kind, tampered),
    }
}

fn distortion(fault: FaultKind) -> Distortion {
    match fault {
        FaultKind::WrongUnit => Distortion::WrongUnit,
        FaultKind::NullToken => Distortion::NullToken,
        FaultKind::NoExpiry => Distortion::NoExpiry,
        FaultKind::MissingToken => Distortion::MissingToken,
        FaultKind::LateExpiry => Distortion::LateExpiry,
        _ => Distortion::None,
    }
}

fn refuse(code: u16, message: &str) -> Response {
    google_error(code, status_name(code), message)
}
