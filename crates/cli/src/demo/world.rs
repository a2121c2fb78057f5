//! The demo's surroundings: a token backend, a Fleet Engine, who may have what, and the keys, made before anybody waits.

use std::time::Duration;

use fleet_token_backend::{Grant, TokenKind, World};

use super::secrets::Secrets;

/// How long tokens live here: short, so that they are renewed while one watches. Fleet Engine counts in whole seconds,
/// so a token may end up to one second earlier than that.
pub(super) const LIFETIME: Duration = Duration::from_secs(8);

pub(super) const PROVIDER: &str = "demo";
pub(super) const DRIVERS: [&str; 3] = ["driver_1", "driver_2", "driver_3"];
pub(super) const VEHICLES: [&str; 3] = ["vehicle_1", "vehicle_2", "vehicle_3"];
pub(super) const RIDERS: [&str; 2] = ["rider_1", "rider_2"];
pub(super) const SERVER: &str = "server";
pub(super) const TRIP: &str = "trip_42";

/// The bearer of a user's session with the backend. Never printed; `cargo xtask test` looks for this very text.
pub(super) fn session(user: &str) -> String {
    format!("SECRET-SESSION-{user}")
}

/// All bearers.
pub(super) fn sessions() -> impl Iterator<Item = String> {
    DRIVERS.into_iter().chain(RIDERS).chain([SERVER]).map(session)
}

/// Starts both servers and opens a session for everybody: each driver for one vehicle, each rider for the trip.
pub(super) async fn start() -> Result<World, String> {
    let world = World::builder().provider_id(PROVIDER).token_lifetime(LIFETIME).start().await;
    let world = world.map_err(|error| format!("the backend did not start: {error}"))?;
    let open = |user: &str, grant| world.sessions().allow(user, &session(user), grant);
    for (driver, vehicle) in DRIVERS.into_iter().zip(VEHICLES) {
        open(driver, Grant::driver(vehicle));
    }
    for rider in RIDERS {
        open(rider, Grant::consumer(TRIP));
    }
    open(SERVER, Grant::server());
    Ok(world)
}

/// The kinds of token that are used, one for each signing key. The ids are nobody's.
fn kinds() -> [TokenKind; 3] {
    [
        TokenKind::OnDemandServer,
        TokenKind::Driver { vehicle_id: "nobody".into() },
        TokenKind::Consumer { trip_id: "nobody".into() },
    ]
}

/// Makes the signing keys, side by side: an RSA key is a second of arithmetic that no first caller should wait for.
/// Each signs one token. Answers how many there are.
pub(super) async fn make_keys(world: &World, secrets: &Secrets) -> Result<u64, String> {
    let minter = world.minter().clone();
    let making = kinds().map(|kind| {
        let minter = minter.clone();
        tokio::task::spawn_blocking(move || minter.mint(kind))
    });
    for key in making {
        match key.await {
            Ok(Ok(token)) => secrets.note(&token.jwt),
            Ok(Err(error)) => return Err(format!("no signing key could be made: {error}")),
            Err(_) => return Err("making a signing key was interrupted".to_owned()),
        }
    }
    Ok(secrets.noted())
}
