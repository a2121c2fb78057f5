//! The token backend over a socket: who gets what, in which shape.

mod support;

use std::time::Duration;

use fleet_token_backend::{Grant, Shape, World};
use serde_json::{Value, json};
use support::{driver, jwt_header, payload, peopled, send, token, world};

#[tokio::test]
async fn every_route_gives_the_claims_of_its_kind() {
    let world = world().await;
    let delivery = json!({"taskid":"*","trackingid":"*","deliveryvehicleid":"*"});
    let table = [
        ("alice", "/token/driver/v1", "jwt", "driver", json!({"vehicleid":"v1"})),
        ("carol", "/token/consumer/t1", "jwt", "consumer", json!({"tripid":"t1"})),
        ("carol", "/token/consumer", "jwt", "consumer", json!({"tripid":"t1"})),
        ("root", "/token/server", "jwt", "ondemand-admin", json!({"vehicleid":"*","tripid":"*"})),
        ("dave", "/token/delivery_driver/d1", "token", "delivery-untrusted-driver", json!({"deliveryvehicleid":"d1"})),
        ("dora", "/token/delivery_driver/d1", "token", "delivery-trusted-driver", json!({"deliveryvehicleid":"d1"})),
        (
            "dora",
            "/token/delivery_driver/d1/k1",
            "token",
            "delivery-trusted-driver",
            json!({"deliveryvehicleid":"d1","taskid":"k1"}),
        ),
        ("dora", "/token/task/k1", "token", "delivery-trusted-driver", json!({"taskid":"k1"})),
        ("erin", "/token/delivery_consumer/x1", "token", "delivery-consumer", json!({"trackingid":"x1"})),
        ("frank", "/token/fleet_reader", "token", "delivery-fleet-reader", delivery.clone()),
        (
            "frank",
            "/token/fleet_reader/all",
            "token",
            "viewer",
            json!({"tripid":"*","taskid":"*","trackingid":"*","vehicleid":"*","deliveryvehicleid":"*"}),
        ),
        ("root", "/token/delivery_server", "token", "delivery-admin", delivery),
        ("root", "/token/batch_create", "token", "delivery-admin", json!({"taskids":["*"]})),
        ("root", "/token/per_delivery_vehicle", "token", "delivery-admin", json!({"deliveryvehicleid":"*"})),
    ];
    for (user, path, field, account, claims) in table {
        let reply = token(&world, path, &format!("{user}-session")).await;
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        assert!(reply.header("date").is_some(), "{path}");
        let body = reply.json();
        let jwt = body[field].as_str().unwrap_or_else(|| panic!("{path}: {body}"));
        let payload = payload(jwt);
        assert_eq!(payload["authorization"], claims, "{path}");
        let email = format!("{account}@demo.iam.gserviceaccount.com");
        assert_eq!((&payload["iss"], &payload["sub"]), (&json!(email), &json!(email)), "{path}");
        assert_eq!(payload["aud"], "https://fleetengine.googleapis.com/");
        assert_eq!(payload["exp"].as_i64().unwrap() - payload["iat"].as_i64().unwrap(), 3600, "{path}");
        let scope = (path == "/token/fleet_reader").then_some("https://www.googleapis.com/auth/xapi");
        assert_eq!(payload.get("scope").and_then(Value::as_str), scope, "{path}");
        let header = jwt_header(jwt);
        assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")));
        assert_eq!(header["kid"].as_str().unwrap().len(), 40);
    }
}

#[tokio::test]
async fn query_and_post_forms_ask_for_the_same() {
    let world = world().await;
    let table = [
        ("alice", "vehicleId", "v1", "vehicleid"),
        ("carol", "tripId", "t1", "tripid"),
        ("dave", "deliveryVehicleId", "d1", "deliveryvehicleid"),
        ("dora", "taskId", "k1", "taskid"),
        ("erin", "trackingId", "x1", "trackingid"),
    ];
    for (user, field, id, claim) in table {
        let bearer = format!("{user}-session");
        // The empty fields are what bridges make of null.
        let reply = token(&world, &format!("/api/fleet-engine/token?x=&taskId=&{field}={id}"), &bearer).await;
        if field != "taskId" {
            let body = reply.json();
            assert_eq!(payload(body["token"].as_str().unwrap())["authorization"], json!({ claim: id }), "{field}");
            assert!(body["expiration"].as_str().unwrap().ends_with('Z'), "{body}");
        }
        let asked = json!({ "context": { field: id, "other": null }, "serviceType": "UNKNOWN_SERVICE" });
        let reply = send("POST", &world.backend_url(), "/token", Some(&bearer), Some(&asked.to_string())).await;
        let body = reply.unwrap().json();
        assert_eq!(payload(body["token"].as_str().unwrap())["authorization"], json!({ claim: id }), "{field}");
        assert!((3598..=3600).contains(&body["expiresInSeconds"].as_i64().unwrap()), "{body}");
    }
}

