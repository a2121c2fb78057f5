//! Over REST, for whoever has an HTTP client and no generated code.

use std::time::Duration;

use fleet_token::AuthToken;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{CallError, Point, Trip};

/// One HTTP client, shared by all calls.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    pub(super) fn new(url: &str, provider: &str) -> Self {
        // reqwest comes without cryptography here: the app chooses, as fleet-token has.
        let _ = fleet_token::rustls::crypto::ring::default_provider().install_default();
        Self { http: reqwest::Client::new(), base: format!("{url}/v1/providers/{provider}") }
    }

    pub(super) async fn vehicle(&self, id: &str, token: &AuthToken) -> Result<Option<Point>, CallError> {
        let vehicle = self.get(&format!("vehicles/{id}"), token).await?;
        Ok(point(&vehicle["lastLocation"]["location"]))
    }

    pub(super) async fn trip(&self, id: &str, token: &AuthToken) -> Result<Trip, CallError> {
        let trip = self.get(&format!("trips/{id}"), token).await?;
        let text = |field: &str| trip[field].as_str().unwrap_or_default();
        Ok(Trip {
            status: text("tripStatus").to_owned(),
            vehicle: text("vehicleId").to_owned(),
            metres_left: trip["remainingDistanceMeters"].as_i64().and_then(|metres| i32::try_from(metres).ok()),
            arrives: OffsetDateTime::parse(text("etaToFirstWaypoint"), &Rfc3339).ok(),
            pickup: point(&trip["pickupPoint"]["point"]),
            dropoff: point(&trip["dropoffPoint"]["point"]),
        })
    }

    async fn get(&self, path: &str, token: &AuthToken) -> Result<Value, CallError> {
        let unreachable = |error: reqwest::Error| CallError::Unreachable(error.to_string());
        let request = self.http.get(format!("{}/{path}", self.base)).timeout(Duration::from_secs(10));
        let reply = request.header("authorization", token.authorization_header()).send().await.map_err(unreachable)?;
        let status = reply.status().as_u16();
        let body: Value = serde_json::from_slice(&reply.bytes().await.map_err(unreachable)?).unwrap_or_default();
        match status {
            200..300 => Ok(body),
            401 => Err(CallError::Unauthenticated),
            500.. => Err(CallError::Unreachable(format!("status {status}"))),
            _ => Err(CallError::Refused(format!("{status} {}", body["error"]["status"].as_str().unwrap_or_default()))),
        }
    }
}

fn point(value: &Value) -> Option<Point> {
    Some(Point { latitude: value["latitude"].as_f64()?, longitude: value["longitude"].as_f64()? })
}
