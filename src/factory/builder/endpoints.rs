//! Where tokens come from.

use super::AuthTokenFactoryBuilder;
use crate::context::ContextKind;
use crate::fetch::endpoint::Endpoint;

impl AuthTokenFactoryBuilder {
    /// Where tokens for one kind of context are asked for: a URL template such as
    /// `https://backend.example.com/token/driver/{vehicleId}`, or an [`Endpoint`].
    pub fn endpoint(mut self, kind: ContextKind, endpoint: impl Into<Endpoint>) -> Self {
        self.endpoints.push((Some(kind), endpoint.into()));
        self
    }

    /// Where tokens are asked for that have no endpoint of their own kind.
    pub fn default_endpoint(mut self, endpoint: impl Into<Endpoint>) -> Self {
        self.endpoints.push((None, endpoint.into()));
        self
    }

    /// [`endpoint`](Self::endpoint) for one on-demand vehicle, `{vehicleId}`.
    pub fn vehicle_endpoint(self, endpoint: impl Into<Endpoint>) -> Self {
        self.endpoint(ContextKind::Vehicle, endpoint)
    }

    /// [`endpoint`](Self::endpoint) for one on-demand trip, `{tripId}`.
    pub fn trip_endpoint(self, endpoint: impl Into<Endpoint>) -> Self {
        self.endpoint(ContextKind::Trip, endpoint)
    }

    /// [`endpoint`](Self::endpoint) for one delivery vehicle, `{deliveryVehicleId}`.
    pub fn delivery_vehicle_endpoint(self, endpoint: impl Into<Endpoint>) -> Self {
        self.endpoint(ContextKind::DeliveryVehicle, endpoint)
    }

    /// [`endpoint`](Self::endpoint) for a delivery vehicle and a task, `{deliveryVehicleId}` and `{taskId}`.
    pub fn delivery_vehicle_task_endpoint(self, endpoint: impl Into<Endpoint>) -> Self {
        self.endpoint(ContextKind::DeliveryVehicleTask, endpoint)
    }

    /// [`endpoint`](Self::endpoint) for one task, `{taskId}`.
    pub fn task_endpoint(self, endpoint: impl Into<Endpoint>) -> Self {
        self.endpoint(ContextKind::Task, endpoint)
    }

    /// [`endpoint`](Self::endpoint) for one shipment, `{trackingId}`.
    pub fn tracking_endpoint(self, endpoint: impl Into<Endpoint>) -> Self {
        self.endpoint(ContextKind::Tracking, endpoint)
    }

    /// [`endpoint`](Self::endpoint) for the vehicle service without an id.
    pub fn vehicle_service_endpoint(self, endpoint: impl Into<Endpoint>) -> Self {
        self.endpoint(ContextKind::VehicleService, endpoint)
    }

    /// [`endpoint`](Self::endpoint) for the whole fleet.
    pub fn fleet_endpoint(self, endpoint: impl Into<Endpoint>) -> Self {
        self.endpoint(ContextKind::Fleet, endpoint)
    }

    /// The endpoints of Google's on-demand sample backend, `java-on-demand-rides-deliveries-stub-provider`, at
    /// `base_url`: vehicle, trip and, with its server token, fleet.
    pub fn on_demand_stub_provider(self, base_url: &str) -> Self {
        let base = base_url.trim_end_matches('/');
        self.vehicle_endpoint(format!("{base}/token/driver/{{vehicleId}}"))
            .trip_endpoint(format!("{base}/token/consumer/{{tripId}}"))
            .fleet_endpoint(format!("{base}/token/server"))
    }

    /// The endpoints of Google's scheduled-tasks sample backend, `last-mile-fleet-solution-samples`, at `base_url`:
    /// delivery vehicle (which the Driver SDK calls vehicle) with and without a task, tracking and fleet.
    pub fn last_mile_backend(self, base_url: &str) -> Self {
        let base = base_url.trim_end_matches('/');
        self.vehicle_endpoint(format!("{base}/token/delivery_driver/{{vehicleId}}"))
            .delivery_vehicle_endpoint(format!("{base}/token/delivery_driver/{{deliveryVehicleId}}"))
            .delivery_vehicle_task_endpoint(format!("{base}/token/delivery_driver/{{deliveryVehicleId}}"))
            .tracking_endpoint(format!("{base}/token/delivery_consumer/{{trackingId}}"))
            .fleet_endpoint(format!("{base}/token/fleet_reader"))
    }
}
