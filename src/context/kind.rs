//! The words of a context: its ids, its services, and the kinds of token that they make.

use std::fmt;

/// The Fleet Engine service that a token is used on, for the contexts that have no id to say it.
///
/// The names on the wire are those of `google.maps.journeySharing.FleetEngineServiceType`, except
/// [`Vehicle`](Self::Vehicle) and [`Fleet`](Self::Fleet), which that type lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServiceType {
    /// On-demand vehicles, without one vehicle's id: a consumer app that searches for vehicles nearby.
    Vehicle,
    /// On-demand trips.
    Trip,
    /// Scheduled-task delivery vehicles.
    DeliveryVehicle,
    /// Scheduled tasks.
    Task,
    /// Everything a fleet operator may read.
    Fleet,
}

impl ServiceType {
    /// The name on the wire, such as `TRIP_SERVICE`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vehicle => "VEHICLE_SERVICE",
            Self::Trip => "TRIP_SERVICE",
            Self::DeliveryVehicle => "DELIVERY_VEHICLE_SERVICE",
            Self::Task => "TASK_SERVICE",
            Self::Fleet => "FLEET_SERVICE",
        }
    }
}

/// One of the ids that a context can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdField {
    /// An on-demand vehicle.
    Vehicle,
    /// An on-demand trip.
    Trip,
    /// A delivery vehicle.
    DeliveryVehicle,
    /// A scheduled task.
    Task,
    /// A shipment's tracking id.
    Tracking,
}

impl IdField {
    /// All of them, in the order of the context's fields.
    pub const ALL: [Self; 5] = [Self::Vehicle, Self::Trip, Self::DeliveryVehicle, Self::Task, Self::Tracking];

    /// The name in Google's JavaScript `AuthTokenContext`, in URL templates and in JSON bodies, such as `vehicleId`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vehicle => "vehicleId",
            Self::Trip => "tripId",
            Self::DeliveryVehicle => "deliveryVehicleId",
            Self::Task => "taskId",
            Self::Tracking => "trackingId",
        }
    }

    /// The key in a Fleet Engine JWT's `authorization` claim, such as `vehicleid`.
    pub const fn claim(self) -> &'static str {
        match self {
            Self::Vehicle => "vehicleid",
            Self::Trip => "tripid",
            Self::DeliveryVehicle => "deliveryvehicleid",
            Self::Task => "taskid",
            Self::Tracking => "trackingid",
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for IdField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which kind of token a context asks for: it chooses the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContextKind {
    /// One on-demand vehicle: a driver app.
    Vehicle,
    /// One on-demand trip: a consumer app.
    Trip,
    /// One delivery vehicle: an untrusted delivery driver app.
    DeliveryVehicle,
    /// One delivery vehicle and one task: a trusted delivery driver app.
    DeliveryVehicleTask,
    /// One task.
    Task,
    /// One shipment's tracking id: a recipient's app.
    Tracking,
    /// The vehicle service without an id: vehicles nearby.
    VehicleService,
    /// The whole fleet: an operator's desktop.
    Fleet,
}

impl ContextKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Vehicle,
        Self::Trip,
        Self::DeliveryVehicle,
        Self::DeliveryVehicleTask,
        Self::Task,
        Self::Tracking,
        Self::VehicleService,
        Self::Fleet,
    ];

    /// The ids that a context of this kind always has.
    pub const fn ids(self) -> &'static [IdField] {
        match self {
            Self::Vehicle => &[IdField::Vehicle],
            Self::Trip => &[IdField::Trip],
            Self::DeliveryVehicle => &[IdField::DeliveryVehicle],
            Self::DeliveryVehicleTask => &[IdField::DeliveryVehicle, IdField::Task],
            Self::Task => &[IdField::Task],
            Self::Tracking => &[IdField::Tracking],
            Self::VehicleService | Self::Fleet => &[],
        }
    }

    /// The stable name, in snake case, as in logs, metrics and scenarios.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vehicle => "vehicle",
            Self::Trip => "trip",
            Self::DeliveryVehicle => "delivery_vehicle",
            Self::DeliveryVehicleTask => "delivery_vehicle_task",
            Self::Task => "task",
            Self::Tracking => "tracking",
            Self::VehicleService => "vehicle_service",
            Self::Fleet => "fleet",
        }
    }

    /// The words for it in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vehicle => "vehicle",
            Self::Trip => "trip",
            Self::DeliveryVehicle => "delivery vehicle",
            Self::DeliveryVehicleTask => "delivery vehicle and task",
            Self::Task => "task",
            Self::Tracking => "tracking",
            Self::VehicleService => "vehicle service",
            Self::Fleet => "fleet",
        }
    }
}

impl fmt::Display for ContextKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
