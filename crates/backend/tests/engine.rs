//! The emulated Fleet Engine over a socket: what it refuses, and who may do what.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod support;

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet_token_backend::{Claims, KeyPool, KeyRing, Role, TokenKind, World};
use serde_json::{Value, json};
use support::{Reply, call, consumer, driver, mint, send, token, world};

async fn get_vehicle(world: &World, jwt: &str) -> Reply {
    call(world, "GET", "vehicles/v1", Some(jwt), None).await
}

/// Signs the driver's claims after changing them.
fn signed(world: &World, change: impl FnOnce(&mut Claims)) -> String {
    let kind = driver("v1");
    let mut claims = world.minter().claims(&kind);
    change(&mut claims);
    world.minter().sign(&kind, &claims).unwrap()
}

fn with_authorization(world: &World, kind: &TokenKind, authorization: &Value) -> String {
    let mut claims = world.minter().claims(kind);
    claims.authorization = authorization.as_object().cloned();
    world.minter().sign(kind, &claims).unwrap()
}

/// Replaces the header of a JWT, and its signature by `signature` if given.
fn reheaded(jwt: &str, header: &Value, signature: Option<&str>) -> String {
    let parts: Vec<_> = jwt.split('.').collect();
    let header = URL_SAFE_NO_PAD.encode(header.to_string());
    format!("{header}.{}.{}", parts[1], signature.unwrap_or(parts[2]))
}

async fn refused(world: &World, jwt: &str, reason: &str) {
    let before = world.stats().refused_for(reason);
    let reply = get_vehicle(world, jwt).await;
    assert_eq!(reply.status, 401, "{reason}: {reply:?}");
    assert_eq!(reply.error().0, "UNAUTHENTICATED", "{reason}");
    assert_eq!(world.stats().refused_for(reason), before + 1, "{reason}: {:?}", world.stats().refused);
}

#[tokio::test]
async fn a_good_token_opens_its_resource_and_is_counted() {
    let world = world().await;
    let jwt = token(&world, "/token/driver/v1", "alice-session").await.json()["jwt"].as_str().unwrap().to_owned();
    let vehicle = get_vehicle(&world, &jwt).await;
    assert_eq!(vehicle.status, 200, "{vehicle:?}");
    assert_eq!(vehicle.json()["name"], "providers/demo/vehicles/v1");
    assert_eq!(vehicle.json()["currentTrips"], json!(["t1"]));
    assert_eq!(world.stats().accepted["GetVehicle"], 1);
}

#[tokio::test]
async fn a_call_without_a_token_is_unauthenticated() {
    let world = world().await;
    let reply = call(&world, "GET", "vehicles/v1", None, None).await;
    assert_eq!((reply.status, reply.error().0.as_str()), (401, "UNAUTHENTICATED"));
    refused(&world, "garbage", "malformed").await;
}

#[tokio::test]
async fn who_signed_is_checked_before_what_it_says() {
    let world = world().await;
    let good = mint(&world, driver("v1")).jwt;
    let kid = support::jwt_header(&good)["kid"].clone();
    let strange = json!({"alg": "RS256", "typ": "JWT", "kid": "0000"});
    refused(&world, &reheaded(&good, &strange, None), "unknown_key").await;
    refused(&world, &reheaded(&good, &json!({"alg": "RS256", "kid": kid}), None), "bad_signature").await;
    refused(&world, &reheaded(&good, &json!({"alg": "none", "kid": kid}), Some("")), "malformed").await;
    refused(&world, &reheaded(&good, &json!({"alg": "HS256", "kid": kid}), None), "wrong_algorithm").await;
    let parts: Vec<_> = good.split('.').collect();
    let other = mint(&world, driver("v2")).jwt;
    let forged = format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2]);
    refused(&world, &forged, "bad_signature").await;
}

#[tokio::test]
async fn a_token_without_a_kid_verifies_as_those_of_sign_blob_do() {
    let world = world().await;
    let claims = world.minter().claims(&driver("v1"));
    let dir = std::env::temp_dir().join(format!("fleet-token-nokid-{}", std::process::id()));
    let ring = KeyRing::new(KeyPool::process_wide());
    std::fs::create_dir_all(&dir).unwrap();
    ring.current(Role::DriverSdkUser).unwrap().write_pem(&dir.join("k.pem")).unwrap();
    let pem = std::fs::read(dir.join("k.pem")).unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(&pem).unwrap();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
    let jwt = jsonwebtoken::encode(&header, &claims, &key).unwrap();
    assert_eq!(get_vehicle(&world, &jwt).await.status, 200);
}

