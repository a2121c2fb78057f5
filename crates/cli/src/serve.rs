//! `fleet-token serve`: the reference backend and the emulated Fleet Engine, until Ctrl-C, with lines to paste.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use fleet_token_backend::engine::{DeliveryVehicle, LatLng, Task, TaskType, VehicleLocation};
use fleet_token_backend::{Grant, Shape, World};

use crate::screen::Screen;
use crate::traffic::{TRIP, Traffic, VEHICLES};

/// Where and how to serve.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The token backend's port; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    backend_port: u16,
    /// The Fleet Engine's port; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    engine_port: u16,
    /// How long tokens live.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=4200))]
    token_lifetime: u64,
    /// The shape of every token reply, A to H or oauth; otherwise each route has its own.
    #[arg(long, value_name = "SHAPE")]
    shape: Option<Shape>,
    /// Keep the signing keys in this directory, so that tokens outlive a restart. It must exist.
    #[arg(long, value_name = "DIRECTORY")]
    keys_dir: Option<PathBuf>,
    /// How fast the vehicles go, beside life; at 0 they stand still. A vehicle that a client moves is the client's.
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=100))]
    traffic: u32,
}

/// The users of this server and what each may have. The names are public: they open nothing but this server.
const DRIVER: &str = "demo-driver-1";
const RIDER: &str = "demo-rider-1";
const COURIER: &str = "demo-courier-1";
const RECIPIENT: &str = "demo-recipient-1";
const OPERATOR: &str = "demo-operator";
const SERVER: &str = "demo-server";

/// Runs the command.
pub(crate) async fn run(options: Options, screen: &Screen) -> ExitCode {
    if let Some(dir) = options.keys_dir.as_ref().filter(|dir| !dir.is_dir()) {
        screen.complain(&format!("error: --keys-dir {} is not a directory\n  Make it first.", dir.display()));
        return ExitCode::from(2);
    }
    let speed = f64::from(options.traffic);
    let world = match start(options).await {
        Ok(world) => world,
        Err(error) => {
            screen.complain(&format!("error: {error}\n  Choose another port, or 0 for a free one."));
            return ExitCode::FAILURE;
        }
    };
    let traffic = Traffic::new(world.engine(), world.clock(), speed);
    let traffic = tokio::spawn(traffic.run());
    let stop = stopped();
    let itself = std::env::args().next().unwrap_or_else(|| "fleet-token".to_owned());
    for line in how_to_call(&quoted(&itself), &world.backend_url(), &world.engine_url()) {
        screen.say(&line);
    }
    stop.await;
    screen.say("\nstopping");
    traffic.abort();
    let calls = world.stats();
    world.stop().await;
    screen.say(&format!(
        "stopped; {} tokens were issued, {} Fleet Engine calls accepted, {} refused",
        calls.minted_total(),
        calls.accepted_total(),
        calls.refused_total()
    ));
    ExitCode::SUCCESS
}

async fn start(options: Options) -> Result<World, fleet_token_backend::WorldError> {
    let mut builder = World::builder()
        .provider_id("demo")
        .token_lifetime(Duration::from_secs(options.token_lifetime))
        .backend_port(options.backend_port)
        .engine_port(options.engine_port)
        .eager_keys();
    if let Some(shape) = options.shape {
        builder = builder.default_shape(shape);
    }
    if let Some(dir) = options.keys_dir {
        builder = builder.keys_dir(dir);
    }
    let world = builder.start().await?;
    furnish(&world);
    Ok(world)
}

/// A user for each role, and what traffic has no part in.
fn furnish(world: &World) {
    for (name, grant) in [
        (DRIVER, Grant::driver(VEHICLES[0])),
        (RIDER, Grant::consumer(TRIP)),
        (COURIER, Grant::none().delivery_vehicle("van_1").task("task_1")),
        (RECIPIENT, Grant::none().tracking("parcel_1")),
        (OPERATOR, Grant::fleet_reader()),
        (SERVER, Grant::server()),
    ] {
        world.sessions().allow(name, name, grant);
    }
    let munich = LatLng { latitude: 48.1374, longitude: 11.5755 };
    let seen = VehicleLocation { location: Some(munich), ..VehicleLocation::default() };
    let fleet = world.engine().state();
    fleet.put_delivery_vehicle("van_1", DeliveryVehicle { last_location: Some(seen), ..DeliveryVehicle::default() });
    fleet.put_task(
        "task_1",
        Task {
            task_type: TaskType::Delivery,
            tracking_id: "parcel_1".into(),
            delivery_vehicle_id: "van_1".into(),
            ..Task::default()
        },
    );
}