#[tokio::test]
async fn a_login_alone_gives_its_own_vehicle() {
    let world = world().await;
    let body = token(&world, "/fleetEngine/driverToken", "bob-session").await.json();
    assert_eq!((&body["vehicleId"], &body["providerId"]), (&json!("v2"), &json!("demo")));
    assert_eq!(payload(body["token"].as_str().unwrap())["authorization"], json!({"vehicleid":"v2"}));
    assert_eq!(token(&world, "/fleetEngine/driverToken", "carol-session").await.status, 403);
}

#[tokio::test]
async fn a_driver_cannot_get_another_drivers_token() {
    let world = world().await;
    for path in ["/token/driver/v2", "/api/fleet-engine/token?vehicleId=v2", "/token/delivery_driver/v1"] {
        let reply = token(&world, path, "alice-session").await;
        assert_eq!(reply.error().0, "PERMISSION_DENIED", "{path}");
    }
    assert_eq!(world.stats().minted_total(), 0);
}

#[tokio::test]
async fn a_consumer_gets_only_their_own_trips_token() {
    let world = world().await;
    assert_eq!(token(&world, "/token/consumer/t1", "carol-session").await.status, 200);
    assert_eq!(token(&world, "/token/consumer/t2", "carol-session").await.status, 403);
    assert_eq!(token(&world, "/token/driver/v1", "carol-session").await.status, 403);
    assert_eq!(token(&world, "/token/delivery_consumer/x2", "erin-session").await.status, 403);
}

#[tokio::test]
async fn only_servers_get_server_tokens() {
    let world = world().await;
    for path in ["/token/server", "/token/delivery_server", "/token/batch_create", "/token/per_delivery_vehicle"] {
        for user in ["alice", "carol", "dora", "erin", "frank"] {
            assert_eq!(token(&world, path, &format!("{user}-session")).await.status, 403, "{user} {path}");
        }
    }
    assert_eq!(token(&world, "/token/fleet_reader", "alice-session").await.status, 403);
    assert_eq!(token(&world, "/token/delivery_driver/d1/k1", "dave-session").await.status, 403);
}

#[tokio::test]
async fn without_a_session_nothing_is_given() {
    let world = world().await;
    let none = send("GET", &world.backend_url(), "/token/driver/v1", None, None).await.unwrap();
    assert_eq!(none.error().0, "UNAUTHENTICATED");
    assert_eq!(none.header("www-authenticate"), Some("Bearer realm=\"fleet-token\""));
    assert_eq!(token(&world, "/token/driver/v1", "stranger").await.status, 401);
    world.sessions().revoke("alice-session");
    assert_eq!(token(&world, "/token/driver/v1", "alice-session").await.status, 401);
    world.sessions().allow_anonymous(Grant::driver("v1"));
    assert_eq!(send("GET", &world.backend_url(), "/token/driver/v1", None, None).await.unwrap().status, 200);
    assert_eq!(token(&world, "/token/driver/v1", "stranger").await.status, 401, "a wrong bearer is not anonymous");
}

#[tokio::test]
async fn bad_ids_are_refused_before_anything_is_signed() {
    let world = world().await;
    world.sessions().allow("all", "all", Grant::server());
    let long = "x".repeat(65);
    for id in ["*", "%2A", "a%2Fb", "a:b", "a,b", "a%3Fb", "a%23b", "a%00b", "%FF", long.as_str()] {
        for route in ["driver", "consumer", "delivery_driver", "delivery_consumer", "task"] {
            let reply = token(&world, &format!("/token/{route}/{id}"), "all").await;
            assert_eq!(reply.error().0, "INVALID_ARGUMENT", "{route} {id}");
        }
        let reply = token(&world, &format!("/token/delivery_driver/d1/{id}"), "all").await;
        assert_eq!(reply.status, 400, "task {id}");
        let reply = token(&world, &format!("/api/fleet-engine/token?vehicleId={id}"), "all").await;
        assert_eq!(reply.status, 400, "query {id}");
    }
    assert_eq!(world.stats().minted_total(), 0);
}

#[tokio::test]
async fn odd_but_right_ids_come_out_as_they_went_in() {
    let world = world().await;
    for (sent, claimed) in
        [("..", ".."), ("a%20b", "a b"), ("50%25", "50%"), ("cafe%CC%81", "caf\u{e9}"), ("%2E%2E", "..")]
    {
        world.sessions().allow("odd", "odd", Grant::driver(claimed));
        let body = token(&world, &format!("/token/driver/{sent}"), "odd").await.json();
        assert_eq!(payload(body["jwt"].as_str().unwrap())["authorization"]["vehicleid"], claimed, "{sent}");
    }
}

