//! Traffic for `fleet-token serve`: vehicles that move and a trip that goes on, so that a client has something to follow.

mod route;
mod scene;

use std::sync::Arc;
use std::time::Duration;

use fleet_token_backend::engine::{
    FleetState, TerminalLocation, Trip, TripStatus, Vehicle, VehicleLocation, VehicleState,
};
use fleet_token_backend::{FleetEngine, ServerClock};

use crate::when::rfc3339_of;
use scene::Scene;
pub(crate) use scene::{TRIP, VEHICLES};

/// How often vehicles report, as Google's Driver SDK has it at the least.
const PACE: Duration = Duration::from_secs(1);
/// For so long after somebody else has moved a vehicle, or a trip, it is theirs.
const HANDS_OFF: Duration = Duration::from_secs(30);

/// Moves the fleet of one engine.
pub(crate) struct Traffic {
    engine: Arc<FleetEngine>,
    clock: ServerClock,
    began_ms: i64,
    speed: f64,
    vehicles: [Hand<VehicleLocation>; 4],
    trip: Hand<TripStatus>,
}

impl Traffic {
    /// Puts the vehicles and the trip there. At `speed` 2 they go twice as fast as in life; at 0 they stand.
    pub(crate) fn new(engine: &Arc<FleetEngine>, clock: &ServerClock, speed: f64) -> Self {
        let mut traffic = Self {
            engine: Arc::clone(engine),
            clock: clock.clone(),
            began_ms: clock.unix_ms(),
            speed,
            vehicles: Default::default(),
            trip: Hand::default(),
        };
        furnish(engine.state());
        traffic.step();
        traffic
    }

    /// Goes on until it is dropped.
    pub(crate) async fn run(mut self) {
        let mut pace = tokio::time::interval(PACE);
        while self.speed > 0.0 {
            pace.tick().await;
            self.step();
        }
    }

    /// Puts everybody where they are now, but for those whom somebody else moves.
    fn step(&mut self) {
        let now_ms = self.clock.unix_ms();
        let now = Duration::from_millis(u64::try_from(now_ms - self.began_ms).unwrap_or(0));
        let scene = scene::scene(now.mul_f64(self.speed));
        let state = self.engine.state();
        for ((id, place), hand) in VEHICLES.into_iter().zip(scene.vehicles).zip(&mut self.vehicles) {
            let seen = VehicleLocation {
                location: Some(place.point),
                heading: Some(place.heading),
                update_time: stamp(now_ms),
                server_time: stamp(now_ms),
                ..VehicleLocation::default()
            };
            state.change_vehicle(id, |vehicle| hand.put(&mut vehicle.last_location, seen, now));
        }
        // A trip goes on as its vehicle does: one that somebody else drives is not ours to finish.
        if self.vehicles[0].is_ours(now) {
            state.change_trip(TRIP, |trip| go_on(trip, &mut self.trip, &scene, now, now_ms, self.speed));
        }
    }
}

