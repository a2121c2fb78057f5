//! `fleet-token demo`: what a bare `cargo run` shows. A token backend, a Fleet Engine, apps that use both, and a script of
//! things that go wrong. It measures itself and says at the end whether it kept its promises.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

mod drivers;
mod engine;
mod narrator;
mod phone;
mod promises;
mod riders;
mod script;
mod secrets;
mod summary;
mod timeline;
mod world;

use crate::clock::Stopwatch;
use crate::screen::Screen;
use crate::when::short;
use engine::EngineClient;
use phone::Phone;
use promises::{Measured, Output, Tokens};
use script::Cast;
use secrets::Secrets;
use summary::Row;
use timeline::{Mood, Timeline};
use world::{DRIVERS, LIFETIME, RIDERS, SERVER, VEHICLES};

/// What the demo may take beside the driving: keys, setting up, taking down.
const AROUND: u64 = 7;
/// The soonest that a token is renewed: its margin is half of its life, the window before that an eighth.
const SOONEST_RENEWAL: Duration = Duration::from_millis(LIFETIME.as_secs() * 1000 * 3 / 8);

/// How the demo runs.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Machine-readable: one JSON object a line, the summary last.
    #[arg(long)]
    pub(crate) json: bool,
    /// How long the drivers drive.
    #[arg(long, value_name = "SECONDS", default_value_t = 13, value_parser = clap::value_parser!(u64).range(12..=60))]
    pub(crate) seconds: u64,
}

/// Runs the command: 0 if every promise was kept, else 1.
pub(crate) async fn run(options: &Options, screen: &Screen) -> ExitCode {
    let clock = Stopwatch::start();
    let timeline = Timeline::new(screen, options.json);
    let verdict = match perform(options, &timeline, clock).await {
        Ok((measured, rows, secrets)) => judge(measured, &rows, &secrets, screen, &timeline, clock),
        Err(cause) => Err(cause),
    };
    match verdict {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            if options.json {
                timeline.tell("demo", "failed", Mood::Trouble, &cause);
            }
            screen.complain(&format!("demo failed: {cause}"));
            ExitCode::FAILURE
        }
    }
}

/// Plays everything and measures it.
async fn perform(
    options: &Options,
    timeline: &Timeline,
    clock: Stopwatch,
) -> Result<(Measured, Vec<Row>, Secrets), String> {
    timeline.aside(&format!(
        "fleet-token: three drivers' apps, two riders' apps and a server get tokens from a token backend and use them\n\
         on an emulated Fleet Engine that really checks them. All of it runs on this machine, over HTTP on loopback.\n\
         A token lives {} s here instead of an hour, and is renewed in the background a little before half of that is over,\n\
         so that you can watch it. Takes about {} s, and checks at the end what it promises.\n",
        LIFETIME.as_secs(),
        options.seconds + 2
    ));
    let cast = Arc::new(set_up(timeline).await?);
    let mut narration = JoinSet::new();
    narration.spawn({
        let cast = Arc::clone(&cast);
        async move { cast.narrate().await }
    });
    cast.open().await?;
    let cold = cast.cold_start().await?;

    timeline.tell("script", "scene", Mood::Script, "everybody sets off: an update every 0.2 s from each driver");
    let driving = Stopwatch::start();
    let (stop, stopped) = watch::channel(false);
    let mut people = set_off(&cast, &stopped);
    narration.spawn({
        let cast = Arc::clone(&cast);
        async move { cast.heartbeat().await }
    });
    let (wrong_id, rejection, outage) = cast.play().await?;
    let rest = Duration::from_secs(options.seconds).saturating_sub(driving.elapsed());
    tokio::time::sleep(rest).await;
    cast.close().await?;
    // Long enough for the riders to see the end.
    tokio::time::sleep(Duration::from_millis(600)).await;
    narration.shutdown().await;
    let _ = stop.send(true);
    while let Some(person) = people.join_next().await {
        person.map_err(|_| "an app was interrupted".to_owned())??;
    }
    let drove = clock.elapsed();
    cast.phones().for_each(|phone| phone.narrate());
    let rows: Vec<_> = cast.phones().map(|phone| Row::of(phone)).collect();

    all_noted(&cast).await;
    let (engine, tally) = (cast.world.stats(), |phone: &Arc<Phone>| phone.tally());
    let mut measured = Measured {
        cold,
        wrong_id,
        rejection,
        outage,
        updates: cast.drivers.iter().map(|driver| tally(driver).accepted).sum(),
        engine_updates: engine.accepted.get("UpdateVehicle").copied().unwrap_or(0),
        engine_calls: engine.accepted_total() + engine.refused_total(),
        issued: engine.minted_total(),
        engine_refused: engine.refused,
        fewest_renewals: cast.drivers.iter().map(|driver| driver.renewals()).min().unwrap_or(0),
        limit: Duration::from_secs(options.seconds + AROUND),
        ..Measured::default()
    };
    for phone in cast.phones() {
        let now = phone.stats();
        measured.calls += now.calls;
        measured.hits += now.hits;
        measured.fetches += now.fetches;
        measured.fetched += now.successes;
        measured.failures += phone.survived();
        measured.answered += tally(phone).accepted + tally(phone).refused;
        measured.renewals += phone.renewals();
        measured.lost += tally(phone).lost;
        measured.tokens.push(Tokens {
            who: phone.name,
            got: now.successes,
            explained: explained(phone, now.entries, drove),
        });
    }
    end(&cast).await?;
    Ok((measured, rows, cast.secrets.clone()))
}

