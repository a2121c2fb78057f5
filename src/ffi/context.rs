//! What a token is for, on the way in and, in events, on the way out.

use crate::context::{AuthTokenContext, ContextKind, IdField, ServiceType};

/// What a token is for. An absent id and an empty one are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, uniffi::Record)]
pub struct FfiTokenContext {
    /// An on-demand vehicle.
    #[uniffi(default)]
    pub vehicle_id: Option<String>,
    /// An on-demand trip.
    #[uniffi(default)]
    pub trip_id: Option<String>,
    /// A delivery vehicle.
    #[uniffi(default)]
    pub delivery_vehicle_id: Option<String>,
    /// A scheduled task.
    #[uniffi(default)]
    pub task_id: Option<String>,
    /// A shipment's tracking id.
    #[uniffi(default)]
    pub tracking_id: Option<String>,
    /// The service, for contexts that have no id to say it.
    #[uniffi(default)]
    pub service_type: Option<FfiServiceType>,
}

/// The Fleet Engine service that a token is used on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum FfiServiceType {
    /// On-demand vehicles.
    Vehicle,
    /// On-demand trips.
    Trip,
    /// Delivery vehicles.
    DeliveryVehicle,
    /// Scheduled tasks.
    Task,
    /// Everything that a fleet operator may read.
    Fleet,
}

/// Which kind of context an endpoint serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum FfiContextKind {
    /// One on-demand vehicle.
    Vehicle,
    /// One on-demand trip.
    Trip,
    /// One delivery vehicle.
    DeliveryVehicle,
    /// One delivery vehicle and one task.
    DeliveryVehicleTask,
    /// One task.
    Task,
    /// One shipment's tracking id.
    Tracking,
    /// The vehicle service without an id.
    VehicleService,
    /// The whole fleet.
    Fleet,
}

impl From<FfiTokenContext> for AuthTokenContext {
    fn from(context: FfiTokenContext) -> Self {
        let ids = [
            (IdField::Vehicle, context.vehicle_id),
            (IdField::Trip, context.trip_id),
            (IdField::DeliveryVehicle, context.delivery_vehicle_id),
            (IdField::Task, context.task_id),
            (IdField::Tracking, context.tracking_id),
        ];
        let mut made = Self::new();
        for (field, id) in ids {
            if let Some(id) = id {
                made = made.with_id(field, &id);
            }
        }
        match context.service_type {
            Some(service) => made.with_service_type(service.into()),
            None => made,
        }
    }
}

impl From<&AuthTokenContext> for FfiTokenContext {
    fn from(context: &AuthTokenContext) -> Self {
        let id = |field| context.id(field).map(str::to_owned);
        Self {
            vehicle_id: id(IdField::Vehicle),
            trip_id: id(IdField::Trip),
            delivery_vehicle_id: id(IdField::DeliveryVehicle),
            task_id: id(IdField::Task),
            tracking_id: id(IdField::Tracking),
            service_type: context.service_type().map(Into::into),
        }
    }
}

impl From<FfiServiceType> for ServiceType {
    fn from(service: FfiServiceType) -> Self {
        match service {
            FfiServiceType::Vehicle => Self::Vehicle,
            FfiServiceType::Trip => Self::Trip,
            FfiServiceType::DeliveryVehicle => Self::DeliveryVehicle,
            FfiServiceType::Task => Self::Task,
            FfiServiceType::Fleet => Self::Fleet,
        }
    }
}

impl From<ServiceType> for FfiServiceType {
    fn from(service: ServiceType) -> Self {
        match service {
            ServiceType::Vehicle => Self::Vehicle,
            ServiceType::Trip => Self::Trip,
            ServiceType::DeliveryVehicle => Self::DeliveryVehicle,
            ServiceType::Task => Self::Task,
            ServiceType::Fleet => Self::Fleet,
        }
    }
}

impl From<FfiContextKind> for ContextKind {
    fn from(kind: FfiContextKind) -> Self {
        match kind {
            FfiContextKind::Vehicle => Self::Vehicle,
            FfiContextKind::Trip => Self::Trip,
            FfiContextKind::DeliveryVehicle => Self::DeliveryVehicle,
            FfiContextKind::DeliveryVehicleTask => Self::DeliveryVehicleTask,
            FfiContextKind::Task => Self::Task,
            FfiContextKind::Tracking => Self::Tracking,
            FfiContextKind::VehicleService => Self::VehicleService,
            FfiContextKind::Fleet => Self::Fleet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_survives_the_crossing_both_ways() {
        let context = FfiTokenContext {
            vehicle_id: Some("v".to_owned()),
            trip_id: Some("t".to_owned()),
            delivery_vehicle_id: Some("d".to_owned()),
            task_id: Some("k".to_owned()),
            tracking_id: Some("x".to_owned()),
            service_type: Some(FfiServiceType::Task),
        };
        assert_eq!(FfiTokenContext::from(&AuthTokenContext::from(context.clone())), context);
    }

    #[test]
    fn an_empty_id_is_absent() {
        let context = FfiTokenContext { vehicle_id: Some(String::new()), ..FfiTokenContext::default() };
        assert_eq!(AuthTokenContext::from(context), AuthTokenContext::new());
    }
}