/// What a newcomer pastes next.
fn how_to_call(itself: &str, backend: &str, engine: &str) -> Vec<String> {
    let get = |endpoint: &str, what: &str, login: &str| {
        format!("{itself} get --endpoint '{backend}{endpoint}' {what} --header 'Authorization: Bearer {login}'")
    };
    let mut lines = vec![
        "A token, described:".to_owned(),
        format!("  {}", get("/token/driver/{vehicleId}", "--vehicle-id vehicle_1", DRIVER)),
        format!("  {}", get("/token/consumer/{tripId}", "--trip-id trip_1", RIDER)),
        format!("  {}", get("/token/delivery_consumer/{trackingId}", "--tracking-id parcel_1", RECIPIENT)),
        format!("  {}", get("/token/fleet_reader/all", "--fleet", OPERATOR)),
        String::new(),
        "The reply as it is (the token is in it):".to_owned(),
        format!("  curl -H 'Authorization: Bearer {DRIVER}' {backend}/token/driver/vehicle_1"),
        String::new(),
        "Calls to Fleet Engine with a token, to look at a vehicle and, as a driver's app does, to move it:".to_owned(),
        format!("  TOKEN=$({} --reveal)", get("/token/driver/{vehicleId}", "--vehicle-id vehicle_1", DRIVER)),
        format!("  curl -H \"Authorization: Bearer $TOKEN\" {engine}/v1/providers/demo/vehicles/vehicle_1"),
        format!(
            "  curl -X PUT -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \
             '{engine}/v1/providers/demo/vehicles/vehicle_1?updateMask=lastLocation' -d \
             '{{\"lastLocation\": {{\"location\": {{\"latitude\": 48.1400, \"longitude\": 11.5800}}}}}}'"
        ),
        String::new(),
        "Let it fail: the next two token requests get 503. DELETE ends that at once:".to_owned(),
        format!(
            "  curl -X POST -H 'Content-Type: application/json' {backend}/admin/faults -d \
             '[{{\"match\": \"/token/\", \"times\": 2, \"fault\": {{\"status\": 503}}}}]'"
        ),
        format!("  curl -X DELETE {backend}/admin/faults"),
        String::new(),
        "Have Fleet Engine refuse (401) every token that drivers have so far; consumerSdkUser for riders:".to_owned(),
        format!("  curl -X POST {backend}/admin/rotate -d '{{\"role\": \"driverSdkUser\"}}'"),
    ];
    // Last, for a terminal shows the end of it.
    lines.extend([
        String::new(),
        format!("token backend  {backend}"),
        format!("Fleet Engine   {engine}/v1/providers/demo  (emulated, with gRPC)"),
        format!("On the road    {} to {}; {0} drives {TRIP}", VEHICLES[0], VEHICLES[VEHICLES.len() - 1]),
        String::new(),
        "Logins, sent as 'Authorization: Bearer …'; they open nothing but this server:".to_owned(),
    ]);
    for (login, may) in [
        (DRIVER, "vehicle_1"),
        (RIDER, "trip_1, which vehicle_1 drives"),
        (COURIER, "delivery vehicle van_1 and its task task_1"),
        (RECIPIENT, "tracking id parcel_1"),
        (OPERATOR, "reads the whole fleet"),
        (SERVER, "everything"),
    ] {
        lines.push(format!("  {login:<17} {may}"));
    }
    lines.extend([String::new(), "Ctrl-C stops it.".to_owned()]);
    lines
}

/// A word that a shell reads as one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:\\".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Ends with Ctrl-C, or, on Unix, with the SIGTERM that `kill` sends. Listens from the moment it is called.
#[cfg(unix)]
pub(crate) fn stopped() -> impl Future<Output = ()> + use<> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut signals = (signal(SignalKind::interrupt()).ok(), signal(SignalKind::terminate()).ok());
    async move {
        match &mut signals {
            (Some(interrupt), Some(terminate)) => tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            },
            // Without handlers the system's own way of stopping a process is in force.
            _ => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn stopped() -> impl Future<Output = ()> + use<> {
    async {
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_space_is_pasted_as_one_word() {
        assert_eq!(quoted("target/debug/fleet-token"), "target/debug/fleet-token");
        assert_eq!(quoted("/my tools/it's"), r"'/my tools/it'\''s'");
    }

    #[test]
    fn every_login_that_is_announced_is_one() {
        let lines = how_to_call("fleet-token", "http://127.0.0.1:1", "http://127.0.0.1:2").join("\n");
        for login in [DRIVER, RIDER, COURIER, RECIPIENT, OPERATOR, SERVER] {
            assert!(lines.contains(login), "{login}");
        }
        assert!(!lines.contains("SECRET-"));
    }
}
