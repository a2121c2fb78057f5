//! What couriers' and recipients' apps call.

use super::{
    Caller, DeliveryVehicle, EngineError, FieldMask, FleetEngine, Method, Outcome, Task, TaskState, TaskTrackingInfo,
    found, update,
};
use crate::ids::checked_id;
use crate::role::Role;

/// Scheduled tasks: `maps.fleetengine.delivery.v1`.
#[allow(missing_docs, reason = "the names are Google's method names")]
impl FleetEngine {
    pub fn create_delivery_vehicle(
        &self,
        who: &Caller,
        provider: &str,
        id: &str,
        mut vehicle: DeliveryVehicle,
    ) -> Outcome<DeliveryVehicle> {
        self.judged(who, Method::CreateDeliveryVehicle, provider, Some(id), |id| {
            if self.state.delivery_vehicle(id).is_some() {
                return Err(EngineError::exists("The delivery vehicle exists."));
            }
            self.stamp(&mut vehicle.last_location);
            self.state.put_delivery_vehicle(id, vehicle);
            found(self.state.delivery_vehicle(id))
        })
    }

    pub fn get_delivery_vehicle(&self, who: &Caller, provider: &str, id: &str) -> Outcome<DeliveryVehicle> {
        self.judged(who, Method::GetDeliveryVehicle, provider, Some(id), |id| found(self.state.delivery_vehicle(id)))
    }

    pub fn delete_delivery_vehicle(&self, who: &Caller, provider: &str, id: &str) -> Outcome<()> {
        self.judged(who, Method::DeleteDeliveryVehicle, provider, Some(id), |id| {
            found(self.state.tables().delivery_vehicles.remove(id)).map(drop)
        })
    }

    /// An untrusted driver may change the location and nothing else.
    pub fn update_delivery_vehicle(
        &self,
        who: &Caller,
        provider: &str,
        id: &str,
        mut change: DeliveryVehicle,
        mask: &FieldMask,
    ) -> Outcome<DeliveryVehicle> {
        self.judged(who, Method::UpdateDeliveryVehicle, provider, Some(id), |id| {
            if who.role == Role::DeliveryUntrustedDriver {
                let masked = mask.fields().iter().any(|field| field != "lastLocation");
                let sent = mask.fields().is_empty()
                    && !(change.attributes.is_empty() && change.remaining_vehicle_journey_segments.is_empty());
                if masked || sent {
                    return Err(EngineError::denied("An untrusted driver may update the location only."));
                }
            }
            self.stamp(&mut change.last_location);
            update(self.state.tables().delivery_vehicles.get_mut(id), &change, mask)?;
            found(self.state.delivery_vehicle(id))
        })
    }

    pub fn list_delivery_vehicles(&self, who: &Caller, provider: &str) -> Outcome<Vec<DeliveryVehicle>> {
        self.judged(who, Method::ListDeliveryVehicles, provider, None, |_| {
            Ok(self.state.tables().delivery_vehicles.values().cloned().collect())
        })
    }

    pub fn create_task(&self, who: &Caller, provider: &str, id: &str, task: Task) -> Outcome<Task> {
        self.judged(who, Method::CreateTask, provider, Some(id), |id| self.insert_task(id, task))
    }

    /// All or none of the tasks.
    pub fn batch_create_tasks(&self, who: &Caller, provider: &str, tasks: Vec<(String, Task)>) -> Outcome<Vec<Task>> {
        self.judged(who, Method::BatchCreateTasks, provider, None, |_| {
            let mut batch = std::collections::BTreeMap::new();
            for (id, task) in tasks {
                let id = checked_id(&id).map_err(|error| EngineError::invalid(error.to_string()))?;
                if self.state.task(&id).is_some() || batch.insert(id, task).is_some() {
                    return Err(EngineError::exists("A task of the batch exists."));
                }
            }
            batch.into_iter().map(|(id, task)| self.insert_task(&id, task)).collect()
        })
    }

    pub fn get_task(&self, who: &Caller, provider: &str, id: &str) -> Outcome<Task> {
        self.judged(who, Method::GetTask, provider, Some(id), |id| found(self.state.task(id)))
    }

    pub fn delete_task(&self, who: &Caller, provider: &str, id: &str) -> Outcome<()> {
        self.judged(who, Method::DeleteTask, provider, Some(id), |id| {
            found(self.state.tables().tasks.remove(id)).map(drop)
        })
    }

    pub fn update_task(
        &self,
        who: &Caller,
        provider: &str,
        id: &str,
        change: &Task,
        mask: &FieldMask,
    ) -> Outcome<Task> {
        self.judged(who, Method::UpdateTask, provider, Some(id), |id| {
            update(self.state.tables().tasks.get_mut(id), change, mask)?;
            found(self.state.task(id))
        })
    }

    pub fn list_tasks(&self, who: &Caller, provider: &str) -> Outcome<Vec<Task>> {
        self.judged(who, Method::ListTasks, provider, None, |_| {
            Ok(self.state.tables().tasks.values().cloned().collect())
        })
    }

    pub fn get_task_tracking_info(&self, who: &Caller, provider: &str, tracking_id: &str) -> Outcome<TaskTrackingInfo> {
        self.judged(who, Method::GetTaskTrackingInfo, provider, Some(tracking_id), |id| {
            found(self.state.tracking_info(id))
        })
    }

    fn insert_task(&self, id: &str, mut task: Task) -> Outcome<Task> {
        if self.state.task(id).is_some() {
            return Err(EngineError::exists("The task exists."));
        }
        if task.state == TaskState::Unspecified {
            task.state = TaskState::Open;
        }
        self.state.put_task(id, task);
        found(self.state.task(id))
    }
}
