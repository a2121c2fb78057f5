//! `fleet-token inspect` on tokens of the reference backend, good and bad.

use std::io::Write as _;
use std::process::Stdio;

use fleet_token_backend::{Fault, FaultKind, Grant, Shape, TokenKind, World};
use serde_json::Value;

use super::{Ran, command, run};

/// Runs it with `input` on standard input.
fn inspect(input: &str, args: &[&str]) -> Ran {
    let args: Vec<&str> = ["inspect"].iter().chain(args).copied().collect();
    let mut command = command(&args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).env("RUST_LOG", "trace");
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ran = Ran::of(child.wait_with_output().unwrap());
    // The claims are what is shown; the token is not, nor any part of it.
    for part in input.trim().split('.').filter(|part| part.len() > 20) {
        assert!(!ran.out.contains(part) && !ran.err.contains(part), "a part of the token is in the output");
    }
    ran
}

fn world_token(world: &World, kind: TokenKind) -> String {
    world.minter().mint(kind).unwrap().jwt
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_token_is_described_and_nothing_speaks_against_it() {
    let world = World::builder().start().await.unwrap();
    let token = world_token(&world, TokenKind::Consumer { trip_id: "t1".into() });
    let ran = inspect(&format!("Authorization: Bearer {token}\n"), &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.text());
    for part in [
        "TripService: trip t1",
        "GetTrip",
        "vehicles nearby",
        "Nothing speaks against it.",
        "signature was not verified",
    ] {
        assert!(ran.out.contains(part), "{part:?} is missing in\n{}", ran.out);
    }
    let json = inspect(&token, &["--json"]);
    let json: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&json["result"], &json["claims"]["authorization"]["tripid"]), (&"ok".into(), &"t1".into()));
    assert_eq!(json["allowed"][0]["methods"][0], "GetTrip");
    assert!((3590..=3600).contains(&json["seconds_left"].as_i64().unwrap()));
    // As the argument, too.
    assert_eq!(run(&["inspect", &token]).code, Some(0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_read_out_of_the_whole_reply_of_a_backend() {
    let world = World::builder().start().await.unwrap();
    world.sessions().allow_anonymous(Grant::driver("v1"));
    let client = reqwest_client();
    for shape in Shape::ALL {
        let reply = client.get(format!("{}/token/driver/v1?shape={shape}", world.backend_url())).send().await.unwrap();
        let text = reply.text().await.unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        let ran = inspect(&text, &["--json"]);
        assert_eq!(ran.code, Some(0), "{shape}: {}", ran.text());
        let json: Value = serde_json::from_str(&ran.out).unwrap();
        let field = json["read_from"]["field"].as_str().unwrap();
        assert!(body[field].as_str().unwrap().starts_with("eyJ"), "{shape}: {field}");
        assert_eq!(json["read_from"]["shape"], shape.to_string().replace("OAuth", "oauth"));
        assert!(inspect(&text, &[]).out.starts_with(&format!("Read from the field {field} of a whole reply, shape ")));
    }
    let token = world_token(&world, TokenKind::Driver { vehicle_id: "v1".into() });
    let ran = inspect(&format!("'Bearer {token}'"), &[]);
    assert!(ran.code == Some(0) && ran.out.starts_with("Cut off: quotes, Bearer.\n"), "{}", ran.text());
    assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn why_fleet_engine_would_refuse_a_token_is_said() {
    let world = World::builder().start().await.unwrap();
    world.sessions().allow_anonymous(Grant::driver("v1"));
    let client = reqwest_client();
    for (kind, id) in [
        (FaultKind::Unsigned, "alg"),
        (FaultKind::WrongAlgorithm, "alg"),
        (FaultKind::WrongSubject, "issuer"),
        (FaultKind::WrongAudience, "audience"),
        (FaultKind::NoAuthorization, "authorization"),
        (FaultKind::TooLong, "lifetime"),
        (FaultKind::IssuedAhead, "issued-at"),
        (FaultKind::Expired, "expires-at"),
    ] {
        world.faults().push("/token/driver/", Fault::kind(kind));
        let reply = client.get(format!("{}/token/driver/v1?shape=E", world.backend_url())).send().await.unwrap();
        let reply: Value = serde_json::from_str(&reply.text().await.unwrap()).unwrap();
        let token = reply["token"].as_str().unwrap();
        // The emulated Fleet Engine agrees.
        assert!(world.engine().authenticate(Some(token)).is_err(), "{kind:?}");
        let ran = inspect(token, &["--json"]);
        let json: Value = serde_json::from_str(&ran.out).unwrap();
        let errors = json["findings"].as_array().unwrap().iter().filter(|f| f["level"] == "error");
        let errors: Vec<_> = errors.map(|f| f["id"].as_str().unwrap()).collect();
        assert!(ran.code == Some(2) && errors.contains(&id), "{kind:?}: {errors:?}");
        let shown = inspect(token, &[]).out;
        assert!(shown.contains("Fleet Engine would refuse it."));
        let follows = shown.contains("  – for the reason at expires-at above: lifetime\n");
        assert_eq!(follows, kind == FaultKind::Expired, "{shown}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_everything_is_a_warning() {
    let world = World::builder().start().await.unwrap();
    let ran = inspect(&world_token(&world, TokenKind::OnDemandServer), &[]);
    assert_eq!(ran.code, Some(1), "{}", ran.text());
    assert!(ran.out.contains("VehicleService: every vehicle") && ran.out.contains("! wildcard"), "{}", ran.out);
    world.stop().await;
}

#[test]
fn what_is_no_jwt_is_exit_code_2_and_not_repeated() {
    for input in ["SECRET-TOKEN-opaque", "", "a.b.c", "eyJh.x"] {
        let ran = inspect(input, &[]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{}", ran.text());
        assert!(!ran.err.contains("SECRET-TOKEN") && ran.text().starts_with("error: "));
        assert!(serde_json::from_str::<Value>(&inspect(input, &["--json"]).out).unwrap()["error"].is_object());
    }
    let ran = run(&["inspect", "SECRET-TOKEN-as-argument"]);
    assert!(ran.code == Some(2) && !ran.err.contains("SECRET-TOKEN"));
}

fn reqwest_client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
