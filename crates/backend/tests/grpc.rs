//! The engine's gRPC face: the same judge as REST's, on the same port.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod support;

use fleet_engine_proto::LatLng;
use fleet_engine_proto::delivery::v1 as delivery;
use fleet_engine_proto::delivery::v1::delivery_service_client::DeliveryServiceClient;
use fleet_engine_proto::v1::trip_service_client::TripServiceClient;
use fleet_engine_proto::v1::vehicle_service_client::VehicleServiceClient;
use fleet_engine_proto::v1::{
    CreateTripRequest, CreateVehicleRequest, DeleteTripRequest, DeleteVehicleRequest, GetTripRequest,
    GetVehicleRequest, ListVehiclesRequest, ReportBillableTripRequest, SearchTripsRequest, SearchVehiclesRequest, Trip,
    TripStatus, UpdateTripRequest, UpdateVehicleAttributesRequest, UpdateVehicleRequest, Vehicle, VehicleAttribute,
    VehicleLocation, VehicleState,
};
use fleet_token_backend::{Fault, FaultKind, TokenKind, World};
use prost_types::{Duration, FieldMask, Timestamp};
use serde_json::json;
use support::{call, consumer, driver, mint, world};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

async fn channel(world: &World) -> Channel {
    Endpoint::from_shared(world.engine_url()).unwrap().connect().await.unwrap()
}

fn with<T>(jwt: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {jwt}").parse().unwrap());
    request
}

fn vehicle_name(id: &str) -> GetVehicleRequest {
    GetVehicleRequest { name: format!("providers/demo/vehicles/{id}"), ..Default::default() }
}

fn trip_name(id: &str) -> GetTripRequest {
    GetTripRequest { name: format!("providers/demo/trips/{id}"), ..Default::default() }
}

fn paths(fields: &[&str]) -> FieldMask {
    FieldMask { paths: fields.iter().map(ToString::to_string).collect() }
}

async fn get_vehicle(channel: &Channel, jwt: &str, id: &str) -> Result<Vehicle, Status> {
    let vehicle = VehicleServiceClient::new(channel.clone()).get_vehicle(with(jwt, vehicle_name(id))).await?;
    Ok(vehicle.into_inner())
}

#[tokio::test]
async fn one_port_answers_rest_and_grpc_of_one_fleet() {
    let world = world().await;
    let jwt = mint(&world, driver("v1")).jwt;
    let mut client = VehicleServiceClient::new(channel(&world).await);
    let moved = UpdateVehicleRequest {
        name: "providers/demo/vehicles/v1".into(),
        vehicle: Some(Vehicle {
            vehicle_state: VehicleState::Offline.into(),
            maximum_capacity: 4,
            last_location: Some(VehicleLocation {
                location: Some(LatLng { latitude: 48.5, longitude: 11.25 }),
                heading: Some(90),
                speed: Some(13.5),
                update_time: Some(Timestamp { seconds: 1_700_000_000, nanos: 0 }),
                ..Default::default()
            }),
            ..Default::default()
        }),
        update_mask: Some(paths(&["last_location", "maximum_capacity"])),
        ..Default::default()
    };
    let answer = client.update_vehicle(with(&jwt, moved)).await.unwrap().into_inner();
    assert_eq!(answer.vehicle_state(), VehicleState::Online, "not in the mask");
    let rest = call(&world, "GET", "vehicles/v1", Some(&jwt), None).await.json();
    assert_eq!(rest["lastLocation"]["location"], json!({"latitude": 48.5, "longitude": 11.25}));
    let location = &rest["lastLocation"];
    assert_eq!((&location["heading"], &location["speed"]), (&json!(90), &json!(13.5)));
    assert_eq!(location["updateTime"], "2023-11-14T22:13:20Z");
    assert_eq!((&rest["maximumCapacity"], &rest["currentTrips"]), (&json!(4), &json!(["t1"])));
    let over_grpc = get_vehicle(&channel(&world).await, &jwt, "v1").await.unwrap();
    assert_eq!(over_grpc, answer);
    let heard = over_grpc.last_location.unwrap().server_time.unwrap();
    assert!((heard.seconds - world.clock().unix_secs()).abs() < 60, "{heard:?}");
    assert_eq!(world.stats().accepted["GetVehicle"], 2);
}

