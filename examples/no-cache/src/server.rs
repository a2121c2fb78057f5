//! The two servers of `fleet-token serve`: what an app would call, and the backend's own count of what it was asked.

use std::env;

use serde_json::Value;

use crate::Result;

/// A login of that server's, which may have any token. It opens nothing else.
pub(crate) const LOGIN: &str = "demo-server";

/// Where they are, and a client.
pub(crate) struct Server {
    pub(crate) http: reqwest::Client,
    pub(crate) backend: String,
    engine: String,
}

impl Server {
    /// As `cargo xtask example` says where they are.
    pub(crate) fn from_env() -> Result<Self> {
        let url =
            |name: &str| env::var(name).map_err(|_| format!("{name} is not set; try: cargo xtask example no-cache"));
        // reqwest comes without cryptography here: the app chooses, as fleet-token has.
        let _ = fleet_token::rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::new();
        Ok(Self { http, backend: url("FLEET_TOKEN_BACKEND")?, engine: url("FLEET_TOKEN_ENGINE")? })
    }

    /// `GetVehicle`: what the tokens are for. Anything but an acceptance is an error.
    pub(crate) async fn get_vehicle(&self, vehicle: &str, token: &str) -> Result<()> {
        let url = format!("{}/v1/providers/demo/vehicles/{vehicle}", self.engine);
        self.http.get(url).bearer_auth(token).send().await?.error_for_status()?;
        Ok(())
    }

    /// How often a driver's token was asked for so far.
    pub(crate) async fn token_requests(&self) -> Result<u64> {
        let reply = self.http.get(format!("{}/admin/stats", self.backend)).send().await?.error_for_status()?;
        let stats: Value = serde_json::from_slice(&reply.bytes().await?)?;
        let requests = stats["requests"].as_object().ok_or("the backend counts nothing")?;
        Ok(requests.iter().filter(|(route, _)| route.starts_with("GET /token/")).filter_map(|(_, n)| n.as_u64()).sum())
    }
}
