//! Two riders' apps: one follows the trip, the other also looks at the vehicles nearby, with a token of its own for that.

use std::sync::Arc;
use std::time::Duration;

use fleet_token::AuthTokenContext;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::engine::Call;
use super::phone::Phone;
use super::timeline::Mood;
use super::world::TRIP;

/// The pause between two looks at the trip.
const PACE: Duration = Duration::from_millis(400);

/// Follows the trip until `stop` turns true; with `nearby`, looks at the vehicles around as well.
pub(super) async fn follow(
    phone: Arc<Phone>,
    nearby: bool,
    begin_after: Duration,
    mut stop: watch::Receiver<bool>,
) -> Result<(), String> {
    let trip = phone.handle(&AuthTokenContext::trip(TRIP))?;
    let vehicles = phone.handle(&AuthTokenContext::vehicle_service())?;
    tokio::time::sleep(begin_after).await;
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut seen, mut around) = (String::new(), None);
    while !*stop.borrow() {
        if let Ok(trip) = phone.call(&trip, &Call::trip(TRIP)).await {
            let news = progress(&trip);
            if news != seen {
                phone.say("trip", Mood::Plain, &format!("sees {TRIP}: {news}{}", position(&trip)));
                seen = news;
            }
        }
        if nearby && let Ok(found) = phone.call(&vehicles, &Call::search_vehicles()).await {
            let count = found["matches"].as_array().map(Vec::len);
            if count != around {
                phone.say("nearby", Mood::Plain, &format!("sees {} vehicles nearby", count.unwrap_or(0)));
                around = count;
            }
        }
        tokio::select! {
            _ = stop.changed() => {}
            _ = pace.tick() => {}
        }
    }
    Ok(())
}

/// A trip's status in plain words.
fn progress(trip: &Value) -> String {
    trip["tripStatus"].as_str().unwrap_or("no status").to_lowercase().replace('_', " ")
}

/// Where the trip's vehicle is.
fn position(trip: &Value) -> String {
    let point = &trip["lastLocation"]["location"];
    match (point["latitude"].as_f64(), point["longitude"].as_f64()) {
        (Some(latitude), Some(longitude)) => format!(", its vehicle is at {latitude:.4}, {longitude:.4}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_trip_is_told_in_plain_words() {
        let trip = json!({
            "tripStatus": "ENROUTE_TO_PICKUP",
            "lastLocation": { "location": { "latitude": 48.13741, "longitude": 11.5755 } },
        });
        assert_eq!(progress(&trip) + &position(&trip), "enroute to pickup, its vehicle is at 48.1374, 11.5755");
        assert_eq!(position(&json!({})), "");
    }
}
