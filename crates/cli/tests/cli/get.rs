//! `fleet-token get` against a real backend.

use fleet_token_backend::{Fault, FaultKind, Grant, Shape, TokenKind, World};
use serde_json::Value;

use super::{Ran, run};

const LOGIN: &str = "Authorization: Bearer SECRET-SESSION-get";

/// A backend where the login may have whatever `grant` says.
async fn world(grant: Grant) -> World {
    let world = World::builder().start().await.unwrap();
    world.sessions().allow("somebody", "SECRET-SESSION-get", grant);
    world
}

/// Runs `get` on `path` of the backend, off the runtime that serves it.
async fn get(world: &World, path: &str, args: &[&str]) -> Ran {
    let endpoint = format!("{}{path}", world.backend_url());
    let args: Vec<String> = ["get", "--header", LOGIN, "--endpoint", &endpoint]
        .into_iter()
        .chain(args.iter().copied())
        .map(str::to_owned)
        .collect();
    let ran = tokio::task::spawn_blocking(move || {
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        run(&args)
    });
    let ran = ran.await.unwrap();
    assert!(!ran.out.contains("SECRET-SESSION") && !ran.err.contains("SECRET-SESSION"), "the login is in the output");
    ran
}

fn driver() -> TokenKind {
    TokenKind::Driver { vehicle_id: "v1".into() }
}