#[tokio::test]
async fn any_shape_is_given_on_any_route() {
    let world = world().await;
    let fields = [
        ("A", "jwt"),
        ("B", "token"),
        ("C", "VehicleServiceToken"),
        ("D", "ServiceToken"),
        ("E", "token"),
        ("F", "token"),
        ("G", "token"),
        ("H", "Token"),
        ("oauth", "access_token"),
    ];
    for (shape, field) in fields {
        let reply = token(&world, &format!("/token/driver/v1?shape={shape}"), "alice-session").await;
        assert!(reply.json()[field].is_string(), "{shape}: {reply:?}");
    }
    assert_eq!(token(&world, "/token/driver/v1?shape=Z", "alice-session").await.status, 400);

    let world = peopled(World::builder().default_shape(Shape::H)).await;
    let body = token(&world, "/token/delivery_driver/d1", "dave-session").await.json();
    assert!(body["ExpiresInSeconds"].is_i64(), "{body}");
}

#[tokio::test]
async fn what_is_no_route_is_a_json_error() {
    let world = world().await;
    assert_eq!(token(&world, "/nowhere", "alice-session").await.error().0, "NOT_FOUND");
    let post = send("POST", &world.backend_url(), "/token/driver/v1", Some("alice-session"), Some("{}")).await;
    assert_eq!(post.unwrap().status, 405);
    let bad = send("POST", &world.backend_url(), "/token", Some("alice-session"), Some("{")).await;
    assert_eq!(bad.unwrap().error().0, "INVALID_ARGUMENT");
}

#[tokio::test]
async fn lifetimes_are_short_when_asked_and_counted_from_the_servers_clock() {
    let world = peopled(World::builder().token_lifetime(Duration::from_secs(6))).await;
    world.clock().advance(Duration::from_hours(24));
    let reply = token(&world, "/token/driver/v1?shape=B", "alice-session").await;
    let body = reply.json();
    let claims = payload(body["token"].as_str().unwrap());
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 6);
    let apart = body["expiration_timestamp_ms"].as_i64().unwrap() - claims["exp"].as_i64().unwrap() * 1000;
    assert!((0..1000).contains(&apart), "{apart} ms");
    assert!((claims["iat"].as_i64().unwrap() - world.clock().unix_secs()).abs() <= 1);
    let date = httpdate::parse_http_date(reply.header("date").unwrap()).unwrap();
    let off = world.clock().now().duration_since(date).unwrap();
    assert!(off < Duration::from_secs(2), "{off:?}");
}

#[tokio::test]
async fn a_caching_backend_hands_out_what_is_left() {
    let world = peopled(World::builder().reuse_tokens_until(Duration::from_mins(5))).await;
    let first = token(&world, "/token/driver/v1?shape=E", "alice-session").await.json();
    world.clock().advance(Duration::from_mins(54));
    let second = token(&world, "/token/driver/v1?shape=E", "alice-session").await.json();
    assert_eq!(first["token"], second["token"]);
    assert!((358..=360).contains(&second["expiresInSeconds"].as_i64().unwrap()), "{}", second["expiresInSeconds"]);
    world.clock().advance(Duration::from_mins(2));
    let third = token(&world, "/token/driver/v1?shape=E", "alice-session").await.json();
    assert_ne!(first["token"], third["token"]);
    assert_eq!(world.stats().minted_for(&driver("v1")), 2);
}

#[tokio::test]
async fn only_loopback_is_served() {
    let error = World::builder().address([0, 0, 0, 0]).start().await.unwrap_err();
    assert_eq!(error.to_string(), "0.0.0.0 is not a loopback address");
}

#[tokio::test]
async fn a_stopped_world_answers_nobody() {
    let world = world().await;
    let backend = world.backend_url();
    world.stop().await;
    assert!(send("GET", &backend, "/token/driver/v1", None, None).await.is_err());
}

#[tokio::test]
async fn a_kind_with_a_lifetime_of_its_own_has_it_and_others_do_not() {
    let world = world().await;
    world.minter().set_lifetime_of(driver("v1"), Duration::from_secs(30));
    for (path, user, lives) in [("/token/driver/v1", "alice", 30), ("/token/driver/v2", "bob", 3600)] {
        let body = token(&world, path, &format!("{user}-session")).await.json();
        let payload = payload(body["jwt"].as_str().unwrap());
        assert_eq!(payload["exp"].as_i64().unwrap() - payload["iat"].as_i64().unwrap(), lives, "{path}");
    }
}
