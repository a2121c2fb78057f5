//! The fleet itself: plain tables behind one lock, no notion of callers. Seed it here; call it through the engine.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::EngineError;
use super::resource::{DeliveryVehicle, Task, TaskTrackingInfo, Trip, TripStatus, Vehicle};

/// The top-level fields that an update touches, in camelCase; empty means all that are set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldMask {
    fields: Vec<String>,
}

impl FieldMask {
    /// Reads `updateMask`: comma-separated paths in camelCase or snake_case. Of a path only the first part counts.
    pub fn parse(mask: &str) -> Self {
        let fields = mask
            .split(',')
            .filter_map(|path| path.trim().split('.').next())
            .filter(|field| !field.is_empty())
            .map(camel)
            .collect();
        Self { fields }
    }

    /// The fields, in camelCase.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }
}

fn camel(field: &str) -> String {
    let mut upper = false;
    let mut out = String::with_capacity(field.len());
    for c in field.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                out.extend(c.to_uppercase());
                upper = false;
            }
            c => out.push(c),
        }
    }
    out
}

/// Takes the masked fields of `change` over into `current`.
pub(crate) fn merged<T: Serialize + DeserializeOwned>(
    current: &T,
    change: &T,
    mask: &FieldMask,
) -> Result<T, EngineError> {
    let internal = |_| EngineError::internal("the resource could not be merged");
    let mut value = serde_json::to_value(current).map_err(internal)?;
    let mut change = serde_json::to_value(change).map_err(internal)?;
    if let Some(change) = change.as_object_mut() {
        change.remove("name");
    }
    if let (Some(value), Some(change)) = (value.as_object_mut(), change.as_object()) {
        if mask.fields.is_empty() {
            value.extend(change.iter().map(|(field, new)| (field.clone(), new.clone())));
        }
        for field in &mask.fields {
            match change.get(field) {
                Some(new) => drop(value.insert(field.clone(), new.clone())),
                None => drop(value.remove(field)),
            }
        }
    }
    serde_json::from_value(value).map_err(internal)
}

#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) vehicles: BTreeMap<String, Vehicle>,
    pub(crate) trips: BTreeMap<String, Trip>,
    pub(crate) delivery_vehicles: BTreeMap<String, DeliveryVehicle>,
    pub(crate) tasks: BTreeMap<String, Task>,
}

/// The vehicles, trips, delivery vehicles and tasks of one provider, by id.
#[derive(Debug)]
pub struct FleetState {
    provider_id: String,
    tables: Mutex<Tables>,
}

impl FleetState {
    pub(crate) fn new(provider_id: String) -> Self {
        Self { provider_id, tables: Mutex::default() }
    }

    /// Puts a vehicle there, replacing what has that id.
    pub fn put_vehicle(&self, id: &str, mut vehicle: Vehicle) {
        vehicle.name = self.name("vehicles", id);
        self.tables.lock().vehicles.insert(id.to_owned(), vehicle);
    }

    /// Puts a trip there, replacing what has that id.
    pub fn put_trip(&self, id: &str, mut trip: Trip) {
        trip.name = self.name("trips", id);
        self.tables.lock().trips.insert(id.to_owned(), trip);
    }

    /// Puts a delivery vehicle there, replacing what has that id.
    pub fn put_delivery_vehicle(&self, id: &str, mut vehicle: DeliveryVehicle) {
        vehicle.name = self.name("deliveryVehicles", id);
        self.tables.lock().delivery_vehicles.insert(id.to_owned(), vehicle);
    }

    /// Puts a task there, replacing what has that id.
    pub fn put_task(&self, id: &str, mut task: Task) {
        task.name = self.name("tasks", id);
        self.tables.lock().tasks.insert(id.to_owned(), task);
    }

    /// Changes a vehicle in one step, without a call's checks. Returns whether there is one.
    pub fn change_vehicle(&self, id: &str, change: impl FnOnce(&mut Vehicle)) -> bool {
        self.tables.lock().vehicles.get_mut(id).map(change).is_some()
    }

