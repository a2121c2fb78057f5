//! Three ways to come by a token: two that teams write by hand today, and fleet-token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fleet_token::{AuthTokenContext, AuthTokenFactory, SessionHeaders};
use parking_lot::Mutex;
use serde_json::Value;

use crate::Result;
use crate::server::{LOGIN, Server};

/// Gets a token for a vehicle.
pub(crate) trait Way {
    async fn token(&self, vehicle: &str) -> Result<String>;
}

/// Asks the backend, every time.
pub(crate) struct EachTime {
    http: reqwest::Client,
    backend: String,
}

impl EachTime {
    pub(crate) fn new(server: &Server) -> Self {
        Self { http: server.http.clone(), backend: server.backend.clone() }
    }

    /// The token, and when it ends, in milliseconds since 1970.
    async fn fetch(&self, vehicle: &str) -> Result<(String, u64)> {
        let url = format!("{}/token/driver/{vehicle}", self.backend);
        let reply = self.http.get(url).bearer_auth(LOGIN).send().await?.error_for_status()?;
        let reply: Value = serde_json::from_slice(&reply.bytes().await?)?;
        let (token, ends) = (reply["jwt"].as_str(), reply["expirationTimestamp"].as_u64());
        Ok((token.ok_or("no token in the reply")?.to_owned(), ends.ok_or("no end in the reply")?))
    }
}

impl Way for EachTime {
    async fn token(&self, vehicle: &str) -> Result<String> {
        Ok(self.fetch(vehicle).await?.0)
    }
}

/// Keeps the last token, whatever it was for, until shortly before its end by the device's clock.
pub(crate) struct OneSlot {
    backend: EachTime,
    margin: Duration,
    slot: Mutex<Option<Kept>>,
}

#[derive(Clone)]
struct Kept {
    vehicle: String,
    token: String,
    ends: u64,
}

impl OneSlot {
    pub(crate) fn new(server: &Server, margin: Duration) -> Self {
        Self { backend: EachTime::new(server), margin, slot: Mutex::default() }
    }
}

impl Way for OneSlot {
    async fn token(&self, vehicle: &str) -> Result<String> {
        let kept = self.slot.lock().clone();
        if let Some(kept) = kept.filter(|kept| kept.vehicle == vehicle && wall_ms() + ms(self.margin) < kept.ends) {
            return Ok(kept.token);
        }
        let (token, ends) = self.backend.fetch(vehicle).await?;
        *self.slot.lock() = Some(Kept { vehicle: vehicle.to_owned(), token: token.clone(), ends });
        Ok(token)
    }
}

#[allow(clippy::disallowed_methods, reason = "this is what those samples do; fleet-token counts on another clock")]
fn wall_ms() -> u64 {
    ms(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// fleet-token.
pub(crate) struct Factory(AuthTokenFactory);

impl Factory {
    pub(crate) fn new(server: &Server, margin: Duration) -> Result<Self> {
        let factory = AuthTokenFactory::builder()
            .vehicle_endpoint(format!("{}/token/driver/{{vehicleId}}", server.backend))
            .header_provider(SessionHeaders::bearer(LOGIN)?)
            .safety_margin(margin)
            .allow_http_loopback() // only for a backend on this machine
            .build()?;
        Ok(Self(factory))
    }
}

impl Way for Factory {
    async fn token(&self, vehicle: &str) -> Result<String> {
        Ok(self.0.token(&AuthTokenContext::vehicle(vehicle)).await?.value().to_owned())
    }
}
