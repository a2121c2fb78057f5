//! Each fault as a client meets it on a socket.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

mod support;

use std::io::ErrorKind;
use std::time::Duration;

use fleet_token_backend::{Fault, FaultKind, World};
use serde_json::{Value, json};
use support::{Reply, driver, mint, payload, send, token, world};

async fn faulty(world: &World, fault: Fault) -> Reply {
    world.faults().push("/token/driver/", fault);
    token(world, "/token/driver/v1?shape=E", "alice-session").await
}

fn jwt(reply: &Reply) -> Value {
    payload(reply.json()["token"].as_str().unwrap())
}

#[tokio::test]
async fn a_status_comes_with_its_retry_after_and_once() {
    let world = world().await;
    let reply = faulty(&world, Fault::status(503).with_retry_after("3")).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("3")));
    assert_eq!(reply.error().0, "UNAVAILABLE");
    let when = "Wed, 21 Oct 2026 07:28:00 GMT";
    let reply = faulty(&world, Fault::status(429).with_retry_after(when).with_body("slow down")).await;
    assert_eq!((reply.status, reply.header("retry-after"), reply.text()), (429, Some(when), "slow down"));
    assert_eq!(token(&world, "/token/driver/v1", "alice-session").await.status, 200);
    assert_eq!(world.stats().faults["status_503"], 1);
}

