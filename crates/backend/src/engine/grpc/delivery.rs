//! `maps.fleetengine.delivery.v1`: DeliveryService.

use fleet_engine_proto::delivery::v1;
use fleet_engine_proto::delivery::v1::delivery_service_server::DeliveryService;
use tonic::{Request, Response, Status, async_trait};

use super::translate::mask;
use super::{Face, provider, resource};
use crate::engine::EngineError;
use crate::engine::resource::{DeliveryVehicle, Task};

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl DeliveryService for Face {
    async fn create_delivery_vehicle(
        &self,
        request: Request<v1::CreateDeliveryVehicleRequest>,
    ) -> Answer<v1::DeliveryVehicle> {
        self.call(request, |engine, who, sent| {
            let vehicle = DeliveryVehicle::try_from(sent.delivery_vehicle.unwrap_or_default())?;
            let id = &sent.delivery_vehicle_id;
            Ok(engine.create_delivery_vehicle(who, provider(&sent.parent)?, id, vehicle)?.into())
        })
    }

    async fn get_delivery_vehicle(
        &self,
        request: Request<v1::GetDeliveryVehicleRequest>,
    ) -> Answer<v1::DeliveryVehicle> {
        self.call(request, |engine, who, sent| {
            let (provider, id) = resource(&sent.name, "deliveryVehicles")?;
            Ok(engine.get_delivery_vehicle(who, provider, id)?.into())
        })
    }

    async fn delete_delivery_vehicle(&self, request: Request<v1::DeleteDeliveryVehicleRequest>) -> Answer<()> {
        self.call(request, |engine, who, sent| {
            let (provider, id) = resource(&sent.name, "deliveryVehicles")?;
            engine.delete_delivery_vehicle(who, provider, id)
        })
    }

    async fn update_delivery_vehicle(
        &self,
        request: Request<v1::UpdateDeliveryVehicleRequest>,
    ) -> Answer<v1::DeliveryVehicle> {
        self.call(request, |engine, who, sent| {
            let sent_vehicle = sent.delivery_vehicle.unwrap_or_default();
            let name = sent_vehicle.name.clone();
            let (provider, id) = resource(&name, "deliveryVehicles")?;
            let change = DeliveryVehicle::try_from(sent_vehicle)?;
            let mask = mask(sent.update_mask.as_ref());
            Ok(engine.update_delivery_vehicle(who, provider, id, change, &mask)?.into())
        })
    }

    async fn list_delivery_vehicles(
        &self,
        request: Request<v1::ListDeliveryVehiclesRequest>,
    ) -> Answer<v1::ListDeliveryVehiclesResponse> {
        self.call(request, |engine, who, sent| {
            let listed = engine.list_delivery_vehicles(who, provider(&sent.parent)?)?;
            let total_size = i64::try_from(listed.len()).unwrap_or(i64::MAX);
            let delivery_vehicles = listed.into_iter().map(Into::into).collect();
            Ok(v1::ListDeliveryVehiclesResponse { delivery_vehicles, next_page_token: String::new(), total_size })
        })
    }

    async fn create_task(&self, request: Request<v1::CreateTaskRequest>) -> Answer<v1::Task> {
        self.call(request, |engine, who, sent| {
            let task = Task::try_from(sent.task.unwrap_or_default())?;
            Ok(engine.create_task(who, provider(&sent.parent)?, &sent.task_id, task)?.into())
        })
    }

    async fn batch_create_tasks(
        &self,
        request: Request<v1::BatchCreateTasksRequest>,
    ) -> Answer<v1::BatchCreateTasksResponse> {
        self.call(request, |engine, who, sent| {
            let read = |item: v1::CreateTaskRequest| {
                Ok::<_, EngineError>((item.task_id, Task::try_from(item.task.unwrap_or_default())?))
            };
            let batch = sent.requests.into_iter().map(read).collect::<Result<_, _>>()?;
            let made = engine.batch_create_tasks(who, provider(&sent.parent)?, batch)?;
            Ok(v1::BatchCreateTasksResponse { tasks: made.into_iter().map(Into::into).collect() })
        })
    }

    async fn get_task(&self, request: Request<v1::GetTaskRequest>) -> Answer<v1::Task> {
        self.call(request, |engine, who, sent| {
            let (provider, id) = resource(&sent.name, "tasks")?;
            Ok(engine.get_task(who, provider, id)?.into())
        })
    }

    async fn delete_task(&self, request: Request<v1::DeleteTaskRequest>) -> Answer<()> {
        self.call(request, |engine, who, sent| {
            let (provider, id) = resource(&sent.name, "tasks")?;
            engine.delete_task(who, provider, id)
        })
    }

    async fn update_task(&self, request: Request<v1::UpdateTaskRequest>) -> Answer<v1::Task> {
        self.call(request, |engine, who, sent| {
            let sent_task = sent.task.unwrap_or_default();
            let name = sent_task.name.clone();
            let (provider, id) = resource(&name, "tasks")?;
            let change = Task::try_from(sent_task)?;
            Ok(engine.update_task(who, provider, id, &change, &mask(sent.update_mask.as_ref()))?.into())
        })
    }

    async fn list_tasks(&self, request: Request<v1::ListTasksRequest>) -> Answer<v1::ListTasksResponse> {
        self.call(request, |engine, who, sent| {
            let listed = engine.list_tasks(who, provider(&sent.parent)?)?;
            let total_size = i64::try_from(listed.len()).unwrap_or(i64::MAX);
            let tasks = listed.into_iter().map(Into::into).collect();
            Ok(v1::ListTasksResponse { tasks, next_page_token: String::new(), total_size })
        })
    }

    async fn get_task_tracking_info(
        &self,
        request: Request<v1::GetTaskTrackingInfoRequest>,
    ) -> Answer<v1::TaskTrackingInfo> {
        self.call(request, |engine, who, sent| {
            let (provider, id) = resource(&sent.name, "taskTrackingInfo")?;
            Ok(engine.get_task_tracking_info(who, provider, id)?.into())
        })
    }
}