#[tokio::test]
async fn issuer_and_audience_must_be_right() {
    let world = world().await;
    refused(&world, &signed(&world, |c| c.aud = "https://fleetengine.googleapis.com".into()), "wrong_audience").await;
    refused(&world, &signed(&world, |c| c.sub = "someone@else".into()), "wrong_issuer").await;
    let admin = Role::OnDemandAdmin.service_account("demo");
    let as_admin = signed(&world, |c| (c.iss, c.sub) = (admin.clone(), admin.clone()));
    refused(&world, &as_admin, "wrong_issuer").await;
    let elsewhere = Role::DriverSdkUser.service_account("other");
    let foreign = signed(&world, |c| (c.iss, c.sub) = (elsewhere.clone(), elsewhere.clone()));
    refused(&world, &foreign, "wrong_issuer").await;
}

#[tokio::test]
async fn times_are_judged_strictly() {
    let world = world().await;
    let now = world.clock().unix_secs();
    refused(&world, &signed(&world, |c| c.exp = now), "expired").await;
    refused(&world, &signed(&world, |c| (c.iat, c.exp) = (now + 660, now + 4000)), "issued_in_future").await;
    refused(&world, &signed(&world, |c| (c.iat, c.exp) = (now - 4300, now + 60)), "issued_too_long_ago").await;
    refused(&world, &signed(&world, |c| c.exp = now + 4300), "lifetime_too_long").await;
    let skewed = signed(&world, |c| (c.iat, c.exp) = (now + 540, now + 540 + 3600));
    assert_eq!(get_vehicle(&world, &skewed).await.status, 200, "ten minutes of skew are allowed");
}

#[tokio::test]
async fn a_token_expires_when_the_servers_clock_says_so() {
    let world = world().await;
    let jwt = mint(&world, driver("v1")).jwt;
    world.clock().advance(Duration::from_secs(3598));
    assert_eq!(get_vehicle(&world, &jwt).await.status, 200);
    world.clock().advance(Duration::from_secs(2));
    refused(&world, &jwt, "expired").await;
}

#[tokio::test]
async fn a_token_without_claims_has_no_scopes() {
    let world = world().await;
    for claims in [None, Some(serde_json::Map::new())] {
        let jwt = signed(&world, |c| c.authorization = claims);
        refused(&world, &jwt, "no_scopes").await;
        assert_eq!(get_vehicle(&world, &jwt).await.error().1, "JWT does not contain any scopes.");
    }
}

#[tokio::test]
async fn taskids_is_an_array_and_alone() {
    let world = world().await;
    let batch = r#"{"requests": [{"taskId": "n1", "task": {"type": "DELIVERY"}}, {"taskId": "n2"}]}"#;
    for bad in [
        json!({"taskids": "*"}),
        json!({"taskids": []}),
        json!({"taskids": ["*", "a"]}),
        json!({"taskids": [1]}),
        json!({"taskids": ["*"], "taskid": "*"}),
        json!({"taskid": ["a"]}),
    ] {
        let jwt = with_authorization(&world, &TokenKind::BatchCreate, &bad);
        let reply = call(&world, "POST", "tasks:batchCreate", Some(&jwt), Some(batch)).await;
        assert_eq!(reply.status, 401, "{bad}");
    }
    let jwt = mint(&world, TokenKind::BatchCreate).jwt;
    let made = call(&world, "POST", "tasks:batchCreate", Some(&jwt), Some(batch)).await;
    assert_eq!(made.json()["tasks"][0]["name"], "providers/demo/tasks/n1");
    assert_eq!(made.json()["tasks"][1]["state"], "OPEN");
    assert_eq!(call(&world, "POST", "tasks:batchCreate", Some(&jwt), Some(batch)).await.error().0, "ALREADY_EXISTS");
}