#[tokio::test]
async fn a_reset_is_a_reset_on_either_server() {
    let world = world().await;
    world.faults().push_times("", 2, Fault::kind(FaultKind::Reset));
    for base in [world.backend_url(), world.engine_url()] {
        let path = "/v1/providers/demo/vehicles/v1";
        let error = send("GET", &base, path, Some("alice-session"), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn over_a_listener_of_ones_own_a_reset_is_an_end_without_a_reply() {
    let world = world().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = world.backend_router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    world.faults().push("/token/", Fault::kind(FaultKind::Reset));
    let path = "/token/driver/v1";
    assert!(send("GET", &base, path, Some("alice-session"), None).await.is_err());
    assert_eq!(send("GET", &base, path, Some("alice-session"), None).await.unwrap().status, 200);
    assert_eq!(send("GET", &base, "/admin/stats", None, None).await.unwrap().status, 404);
    server.abort();
}

#[tokio::test]
async fn a_truncated_body_is_shorter_than_promised() {
    let world = world().await;
    let reply = faulty(&world, Fault::kind(FaultKind::Truncated)).await;
    assert!(reply.status == 200 && !reply.complete && reply.body.len() > 100, "{reply:?}");
    assert!(serde_json::from_slice::<Value>(&reply.body).is_err());
}

#[tokio::test]
async fn a_hanging_reply_never_comes_and_ends_with_the_world() {
    let world = world().await;
    world.faults().push("/token/", Fault::kind(FaultKind::Hang));
    let base = world.backend_url();
    let hanging =
        tokio::spawn(async move { send("GET", &base, "/token/driver/v1", Some("alice-session"), None).await });
    while world.stats().faults.is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!hanging.is_finished());
    world.stop().await;
    assert_eq!(hanging.await.unwrap().unwrap().status, 503);
}

#[tokio::test]
async fn a_delay_delays_and_changes_nothing() {
    let world = world().await;
    world.faults().push("/token/", Fault::delay_ms(50));
    let late = token(&world, "/token/driver/v1", "alice-session");
    tokio::pin!(late);
    assert!(tokio::time::timeout(Duration::from_millis(20), &mut late).await.is_err());
    assert_eq!(late.await.status, 200);
}

#[tokio::test]
async fn a_skewed_date_is_off_by_what_was_asked() {
    let world = world().await;
    for skew in [7200, -7200] {
        let reply = faulty(&world, Fault::date_skew_secs(skew)).await;
        let date = httpdate::parse_http_date(reply.header("date").unwrap()).unwrap();
        let date = date.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let off = i64::try_from(date).unwrap() - world.clock().unix_secs() - skew;
        assert!(off.abs() <= 1, "{off}");
        assert_eq!(reply.headers.iter().filter(|(name, _)| name == "date").count(), 1);
        assert!((jwt(&reply)["iat"].as_i64().unwrap() - world.clock().unix_secs()).abs() <= 1);
    }
}

#[tokio::test]
async fn pages_and_bodies_that_are_no_token() {
    let world = world().await;
    let html = faulty(&world, Fault::kind(FaultKind::Html)).await;
    assert_eq!((html.status, html.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(html.text().starts_with("<!DOCTYPE html>"));
    let empty = faulty(&world, Fault::kind(FaultKind::EmptyBody)).await;
    assert_eq!((empty.status, empty.body.len()), (200, 0));
    let huge = faulty(&world, Fault::kind(FaultKind::HugeBody)).await;
    assert!(huge.status == 200 && huge.complete && huge.body.len() > 64 * 1024);
    assert!(huge.json().is_object());
    let away = faulty(&world, Fault::redirect("https://elsewhere.example/")).await;
    assert_eq!((away.status, away.header("location")), (302, Some("https://elsewhere.example/")));
}

#[tokio::test]
async fn tokens_that_are_signed_right_and_wrong_inside() {
    let world = world().await;
    let wrong_id = faulty(&world, Fault::kind(FaultKind::WrongId)).await;
    assert_eq!(jwt(&wrong_id)["authorization"], json!({"vehicleid": "not-v1"}));
    let wildcard = faulty(&world, Fault::kind(FaultKind::Wildcard)).await;
    assert_eq!(jwt(&wildcard)["authorization"], json!({"vehicleid": "*"}));
    let expired = faulty(&world, Fault::kind(FaultKind::Expired)).await;
    assert!(jwt(&expired)["exp"].as_i64().unwrap() < world.clock().unix_secs());
    assert!(expired.json()["expiresInSeconds"].as_i64().unwrap() < 0);
    assert!(world.minter().last(&driver("v1")).is_none(), "a tampered token is not handed out again");
}

#[tokio::test]
async fn replies_that_say_the_wrong_thing_or_nothing() {
    let world = world().await;
    let unit = faulty(&world, Fault::kind(FaultKind::WrongUnit)).await.json();
    assert!(unit["expiresInSeconds"].as_i64().unwrap() > 3_590_000, "{unit}");
    assert!(faulty(&world, Fault::kind(FaultKind::NullToken)).await.json()["token"].is_null());
    let eternal = faulty(&world, Fault::kind(FaultKind::NoExpiry)).await.json();
    assert!(eternal["token"].is_string() && eternal.get("expiresInSeconds").is_none());
    let missing = faulty(&world, Fault::kind(FaultKind::MissingToken)).await.json();
    assert!(missing.get("token").is_none() && missing["expiresInSeconds"].is_i64());
}

#[tokio::test]
async fn the_same_token_can_come_again() {
    let world = world().await;
    let first = mint(&world, driver("v1")).jwt;
    world.clock().advance(Duration::from_secs(10));
    let again = faulty(&world, Fault::kind(FaultKind::SameTokenAgain)).await.json();
    assert_eq!(again["token"], first.as_str());
    assert_eq!(again["expiresInSeconds"].as_i64().unwrap() / 10, 358);
}

#[tokio::test]
async fn a_script_comes_by_the_admin_route_too() {
    let world = world().await;
    let base = world.backend_url();
    let script = r#"[{"match": "/token/driver/", "times": 2, "fault": {"status": 503, "retry_after": "3"}},
                     {"match": "/v1/", "times": null, "fault": {"status": 504}}]"#;
    let added = send("POST", &base, "/admin/faults", None, Some(script)).await.unwrap();
    assert_eq!(added.json(), json!({ "pending": 2 }));
    for status in [503, 503, 200] {
        assert_eq!(token(&world, "/token/driver/v1", "alice-session").await.status, status);
    }
    let engine = send("GET", &world.engine_url(), "/v1/providers/demo/vehicles/v1", None, None).await.unwrap();
    assert_eq!(engine.status, 504);
    let pending = send("GET", &base, "/admin/faults", None, None).await.unwrap().json();
    assert_eq!(pending[0]["fault"], json!({ "status": 504 }));
    send("DELETE", &base, "/admin/faults", None, None).await.unwrap();
    assert!(world.faults().pending().is_empty());
    let bad = send("POST", &base, "/admin/faults", None, Some(r#"[{"fault": {"kind": "oops"}}]"#)).await.unwrap();
    assert_eq!(bad.error().0, "INVALID_ARGUMENT");
    let stats = send("GET", &base, "/admin/stats", None, None).await.unwrap();
    assert_eq!(stats.json()["faults"]["status_503"], 2);
    assert_eq!(stats.json()["requests"]["GET /token/driver/{vehicleId} 503"], 2);
    assert_eq!(stats.json()["minted"]["driver vehicle=v1"], 1);
    assert!(!stats.text().contains("ey") && !stats.text().contains("-session"), "no secret in {}", stats.text());
}

#[tokio::test]
async fn a_token_is_revoked_by_the_admin_route_and_no_other_with_it() {
    let world = world().await;
    let (refused, good) = (mint(&world, driver("v1")).jwt, mint(&world, driver("v2")).jwt);
    let look = async |id: &str, jwt: &str| {
        let path = format!("/v1/providers/demo/vehicles/{id}");
        send("GET", &world.engine_url(), &path, Some(jwt), None).await.unwrap()
    };
    assert_ne!(look("v1", &refused).await.status, 401);
    let told = send("POST", &world.backend_url(), "/admin/revocations", None, Some(&refused)).await.unwrap();
    assert_eq!(told.json(), json!({}));
    assert_eq!(look("v1", &refused).await.error().0, "UNAUTHENTICATED");
    assert_ne!(look("v2", &good).await.status, 401);
}
