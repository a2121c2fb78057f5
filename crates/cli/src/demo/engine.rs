//! Calls to Fleet Engine's REST API, as an app without Google's SDK would make them: an HTTP client, and the token's
//! ready-made `Authorization` header.

use std::sync::Arc;
use std::time::Duration;

use fleet_token::AuthToken;
use reqwest::Method;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};

use super::world::PROVIDER;

/// What is called: a method, a path below the provider, a body.
#[derive(Clone, Debug)]
pub(super) struct Call {
    method: Method,
    path: String,
    body: Option<Value>,
}

impl Call {
    /// `UpdateVehicle`: where a vehicle is now.
    pub(super) fn update_location(vehicle: &str, (latitude, longitude): (f64, f64)) -> Self {
        let location = json!({ "latitude": latitude, "longitude": longitude });
        let body = json!({ "lastLocation": { "location": location } });
        Self { method: Method::PUT, path: format!("vehicles/{vehicle}?updateMask=lastLocation"), body: Some(body) }
    }

    /// `CreateVehicle`: online, ready for a trip.
    pub(super) fn create_vehicle(vehicle: &str) -> Self {
        let body = json!({
            "vehicleState": "ONLINE",
            "supportedTripTypes": ["EXCLUSIVE"],
            "maximumCapacity": 4,
            "vehicleType": { "category": "AUTO" },
        });
        Self { method: Method::POST, path: format!("vehicles?vehicleId={vehicle}"), body: Some(body) }
    }

    /// `CreateTrip`: for one rider, on one vehicle.
    pub(super) fn create_trip(trip: &str, vehicle: &str) -> Self {
        let body = json!({ "tripType": "EXCLUSIVE", "vehicleId": vehicle, "numberOfPassengers": 1 });
        Self { method: Method::POST, path: format!("trips?tripId={trip}"), body: Some(body) }
    }

    /// `UpdateTrip`: how far it is.
    pub(super) fn trip_status(trip: &str, status: &str) -> Self {
        let body = Some(json!({ "tripStatus": status }));
        Self { method: Method::PUT, path: format!("trips/{trip}?updateMask=tripStatus"), body }
    }

    /// `GetTrip`.
    pub(super) fn trip(trip: &str) -> Self {
        Self { method: Method::GET, path: format!("trips/{trip}"), body: None }
    }

    /// `SearchVehicles`.
    pub(super) fn search_vehicles() -> Self {
        Self { method: Method::POST, path: "vehicles:search".to_owned(), body: Some(json!({})) }
    }
}

/// What Fleet Engine answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Reply {
    /// Whether the call was accepted.
    pub(super) fn is_ok(&self) -> bool {
        self.status < 300
    }

    /// Google's name for a refusal, like `PERMISSION_DENIED`.
    pub(super) fn refusal(&self) -> &str {
        self.body["error"]["status"].as_str().unwrap_or("no status")
    }

    /// Google's sentence with a refusal.
    pub(super) fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or("no message")
    }
}

/// Fleet Engine, as seen by an app. Clones share the connections.
#[derive(Clone, Debug)]
pub(super) struct EngineClient {
    http: reqwest::Client,
    base: String,
}

impl EngineClient {
    /// For the engine at `url`, which is on this machine and speaks plain http; the real one is https.
    pub(super) fn new(url: &str) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("no TLS: {error}"))?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()
            .map_err(|error| format!("no HTTP client: {error}"))?;
        Ok(Self { http, base: format!("{url}/v1/providers/{PROVIDER}") })
    }

    pub(super) async fn send(&self, token: &AuthToken, call: &Call) -> Result<Reply, reqwest::Error> {
        let url = format!("{}/{}", self.base, call.path);
        let mut request =
            self.http.request(call.method.clone(), url).header("authorization", token.authorization_header());
        if let Some(body) = &call.body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let reply = request.send().await?;
        let status = reply.status().as_u16();
        let body = serde_json::from_slice(&reply.bytes().await?).unwrap_or(Value::Null);
        Ok(Reply { status, body })
    }
}
