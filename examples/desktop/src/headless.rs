//! Without a picture: follows for a while, takes a token away in the middle of it, and checks what was promised.

use std::time::Duration;

use fleet_token::{AuthTokenFactory, TokenEvent, TokenEvents};
use tokio::time::{interval, sleep};

use crate::follow::Followed;
use crate::scene::Scene;
use crate::{Args, Result};

/// A vehicle that has come less far has not moved.
const MOVED: f64 = 5.0;

pub(crate) async fn run(args: &Args, factory: &AuthTokenFactory, mut followed: Followed) -> Result<()> {
    let mut events = factory.events();
    let mut scene = Scene::default();
    let mut end = std::pin::pin!(sleep(Duration::from_secs(args.seconds)));
    let mut revoke = std::pin::pin!(sleep(Duration::from_secs(args.seconds) / 2));
    let mut revoked = false;
    let mut report = interval(Duration::from_secs(5));
    report.tick().await;
    loop {
        tokio::select! {
            () = &mut end => break,
            Some(news) = followed.news.recv() => scene.note(news),
            () = &mut revoke, if !revoked => {
                revoked = true;
                refuse_one_call(args).await?;
            }
            _ = report.tick() => println!("{}", line(&scene)),
        }
    }
    drop(followed);
    check(&[
        vehicles_moved(args, &scene),
        trip_went_on(&scene),
        no_refusal_was_seen(&scene, factory),
        few_fetches(args, factory, &mut events),
    ])
}

/// Has the emulated Fleet Engine answer the next call with 401, as it would if a token had been revoked.
async fn refuse_one_call(args: &Args) -> Result<()> {
    let _ = fleet_token::rustls::crypto::ring::default_provider().install_default();
    let path = if args.rest { "/vehicles/" } else { "VehicleService/GetVehicle" };
    let fault = format!(r#"[{{"match": "{path}", "fault": {{"status": 401}}}}]"#);
    let request = reqwest::Client::new().post(format!("{}/admin/faults", args.backend));
    let reply = request.header("content-type", "application/json").body(fault).send().await;
    reply
        .and_then(reqwest::Response::error_for_status)
        .map_err(|error| format!("--headless is for the backend of `fleet-token serve`: {error}"))?;
    println!("the next call for a vehicle is refused with 401");
    Ok(())
}

fn line(scene: &Scene) -> String {
    let trip = scene.trip.as_ref().map_or_else(String::new, |trip| {
        let left = trip.metres_left.map_or_else(String::new, |metres| format!(", {metres} m left"));
        format!("trip {}{left}; ", trip.status)
    });
    let vehicles: Vec<_> = scene.trails.keys().map(|id| format!("{id} {:.0} m", scene.driven(id))).collect();
    format!("{trip}{}", vehicles.join(", "))
}

type Promise = (bool, String);

fn vehicles_moved(args: &Args, scene: &Scene) -> Promise {
    let moved = args.vehicles.iter().filter(|id| scene.driven(id) > MOVED).count();
    (moved == args.vehicles.len(), format!("{moved} of {} vehicles moved", args.vehicles.len()))
}

fn trip_went_on(scene: &Scene) -> Promise {
    let went_on = scene.came_nearer || scene.statuses.len() > 1;
    (went_on, format!("the trip went on: {}", scene.statuses.join(" → ")))
}

fn no_refusal_was_seen(scene: &Scene, factory: &AuthTokenFactory) -> Promise {
    let (seen, replaced) = (scene.unauthenticated, factory.stats().rejections);
    let kept = seen == 0 && replaced > 0 && scene.errors.is_empty();
    let errors: Vec<_> = scene.errors.iter().map(|(error, times)| format!("{times} × {error}")).collect();
    let errors = errors.join("; ");
    (
        kept,
        format!(
            "a refused token was replaced ({replaced}), and the user saw nothing of it ({seen}); errors: [{errors}]"
        ),
    )
}

/// One token a context, another whenever one is due, and for each that was refused up to three attempts: signed within the
/// same second, the next may be the very same.
fn few_fetches(args: &Args, factory: &AuthTokenFactory, events: &mut TokenEvents) -> Promise {
    let mut shortest = Duration::MAX;
    while let Some(event) = events.try_next() {
        if let TokenEvent::Fetched { lifetime: Some(life), .. } = event {
            shortest = shortest.min(life);
        }
    }
    // The margin is at most half of the life, and a token is due at most a quarter of the rest before that.
    let due_every = shortest.mul_f64(3.0 / 8.0).as_secs_f64().max(1.0);
    let contexts = args.vehicles.len() as u64 + 1;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a few")]
    let renewals = (args.seconds as f64 / due_every).floor() as u64;
    let stats = factory.stats();
    let most = contexts * (1 + renewals) + 3 * stats.rejections;
    let kept = stats.fetches >= contexts && stats.fetches <= most;
    (kept, format!("{} fetches for {contexts} contexts, at most {most} expected; {stats}", stats.fetches))
}

fn check(promises: &[Promise]) -> Result<()> {
    for (kept, text) in promises {
        println!("{} {text}", if *kept { "✓" } else { "✗" });
    }
    let broken = promises.iter().filter(|(kept, _)| !kept).count();
    if broken == 0 { Ok(()) } else { Err(format!("{broken} of {} promises were not kept", promises.len()).into()) }
}
