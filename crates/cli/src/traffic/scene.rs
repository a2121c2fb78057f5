//! Who is where, and how far the trip is, at any moment. Pure: the same time, the same scene.

use std::time::Duration;

use fleet_token_backend::engine::{LatLng, TripStatus};

use super::route::{Place, Route};

pub(crate) const VEHICLES: [&str; 4] = ["vehicle_1", "vehicle_2", "vehicle_3", "vehicle_4"];
/// Driven by the first of them.
pub(crate) const TRIP: &str = "trip_1";
pub(crate) const PICKUP: LatLng = LatLng { latitude: 48.1397, longitude: 11.5680 };
pub(crate) const DROPOFF: LatLng = LatLng { latitude: 48.1448, longitude: 11.5580 };

/// Metres a second: 43 km/h.
const SPEED: f64 = 12.0;
/// How long the rider takes to get in, and out.
const BOARDING: f64 = 8.0;
/// How long a trip is known before its driver sets out.
const NEW: f64 = 4.0;

/// From Marienplatz to the rider, to where the rider goes, and back.
const TO_PICKUP: [(f64, f64); 4] = [(48.1374, 11.5755), (48.1378, 11.5722), (48.1391, 11.5719), (48.1397, 11.5680)];
const TO_DROPOFF: [(f64, f64); 5] =
    [(48.1397, 11.5680), (48.1405, 11.5655), (48.1432, 11.5668), (48.1441, 11.5611), (48.1448, 11.5580)];
const BACK: [(f64, f64); 5] =
    [(48.1448, 11.5580), (48.1420, 11.5565), (48.1398, 11.5612), (48.1366, 11.5667), (48.1374, 11.5755)];
/// The others go round in circles.
const ROUNDS: [&[(f64, f64)]; 3] = [
    &[(48.1520, 11.5810), (48.1482, 11.5868), (48.1421, 11.5850), (48.1446, 11.5762), (48.1520, 11.5810)],
    &[(48.1310, 11.5600), (48.1344, 11.5704), (48.1318, 11.5812), (48.1274, 11.5741), (48.1310, 11.5600)],
    &[(48.1490, 11.5560), (48.1512, 11.5650), (48.1478, 11.5731), (48.1449, 11.5668), (48.1490, 11.5560)],
];

/// One moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scene {
    /// In the order of [`VEHICLES`].
    pub(crate) vehicles: [Place; 4],
    pub(crate) status: TripStatus,
    /// To where the vehicle goes for the trip, which is the rider or the rider's aim.
    pub(crate) left: Option<Left>,
}

/// What is left of the way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Left {
    pub(crate) metres: f64,
    pub(crate) time: Duration,
}

/// The scene that long after the beginning, in the traffic's own time. It goes on for ever.
pub(crate) fn scene(at: Duration) -> Scene {
    let seconds = at.as_secs_f64();
    let (first, status, left) = trip(seconds);
    let [second, third, fourth] = ROUNDS.map(|round| {
        let round = Route::through(round);
        round.at((seconds * SPEED).rem_euclid(round.length()))
    });
    Scene { vehicles: [first, second, third, fourth], status, left }
}

/// How long the trip takes, from one beginning to the next.
pub(crate) fn round() -> Duration {
    let driving: f64 = [&TO_PICKUP[..], &TO_DROPOFF, &BACK].map(|way| Route::through(way).length()).iter().sum();
    Duration::from_secs_f64(NEW + driving / SPEED + 2.0 * BOARDING)
}

fn trip(seconds: f64) -> (Place, TripStatus, Option<Left>) {
    let [to_pickup, to_dropoff, back] = [&TO_PICKUP[..], &TO_DROPOFF, &BACK].map(Route::through);
    let acts = [
        (TripStatus::New, &to_pickup, false, NEW),
        (TripStatus::EnrouteToPickup, &to_pickup, true, to_pickup.length() / SPEED),
        (TripStatus::ArrivedAtPickup, &to_dropoff, false, BOARDING),
        (TripStatus::EnrouteToDropoff, &to_dropoff, true, to_dropoff.length() / SPEED),
        (TripStatus::Complete, &back, false, BOARDING),
        (TripStatus::Complete, &back, true, back.length() / SPEED),
    ];
    let mut left = seconds.rem_euclid(round().as_secs_f64());
    for (status, way, drives, takes) in acts {
        if left < takes {
            let driven = if drives { left * SPEED } else { 0.0 };
            let on_the_way = matches!(status, TripStatus::EnrouteToPickup | TripStatus::EnrouteToDropoff);
            let ahead = Left { metres: way.length() - driven, time: Duration::from_secs_f64(takes - left) };
            return (way.at(driven), status, on_the_way.then_some(ahead));
        }
        left -= takes;
    }
    (back.at(back.length()), TripStatus::Complete, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_half_second() -> impl Iterator<Item = (Duration, Scene)> {
        let half = Duration::from_millis(500);
        (0..).map(move |n| half * n).take_while(|at| *at < 2 * round()).map(|at| (at, scene(at)))
    }

    #[test]
    fn the_trip_goes_through_every_status_in_order_and_begins_anew() {
        let mut seen: Vec<TripStatus> = Vec::new();
        for (_, scene) in every_half_second() {
            if seen.last() != Some(&scene.status) {
                seen.push(scene.status);
            }
        }
        let once = [
            TripStatus::New,
            TripStatus::EnrouteToPickup,
            TripStatus::ArrivedAtPickup,
            TripStatus::EnrouteToDropoff,
            TripStatus::Complete,
        ];
        assert_eq!(seen, [once, once].concat());
    }

    #[test]
    fn what_is_left_shrinks_while_the_vehicle_drives_and_is_told_only_then() {
        let scenes: Vec<_> = every_half_second().map(|(_, scene)| scene).collect();
        for (before, after) in scenes.iter().zip(&scenes[1..]) {
            let driving = matches!(after.status, TripStatus::EnrouteToPickup | TripStatus::EnrouteToDropoff);
            assert_eq!(after.left.is_some(), driving);
            if let (Some(before), Some(after), true) = (before.left, after.left, before.status == after.status) {
                assert!(after.metres < before.metres && after.time < before.time);
            }
        }
    }

    #[test]
    fn nobody_jumps() {
        let scenes: Vec<_> = every_half_second().map(|(_, scene)| scene).collect();
        for (before, after) in scenes.iter().zip(&scenes[1..]) {
            for (from, to) in before.vehicles.iter().zip(&after.vehicles) {
                let points = [from, to].map(|place| (place.point.latitude, place.point.longitude));
                assert!(Route::through(&points).length() <= SPEED / 2.0 + 0.1, "{from:?} {to:?}");
            }
        }
    }

    #[test]
    fn the_trip_s_ways_meet_at_its_ends() {
        let point = |(latitude, longitude)| LatLng { latitude, longitude };
        assert_eq!((point(TO_PICKUP[3]), point(TO_DROPOFF[0])), (PICKUP, PICKUP));
        assert_eq!((point(TO_DROPOFF[4]), point(BACK[0])), (DROPOFF, DROPOFF));
        assert_eq!(BACK[4], TO_PICKUP[0]);
        assert!(ROUNDS.iter().all(|round| round.first() == round.last()));
    }
}
