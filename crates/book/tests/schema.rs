//! The schema of token replies accepts exactly what the SDK reads: every reply of the scenarios and of the reference backend, and
//! every pairing of a token with an expiry and an error that stands below.
#![allow(clippy::unwrap_used, reason = "what goes wrong here is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use fleet_token::http::{HeaderMap, HeaderValue};
use fleet_token::{
    AuthTokenContext, AuthTokenFactory, HttpRequest, HttpResponse, HttpTransport, TokenErrorKind, TransportError,
    async_trait,
};
use fleet_token_backend::{Grant, Shape, World};
use fleet_token_book::reply::ReplySchema;
use serde_json::{Map, Value, json};

const TOKENS: [&str; 6] = ["jwt", "token", "Token", "VehicleServiceToken", "ServiceToken", "access_token"];
const POINTS: [&str; 4] = ["expirationTimestamp", "expiration_timestamp_ms", "TokenExpiryMs", "expiration"];
const DURATIONS: [&str; 3] = ["expiresInSeconds", "ExpiresInSeconds", "expires_in"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn schema() -> ReplySchema {
    ReplySchema::read(&root()).unwrap()
}

/// Answers with whatever was put into it.
#[derive(Clone, Default)]
struct Backend(Arc<Mutex<Vec<u8>>>);

#[async_trait]
impl HttpTransport for Backend {
    async fn send(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
        let json = HeaderMap::from_iter([(
            fleet_token::http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )]);
        Ok(HttpResponse::new(200, json, self.0.lock().unwrap().clone()))
    }
}

/// Asks the SDK itself.
struct Reader {
    backend: Backend,
    factory: AuthTokenFactory,
    asked: u64,
}

impl Reader {
    fn new() -> Self {
        let backend = Backend::default();
        let factory = AuthTokenFactory::builder()
            .vehicle_endpoint("https://backend.test/{vehicleId}")
            .transport(backend.clone())
            .max_attempts(1)
            .max_entries(64)
            .build()
            .unwrap();
        Self { backend, factory, asked: 0 }
    }

    /// Whether the reply is one: what the token itself is worth (expired, for another id, switched off) is another matter.
    async fn reads(&mut self, reply: &Value) -> bool {
        *self.backend.0.lock().unwrap() = reply.to_string().into_bytes();
        self.asked += 1;
        let context = AuthTokenContext::vehicle(format!("v{}", self.asked));
        match self.factory.token(&context).await {
            Ok(_) => true,
            Err(error) => error.kind() != TokenErrorKind::BadResponse,
        }
    }
}

fn reply(fields: &[(&str, Option<&Value>)]) -> Value {
    let fields = fields.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.clone())));
    Value::Object(fields.collect::<Map<_, _>>())
}

#[tokio::test]
async fn the_schema_accepts_what_the_sdk_reads_and_nothing_else() {
    let tokens = [
        json!("abc.def.ghi"),
        json!(""),
        json!("a b"),
        json!("ü"),
        json!("a\nb"),
        json!(null),
        json!(7),
        json!({}),
        json!(["a"]),
    ];
    let expiries = [
        json!(null),
        json!(3600),
        json!(3600.5),
        json!(0),
        json!(-1),
        json!(1_767_229_200),
        json!(1_767_229_200_000_i64),
        json!(1e30),
        json!("3600"),
        json!(" 3600 "),
        json!("03600"),
        json!("+3600"),
        json!("3600.5"),
        json!("1767229200000"),
        json!("-1"),
        json!(""),
        json!("soon"),
        json!("1767229200s"),
        json!("0x10"),
        json!("inf"),
        json!(true),
        json!({}),
        json!([3600]),
        json!("2026-01-01T01:00:00Z"),
        json!("2026-01-01T03:00:00.000+02:00"),
        json!(" 2026-01-01T01:00:00Z "),
        json!("2026-13-01T01:00:00Z"),
        json!("2026-01-01"),
        json!("2026-01-01T01:00:00"),
        json!("Thu, 01 Jan 2026 01:00:00 GMT"),
    ];
    let errors = [None, Some(json!(null)), Some(json!("no")), Some(json!({}))];
    let (schema, mut reader) = (schema(), Reader::new());
    let (mut accepted, mut refused) = (0, 0);
    for token_name in TOKENS {
        for token in [None].into_iter().chain(tokens.iter().map(Some)) {
            for expiry_name in POINTS.iter().chain(&DURATIONS) {
                for expiry in [None].into_iter().chain(expiries.iter().map(Some)) {
                    for error in &errors {
                        let reply = reply(&[(token_name, token), (expiry_name, expiry), ("error", error.as_ref())]);
                        // What is said beside a null is not looked at by the SDK. A schema that says so would help nobody.
                        if token == Some(&Value::Null) && expiry.is_some() {
                            continue;
                        }
                        let reads = reader.reads(&reply).await;
                        assert_eq!(schema.accepts(&reply), reads, "{reply}");
                        if reads { accepted += 1 } else { refused += 1 }
                    }
                }
            }
        }
    }
    // docs/your-backend.md says of how many replies.
    assert_eq!((accepted, refused), (2772, 44_268));
}

