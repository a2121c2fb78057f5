//! Makes the scripted faults happen, around every route of both servers; also the headers that every reply has.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::watch;

use crate::clock::ServerClock;
use crate::connection::Connection;
use crate::engine::grpc;
use crate::fault::{Fault, FaultKind, FaultScript};
use crate::reply::{google_error, status_name};
use crate::stats::Counters;

/// More than the 64 KiB that a token client should be ready to read.
const HUGE: usize = 256 * 1024;

/// What the layer needs; one for both servers.
#[derive(Clone)]
pub(crate) struct FaultLayer {
    pub(crate) script: FaultScript,
    pub(crate) counters: std::sync::Arc<Counters>,
    pub(crate) clock: ServerClock,
    /// Turns true when the servers stop, so that hanging replies end.
    pub(crate) closing: watch::Receiver<bool>,
}

/// Runs a request through the script. A kind that the token route itself must obey travels to it as an extension.
pub(crate) async fn apply(State(layer): State<FaultLayer>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let method = request.method().clone();
    let route = route(&request);
    let grpc = grpc::is_grpc(request.headers());
    let fault = layer.script.take(&path);
    let skew = fault.as_ref().and_then(|fault| fault.date_skew_secs).unwrap_or(0);
    let mut response = match fault {
        None => next.run(request).await,
        Some(fault) => {
            tracing::debug!(route, fault = fault.name(), "fault");
            layer.counters.fault(&fault.name());
            if let Some(delay) = fault.delay_ms {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            request.extensions_mut().insert(fault.kind);
            damaged(&layer, fault, request, next).await
        }
    };
    if grpc && grpc::is_grpc(response.headers()) {
        layer.counters.request(method.as_str(), &route, grpc::status_name(response.headers()));
    } else {
        layer.counters.request(method.as_str(), &route, response.status().as_u16());
    }
    let now = UNIX_EPOCH + Duration::from_secs((layer.clock.unix_secs() + skew).max(0).unsigned_abs());
    if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(now)) {
        response.headers_mut().insert(header::DATE, date);
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The template of the request's route; of a gRPC service the method, which has no ids in it.
fn route(request: &Request) -> String {
    match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
        Some(every) if every.ends_with("/{*method}") => request.uri().path().to_owned(),
        Some(template) => template.to_owned(),
        None => "unmatched".to_owned(),
    }
}

async fn damaged(layer: &FaultLayer, fault: Fault, request: Request, next: Next) -> Response {
    let mut response = match fault.kind {
        FaultKind::Reset => {
            if let Some(ConnectInfo(connection)) = request.extensions().get::<ConnectInfo<Connection>>() {
                connection.reset();
            }
            // Where there is no hold on the connection, a body that fails at once closes it before a status is sent.
            Body::from_stream(Cut::after(None)).into_response()
        }
        FaultKind::Hang => {
            let mut closing = layer.closing.clone();
            let _ = closing.wait_for(|closing| *closing).await;
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        FaultKind::Truncated => truncated(next.run(request).await).await,
        FaultKind::Html => (
            [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            "<!DOCTYPE html><html><head><title>Sign in to Wi-Fi</title></head><body>Please accept the terms.</body></html>",
        )
            .into_response(),
        FaultKind::EmptyBody => {
            ([(header::CONTENT_TYPE, "application/json")], Body::empty()).into_response()
        }
        FaultKind::HugeBody => (
            [(header::CONTENT_TYPE, "application/json")],
            format!("{{\"padding\": \"{}\"}}", "x".repeat(HUGE)),
        )
            .into_response(),
        FaultKind::Redirect => {
            let to = fault.location.as_deref().unwrap_or("/");
            let status = fault.status.and_then(|status| StatusCode::from_u16(status).ok());
            (status.unwrap_or(StatusCode::FOUND), [(header::LOCATION, to)]).into_response()
        }
        _ => match (fault.status, fault.body.as_deref()) {
            (None, _) => next.run(request).await,
            (Some(status), Some(body)) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                (status, body.to_owned()).into_response()
            }
            // With a body it is the answer of a proxy, which knows no gRPC.
            (Some(status), None) if grpc::is_grpc(request.headers()) => grpc::refusal(status, "scripted fault"),
            (Some(status), None) => google_error(status, status_name(status), "scripted fault"),
        },
    };
    if let Some(after) = fault.retry_after.and_then(|after| HeaderValue::from_str(&after).ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, after);
    }
    response
}

/// Promises the whole body and sends half of it.
async fn truncated(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len().max(2)));
    Response::from_parts(parts, Body::from_stream(Cut::after(Some(whole.slice(..whole.len() / 2)))))
}

/// A body that sends a part and then fails; without a part it fails at once, before even the head has left.
struct Cut {
    first: Option<Bytes>,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Cut {
    fn after(first: Option<Bytes>) -> Self {
        // The pause lets the part leave before the failure takes the connection down.
        let pause = first.as_ref().map(|_| Box::pin(tokio::time::sleep(Duration::from_millis(20))));
        Self { first, pause }
    }
}

impl Stream for Cut {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
        }
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionAborted.into())))
    }
}
