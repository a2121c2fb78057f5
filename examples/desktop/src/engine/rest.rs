//! Over REST, for whoever has an HTTP client and no generated code.

use std::time::Duration;

use fleet_token::attach::{AttachError, TokenMiddleware};
use fleet_token::{AuthTokenContext, AuthTokenFactory};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{CallError, Point, Trip};

/// One HTTP client, shared by all calls.
#[derive(Clone)]
pub(crate) struct Client {
    http: ClientWithMiddleware,
    base: String,
}

impl Client {
    pub(super) fn new(url: &str, provider: &str, factory: AuthTokenFactory) -> crate::Result<Self> {
        // reqwest comes without cryptography here: the app chooses, as fleet-token has.
        let _ = fleet_token::rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        let http = ClientBuilder::new(http).with(TokenMiddleware::for_origins(factory, [url])?).build();
        Ok(Self { http, base: format!("{url}/v1/providers/{provider}") })
    }

    pub(super) async fn vehicle(&self, id: &str) -> Result<Option<Point>, CallError> {
        let vehicle = self.get(AuthTokenContext::vehicle(id), &format!("vehicles/{id}")).await?;
        Ok(point(&vehicle["lastLocation"]["location"]))
    }

    pub(super) async fn trip(&self, id: &str) -> Result<Trip, CallError> {
        let trip = self.get(AuthTokenContext::trip(id), &format!("trips/{id}")).await?;
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

    async fn get(&self, context: AuthTokenContext, path: &str) -> Result<Value, CallError> {
        let unreachable = |error: reqwest::Error| CallError::Unreachable(error.to_string());
        let request = self.http.get(format!("{}/{path}", self.base)).with_extension(context);
        let reply = request.send().await.map_err(|error| match error {
            Error::Reqwest(error) => unreachable(error),
            Error::Middleware(error) => match error.downcast_ref::<AttachError>() {
                Some(error) => CallError::NoToken(error.to_string()),
                None => CallError::Unreachable(error.to_string()),
            },
        })?;
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
