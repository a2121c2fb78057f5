//! Three drivers' apps: each sends its vehicle's location several times a second, as Google's Driver SDK does.

use std::sync::Arc;
use std::time::Duration;

use fleet_token::AuthTokenContext;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::engine::Call;
use super::phone::{Phone, Trouble};
use super::timeline::Mood;

/// The pause between two location updates.
const PACE: Duration = Duration::from_millis(200);

/// Where the drivers start, in degrees: the middle of Munich.
const START: (f64, f64) = (48.1374, 11.5755);
/// How far one update is from the one before, in degrees: some ten metres.
const STEP: f64 = 0.0001;

/// Drives `vehicle` until `stop` turns true. The drivers begin one after the other, so that their tokens do not age in step.
pub(super) async fn drive(
    phone: Arc<Phone>,
    vehicle: &'static str,
    begin_after: Duration,
    mut stop: watch::Receiver<bool>,
) -> Result<(), String> {
    let handle = phone.handle(&AuthTokenContext::vehicle(vehicle))?;
    tokio::time::sleep(begin_after).await;
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut latitude, longitude) = START;
    while !*stop.borrow() {
        latitude += STEP;
        // Lost calls are counted and told by the phone; the next update is the better one anyway.
        if let Err(Trouble::Refused { status, message }) =
            phone.call(&handle, &Call::update_location(vehicle, (latitude, longitude))).await
        {
            phone.say("refused", Mood::Trouble, &format!("an update was refused with {status}: {message}"));
        }
        tokio::select! {
            _ = stop.changed() => {}
            _ = pace.tick() => {}
        }
    }
    Ok(())
}