/// Starts the servers and makes the apps.
async fn set_up(timeline: &Timeline) -> Result<Cast, String> {
    let world = world::start().await?;
    let (backend, engine) = (world.backend_url(), world.engine_url());
    timeline.say(
        "setup",
        "started",
        Mood::Plain,
        &format!("token backend on {backend}, Fleet Engine on {engine}"),
        &json!({ "backend": backend, "engine": engine }),
    );
    let clock = Stopwatch::start();
    let secrets = Secrets::default();
    let keys = world::make_keys(&world, &secrets).await?;
    let text = format!("made {keys} RSA keys to sign tokens with, in {}", short(clock.elapsed()));
    timeline.tell("setup", "keys", Mood::Plain, &text);
    let client = EngineClient::new(&engine)?;
    let phone = |name| Phone::new(name, &backend, &client, &secrets, timeline);
    let [one, two, three] = DRIVERS;
    let [first, second] = RIDERS;
    Ok(Cast {
        server: phone(SERVER)?,
        drivers: [phone(one)?, phone(two)?, phone(three)?],
        riders: [phone(first)?, phone(second)?],
        world,
        secrets,
        timeline: timeline.clone(),
    })
}

/// Everybody begins, a little after one another.
fn set_off(cast: &Cast, stopped: &watch::Receiver<bool>) -> JoinSet<Result<(), String>> {
    let mut people = JoinSet::new();
    let mut begin_after = Duration::ZERO;
    for (driver, vehicle) in cast.drivers.iter().zip(VEHICLES) {
        people.spawn(drivers::drive(Arc::clone(driver), vehicle, begin_after, stopped.clone()));
        begin_after += Duration::from_millis(300);
    }
    for (rider, nearby) in cast.riders.iter().zip([false, true]) {
        people.spawn(riders::follow(Arc::clone(rider), nearby, begin_after, stopped.clone()));
        begin_after += Duration::from_millis(150);
    }
    people
}

/// How many tokens a phone may have needed: one for each key at first, one for each time it was due, and one for each
/// rejection.
fn explained(phone: &Phone, keys: u64, drove: Duration) -> u64 {
    let renewals = drove.as_millis() / SOONEST_RENEWAL.as_millis();
    keys * (1 + u64::try_from(renewals).unwrap_or(u64::MAX)) + phone.stats().rejections
}

/// Waits, not for long, for what the backend has signed and no app has received yet.
async fn all_noted(cast: &Cast) {
    for _ in 0..100 {
        if cast.secrets.noted() == cast.world.stats().minted_total() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Shuts everything down.
async fn end(cast: &Cast) -> Result<(), String> {
    for phone in cast.phones() {
        phone.factory.shutdown().await;
        if !script::is_shut_down(&phone.factory).await {
            return Err(format!("{}'s factory still answers after its shutdown", phone.name));
        }
    }
    Ok(())
}

/// Prints the end of the demo and says whether all promises were kept.
fn judge(
    mut measured: Measured,
    rows: &[Row],
    secrets: &Secrets,
    screen: &Screen,
    timeline: &Timeline,
    clock: Stopwatch,
) -> Result<(), String> {
    timeline.aside(&format!("\n{}", summary::table(rows)));
    timeline.aside(&format!(
        "token calls: one for each call to Fleet Engine; beside them {} at the start (driver_1), {} for the wrong id\n\
         (driver_3), and one look each at driver_2's token to revoke and at driver_3's to see that it is kept.\n\
         at once: those of them that were answered without waiting.\n\
         fetches: requests to the backend, failed ones too.\n\
         failures survived: requests that the outage broke, while calls went on with the token at hand.\n\
         accepted, refused: calls to Fleet Engine. {} location updates were accepted and {} refused; the script is\n\
         behind driver_2's with its revoked token (401) and driver_3's on vehicle_1 (403).\n",
        measured.cold.callers,
        measured.wrong_id.asked,
        measured.updates,
        summary::refused_updates(&rows[..DRIVERS.len()]),
    ));
    let (tokens, sessions) = (secrets.all(), world::sessions().collect::<Vec<_>>());
    let leaked = || screen.leaked(tokens.iter().chain(&sessions).map(String::as_str));
    measured.output =
        Output { bytes: screen.written(), tokens: secrets.noted(), sessions: sessions.len(), leaked: leaked() };
    measured.took = clock.elapsed();
    let promises = promises::check(&measured);
    for promise in &promises {
        timeline.aside(&summary::promise(promise));
    }
    let broken: Vec<_> = promises.iter().filter(|promise| !promise.kept).collect();
    if broken.is_empty() {
        timeline.aside(&format!("\nEvery promise was kept, in {:.1} s.", measured.took.as_secs_f64()));
    }
    timeline.result(&summary::json(&measured, rows, &promises));
    // The promises themselves were printed after the search.
    if leaked() != Some(0) {
        return Err("a token or a login is in the output".to_owned());
    }
    match broken.as_slice() {
        [] => Ok(()),
        broken => {
            let causes: Vec<_> =
                broken.iter().map(|promise| format!("{} ({})", promise.name, promise.in_one_line())).collect();
            Err(format!("a promise was not kept: {}", causes.join("; ")))
        }
    }
}