fn issued(world: &World, kind: &TokenKind) -> String {
    world.minter().last(kind).unwrap().jwt
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_any_shape_is_described_and_not_shown() {
    let world = world(Grant::driver("v1")).await;
    for shape in Shape::ALL {
        let ran = get(&world, &format!("/token/driver/{{vehicleId}}?shape={shape}"), &["--vehicle-id", "v1"]).await;
        assert_eq!(ran.code, Some(0), "{shape}: {}", ran.text());
        for part in ["Token for vehicle v1", "valid for", "RS256", "vehicleid = v1", "not shown; --reveal"] {
            assert!(ran.out.contains(part), "{shape}: {part:?} is missing in\n{}", ran.out);
        }
        let jwt = issued(&world, &driver());
        assert!(!ran.out.contains(&jwt) && !ran.err.contains(&jwt), "{shape}: the token is shown");
        assert!(!ran.out.contains("eyJ") && !ran.err.contains("eyJ"), "{shape}: a part of the token is shown");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revealed_the_token_is_alone_on_standard_output() {
    let world = world(Grant::driver("v1")).await;
    let ran = get(&world, "/token/driver/{vehicleId}", &["--vehicle-id", "v1", "--reveal"]).await;
    let jwt = issued(&world, &driver());
    assert!(ran.code == Some(0) && ran.out == format!("{jwt}\n"), "not the token alone");
    assert!(ran.err.contains("Token for vehicle v1") && !ran.err.contains(&jwt));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_json_it_is_one_object_with_the_token_only_on_demand() {
    let world = world(Grant::driver("v1")).await;
    let ask = async |args: &[&str]| {
        let args: Vec<_> = ["--vehicle-id", "v1", "--json"].into_iter().chain(args.iter().copied()).collect();
        let ran = get(&world, "/token/driver/{vehicleId}", &args).await;
        serde_json::from_str::<Value>(&ran.out).unwrap()
    };
    let plain = ask(&[]).await;
    assert!(plain.get("token").is_none());
    assert_eq!(plain["context"]["vehicleId"], "v1");
    assert_eq!(plain["claims"]["authorization"]["vehicleid"], "v1");
    assert!((3590..=3600).contains(&plain["lifetime_seconds"].as_u64().unwrap()));
    let expires = plain["expires_at"].as_str().unwrap();
    assert!(expires.len() == 20 && expires.as_bytes()[10] == b'T' && expires.ends_with('Z'), "{expires}");
    let revealed = ask(&["--reveal"]).await;
    assert!(revealed["token"] == issued(&world, &driver()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_context_can_be_asked_for() {
    let mut grant = Grant::driver("v1").trip("t1").delivery_vehicle("d1").task("k1").tracking("x1");
    grant.fleet_reader = true;
    let world = world(grant).await;
    for (path, args, authorization) in [
        ("/token", &["--post", "--trip-id", "t1"][..], "tripid = t1"),
        ("/token/delivery_driver/{deliveryVehicleId}", &["--delivery-vehicle-id", "d1"], "deliveryvehicleid = d1"),
        (
            "/token/delivery_driver/{deliveryVehicleId}/{taskId}",
            &["--delivery-vehicle-id", "d1", "--task-id", "k1"],
            "deliveryvehicleid = d1, taskid = k1",
        ),
        ("/token/task/{taskId}", &["--task-id", "k1"], "taskid = k1"),
        ("/api/fleet-engine/token?trackingId={trackingId}", &["--tracking-id", "x1"], "trackingid = x1"),
        ("/token/fleet_reader/all", &["--fleet"], "vehicleid = *"),
        ("/token/consumer", &["--vehicle-service"], "tripid = t1"),
    ] {
        let ran = get(&world, path, args).await;
        assert!(ran.code == Some(0) && ran.out.contains(authorization), "{path}: {}", ran.text());
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_odd_about_a_token_is_said_in_words() {
    let world = world(Grant::driver("v1")).await;
    for (fault, note) in [
        (Fault::kind(FaultKind::Wildcard), "all ids"),
        (Fault::kind(FaultKind::WrongUnit), "Milliseconds for seconds?"),
        (Fault::date_skew_secs(-300), "ahead of the backend's"),
        (Fault::status(503), "attempt 1 failed: the backend answered 503"),
    ] {
        world.faults().push("/token/", fault.clone());
        let path = "/token/driver/{vehicleId}?shape=E";
        let ran = get(&world, path, &["--vehicle-id", "v1"]).await;
        assert!(ran.code == Some(0) && ran.out.contains("note: "), "{fault:?}: {}", ran.text());
        if note != "all ids" {
            assert!(ran.out.contains(note), "{fault:?}: {}", ran.text());
        }
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_backend_refuses_or_garbles_is_one_clear_error() {
    let world = world(Grant::driver("v1")).await;
    let path = "/token/driver/{vehicleId}";
    for (fault, id, message) in [
        (None, "v2", "403: the session may not have this id, or is not accepted"),
        (Some(Fault::status(404)), "v1", "404: it knows no such id, or the endpoint is wrong"),
        (Some(Fault::kind(FaultKind::Html)), "v1", "HTML page"),
        (Some(Fault::kind(FaultKind::WrongId)), "v1", "not what was asked for"),
        (Some(Fault::kind(FaultKind::NullToken)), "v1", "switched off"),
        (Some(Fault::redirect("http://127.0.0.2:1/")), "v1", "redirect"),
    ] {
        world.faults().clear();
        if let Some(fault) = fault {
            world.faults().push_forever("/token/", fault);
        }
        let ran = get(&world, path, &["--vehicle-id", id]).await;
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{message}");
        assert!(ran.text().starts_with("error: ") && ran.text().contains(message), "{message}: {}", ran.text());
        // What to do about it.
        assert_eq!(ran.text().lines().count(), 2, "{}", ran.text());
    }
    world.faults().clear();
    world.faults().push_forever("/token/", Fault::kind(FaultKind::Hang));
    let ran = get(&world, path, &["--vehicle-id", "v1", "--timeout", "1", "--json"]).await;
    assert_eq!(ran.code, Some(1));
    let error = &serde_json::from_str::<Value>(&ran.out).unwrap()["error"];
    assert!(error["hint"].as_str().unwrap().contains("--timeout"), "{error}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_make_no_sense_are_exit_code_2_and_nothing_is_sent() {
    let world = world(Grant::driver("v1")).await;
    let path = "/token/driver/{vehicleId}";
    for args in [
        &["--vehicle-id", "a/b"][..],
        &["--vehicle-id", "*"],
        &["--vehicle-id", ""],
        &["--trip-id", "t1"],
        &["--vehicle-id", "v1", "--header", "no colon"],
        &["--vehicle-id", "v1", "--fleet"],
        &[],
    ] {
        let ran = get(&world, path, args).await;
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}: {}", ran.text());
    }
    assert!(world.stats().requests.is_empty());
    world.stop().await;
}

#[test]
fn http_to_another_machine_is_refused_before_anything_is_sent() {
    // A reserved name (RFC 6761 §6.4), which would not resolve anyway.
    let ran = run(&["get", "--endpoint", "http://backend.invalid/token/{vehicleId}", "--vehicle-id", "v1"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.text().contains("is not https; http is for this machine only"), "{}", ran.text());
    assert!(!ran.text().contains("allow_http_loopback"), "{}", ran.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_login_that_was_not_given() {
    let world = world(Grant::driver("v1")).await;
    let endpoint = format!("{}/token/driver/{{vehicleId}}", world.backend_url());
    for status in [401, 403] {
        world.faults().push_forever("/token/", Fault::status(status));
        let endpoint = endpoint.clone();
        let ran = tokio::task::spawn_blocking(move || run(&["get", "--endpoint", &endpoint, "--vehicle-id", "v1"]));
        let ran = ran.await.unwrap();
        assert_eq!(ran.code, Some(1));
        assert!(ran.text().contains("No --header was given"), "{}", ran.text());
        let with = get(&world, "/token/driver/{vehicleId}", &["--vehicle-id", "v1"]).await;
        assert!(with.text().contains("that --header is the login"), "{}", with.text());
        world.faults().clear();
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn https_to_a_port_that_speaks_http_is_said_so() {
    let world = world(Grant::driver("v1")).await;
    let endpoint = format!("{}/token/driver/{{vehicleId}}", world.backend_url().replace("http://", "https://"));
    let ran = tokio::task::spawn_blocking(move || run(&["get", "--endpoint", &endpoint, "--vehicle-id", "v1"]));
    let ran = ran.await.unwrap();
    assert_eq!(ran.code, Some(1));
    // A machine without a trust store does not get as far as asking.
    assert!(ran.text().contains("is it an http endpoint?") || !ran.text().contains("InvalidContentType"));
    world.stop().await;
}

#[test]
fn a_backend_that_is_not_there_is_said_so() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = run(&["get", "--endpoint", &format!("http://{free}/t/{{vehicleId}}"), "--vehicle-id", "v1"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.text().contains("no connection") && ran.text().contains("Is the backend running"), "{}", ran.text());
}