#[tokio::test]
async fn every_refusal_has_rests_words_and_the_code_that_belongs_to_them() {
    let world = world().await;
    let (driver_jwt, rider_jwt) = (mint(&world, driver("v1")).jwt, mint(&world, consumer("t1")).jwt);
    let revoked = mint(&world, driver("v2")).jwt;
    world.engine().revoke_token(&revoked);
    let channel = channel(&world).await;
    let table = [
        ("garbage", "v1", Code::Unauthenticated, 401),
        (revoked.as_str(), "v2", Code::Unauthenticated, 401),
        (driver_jwt.as_str(), "v2", Code::PermissionDenied, 403),
        (driver_jwt.as_str(), "a?b", Code::InvalidArgument, 400),
        (rider_jwt.as_str(), "v2", Code::PermissionDenied, 403),
    ];
    for (jwt, id, code, http) in table {
        let status = get_vehicle(&channel, jwt, id).await.unwrap_err();
        let path = format!("vehicles/{}", id.replace('?', "%3F"));
        let reply = call(&world, "GET", &path, Some(jwt), None).await;
        assert_eq!((status.code(), reply.status), (code, http), "{id}: {status:?}");
        assert_eq!(status.message(), reply.error().1);
    }
    let none = VehicleServiceClient::new(channel.clone()).get_vehicle(vehicle_name("v1")).await.unwrap_err();
    let rest = call(&world, "GET", "vehicles/v1", None, None).await;
    assert_eq!((none.code(), none.message()), (Code::Unauthenticated, rest.error().1.as_str()));
    assert_eq!(world.stats().refused_for("no_token"), 2);

    let root = mint(&world, TokenKind::OnDemandServer).jwt;
    let absent = get_vehicle(&channel, &root, "v9").await.unwrap_err();
    assert_eq!(absent.code(), Code::NotFound);
    let elsewhere = GetVehicleRequest { name: "providers/other/vehicles/v1".into(), ..Default::default() };
    let mut vehicles = VehicleServiceClient::new(channel.clone());
    assert_eq!(vehicles.get_vehicle(with(&root, elsewhere)).await.unwrap_err().code(), Code::PermissionDenied);
    for name in
        ["", "vehicles/v1", "providers/demo/trips/v1", "providers/demo/vehicles/v1/x", "providers/demo/vehicles/"]
    {
        let request = GetVehicleRequest { name: name.into(), ..Default::default() };
        let status = vehicles.get_vehicle(with(&root, request)).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{name:?}: {status:?}");
    }
    let again = CreateVehicleRequest { parent: "providers/demo".into(), vehicle_id: "v1".into(), ..Default::default() };
    assert_eq!(vehicles.create_vehicle(with(&root, again)).await.unwrap_err().code(), Code::AlreadyExists);
    let mut trips = TripServiceClient::new(channel);
    let billable = ReportBillableTripRequest::default();
    let refused = trips.report_billable_trip(billable.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "who calls comes first");
    assert_eq!(trips.report_billable_trip(with(&root, billable)).await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn every_on_demand_method_is_served() {
    let world = world().await;
    let root = mint(&world, TokenKind::OnDemandServer).jwt;
    let channel = channel(&world).await;
    let (mut vehicles, mut trips) = (VehicleServiceClient::new(channel.clone()), TripServiceClient::new(channel));
    let parent = || "providers/demo".to_owned();
    let vehicle = Vehicle { vehicle_state: VehicleState::Online.into(), ..Default::default() };
    let create = CreateVehicleRequest {
        parent: parent(),
        vehicle_id: "v3".into(),
        vehicle: Some(vehicle),
        ..Default::default()
    };
    let made = vehicles.create_vehicle(with(&root, create)).await.unwrap().into_inner();
    assert_eq!(made.name, "providers/demo/vehicles/v3");
    let attributes = vec![VehicleAttribute { key: "class".into(), value: "van".into() }];
    let set = UpdateVehicleAttributesRequest {
        name: made.name.clone(),
        attributes: attributes.clone(),
        ..Default::default()
    };
    let now = vehicles.update_vehicle_attributes(with(&root, set)).await.unwrap().into_inner();
    assert_eq!(now.attributes, attributes);
    let list = ListVehiclesRequest { parent: parent(), ..Default::default() };
    let listed = vehicles.list_vehicles(with(&root, list)).await.unwrap().into_inner();
    assert_eq!((listed.vehicles.len(), listed.total_size), (3, 3));
    let search = SearchVehiclesRequest { parent: parent(), ..Default::default() };
    let rider = mint(&world, consumer("t1")).jwt;
    let found = vehicles.search_vehicles(with(&rider, search)).await.unwrap().into_inner();
    assert_eq!(found.matches.len(), 3);
    let delete = DeleteVehicleRequest { name: made.name.clone(), ..Default::default() };
    vehicles.delete_vehicle(with(&root, delete)).await.unwrap();
    let gone = GetVehicleRequest { name: made.name, ..Default::default() };
    assert_eq!(vehicles.get_vehicle(with(&root, gone)).await.unwrap_err().code(), Code::NotFound);

    let trip = Trip { vehicle_id: "v1".into(), number_of_passengers: 2, ..Default::default() };
    let create = CreateTripRequest { parent: parent(), trip_id: "t3".into(), trip: Some(trip), ..Default::default() };
    let made = trips.create_trip(with(&root, create)).await.unwrap().into_inner();
    assert_eq!((made.trip_status(), made.number_of_passengers), (TripStatus::New, 2));
    let arrived = Trip { trip_status: TripStatus::Complete.into(), ..Default::default() };
    let update = UpdateTripRequest {
        name: made.name.clone(),
        trip: Some(arrived),
        update_mask: Some(paths(&["trip_status"])),
        ..Default::default()
    };
    let now = trips.update_trip(with(&root, update)).await.unwrap().into_inner();
    assert_eq!((now.trip_status(), now.vehicle_id.as_str()), (TripStatus::Complete, "v1"));
    let search = |active_trips_only| SearchTripsRequest {
        parent: parent(),
        vehicle_id: "v1".into(),
        active_trips_only,
        ..Default::default()
    };
    for (active_only, count) in [(false, 2), (true, 1)] {
        let found = trips.search_trips(with(&root, search(active_only))).await.unwrap().into_inner();
        assert_eq!(found.trips.len(), count);
    }
    let seen = trips.get_trip(with(&rider, trip_name("t1"))).await.unwrap().into_inner();
    assert_eq!(seen.vehicle_id, "v1");
    trips.delete_trip(with(&root, DeleteTripRequest { name: made.name, ..Default::default() })).await.unwrap();
    assert!(world.engine().state().trip("t3").is_none());
}

#[tokio::test]
async fn every_delivery_method_is_served() {
    let world = world().await;
    let root = mint(&world, TokenKind::DeliveryServer).jwt;
    let mut client = DeliveryServiceClient::new(channel(&world).await);
    let parent = || "providers/demo".to_owned();
    let stop = delivery::VehicleStop {
        planned_location: Some(delivery::LocationInfo { point: Some(LatLng { latitude: 1.0, longitude: 2.0 }) }),
        tasks: vec![delivery::vehicle_stop::TaskInfo {
            task_id: "k1".into(),
            task_duration: Some(Duration { seconds: 60, nanos: 0 }),
        }],
        state: delivery::vehicle_stop::State::Enroute.into(),
    };
    let van = delivery::DeliveryVehicle {
        remaining_vehicle_journey_segments: vec![delivery::VehicleJourneySegment { stop: Some(stop) }],
        attributes: vec![delivery::DeliveryVehicleAttribute { key: "depot".into(), value: "north".into() }],
        ..Default::default()
    };
    let create = delivery::CreateDeliveryVehicleRequest {
        parent: parent(),
        delivery_vehicle_id: "d3".into(),
        delivery_vehicle: Some(van.clone()),
        ..Default::default()
    };
    let made = client.create_delivery_vehicle(with(&root, create)).await.unwrap().into_inner();
    let name = "providers/demo/deliveryVehicles/d3".to_owned();
    assert_eq!(made, delivery::DeliveryVehicle { name: name.clone(), ..van });
    let get = delivery::GetDeliveryVehicleRequest { name: name.clone(), ..Default::default() };
    assert_eq!(client.get_delivery_vehicle(with(&root, get)).await.unwrap().into_inner(), made);
    let update = delivery::UpdateDeliveryVehicleRequest {
        delivery_vehicle: Some(delivery::DeliveryVehicle { name: name.clone(), ..Default::default() }),
        update_mask: Some(paths(&["attributes"])),
        ..Default::default()
    };
    let now = client.update_delivery_vehicle(with(&root, update)).await.unwrap().into_inner();
    assert!(now.attributes.is_empty() && !now.remaining_vehicle_journey_segments.is_empty(), "only what is masked");
    let list = delivery::ListDeliveryVehiclesRequest { parent: parent(), ..Default::default() };
    assert_eq!(client.list_delivery_vehicles(with(&root, list)).await.unwrap().into_inner().total_size, 3);
    let delete = delivery::DeleteDeliveryVehicleRequest { name, ..Default::default() };
    client.delete_delivery_vehicle(with(&root, delete)).await.unwrap();
    assert!(world.engine().state().delivery_vehicle("d3").is_none());

    let task = |id: &str| delivery::CreateTaskRequest {
        parent: parent(),
        task_id: id.into(),
        task: Some(delivery::Task {
            r#type: delivery::task::Type::Delivery.into(),
            tracking_id: "x3".into(),
            delivery_vehicle_id: "d1".into(),
            task_duration: Some(Duration { seconds: 90, nanos: 0 }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let made = client.create_task(with(&root, task("k3"))).await.unwrap().into_inner();
    assert_eq!(
        (made.state(), made.task_duration),
        (delivery::task::State::Open, Some(Duration { seconds: 90, nanos: 0 }))
    );
    let batch = delivery::BatchCreateTasksRequest {
        parent: parent(),
        requests: vec![task("k4"), task("k5")],
        ..Default::default()
    };
    let driver_jwt = mint(&world, TokenKind::UntrustedDeliveryDriver { delivery_vehicle_id: "d1".into() }).jwt;
    let refused = client.batch_create_tasks(with(&driver_jwt, batch.clone())).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(client.batch_create_tasks(with(&root, batch)).await.unwrap().into_inner().tasks.len(), 2);
    let closed = delivery::Task {
        name: made.name.clone(),
        state: delivery::task::State::Closed.into(),
        task_outcome: delivery::task::TaskOutcome::Succeeded.into(),
        ..Default::default()
    };
    let update = delivery::UpdateTaskRequest {
        task: Some(closed),
        update_mask: Some(paths(&["state", "task_outcome"])),
        ..Default::default()
    };
    let now = client.update_task(with(&root, update)).await.unwrap().into_inner();
    assert_eq!((now.task_outcome(), now.tracking_id.as_str()), (delivery::task::TaskOutcome::Succeeded, "x3"));
    let get = delivery::GetTaskRequest { name: made.name.clone(), ..Default::default() };
    assert_eq!(client.get_task(with(&root, get)).await.unwrap().into_inner(), now);
    let list = delivery::ListTasksRequest { parent: parent(), ..Default::default() };
    assert_eq!(client.list_tasks(with(&root, list)).await.unwrap().into_inner().tasks.len(), 5);
    let delete = delivery::DeleteTaskRequest { name: made.name, ..Default::default() };
    client.delete_task(with(&root, delete)).await.unwrap();

    let parcel = |id: &str| delivery::GetTaskTrackingInfoRequest {
        name: format!("providers/demo/taskTrackingInfo/{id}"),
        ..Default::default()
    };
    let recipient = mint(&world, TokenKind::DeliveryConsumer { tracking_id: "x1".into() }).jwt;
    let seen = client.get_task_tracking_info(with(&recipient, parcel("x1"))).await.unwrap().into_inner();
    assert_eq!(seen.tracking_id, "x1");
    let other = client.get_task_tracking_info(with(&recipient, parcel("x2"))).await.unwrap_err();
    assert_eq!(other.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn the_faults_that_are_scripted_meet_grpc_calls_too() {
    let world = world().await;
    let jwt = mint(&world, driver("v1")).jwt;
    let path = "/maps.fleetengine.v1.VehicleService/GetVehicle";
    let refusals = [
        (Fault::status(401), Code::Unauthenticated),
        (Fault::status(403), Code::PermissionDenied),
        (Fault::status(429).with_retry_after("3"), Code::ResourceExhausted),
        (Fault::status(503), Code::Unavailable),
    ];
    let channel = channel(&world).await;
    for (fault, code) in refusals {
        world.faults().push(path, fault.clone());
        let status = get_vehicle(&channel, &jwt, "v1").await.unwrap_err();
        assert_eq!(status.code(), code, "{fault:?}: {status:?}");
        get_vehicle(&channel, &jwt, "v1").await.unwrap();
    }
    // What a proxy answers, who knows no gRPC: what a client makes of that is its own affair.
    for fault in [Fault::status(502).with_body("Bad Gateway"), Fault::kind(FaultKind::Html), Fault::redirect("/")] {
        world.faults().push(path, fault);
        get_vehicle(&channel, &jwt, "v1").await.unwrap_err();
    }
    for kind in [FaultKind::Reset, FaultKind::Truncated, FaultKind::EmptyBody, FaultKind::HugeBody] {
        world.faults().push(path, Fault::kind(kind));
        // A channel of its own: a reset takes the whole connection with it.
        get_vehicle(&self::channel(&world).await, &jwt, "v1").await.unwrap_err();
    }
    world.faults().push(path, Fault::delay_ms(1));
    get_vehicle(&channel, &jwt, "v1").await.unwrap();
    assert!(world.faults().pending().is_empty());
    let stats = world.stats();
    for (status, times) in [("OK", 6), ("UNAUTHENTICATED", 1), ("UNAVAILABLE", 1), ("502", 1), ("302", 1)] {
        assert_eq!(stats.requests[&format!("POST {path} {status}")], times, "{:?}", stats.requests);
    }
    assert_eq!((stats.faults["reset"], stats.faults["status_503"]), (1, 1));
}

#[tokio::test]
async fn a_call_that_hangs_ends_when_the_servers_stop() {
    let world = world().await;
    let jwt = mint(&world, driver("v1")).jwt;
    world.faults().push("GetVehicle", Fault::kind(FaultKind::Hang));
    let channel = channel(&world).await;
    let hanging = tokio::spawn(async move { get_vehicle(&channel, &jwt, "v1").await });
    while !world.faults().pending().is_empty() {
        tokio::task::yield_now().await;
    }
    world.stop().await;
    hanging.await.unwrap().unwrap_err();
}
