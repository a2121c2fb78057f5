//! `maps.fleetengine.v1`: VehicleService and TripService.

use fleet_engine_proto::v1;
use fleet_engine_proto::v1::trip_service_server::TripService;
use fleet_engine_proto::v1::vehicle_service_server::VehicleService;
use tonic::{Request, Response, Status, async_trait};

use super::translate::{attributes_from, attributes_to, mask};
use super::{Face, provider, resource};
use crate::engine::EngineError;
use crate::engine::resource::{Trip, Vehicle};

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl VehicleService for Face {
    async fn create_vehicle(&self, request: Request<v1::CreateVehicleRequest>) -> Answer<v1::Vehicle> {
        self.call(request, |engine, who, sent| {
            let vehicle = Vehicle::try_from(sent.vehicle.unwrap_or_default())?;
            Ok(engine.create_vehicle(who, provider(&sent.parent)?, &sent.vehicle_id, vehicle)?.into())
        })
    }

    async fn get_vehicle(&self, request: Request<v1::GetVehicleRequest>) -> Answer<v1::Vehicle> {
        self.call(request, |engine, who, sent| {
            let (provider, id) = resource(&sent.name, "vehicles")?;
            Ok(engine.get_vehicle(who, provider, id)?.into())
        })
    }

    async fn delete_vehicle(&self, request: Request<v1::DeleteVehicleRequest>) -> Answer<()> {
        self.call(request, |engine, who, sent| {
            let (provider, id) = resource(&sent.name, "vehicles")?;
            engine.delete_vehicle(who, provider, id)
        })
    }

    async fn update_vehicle(&self, request: Request<v1::UpdateVehicleRequest>) -> Answer<v1::Vehicle> {
        self.call(request, |engine, who, sent| {
            let (provider, id) = resource(&sent.name, "vehicles")?;
            let change = Vehicle::try_from(sent.vehicle.unwrap_or_default())?;
            Ok(engine.update_vehicle(who, provider, id, change, &mask(sent.update_mask.as_ref()))?.into())
        })
    }

    async fn update_vehicle_attributes(
        &self,
        request: Request<v1::UpdateVehicleAttributesRequest>,
    ) -> Answer<v1::UpdateVehicleAttributesResponse> {
        self.call(request, |engine, who, sent| {
            let (provider, id) = resource(&sent.name, "vehicles")?;
            let now = engine.update_vehicle_attributes(who, provider, id, attributes_from(sent.attributes))?;
            Ok(v1::UpdateVehicleAttributesResponse { attributes: attributes_to(now) })
        })
    }

    async fn list_vehicles(&self, request: Request<v1::ListVehiclesRequest>) -> Answer<v1::ListVehiclesResponse> {
        self.call(request, |engine, who, sent| {
            let vehicles: Vec<v1::Vehicle> =
                engine.list_vehicles(who, provider(&sent.parent)?)?.into_iter().map(Into::into).collect();
            let total_size = i64::try_from(vehicles.len()).unwrap_or(i64::MAX);
            Ok(v1::ListVehiclesResponse { vehicles, next_page_token: String::new(), total_size })
        })
    }

    async fn search_vehicles(&self, request: Request<v1::SearchVehiclesRequest>) -> Answer<v1::SearchVehiclesResponse> {
        self.call(request, |engine, who, sent| {
            let found = engine.search_vehicles(who, provider(&sent.parent)?)?;
            let matches = found.into_iter().map(|vehicle| v1::VehicleMatch { vehicle: Some(vehicle.into()) }).collect();
            Ok(v1::SearchVehiclesResponse { matches })
        })
    }
}

#[async_trait]
impl TripService for Face {
    async fn create_trip(&self, request: Request<v1::CreateTripRequest>) -> Answer<v1::Trip> {
        self.call(request, |engine, who, sent| {
            let trip = Trip::try_from(sent.trip.unwrap_or_default())?;
            Ok(engine.create_trip(who, provider(&sent.parent)?, &sent.trip_id, trip)?.into())
        })
    }

    async fn get_trip(&self, request: Request<v1::GetTripRequest>) -> Answer<v1::Trip> {
        self.call(request, |engine, who, sent| {
            let (provider, id) = resource(&sent.name, "trips")?;
            Ok(engine.get_trip(who, provider, id)?.into())
        })
    }

    async fn delete_trip(&self, request: Request<v1::DeleteTripRequest>) -> Answer<()> {
        self.call(request, |engine, who, sent| {
            let (provider, id) = resource(&sent.name, "trips")?;
            engine.delete_trip(who, provider, id)
        })
    }

    async fn update_trip(&self, request: Request<v1::UpdateTripRequest>) -> Answer<v1::Trip> {
        self.call(request, |engine, who, sent| {
            let (provider, id) = resource(&sent.name, "trips")?;
            let change = Trip::try_from(sent.trip.unwrap_or_default())?;
            Ok(engine.update_trip(who, provider, id, &change, &mask(sent.update_mask.as_ref()))?.into())
        })
    }

    async fn search_trips(&self, request: Request<v1::SearchTripsRequest>) -> Answer<v1::SearchTripsResponse> {
        self.call(request, |engine, who, sent| {
            let trips = engine.search_trips(who, provider(&sent.parent)?, &sent.vehicle_id, sent.active_trips_only)?;
            let trips = trips.into_iter().map(Into::into).collect();
            Ok(v1::SearchTripsResponse { trips, next_page_token: String::new() })
        })
    }

    async fn report_billable_trip(&self, request: Request<v1::ReportBillableTripRequest>) -> Answer<()> {
        self.call(request, |_, _, _| Err(EngineError::unimplemented("Billing is not emulated.")))
    }
}
