//! Scripting faults, revoking tokens and keys, and reading the counters over HTTP, for demos and for tests in other languages.
//! Loopback only, as the whole server is; no answer holds a token, a session or a key.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use crate::engine::FleetEngine;
use crate::fault::FaultScript;
use crate::reply::google_error;
use crate::role::Role;
use crate::stats::Counters;

#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) script: FaultScript,
    pub(crate) counters: Arc<Counters>,
    pub(crate) engine: Arc<FleetEngine>,
}

/// What `POST /admin/rotate` takes.
#[derive(Deserialize)]
struct Rotation {
    /// As in IAM, like `driverSdkUser`.
    role: String,
}

pub(crate) fn routes(admin: Admin) -> Router {
    Router::new()
        .route("/admin/faults", get(pending).post(add).delete(clear))
        .route("/admin/revocations", post(revoke))
        .route("/admin/rotate", post(rotate))
        .route("/admin/stats", get(stats))
        .with_state(admin)
}

async fn pending(State(admin): State<Admin>) -> Response {
    Json(admin.script.pending()).into_response()
}

async fn add(State(admin): State<Admin>, body: String) -> Response {
    match admin.script.extend_json(&body) {
        Ok(()) => Json(json!({ "pending": admin.script.pending().len() })).into_response(),
        Err(error) => google_error(400, "INVALID_ARGUMENT", &format!("not a list of faults: {error}")),
    }
}

async fn clear(State(admin): State<Admin>) -> Response {
    admin.script.clear();
    Json(json!({ "pending": 0 })).into_response()
}

/// The body is the token, and nothing else.
async fn revoke(State(admin): State<Admin>, token: String) -> Response {
    admin.engine.revoke_token(token.trim());
    Json(json!({})).into_response()
}

/// The role gets a new key, and every token of the old one is refused.
async fn rotate(State(admin): State<Admin>, body: String) -> Response {
    let asked = serde_json::from_str::<Rotation>(&body).ok();
    let role = asked.and_then(|asked| Role::ALL.into_iter().find(|role| role.iam_name() == asked.role));
    let Some(role) = role else {
        return google_error(400, "INVALID_ARGUMENT", r#"want {"role": one of IAM's names, like "driverSdkUser"}"#);
    };
    // Making a key may take longer than a token lives that somebody waits for meanwhile.
    let engine = Arc::clone(&admin.engine);
    let _ = tokio::task::spawn_blocking(move || engine.prepare_rotation(role)).await;
    admin.engine.rotate_role(role);
    Json(json!({ "rotated": role.iam_name() })).into_response()
}

async fn stats(State(admin): State<Admin>) -> Response {
    Json(admin.counters.snapshot()).into_response()
}
