//! The other process: the token backend and the emulated Fleet Engine, in random weather. Told what to do on standard
//! input, a word a line; answers on standard output. Ends when its input does.

use std::future::IntoFuture;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::serve::ListenerExt;
use fleet_token_backend::engine::{DeliveryVehicle, Task, TaskType, Trip, Vehicle, VehicleState};
use fleet_token_backend::{Grant, Stats, World};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::keys::{self, Key, PROVIDER};
use crate::weather::{Change, Weather};

/// The user's login. `cargo xtask test` looks for this very text in what is printed.
pub(crate) const LOGIN: &str = "SECRET-SESSION-soak";

/// How long replies under way may take when the backend goes away.
const LAST_REPLIES: Duration = Duration::from_millis(500);

/// A command to this process.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Command {
    /// The backend goes away and stays away; nothing is revoked, no fault is laid.
    Rest,
    /// The backend comes back, and the weather with it.
    Resume,
    /// Tell the counters.
    Stats,
}

/// What this process says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Said {
    /// Both servers run.
    Ready { backend: String, engine: String },
    /// The backend is gone for a few seconds.
    Down,
    /// It is back.
    Up,
    /// The answer to [`Command::Rest`]: every connection of the backend is closed.
    Resting,
    /// The answer to [`Command::Resume`].
    Resumed,
    /// The answer to [`Command::Stats`].
    Stats(Box<Stats>),
    /// It cannot go on.
    Failed(String),
}

/// Runs the process to its end.
pub(crate) async fn serve(seed: u64) -> Result<(), String> {
    let outcome = run(seed).await;
    if let Err(why) = &outcome {
        say(&Said::Failed(why.clone()));
    }
    outcome
}

async fn run(seed: u64) -> Result<(), String> {
    let keys = keys::all();
    let world = World::builder().provider_id(PROVIDER).start().await.map_err(|error| error.to_string())?;
    furnish(&world, &keys);
    make_keys(&world, &keys).await?;
    let mut door = Door::open_anywhere(&world).await?;
    say(&Said::Ready { backend: format!("http://{}", door.address), engine: world.engine_url() });

    let mut weather = Weather::new(seed);
    let mut commands = BufReader::new(tokio::io::stdin()).lines();
    let mut times = [Change::Fault, Change::Revocation, Change::Outage].map(|change| {
        let at = soon(weather.until(&change));
        (change, at)
    });
    let (mut resting, mut back_at) = (false, None);
    loop {
        let next = times.iter().map(|(_, at)| *at).chain(back_at).min().unwrap_or_else(|| soon(Duration::ZERO));
        tokio::select! {
            command = commands.next_line() => {
                let Ok(Some(line)) = command else { return Ok(()) };
                match serde_json::from_str(&line).map_err(|error| format!("no command: {error}"))? {
                    Command::Rest => {
                        (resting, back_at) = (true, None);
                        world.faults().clear();
                        door.close().await;
                        say(&Said::Resting);
                    }
                    Command::Resume => {
                        resting = false;
                        door.reopen(&world).await?;
                        say(&Said::Resumed);
                    }
                    Command::Stats => say(&Said::Stats(Box::new(world.stats()))),
                }
            }
            () = sleep_until(next) => {
                if back_at.is_some_and(|at| at <= next) {
                    back_at = None;
                    door.reopen(&world).await?;
                    say(&Said::Up);
                }
                for (change, at) in times.iter_mut().filter(|(_, at)| *at <= next) {
                    *at = soon(weather.until(change));
                    match change {
                        _ if resting => {}
                        Change::Fault => weather.fault(&world),
                        Change::Revocation => weather.revoke(&world, &keys),
                        Change::Outage => {
                            door.close().await;
                            say(&Said::Down);
                            back_at = Some(soon(weather.outage()));
                        }
                    }
                }
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "when the weather changes is no business of a clock that tests move")]
fn soon(pause: Duration) -> Instant {
    Instant::now() + pause
}

/// One line of JSON. Whoever reads it may be gone; the end of the input says so, too.
fn say(said: &Said) {
    if let Ok(line) = serde_json::to_string(said) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{line}");
        let _ = out.flush();
    }
}

/// A fleet in which every key has its resource, and a user who may have every key.
fn furnish(world: &World, keys: &[Key]) {
    let mut grant = Grant::none().trusted();
    let fleet = world.engine().state();
    for (index, Key { kind, id, .. }) in keys.iter().enumerate() {
        world.minter().set_lifetime_of(keys[index].minted_as(), keys::life(index));
        grant = match kind {
            keys::Kind::Vehicle => {
                fleet.put_vehicle(id, Vehicle { vehicle_state: VehicleState::Online, ..Vehicle::default() });
                grant.vehicle(id)
            }
            keys::Kind::Trip => {
                fleet.put_trip(id, Trip { vehicle_id: id.clone(), ..Trip::default() });
                grant.trip(id)
            }
            keys::Kind::DeliveryVehicle => {
                fleet.put_delivery_vehicle(id, DeliveryVehicle::default());
                grant.delivery_vehicle(id)
            }
            keys::Kind::Task => {
                let task = Task {
                    task_type: TaskType::Delivery,
                    tracking_id: id.clone(),
                    delivery_vehicle_id: id.clone(),
                    ..Task::default()
                };
                fleet.put_task(id, task);
                grant.task(id)
            }
            keys::Kind::Tracking => grant.tracking(id),
        };
    }
    world.sessions().allow("soak", LOGIN, grant);
}

/// Makes every signing key before anybody waits for it.
async fn make_keys(world: &World, keys: &[Key]) -> Result<(), String> {
    for key in keys.iter().take(keys::Kind::ALL.len()) {
        let (minter, kind) = (world.minter().clone(), key.minted_as());
        let made = tokio::task::spawn_blocking(move || minter.mint(kind)).await;
        made.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The backend's own listener, which can be gone: then connections are refused and those that were open end.
struct Door {
    address: SocketAddr,
    open: Option<(oneshot::Sender<()>, JoinHandle<std::io::Result<()>>)>,
}

impl Door {
    async fn open_anywhere(world: &World) -> Result<Self, String> {
        let mut door = Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), open: None };
        door.reopen(world).await?;
        Ok(door)
    }

    async fn reopen(&mut self, world: &World) -> Result<(), String> {
        if self.open.is_some() {
            return Ok(());
        }
        let listener = self.listen().await?;
        self.address = listener.local_addr().map_err(|error| error.to_string())?;
        let (close, closed) = oneshot::channel();
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let server = axum::serve(listener, world.backend_router()).with_graceful_shutdown(async {
            let _ = closed.await;
        });
        self.open = Some((close, tokio::spawn(server.into_future())));
        Ok(())
    }

    /// The port that the backend had. A connection of somebody else's may have it for a moment.
    async fn listen(&self) -> Result<TcpListener, String> {
        let mut refused = String::new();
        for _ in 0..100 {
            match TcpListener::bind(self.address).await {
                Ok(listener) => return Ok(listener),
                Err(error) => refused = error.to_string(),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("cannot listen on {} again: {refused}", self.address))
    }

    async fn close(&mut self) {
        if let Some((close, server)) = self.open.take() {
            let _ = close.send(());
            let abort = server.abort_handle();
            if timeout(LAST_REPLIES, server).await.is_err() {
                abort.abort();
            }
        }
    }
}
