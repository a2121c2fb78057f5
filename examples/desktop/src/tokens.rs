//! The token factory: one for the whole program, made once.

use std::time::Duration;

use fleet_token::{AuthTokenFactory, SessionHeaders};

use crate::Result;

/// Asks `backend` as whoever `login` is. Which tokens that user may have is the backend's to decide.
pub(crate) fn factory(backend: &str, login: &str) -> Result<AuthTokenFactory> {
    let factory = AuthTokenFactory::builder()
        .vehicle_endpoint(format!("{backend}/token/driver/{{vehicleId}}"))
        .trip_endpoint(format!("{backend}/token/consumer/{{tripId}}"))
        .header_provider(SessionHeaders::bearer(login)?)
        .safety_margin(Duration::from_mins(5))
        .allow_http_loopback() // for a backend on this machine; any other has to speak https
        .build()?;
    Ok(factory)
}