/// Status of a call with a token of that kind.
async fn status(world: &World, kind: TokenKind, verb: &str, path: &str, body: &str) -> u16 {
    let jwt = mint(world, kind).jwt;
    call(world, verb, path, Some(&jwt), (!body.is_empty()).then_some(body)).await.status
}

#[tokio::test]
async fn a_driver_reaches_its_own_vehicle_and_nothing_else() {
    let world = world().await;
    let table = [
        ("GET", "vehicles/v1", "", 200),
        ("PUT", "vehicles/v1?updateMask=vehicleState", r#"{"vehicleState":"OFFLINE"}"#, 200),
        ("POST", "vehicles/v1:updateAttributes", r#"{"attributes":[{"key":"k","value":"v"}]}"#, 200),
        ("GET", "vehicles/v2", "", 403),
        ("PUT", "vehicles/v2", "{}", 403),
        ("POST", "vehicles?vehicleId=v1", "{}", 403),
        ("DELETE", "vehicles/v1", "", 403),
        ("GET", "vehicles", "", 403),
        ("POST", "vehicles:search", "{}", 403),
        ("GET", "trips/t1", "", 403),
        ("GET", "deliveryVehicles/d1", "", 403),
    ];
    for (verb, path, body, expected) in table {
        assert_eq!(status(&world, driver("v1"), verb, path, body).await, expected, "{verb} {path}");
    }
    assert_eq!(status(&world, driver("v9"), "GET", "vehicles/v9", "").await, 404);
}

#[tokio::test]
async fn a_consumer_reaches_its_own_trip_and_searches_vehicles() {
    let world = world().await;
    let table = [
        ("GET", "trips/t1", "", 200),
        ("POST", "vehicles:search", "{}", 200),
        ("GET", "vehicles/v1", "", 200),
        ("GET", "vehicles/v2", "", 403),
        ("GET", "trips/t2", "", 403),
        ("PUT", "trips/t1", "{}", 403),
        ("POST", "trips:search", "{}", 403),
        ("GET", "vehicles", "", 403),
    ];
    for (verb, path, body, expected) in table {
        assert_eq!(status(&world, consumer("t1"), verb, path, body).await, expected, "{verb} {path}");
    }
}

#[tokio::test]
async fn delivery_drivers_reach_what_their_trust_allows() {
    let world = world().await;
    let untrusted = TokenKind::UntrustedDeliveryDriver { delivery_vehicle_id: "d1".into() };
    let trusted = TokenKind::TrustedDeliveryDriver { delivery_vehicle_id: "d1".into(), task_id: Some("k1".into()) };
    let location = r#"{"lastLocation":{"location":{"latitude":1.0,"longitude":2.0}}}"#;
    let done = r#"{"taskOutcome":"SUCCEEDED"}"#;
    let attributes = r#"{"attributes":[{"key":"k","value":"v"}]}"#;
    // verb, path, body, untrusted, trusted
    let table = [
        ("GET", "deliveryVehicles/d1", "", 200, 200),
        ("PATCH", "deliveryVehicles/d1?updateMask=last_location", location, 200, 200),
        ("PATCH", "deliveryVehicles/d1?updateMask=attributes", attributes, 403, 200),
        ("PATCH", "deliveryVehicles/d1", attributes, 403, 200),
        ("GET", "deliveryVehicles/d2", "", 403, 403),
        ("PATCH", "deliveryVehicles/d2?updateMask=last_location", location, 403, 403),
        ("GET", "tasks/k1", "", 403, 200),
        ("PATCH", "tasks/k1?updateMask=taskOutcome", done, 403, 200),
        ("PATCH", "tasks/k2?updateMask=taskOutcome", done, 403, 403),
        ("GET", "tasks", "", 403, 403),
        ("GET", "taskTrackingInfo/x1", "", 403, 403),
    ];
    for (verb, path, body, untrusted_status, trusted_status) in table {
        assert_eq!(status(&world, untrusted.clone(), verb, path, body).await, untrusted_status, "{verb} {path}");
        assert_eq!(status(&world, trusted.clone(), verb, path, body).await, trusted_status, "{verb} {path} trusted");
    }
}

#[tokio::test]
async fn a_recipient_sees_their_parcel_with_a_claim_that_stands_alone() {
    let world = world().await;
    let kind = TokenKind::DeliveryConsumer { tracking_id: "x1".into() };
    assert_eq!(status(&world, kind.clone(), "GET", "taskTrackingInfo/x1", "").await, 200);
    assert_eq!(status(&world, kind.clone(), "GET", "taskTrackingInfo/x2", "").await, 403);
    assert_eq!(status(&world, kind.clone(), "GET", "tasks/k1", "").await, 403);
    let crowded = with_authorization(&world, &kind, &json!({"trackingid": "x1", "taskid": "k1"}));
    assert_eq!(call(&world, "GET", "taskTrackingInfo/x1", Some(&crowded), None).await.status, 403);
}

#[tokio::test]
async fn readers_read_everything_of_their_side_and_write_nothing() {
    let world = world().await;
    // verb, path, delivery fleet reader, fleet reader
    let table = [
        ("GET", "deliveryVehicles", 200, 200),
        ("GET", "tasks", 200, 200),
        ("GET", "taskTrackingInfo/x2", 200, 200),
        ("GET", "vehicles", 403, 200),
        ("POST", "trips:search", 403, 200),
        ("GET", "trips/t2", 403, 200),
        ("DELETE", "tasks/k1", 403, 403),
        ("DELETE", "vehicles/v1", 403, 403),
    ];
    for (verb, path, delivery, all) in table {
        assert_eq!(status(&world, TokenKind::DeliveryFleetReader, verb, path, "").await, delivery, "{verb} {path}");
        assert_eq!(status(&world, TokenKind::FleetReader, verb, path, "").await, all, "{verb} {path} all");
    }
}

#[tokio::test]
async fn servers_do_everything_on_their_side_whatever_their_claims_say() {
    let world = world().await;
    let server = TokenKind::OnDemandServer;
    assert_eq!(status(&world, server.clone(), "POST", "vehicles?vehicle_id=v3", r#"{"vehicleState":2}"#).await, 200);
    assert_eq!(status(&world, server.clone(), "POST", "vehicles?vehicleId=v3", "{}").await, 409);
    assert_eq!(status(&world, server.clone(), "POST", "trips?tripId=t3", r#"{"vehicleId":"v3"}"#).await, 200);
    assert_eq!(
        status(&world, server.clone(), "PUT", "trips/t3?updateMask=tripStatus", r#"{"tripStatus":5}"#).await,
        200
    );
    assert_eq!(status(&world, server.clone(), "GET", "deliveryVehicles", "").await, 403);
    let narrow = with_authorization(&world, &server, &json!({"vehicleid": "other"}));
    assert_eq!(call(&world, "DELETE", "vehicles/v3", Some(&narrow), None).await.status, 200);
    let delivery = TokenKind::PerDeliveryVehicle;
    assert_eq!(status(&world, delivery.clone(), "POST", "deliveryVehicles?deliveryVehicleId=d3", "{}").await, 200);
    assert_eq!(status(&world, TokenKind::DeliveryServer, "POST", "tasks?taskId=k3", r#"{"type":"PICKUP"}"#).await, 200);
    assert_eq!(status(&world, TokenKind::DeliveryServer, "GET", "vehicles", "").await, 403);
}

#[tokio::test]
async fn another_providers_fleet_is_out_of_reach() {
    let world = world().await;
    let jwt = mint(&world, TokenKind::OnDemandServer).jwt;
    let reply = send("GET", &world.engine_url(), "/v1/providers/other/vehicles", Some(&jwt), None).await.unwrap();
    assert_eq!(reply.error().0, "PERMISSION_DENIED");
}

#[tokio::test]
async fn what_google_s_clients_send_is_understood() {
    let world = world().await;
    let jwt = mint(&world, driver("v1")).jwt;
    let query = "header.regionCode=&%24alt=json%3Benum-encoding=int&updateMask=vehicleState,lastLocation.location";
    let body = r#"{"name":"x","vehicleState":2,"lastLocation":{"location":{"latitude":1.5,"longitude":2.5}},"new":1}"#;
    let reply = call(&world, "PUT", &format!("vehicles/v1?{query}"), Some(&jwt), Some(body)).await.json();
    assert_eq!(reply["vehicleState"], 2);
    assert_eq!(reply["name"], "providers/demo/vehicles/v1");
    assert_eq!(reply["lastLocation"]["location"]["latitude"], 1.5);
    assert!(reply["lastLocation"]["serverTime"].is_string());
    let trip = call(&world, "GET", "trips/t1", Some(&mint(&world, consumer("t1")).jwt), None).await.json();
    assert_eq!(trip["lastLocation"]["location"]["longitude"], 2.5);
    let bad = call(&world, "PUT", "vehicles/v1", Some(&jwt), Some("{")).await;
    assert_eq!(bad.error().0, "INVALID_ARGUMENT");
}

#[tokio::test]
async fn ids_in_paths_are_decoded_once_and_checked() {
    let world = world().await;
    let reader = TokenKind::OnDemandServer;
    for (path, expected) in [
        ("vehicles/*", 400),
        ("vehicles/a%2Fb", 400),
        ("vehicles/%2E%2E", 404),
        ("vehicles/%FF", 400),
        ("vehicles/v%31", 200),
        ("vehicles/v%2531", 404),
        ("planes/v1", 404),
    ] {
        assert_eq!(status(&world, reader.clone(), "GET", path, "").await, expected, "{path}");
    }
    let long = format!("vehicles/{}", "x".repeat(65));
    assert_eq!(status(&world, reader, "GET", &long, "").await, 400);
    // One id in two spellings: the claim is in NFC, the path is not.
    world.engine().state().put_vehicle("caf\u{e9}", fleet_token_backend::engine::Vehicle::default());
    assert_eq!(status(&world, driver("caf\u{e9}"), "GET", "vehicles/cafe%CC%81", "").await, 200);
}

#[tokio::test]
async fn a_revoked_token_is_refused_and_the_next_one_is_not() {
    let world = world().await;
    let old = mint(&world, driver("v1")).jwt;
    world.engine().revoke_token(&old);
    refused(&world, &old, "revoked").await;
    world.clock().advance(Duration::from_secs(1));
    let new = mint(&world, driver("v1")).jwt;
    assert_eq!(get_vehicle(&world, &new).await.status, 200);
    world.engine().revoke_issued_before(world.clock().now() + Duration::from_secs(1));
    refused(&world, &new, "revoked").await;
    world.engine().revoke_issued_before(SystemTime::UNIX_EPOCH);
    assert_eq!(get_vehicle(&world, &new).await.status, 200);
}

#[tokio::test]
async fn a_rotated_roles_old_tokens_are_refused_and_other_roles_keep_theirs() {
    let world = world().await;
    let old = mint(&world, driver("v1")).jwt;
    let rider = mint(&world, consumer("t1")).jwt;
    world.engine().rotate_role(Role::DriverSdkUser);
    refused(&world, &old, "unknown_key").await;
    assert_eq!(get_vehicle(&world, &mint(&world, driver("v1")).jwt).await.status, 200);
    assert_eq!(call(&world, "GET", "trips/t1", Some(&rider), None).await.status, 200);
}

#[tokio::test]
async fn a_role_is_rotated_by_the_admin_route_too() {
    let world = world().await;
    let old = mint(&world, driver("v1")).jwt;
    let base = world.backend_url();
    let bad = send("POST", &base, "/admin/rotate", None, Some(r#"{"role": "nobody"}"#)).await.unwrap();
    assert_eq!((bad.status, bad.error().0.as_str()), (400, "INVALID_ARGUMENT"));
    assert_eq!(get_vehicle(&world, &old).await.status, 200);
    let done = send("POST", &base, "/admin/rotate", None, Some(r#"{"role": "driverSdkUser"}"#)).await.unwrap();
    assert_eq!(done.json(), json!({ "rotated": "driverSdkUser" }));
    refused(&world, &old, "unknown_key").await;
    assert_eq!(get_vehicle(&world, &mint(&world, driver("v1")).jwt).await.status, 200);
}

#[tokio::test]
async fn nothing_secret_is_shown() {
    let world = world().await;
    let minted = mint(&world, driver("v1"));
    let claims = format!("{world:?} {:?} {:?} {:?} {:?}", minted, world.minter(), world.sessions(), world.engine());
    assert!(!claims.contains(&minted.jwt) && !claims.contains("-session"), "{claims}");
}