#[tokio::test]
async fn of_two_tokens_one_is_enough_and_a_reply_that_is_no_object_is_none() {
    let (schema, mut reader) = (schema(), Reader::new());
    for (reply, expected) in [
        (json!({"token": null, "jwt": "a.b.c"}), true),
        (json!({"token": "a.b.c", "error": "a warning"}), true),
        (json!({"token": null, "jwt": null}), true),
        (json!({"token": null, "error": "no"}), false),
        (json!({"tokens": "a.b.c"}), false),
        (json!([{"token": "a.b.c"}]), false),
        (json!("a.b.c"), false),
        (json!(null), false),
    ] {
        assert_eq!((schema.accepts(&reply), reader.reads(&reply).await), (expected, expected), "{reply}");
    }
}

/// With the words that stand for something replaced, as `tests/scenarios/README.md` has them.
fn substituted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => match fields.iter().next() {
            Some((word, _)) if word == "$opaque" || word == "$jwt" => json!("SECRET-TOKEN-T1"),
            Some((word, _)) if word == "$epoch_ms" => json!(1_767_229_200_000_i64),
            Some((word, _)) if word == "$epoch_s" => json!(1_767_229_200),
            Some((word, _)) if word == "$rfc3339" => json!("2026-01-01T01:00:00Z"),
            _ => fields.iter().map(|(name, value)| (name.clone(), substituted(value))).collect::<Map<_, _>>().into(),
        },
        Value::Array(values) => values.iter().map(substituted).collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn every_reply_of_the_scenarios_is_judged_as_the_sdk_judges_it() {
    let (schema, mut reader) = (schema(), Reader::new());
    let (mut accepted, mut refused) = (0, 0);
    for entry in fs::read_dir(root().join("tests/scenarios")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let scenario: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        // Fields of the app's own names are not the schema's business.
        if scenario.pointer("/config/response_fields").is_some() {
            continue;
        }
        let replies = scenario["replies"].as_array().map(Vec::as_slice).unwrap_or_default();
        for reply in replies.iter().filter(|reply| reply.get("status").is_none_or(|status| status == 200)) {
            let Some(body) = reply.get("json").map(substituted) else { continue };
            let reads = reader.reads(&body).await;
            assert_eq!(schema.accepts(&body), reads, "{}: {body}", path.display());
            if reads { accepted += 1 } else { refused += 1 }
        }
    }
    assert!(accepted > 200 && refused > 3, "{accepted} accepted, {refused} refused");
}

#[tokio::test]
async fn every_shape_of_the_reference_backend_is_accepted() {
    for shape in Shape::ALL {
        let world = World::builder().default_shape(shape).start().await.unwrap();
        world.sessions().allow("anna", "SECRET-SESSION-1", Grant::driver("v1"));
        let kept = Kept::default();
        let factory = AuthTokenFactory::builder()
            .vehicle_endpoint(format!("{}/token/driver/{{vehicleId}}", world.backend_url()))
            .header_provider(fleet_token::SessionHeaders::bearer("SECRET-SESSION-1").unwrap())
            .allow_http_loopback()
            .transport(kept.clone())
            .build()
            .unwrap();
        factory.token(&AuthTokenContext::vehicle("v1")).await.unwrap();
        let body = kept.1.lock().unwrap().take().unwrap();
        let reply: Value = serde_json::from_slice(&body).unwrap();
        assert!(schema().accepts(&reply), "shape {shape}");
        world.stop().await;
    }
}

/// Sends, and keeps the body that came.
#[derive(Clone)]
struct Kept(Arc<fleet_token::ReqwestTransport>, Arc<Mutex<Option<Vec<u8>>>>);

impl Default for Kept {
    fn default() -> Self {
        Self(Arc::new(fleet_token::ReqwestTransport::new().unwrap()), Arc::default())
    }
}

#[async_trait]
impl HttpTransport for Kept {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let reply = self.0.send(request).await?;
        *self.1.lock().unwrap() = Some(reply.body.to_vec());
        Ok(reply)
    }
}