    /// Changes a trip in one step, without a call's checks. Returns whether there is one.
    pub fn change_trip(&self, id: &str, change: impl FnOnce(&mut Trip)) -> bool {
        self.tables.lock().trips.get_mut(id).map(change).is_some()
    }

    /// The vehicle, with its current trips.
    pub fn vehicle(&self, id: &str) -> Option<Vehicle> {
        let tables = self.tables.lock();
        let mut vehicle = tables.vehicles.get(id)?.clone();
        vehicle.current_trips = tables
            .trips
            .iter()
            .filter(|(_, trip)| trip.vehicle_id == id && is_active(trip))
            .map(|(id, _)| id.clone())
            .collect();
        Some(vehicle)
    }

    /// The trip, with where its vehicle is.
    pub fn trip(&self, id: &str) -> Option<Trip> {
        let tables = self.tables.lock();
        let mut trip = tables.trips.get(id)?.clone();
        trip.last_location = tables.vehicles.get(&trip.vehicle_id).and_then(|v| v.last_location.clone());
        Some(trip)
    }

    /// The delivery vehicle.
    pub fn delivery_vehicle(&self, id: &str) -> Option<DeliveryVehicle> {
        self.tables.lock().delivery_vehicles.get(id).cloned()
    }

    /// The task.
    pub fn task(&self, id: &str) -> Option<Task> {
        self.tables.lock().tasks.get(id).cloned()
    }

    /// What the recipient of a parcel may see.
    pub fn tracking_info(&self, tracking_id: &str) -> Option<TaskTrackingInfo> {
        let tables = self.tables.lock();
        let task = tables.tasks.values().find(|task| task.tracking_id == tracking_id)?;
        let vehicle = tables.delivery_vehicles.get(&task.delivery_vehicle_id);
        Some(TaskTrackingInfo {
            name: self.name("taskTrackingInfo", tracking_id),
            tracking_id: tracking_id.to_owned(),
            vehicle_location: vehicle.and_then(|vehicle| vehicle.last_location.clone()),
            state: task.state,
            task_outcome: task.task_outcome,
            planned_location: task.planned_location,
        })
    }

    /// The provider whose fleet it is.
    pub fn provider_id(&self) -> &str {
        &self.provider_id
    }

    pub(crate) fn tables(&self) -> parking_lot::MutexGuard<'_, Tables> {
        self.tables.lock()
    }

    pub(crate) fn name(&self, collection: &str, id: &str) -> String {
        format!("providers/{}/{collection}/{id}", self.provider_id)
    }
}

pub(crate) fn is_active(trip: &Trip) -> bool {
    !matches!(trip.trip_status, TripStatus::Complete | TripStatus::Canceled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::resource::{Attribute, VehicleState};

    #[test]
    fn a_mask_in_either_spelling_touches_only_its_fields() {
        for mask in ["vehicleState", "vehicle_state", "vehicle_state.x, "] {
            let mask = FieldMask::parse(mask);
            let current = Vehicle { maximum_capacity: Some(4), ..Vehicle::default() };
            let change = Vehicle {
                vehicle_state: VehicleState::Online,
                attributes: vec![Attribute { key: "k".into(), value: "v".into() }],
                ..Vehicle::default()
            };
            let result = merged(&current, &change, &mask).unwrap();
            assert_eq!(result.vehicle_state, VehicleState::Online);
            assert_eq!((result.maximum_capacity, result.attributes.len()), (Some(4), 0));
        }
    }

    #[test]
    fn a_masked_field_that_is_not_sent_is_cleared() {
        let current = Vehicle { maximum_capacity: Some(4), ..Vehicle::default() };
        let result = merged(&current, &Vehicle::default(), &FieldMask::parse("maximumCapacity")).unwrap();
        assert_eq!(result.maximum_capacity, None);
    }
}
