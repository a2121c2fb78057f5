//! A way through a city: where one is after so many metres.

use fleet_token_backend::engine::LatLng;

/// Of a degree of latitude, on the mean sphere.
const METRES_PER_DEGREE: f64 = 111_195.0;

/// Straight lines from point to point.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    points: Vec<LatLng>,
}

/// Somewhere on a route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) point: LatLng,
    /// Degrees from north, clockwise.
    pub(crate) heading: i32,
}

impl Route {
    /// Through these points, in degrees north and east. There must be one.
    pub(crate) fn through(points: &[(f64, f64)]) -> Self {
        Self { points: points.iter().map(|&(latitude, longitude)| LatLng { latitude, longitude }).collect() }
    }

    /// In metres.
    pub(crate) fn length(&self) -> f64 {
        self.points.windows(2).map(|leg| distance(leg[0], leg[1])).sum()
    }

    /// After so many metres; at the end for more than it is long.
    pub(crate) fn at(&self, metres: f64) -> Place {
        let mut left = metres.max(0.0);
        let mut heading = 0;
        for leg in self.points.windows(2) {
            let length = distance(leg[0], leg[1]);
            heading = bearing(leg[0], leg[1]);
            if left < length {
                return Place { point: between(leg[0], leg[1], left / length), heading };
            }
            left -= length;
        }
        Place { point: self.points.last().copied().unwrap_or_default(), heading }
    }
}

/// In metres; good for a city, where the earth is flat.
fn distance(from: LatLng, to: LatLng) -> f64 {
    let (north, east) = offset(from, to);
    north.hypot(east) * METRES_PER_DEGREE
}

fn bearing(from: LatLng, to: LatLng) -> i32 {
    let (north, east) = offset(from, to);
    #[allow(clippy::cast_possible_truncation, reason = "0 to 360")]
    let degrees = east.atan2(north).to_degrees().rem_euclid(360.0).round() as i32;
    degrees % 360
}

/// In degrees of latitude, both.
fn offset(from: LatLng, to: LatLng) -> (f64, f64) {
    let narrower = from.latitude.to_radians().cos();
    (to.latitude - from.latitude, (to.longitude - from.longitude) * narrower)
}

fn between(from: LatLng, to: LatLng, part: f64) -> LatLng {
    LatLng {
        latitude: from.latitude + (to.latitude - from.latitude) * part,
        longitude: from.longitude + (to.longitude - from.longitude) * part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corner() -> Route {
        Route::through(&[(48.0, 11.0), (48.001, 11.0), (48.001, 11.002)])
    }

    #[test]
    fn a_degree_is_as_long_as_on_earth() {
        let north = Route::through(&[(48.0, 11.0), (48.01, 11.0)]).length();
        let east = Route::through(&[(48.0, 11.0), (48.0, 11.01)]).length();
        assert!((north - 1112.0).abs() < 1.0 && (east - 744.0).abs() < 1.0, "{north} {east}");
    }

    #[test]
    fn one_goes_from_the_first_point_round_the_corner_to_the_last_and_no_farther() {
        let route = corner();
        assert_eq!(route.at(-1.0).point, LatLng { latitude: 48.0, longitude: 11.0 });
        let before = route.at(50.0);
        let east = (before.point.longitude - 11.0).abs();
        assert!(before.heading == 0 && east < 1e-9 && before.point.latitude > 48.0, "{before:?}");
        let after = route.at(150.0);
        assert!(after.heading == 90 && after.point.longitude > 11.0, "{after:?}");
        let end = LatLng { latitude: 48.001, longitude: 11.002 };
        assert_eq!((route.at(route.length()).point, route.at(9e9).point), (end, end));
    }
}