fn go_on(trip: &mut Trip, hand: &mut Hand<TripStatus>, scene: &Scene, now: Duration, now_ms: i64, speed: f64) {
    let mut status = Some(trip.trip_status);
    hand.put(&mut status, scene.status, now);
    if !hand.is_ours(now) {
        return;
    }
    trip.trip_status = scene.status;
    #[allow(clippy::cast_possible_truncation, reason = "a way through a city")]
    let metres = |left: scene::Left| left.metres.round() as i32;
    trip.remaining_distance_meters = scene.left.map(metres);
    let arrival = |left: scene::Left| {
        let ms = left.time.div_f64(if speed > 0.0 { speed } else { 1.0 }).as_millis();
        stamp(now_ms.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
    };
    trip.eta_to_first_waypoint = scene.left.and_then(arrival);
}

/// Who moves a thing: we do, unless somebody else has just done.
#[derive(Debug)]
struct Hand<T> {
    left: Option<T>,
    theirs_until: Option<Duration>,
}

impl<T> Default for Hand<T> {
    fn default() -> Self {
        Self { left: None, theirs_until: None }
    }
}

impl<T: Clone + PartialEq> Hand<T> {
    /// Replaces what is there with `ours`, if it is what we left there, or if nobody has touched it for a while.
    fn put(&mut self, there: &mut Option<T>, ours: T, now: Duration) {
        if self.left.is_some() && *there != self.left {
            self.theirs_until = Some(now + HANDS_OFF);
            self.left.clone_from(there);
        }
        if self.is_ours(now) {
            *there = Some(ours);
            self.left.clone_from(there);
        }
    }

    fn is_ours(&self, now: Duration) -> bool {
        self.theirs_until.is_none_or(|until| until <= now)
    }
}

/// The fleet and its trip, before anybody moves.
fn furnish(fleet: &FleetState) {
    for id in VEHICLES {
        let vehicle = Vehicle { vehicle_state: VehicleState::Online, maximum_capacity: Some(4), ..Vehicle::default() };
        fleet.put_vehicle(id, vehicle);
    }
    let trip = Trip {
        vehicle_id: VEHICLES[0].into(),
        pickup_point: Some(TerminalLocation { point: scene::PICKUP }),
        dropoff_point: Some(TerminalLocation { point: scene::DROPOFF }),
        ..Trip::default()
    };
    fleet.put_trip(TRIP, trip);
}

/// RFC 3339, to the second.
fn stamp(unix_ms: i64) -> Option<String> {
    rfc3339_of(unix_ms.div_euclid(1000))
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    use super::*;
    use fleet_token_backend::World;
    use fleet_token_backend::engine::LatLng;

    async fn world() -> (World, Traffic) {
        let world = World::builder().start().await.unwrap();
        let traffic = Traffic::new(world.engine(), world.clock(), 1.0);
        (world, traffic)
    }

    fn place(world: &World, id: &str) -> LatLng {
        world.engine().state().vehicle(id).unwrap().last_location.unwrap().location.unwrap()
    }

    #[tokio::test]
    async fn every_vehicle_moves_and_the_trip_goes_on_and_arrives() {
        let (world, mut traffic) = world().await;
        let before = VEHICLES.map(|id| place(&world, id));
        let trip = || world.engine().state().trip(TRIP).unwrap();
        assert_eq!((trip().trip_status, trip().remaining_distance_meters), (TripStatus::New, None));
        world.clock().advance(Duration::from_secs(10));
        traffic.step();
        assert!(VEHICLES.map(|id| place(&world, id)).iter().zip(&before).all(|(now, then)| now != then));
        let first = trip();
        assert_eq!(first.trip_status, TripStatus::EnrouteToPickup);
        assert_eq!(first.last_location, world.engine().state().vehicle("vehicle_1").unwrap().last_location);
        world.clock().advance(Duration::from_secs(5));
        traffic.step();
        assert!(trip().remaining_distance_meters.unwrap() < first.remaining_distance_meters.unwrap());
        let arrival = |trip: &Trip| {
            let eta = trip.eta_to_first_waypoint.as_deref().unwrap();
            OffsetDateTime::parse(eta, &Rfc3339).unwrap()
        };
        // In whole seconds, one of which may end just there.
        assert!((arrival(&trip()) - arrival(&first)).abs() <= time::Duration::SECOND);
        world.clock().advance(scene::round());
        traffic.step();
        assert_eq!(trip().trip_status, TripStatus::EnrouteToPickup, "it began anew");
    }

    #[tokio::test]
    async fn a_driver_who_moves_a_vehicle_wins_and_the_trip_waits_for_him() {
        let (world, mut traffic) = world().await;
        let here = LatLng { latitude: 1.0, longitude: 2.0 };
        let drive = || {
            let seen = VehicleLocation { location: Some(here), ..VehicleLocation::default() };
            world.engine().state().change_vehicle("vehicle_1", |vehicle| vehicle.last_location = Some(seen));
        };
        drive();
        for _ in 0..3 {
            let others = place(&world, "vehicle_2");
            world.clock().advance(HANDS_OFF.saturating_sub(Duration::from_secs(1)));
            traffic.step();
            assert_eq!(place(&world, "vehicle_1"), here);
            assert_ne!(place(&world, "vehicle_2"), others);
            assert_eq!(world.engine().state().trip(TRIP).unwrap().trip_status, TripStatus::New);
            let seen = VehicleLocation { heading: Some(7), location: Some(here), ..VehicleLocation::default() };
            world.engine().state().change_vehicle("vehicle_1", |vehicle| vehicle.last_location = Some(seen));
            traffic.step();
            drive();
            traffic.step();
        }
        world.clock().advance(HANDS_OFF + Duration::from_secs(1));
        traffic.step();
        assert_ne!(place(&world, "vehicle_1"), here, "nobody drives it any more");
    }

    #[tokio::test]
    async fn a_trip_that_somebody_else_ended_stays_ended_for_a_while() {
        let (world, mut traffic) = world().await;
        world.engine().state().change_trip(TRIP, |trip| trip.trip_status = TripStatus::Canceled);
        world.clock().advance(Duration::from_secs(10));
        traffic.step();
        assert_eq!(world.engine().state().trip(TRIP).unwrap().trip_status, TripStatus::Canceled);
        world.clock().advance(HANDS_OFF);
        traffic.step();
        assert_ne!(world.engine().state().trip(TRIP).unwrap().trip_status, TripStatus::Canceled);
    }

    #[tokio::test]
    async fn without_speed_everybody_stands() {
        let (world, _) = world().await;
        let mut traffic = Traffic::new(world.engine(), world.clock(), 0.0);
        let before = VEHICLES.map(|id| place(&world, id));
        world.clock().advance(Duration::from_secs(60));
        traffic.step();
        assert_eq!(VEHICLES.map(|id| place(&world, id)), before);
        traffic.run().await;
    }
}
