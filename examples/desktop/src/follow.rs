//! Asks for the trip and for each vehicle, again and again.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::Args;
use crate::engine::{CallError, Engine, Point, Trip};

/// How often each of them is asked for.
const PACE: Duration = Duration::from_millis(500);

/// News of something.
pub(crate) enum News {
    Vehicle(String, Point),
    Trip(String, Trip),
    Failed(String, CallError),
}

/// Follows until it is dropped.
pub(crate) struct Followed {
    pub(crate) news: mpsc::UnboundedReceiver<News>,
    _tasks: JoinSet<()>,
}

pub(crate) fn start(engine: &Engine, args: &Args) -> Followed {
    let (sender, news) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    let vehicles = args.vehicles.iter().cloned().map(What::Vehicle);
    for what in vehicles.chain([What::Trip(args.trip.clone())]) {
        tasks.spawn(again_and_again(what, engine.clone(), sender.clone()));
    }
    Followed { news, _tasks: tasks }
}

/// Of what there is news.
enum What {
    Vehicle(String),
    Trip(String),
}

/// No token is kept here: the factory is asked for each call, which costs next to nothing.
async fn again_and_again(what: What, engine: Engine, sender: mpsc::UnboundedSender<News>) {
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        if let Some(news) = ask(&what, &engine).await
            && sender.send(news).is_err()
        {
            return;
        }
    }
}

async fn ask(what: &What, engine: &Engine) -> Option<News> {
    match what {
        What::Vehicle(id) => match engine.vehicle(id).await {
            Ok(point) => point.map(|point| News::Vehicle(id.clone(), point)),
            Err(error) => Some(News::Failed(id.clone(), error)),
        },
        What::Trip(id) => Some(match engine.trip(id).await {
            Ok(trip) => News::Trip(id.clone(), trip),
            Err(error) => News::Failed(id.clone(), error),
        }),
    }
}
