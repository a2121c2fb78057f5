//! The backend of `watch` without an endpoint: real tokens with short lives, and something that goes wrong now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fleet_token::{AuthTokenContext, AuthTokenFactory, SessionHeaders};
use fleet_token_backend::{Fault, FaultKind, FaultScript, Grant, TokenKind, World};
use tokio::task::JoinHandle;

use super::source::{Note, Notes};

/// How long most tokens live; shorter than an hour, so that one sees them age.
const LIFETIME: Duration = Duration::from_secs(20);
const MARGIN: Duration = Duration::from_secs(5);
/// The app's login. `cargo xtask test` looks for this very text in all that is printed.
pub(crate) const LOGIN: &str = "SECRET-SESSION-watch";
/// Nobody has given it to this app yet.
const FORBIDDEN: &str = "vehicle_9";

/// When what goes wrong, within each round.
const SCRIPT: [(u64, Trouble); 7] = [
    (7, Trouble { says: "two replies to vehicle_3 will be 503", on: "/driver/vehicle_3", does: Does::Busy }),
    (15, Trouble { says: "the next Date for trip_42 will be 95 s off", on: "/consumer/trip_42", does: Does::Skew }),
    (22, Trouble { says: "connections of vehicle_2 will break", on: "/driver/vehicle_2", does: Does::Break }),
    (
        33,
        Trouble {
            says: "trip_43 will get a token that fits every trip",
            on: "/consumer/trip_43",
            does: Does::Wildcard,
        },
    ),
    (41, Trouble { says: "the backend goes down for 8 s", on: "", does: Does::Down }),
    (49, Trouble { says: "the backend is up again", on: "", does: Does::Up }),
    (60, Trouble { says: "vehicle_4 will get an error page", on: "/driver/vehicle_4", does: Does::Page }),
];
const ROUND: Duration = Duration::from_secs(70);

struct Trouble {
    says: &'static str,
    on: &'static str,
    does: Does,
}

enum Does {
    Busy,
    Skew,
    Break,
    Wildcard,
    Page,
    Down,
    Up,
}

/// A running backend.
pub(crate) struct Demo {
    world: Option<World>,
    switch: Switch,
    script: JoinHandle<()>,
}

/// Takes the backend down and up.
#[derive(Clone)]
struct Switch {
    faults: FaultScript,
    down: Arc<AtomicBool>,
}

impl Switch {
    fn turn(&self, down: bool) {
        if self.down.swap(down, Ordering::Relaxed) == down {
            return;
        }
        self.faults.clear();
        if down {
            self.faults.push_forever("/token/", Fault::kind(FaultKind::Reset));
        }
    }
}

impl Demo {
    /// A backend, an app that uses it, and for what and how often it asks.
    pub(crate) async fn start(
        notes: Notes,
    ) -> Result<(Self, AuthTokenFactory, Vec<(AuthTokenContext, Duration)>), String> {
        let world = World::builder().token_lifetime(LIFETIME).eager_keys().start().await;
        let world = world.map_err(|error| format!("the backend did not start: {error}"))?;
        world.sessions().allow("watcher", LOGIN, grant());
        for (vehicle_id, seconds) in [("vehicle_2", 12), ("vehicle_4", 45)] {
            let kind = TokenKind::Driver { vehicle_id: vehicle_id.into() };
            world.minter().set_lifetime_of(kind, Duration::from_secs(seconds));
        }
        let backend = world.backend_url();
        let factory = AuthTokenFactory::builder()
            .on_demand_stub_provider(&backend)
            .vehicle_service_endpoint(format!("{backend}/token/consumer"))
            .header_provider(SessionHeaders::bearer(LOGIN).map_err(|error| error.to_string())?)
            .safety_margin(MARGIN)
            .allow_http_loopback()
            .build()
            .map_err(|error| error.to_string())?;
        let switch = Switch { faults: world.faults().clone(), down: Arc::default() };
        let script = tokio::spawn(go_wrong(switch.clone(), notes));
        Ok((Self { world: Some(world), switch, script }, factory, callers()))
    }

    pub(crate) fn is_down(&self) -> bool {
        self.switch.down.load(Ordering::Relaxed)
    }

    pub(crate) fn turn(&self, down: bool) {
        self.switch.turn(down);
    }

    /// The user is given the vehicle that was refused.
    pub(crate) fn sign_in(&self) {
        if let Some(world) = &self.world {
            world.sessions().allow("watcher", LOGIN, grant().vehicle(FORBIDDEN));
        }
    }

    pub(crate) async fn stop(mut self) {
        if let Some(world) = self.world.take() {
            world.stop().await;
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.script.abort();
    }
}

fn grant() -> Grant {
    let vehicles = Grant::none().vehicle("vehicle_1").vehicle("vehicle_2").vehicle("vehicle_3").vehicle("vehicle_4");
    vehicles.trip("trip_42").trip("trip_43")
}

/// Drivers report once or several times a second, riders look every other second.
fn callers() -> Vec<(AuthTokenContext, Duration)> {
    let vehicle = |id, millis| (AuthTokenContext::vehicle(id), Duration::from_millis(millis));
    let trip = |id, millis| (AuthTokenContext::trip(id), Duration::from_millis(millis));
    vec![
        vehicle("vehicle_1", 100),
        vehicle("vehicle_2", 250),
        vehicle("vehicle_3", 400),
        vehicle("vehicle_4", 1000),
        vehicle(FORBIDDEN, 2000),
        trip("trip_42", 2000),
        trip("trip_43", 700),
        (AuthTokenContext::vehicle_service(), Duration::from_secs(3)),
    ]
}

async fn go_wrong(switch: Switch, notes: Notes) {
    loop {
        let mut at = Duration::ZERO;
        for (seconds, trouble) in SCRIPT {
            let then = Duration::from_secs(seconds);
            tokio::time::sleep(then.saturating_sub(at)).await;
            at = then;
            let _ = notes.send(Note::Said(trouble.says));
            let faults = &switch.faults;
            match trouble.does {
                Does::Busy => faults.push_times(trouble.on, 2, Fault::status(503).with_retry_after("2")),
                Does::Skew => faults.push(trouble.on, Fault::date_skew_secs(-95)),
                Does::Break => faults.push_times(trouble.on, 4, Fault::kind(FaultKind::Reset)),
                Does::Wildcard => faults.push(trouble.on, Fault::kind(FaultKind::Wildcard)),
                Does::Page => faults.push_times(trouble.on, 2, Fault::kind(FaultKind::Html)),
                Does::Down => switch.turn(true),
                Does::Up => switch.turn(false),
            }
        }
        tokio::time::sleep(ROUND.saturating_sub(at)).await;
    }
}
