"""Google's own generated Python clients against the emulated Fleet Engine of `fleet-token serve`, over gRPC.

    python calls.py http://127.0.0.1:BACKEND_PORT 127.0.0.1:ENGINE_PORT
"""

import json
import sys
import urllib.request

import grpc
from google.api_core import exceptions
from google.maps import fleetengine_delivery_v1 as delivery
from google.maps import fleetengine_v1 as on_demand
from google.maps.fleetengine_delivery_v1.services.delivery_service.transports import DeliveryServiceGrpcTransport
from google.maps.fleetengine_v1.services.trip_service.transports import TripServiceGrpcTransport
from google.maps.fleetengine_v1.services.vehicle_service.transports import VehicleServiceGrpcTransport
from google.protobuf import field_mask_pb2

BACKEND, ENGINE = sys.argv[1:3]
DEMO = "providers/demo"


def bearer(login, path):
    """The metadata of a call, with a token that the backend gives this login."""
    request = urllib.request.Request(BACKEND + path, headers={"Authorization": f"Bearer {login}"})
    body = json.load(urllib.request.urlopen(request))
    return [("authorization", f"Bearer {body.get('jwt') or body['token']}")]


def refused(kind, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except kind as error:
        print(f"  refused as it should be: {kind.__name__}: {error.message}")
        return
    raise SystemExit(f"not refused with {kind.__name__}")


channel = grpc.insecure_channel(ENGINE)
vehicles = on_demand.VehicleServiceClient(transport=VehicleServiceGrpcTransport(channel=channel))
trips = on_demand.TripServiceClient(transport=TripServiceGrpcTransport(channel=channel))
parcels = delivery.DeliveryServiceClient(transport=DeliveryServiceGrpcTransport(channel=channel))

print("driver: GetVehicle, UpdateVehicle")
driver = bearer("demo-driver-1", "/token/driver/vehicle_1")
name = f"{DEMO}/vehicles/vehicle_1"
vehicle = vehicles.get_vehicle(on_demand.GetVehicleRequest(name=name), metadata=driver)
assert vehicle.name == name and vehicle.vehicle_state == on_demand.VehicleState.ONLINE, vehicle
moved = on_demand.Vehicle(last_location={"location": {"latitude": 48.2, "longitude": 11.6}, "heading": 0, "speed": 7.5})
update = on_demand.UpdateVehicleRequest(
    name=name, vehicle=moved, update_mask=field_mask_pb2.FieldMask(paths=["last_location"])
)
vehicle = vehicles.update_vehicle(update, metadata=driver)
assert vehicle.last_location.location.latitude == 48.2 and vehicle.last_location.server_time, vehicle
print(f"  {vehicle.name} is at {vehicle.last_location.location.latitude}, {vehicle.last_location.location.longitude}")
other = on_demand.GetVehicleRequest(name=f"{DEMO}/vehicles/vehicle_2")
refused(exceptions.PermissionDenied, vehicles.get_vehicle, other, metadata=driver)
refused(exceptions.Unauthenticated, vehicles.get_vehicle, on_demand.GetVehicleRequest(name=name))

print("rider: GetTrip, SearchVehicles")
rider = bearer("demo-rider-1", "/token/consumer/trip_1")
trip = trips.get_trip(on_demand.GetTripRequest(name=f"{DEMO}/trips/trip_1"), metadata=rider)
print(f"  {trip.name}: {trip.trip_status.name}, driven by {trip.vehicle_id}")
assert trip.last_location.location.latitude == 48.2, trip
search = on_demand.SearchVehiclesRequest(
    parent=DEMO,
    pickup_point={"point": {"latitude": 48.1, "longitude": 11.5}},
    pickup_radius_meters=400,
    count=1,
    minimum_capacity=1,
    trip_types=[on_demand.TripType.EXCLUSIVE],
    vehicle_types=[{"category": on_demand.Vehicle.VehicleType.Category.AUTO}],
    order_by=on_demand.SearchVehiclesRequest.VehicleMatchOrder.PICKUP_POINT_ETA,
)
assert vehicles.search_vehicles(search, metadata=rider).matches

print("server: create, list, delete")
server = bearer("demo-server", "/token/server")
made = vehicles.create_vehicle(
    on_demand.CreateVehicleRequest(parent=DEMO, vehicle_id="python", vehicle=on_demand.Vehicle(maximum_capacity=2)),
    metadata=server,
)
listed = [vehicle.name for vehicle in vehicles.list_vehicles(on_demand.ListVehiclesRequest(parent=DEMO), metadata=server)]
assert made.name in listed, listed
vehicles.delete_vehicle(on_demand.DeleteVehicleRequest(name=made.name), metadata=server)
gone = on_demand.GetVehicleRequest(name=made.name)
refused(exceptions.NotFound, vehicles.get_vehicle, gone, metadata=server)
billable = on_demand.ReportBillableTripRequest(name=f"{DEMO}/billableTrips/trip_1", country_code="DE")
refused(exceptions.MethodNotImplemented, trips.report_billable_trip, billable, metadata=server)

print("recipient: GetTaskTrackingInfo")
recipient = bearer("demo-recipient-1", "/token/delivery_consumer/parcel_1")
info = parcels.get_task_tracking_info(
    delivery.GetTaskTrackingInfoRequest(name=f"{DEMO}/taskTrackingInfo/parcel_1"), metadata=recipient
)
print(f"  {info.tracking_id}: {info.state.name}")
courier = bearer("demo-courier-1", "/token/delivery_driver/van_1")
van = parcels.get_delivery_vehicle(delivery.GetDeliveryVehicleRequest(name=f"{DEMO}/deliveryVehicles/van_1"), metadata=courier)
assert van.last_location.location.latitude, van
print("all as it should be")
