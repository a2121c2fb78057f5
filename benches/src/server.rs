//! A source behind HTTP on loopback, for rivals whose cache cannot be reached otherwise: it speaks as the backends that
//! they expect.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Response, StatusCode, Uri};
use serde_json::json;
use tokio::net::TcpListener;

use crate::clock;
use crate::source::Source;

/// Serves `source` until the runtime that this is called in ends.
pub async fn serve(source: Arc<Source>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let router = Router::new().fallback(move |uri: Uri| {
        let source = Arc::clone(&source);
        async move { reply(&source, uri.path()).await }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Google's metadata server and token endpoint, Amazon's metadata server, and fleet-token's own shape. Only what brings a
/// token counts as a fetch.
async fn reply(source: &Source, path: &str) -> Response<Body> {
    match path {
        "/computeMetadata/v1/universe/universe-domain" => answer("text/plain", "googleapis.com".to_owned()),
        "/latest/api/token" => answer("text/plain", "session".to_owned()),
        "/latest/meta-data/iam/security-credentials/" => answer("text/plain", "role".to_owned()),
        _ => match source.fetch().await {
            Err(_) => status(StatusCode::SERVICE_UNAVAILABLE),
            Ok(fetched) if path.starts_with("/latest/") => {
                let expiration = utc(fetched.lifetime);
                let body = json!({
                    "AccessKeyId": "id", "SecretAccessKey": "key", "Token": fetched.text, "Expiration": expiration,
                });
                answer("application/json", body.to_string())
            }
            Ok(fetched) => {
                let expires_in = fetched.lifetime.as_secs();
                let body = json!({
                    "access_token": fetched.text, "expires_in": expires_in, "token_type": "Bearer",
                });
                answer("application/json", body.to_string())
            }
        },
    }
}

fn answer(kind: &str, body: String) -> Response<Body> {
    Response::builder().header("content-type", kind).body(Body::from(body)).expect("a plain reply")
}

fn status(status: StatusCode) -> Response<Body> {
    Response::builder().status(status).body(Body::empty()).expect("a plain reply")
}

/// So long from now, as Amazon writes it.
fn utc(from_now: Duration) -> String {
    crate::machine::rfc3339(clock::today() + from_now)
}
