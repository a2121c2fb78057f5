//! What drivers' and riders' apps call.

use super::state::is_active;
use super::{
    Attribute, Caller, EngineError, FieldMask, FleetEngine, Method, Outcome, Trip, TripStatus, Vehicle, VehicleState,
    found, update,
};

/// On-demand: `maps.fleetengine.v1`. All take the caller, the provider id, and answer with the resource.
#[allow(missing_docs, reason = "the names are Google's method names")]
impl FleetEngine {
    pub fn create_vehicle(&self, who: &Caller, provider: &str, id: &str, mut vehicle: Vehicle) -> Outcome<Vehicle> {
        self.judged(who, Method::CreateVehicle, provider, Some(id), |id| {
            if self.state.vehicle(id).is_some() {
                return Err(EngineError::exists("The vehicle exists."));
            }
            self.stamp(&mut vehicle.last_location);
            self.state.put_vehicle(id, vehicle);
            found(self.state.vehicle(id))
        })
    }

    pub fn get_vehicle(&self, who: &Caller, provider: &str, id: &str) -> Outcome<Vehicle> {
        self.judged(who, Method::GetVehicle, provider, Some(id), |id| found(self.state.vehicle(id)))
    }

    pub fn delete_vehicle(&self, who: &Caller, provider: &str, id: &str) -> Outcome<()> {
        self.judged(who, Method::DeleteVehicle, provider, Some(id), |id| {
            found(self.state.tables().vehicles.remove(id)).map(drop)
        })
    }

    pub fn update_vehicle(
        &self,
        who: &Caller,
        provider: &str,
        id: &str,
        mut change: Vehicle,
        mask: &FieldMask,
    ) -> Outcome<Vehicle> {
        self.judged(who, Method::UpdateVehicle, provider, Some(id), |id| {
            self.stamp(&mut change.last_location);
            update(self.state.tables().vehicles.get_mut(id), &change, mask)?;
            found(self.state.vehicle(id))
        })
    }

    pub fn update_vehicle_attributes(
        &self,
        who: &Caller,
        provider: &str,
        id: &str,
        attributes: Vec<Attribute>,
    ) -> Outcome<Vec<Attribute>> {
        self.judged(who, Method::UpdateVehicleAttributes, provider, Some(id), |id| {
            let mut tables = self.state.tables();
            let vehicle = found(tables.vehicles.get_mut(id))?;
            for new in attributes {
                vehicle.attributes.retain(|old| old.key != new.key);
                vehicle.attributes.push(new);
            }
            Ok(vehicle.attributes.clone())
        })
    }

    pub fn list_vehicles(&self, who: &Caller, provider: &str) -> Outcome<Vec<Vehicle>> {
        self.judged(who, Method::ListVehicles, provider, None, |_| {
            Ok(self.state.tables().vehicles.values().cloned().collect())
        })
    }

    pub fn search_vehicles(&self, who: &Caller, provider: &str) -> Outcome<Vec<Vehicle>> {
        self.judged(who, Method::SearchVehicles, provider, None, |_| {
            let tables = self.state.tables();
            let online = tables.vehicles.values().filter(|vehicle| vehicle.vehicle_state == VehicleState::Online);
            Ok(online.cloned().collect())
        })
    }

    pub fn create_trip(&self, who: &Caller, provider: &str, id: &str, mut trip: Trip) -> Outcome<Trip> {
        self.judged(who, Method::CreateTrip, provider, Some(id), |id| {
            if self.state.trip(id).is_some() {
                return Err(EngineError::exists("The trip exists."));
            }
            if trip.trip_status == TripStatus::Unknown {
                trip.trip_status = TripStatus::New;
            }
            self.state.put_trip(id, trip);
            found(self.state.trip(id))
        })
    }

    pub fn get_trip(&self, who: &Caller, provider: &str, id: &str) -> Outcome<Trip> {
        self.judged(who, Method::GetTrip, provider, Some(id), |id| found(self.state.trip(id)))
    }

    pub fn delete_trip(&self, who: &Caller, provider: &str, id: &str) -> Outcome<()> {
        self.judged(who, Method::DeleteTrip, provider, Some(id), |id| {
            found(self.state.tables().trips.remove(id)).map(drop)
        })
    }

    pub fn update_trip(
        &self,
        who: &Caller,
        provider: &str,
        id: &str,
        change: &Trip,
        mask: &FieldMask,
    ) -> Outcome<Trip> {
        self.judged(who, Method::UpdateTrip, provider, Some(id), |id| {
            update(self.state.tables().trips.get_mut(id), change, mask)?;
            found(self.state.trip(id))
        })
    }

    /// All trips of a vehicle, or of all when `vehicle_id` is empty.
    pub fn search_trips(
        &self,
        who: &Caller,
        provider: &str,
        vehicle_id: &str,
        active_only: bool,
    ) -> Outcome<Vec<Trip>> {
        self.judged(who, Method::SearchTrips, provider, None, |_| {
            let tables = self.state.tables();
            let wanted = |trip: &&Trip| {
                (vehicle_id.is_empty() || trip.vehicle_id == vehicle_id) && (!active_only || is_active(trip))
            };
            Ok(tables.trips.values().filter(wanted).cloned().collect())
        })
    }
}
