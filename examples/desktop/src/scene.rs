//! What is known so far: where everybody was, and how the trip went. Pure.

use std::collections::BTreeMap;

use crate::engine::{CallError, Point, Trip};
use crate::follow::News;

/// Points kept of each vehicle's way.
const TRAIL: usize = 400;
/// Of a degree of latitude.
const METRES: f64 = 111_195.0;

#[derive(Default)]
pub(crate) struct Scene {
    /// Each vehicle's way so far, newest last.
    pub(crate) trails: BTreeMap<String, Vec<Point>>,
    pub(crate) trip: Option<Trip>,
    /// Each status that the trip had, in order.
    pub(crate) statuses: Vec<String>,
    /// Whether the distance was seen to shrink while the status stayed.
    pub(crate) came_nearer: bool,
    /// What went wrong, and how often.
    pub(crate) errors: BTreeMap<String, u64>,
    /// What there is no news of now, and why.
    pub(crate) failing: BTreeMap<String, String>,
    /// How often that was a token that Fleet Engine did not accept.
    pub(crate) unauthenticated: u64,
}

impl Scene {
    pub(crate) fn note(&mut self, news: News) {
        match news {
            News::Vehicle(id, at) => {
                self.failing.remove(&id);
                let trail = self.trails.entry(id).or_default();
                if trail.last() != Some(&at) {
                    trail.push(at);
                }
                if trail.len() > TRAIL {
                    trail.remove(0);
                }
            }
            News::Trip(id, trip) => {
                self.failing.remove(&id);
                if self.statuses.last() != Some(&trip.status) {
                    self.statuses.push(trip.status.clone());
                } else if let Some(before) = self.trip.as_ref().and_then(|trip| trip.metres_left) {
                    self.came_nearer |= trip.metres_left.is_some_and(|now| now < before);
                }
                self.trip = Some(trip);
            }
            News::Failed(what, error) => {
                self.unauthenticated += u64::from(matches!(error, CallError::Unauthenticated));
                *self.errors.entry(format!("{what}: {error}")).or_default() += 1;
                self.failing.insert(what, error.to_string());
            }
        }
    }

    /// How far a vehicle has come, in metres, as far as its trail goes back.
    pub(crate) fn driven(&self, id: &str) -> f64 {
        let trail = self.trails.get(id).map_or(&[][..], Vec::as_slice);
        trail.windows(2).fold(0.0, |sum, leg| sum + distance(leg[0], leg[1]))
    }
}

/// In metres; good for a city.
fn distance(from: Point, to: Point) -> f64 {
    let east = (to.longitude - from.longitude) * from.latitude.to_radians().cos();
    (to.latitude - from.latitude).hypot(east) * METRES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trip(status: &str, metres_left: Option<i32>) -> News {
        News::Trip("t".into(), Trip { status: status.into(), metres_left, ..Trip::default() })
    }

    #[test]
    fn a_way_is_as_long_as_its_legs_and_standing_adds_nothing() {
        let mut scene = Scene::default();
        for latitude in [48.0, 48.001, 48.001, 48.0] {
            scene.note(News::Vehicle("v".into(), Point { latitude, longitude: 11.0 }));
        }
        assert!((scene.driven("v") - 222.4).abs() < 0.1 && scene.driven("x") == 0.0, "{}", scene.driven("v"));
        assert_eq!(scene.trails["v"].len(), 3);
    }

    #[test]
    fn a_trip_comes_nearer_only_within_a_status() {
        let mut scene = Scene::default();
        scene.note(trip("ENROUTE_TO_PICKUP", Some(500)));
        scene.note(trip("ARRIVED_AT_PICKUP", None));
        scene.note(trip("ENROUTE_TO_DROPOFF", Some(400)));
        assert!(!scene.came_nearer && scene.statuses.len() == 3);
        scene.note(trip("ENROUTE_TO_DROPOFF", Some(390)));
        assert!(scene.came_nearer && scene.statuses.len() == 3);
    }

    #[test]
    fn a_refused_token_that_reached_the_user_is_counted() {
        let mut scene = Scene::default();
        scene.note(News::Failed("v".into(), CallError::Unauthenticated));
        scene.note(News::Failed("v".into(), CallError::Refused("PermissionDenied".into())));
        assert_eq!((scene.unauthenticated, scene.errors.len(), scene.failing.len()), (1, 2, 1));
        scene.note(News::Vehicle("v".into(), Point { latitude: 48.0, longitude: 11.0 }));
        assert_eq!((scene.errors.len(), scene.failing.len()), (2, 0), "it works again");
    }
}
