//! `fleet-token doctor` and logins: those that were pasted wrongly, those that a backend does not ask for, and where none may go.

use fleet_token_backend::{Fault, Grant, TokenKind, World};
use serde_json::Value;

use super::doctor::{Found, LOGIN, PATH, doctor, examine, world};

#[tokio::test(flavor = "multi_thread")]
async fn a_401_without_a_login_is_told_from_one_with_a_bad_one() {
    let world = World::builder().start().await.unwrap();
    let endpoint = format!("{}{PATH}", world.backend_url());
    for (login, means) in [(None, "no --header was given"), (Some(LOGIN), "does not know this login")] {
        let mut args = vec!["--endpoint", &endpoint, "--vehicle-id", "v1", "--requests", "1", "--json"];
        args.extend(login.into_iter().flat_map(|login| ["--header", login]));
        let found = Found::of(&doctor(&args).await);
        let status = found.json["findings"].as_array().unwrap().iter().find(|f| f["id"] == "status").unwrap();
        assert_eq!(found.saw("status"), "401");
        let proof = if login.is_none() { "refused with 401: no --header was given" } else { "no token came" };
        assert!(found.saw("no-session").starts_with(proof), "{}", found.saw("no-session"));
        assert!(status["means"].as_str().unwrap().contains(means), "{status}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_was_pasted_wrongly_is_named() {
    let world = world(Grant::driver("v1")).await;
    let endpoint = format!("{}{PATH}", world.backend_url());
    for (header, saw) in [
        ("Authorization: SECRET-SESSION-doctor", "one word, and no scheme"),
        ("Authorization: eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.SECRET-SESSION-doctor", "a JWT without a scheme"),
        ("Authorization: Bearer Bearer SECRET-SESSION-doctor", "the scheme stands there twice"),
        ("Authorization: Bearer \"SECRET-SESSION-doctor\"", "quotes are left"),
        ("Authorization: Authorization: Bearer SECRET-SESSION-doctor", "the header's name stands in its value"),
        ("Authorization: Bearer $LOGIN", "a variable that was not filled in"),
        ("Authorization: Bearer", "nothing stands there"),
    ] {
        let args = ["--endpoint", &endpoint, "--vehicle-id", "v1", "--requests", "1", "--header", header];
        let ran = doctor(&args).await;
        assert!(
            ran.code == Some(2) && ran.out.contains("1 ✗ (login), 2 that only follow (status, sdk)"),
            "{}",
            ran.text()
        );
        let found = Found::of(&doctor(&[&args[..], &["--json"]].concat()).await);
        assert!(found.is(&["login", "status", "sdk"], &[]), "{header}: {:?} {:?}", found.errors, found.warnings);
        assert!(found.saw("login").contains(saw), "{header}: {}", found.saw("login"));
    }
    // What was cut off did no harm, and may do some where the app reads it.
    let blank = format!("{LOGIN}\n");
    let args = ["--json", "--endpoint", &endpoint, "--vehicle-id", "v1", "--requests", "1", "--header", &blank];
    let found = Found::of(&doctor(&args).await);
    assert!(found.is(&[], &["login"]) && found.code == 1, "{found:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_without_a_login_is_found_with_one_and_without() {
    let world = world(Grant::server()).await;
    world.sessions().allow_anonymous(Grant::server());
    let with = examine(&world, PATH, &["--requests", "1"]).await;
    assert!(with.is(&["no-session"], &["unknown-id"]), "{with:?}");
    let endpoint = format!("{}{PATH}", world.backend_url());
    let ran = doctor(&["--json", "--requests", "1", "--endpoint", &endpoint, "--vehicle-id", "v1"]).await;
    let without = Found::of(&ran);
    assert!(without.is(&["no-session"], &["unknown-id"]), "{without:?}");
    assert!(without.saw("no-session").contains("no login was sent"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_takes_a_star_for_an_id_is_found() {
    let world = world(Grant::driver("v1")).await;
    let all = world.minter().mint(TokenKind::OnDemandServer).unwrap().jwt;
    let body = format!(r#"{{"token":"{all}","expiresInSeconds":3600}}"#);
    world.faults().push_forever("/token/driver/%2A", Fault::status(200).with_body(&body));
    let found = examine(&world, PATH, &["--requests", "1"]).await;
    assert!(found.is(&["wildcard-id"], &[]), "{found:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_that_clients_misread_are_found() {
    let world = world(Grant::driver("v1")).await;
    for (fault, saw) in [
        (Fault::redirect("/login"), "a redirect (302), as to a login page"),
        (Fault::status(200).with_body(r#"{"error":"no"}"#), "200 without a token"),
        (Fault::status(500), "500, as if the backend had failed"),
    ] {
        world.faults().clear();
        world.faults().push_forever("no-such-id", fault);
        let found = examine(&world, PATH, &["--requests", "1"]).await;
        assert!(found.is(&[], &["unknown-id"]), "{found:?}");
        assert_eq!(found.saw("unknown-id"), saw);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_login_must_not_go_nothing_is_sent() {
    for (endpoint, errors) in [
        ("http://backend.invalid/token/{vehicleId}", &["scheme"][..]),
        ("https://me:SECRET-SESSION-url@backend.invalid/token/{vehicleId}", &["url-secret"]),
        ("http://me:SECRET-SESSION-url@backend.invalid/token/{vehicleId}", &["scheme", "url-secret"]),
        ("https://backend.invalid/token/{vehicleId}", &["dns"]),
        ("https://backend.invalid/token/{vehicleId}?api_key=SECRET-SESSION-url", &["url-secret", "dns"]),
    ] {
        let ran = doctor(&["--json", "--endpoint", endpoint, "--vehicle-id", "v1", "--header", LOGIN]).await;
        let found = Found::of(&ran);
        assert!(found.is(errors, &[]) && found.code == 2, "{endpoint}: {found:#?}");
        assert_eq!(found.json["result"], "error");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_make_no_sense_are_exit_code_2_and_nothing_is_sent() {
    let world = world(Grant::driver("v1")).await;
    let endpoint = format!("{}{PATH}", world.backend_url());
    let nowhere = "backend.example/{vehicleId}";
    for (endpoint, args) in [
        (endpoint.as_str(), &["--vehicle-id", "a/b"][..]),
        (&endpoint, &["--vehicle-id", "*"]),
        (&endpoint, &["--trip-id", "t1"]),
        (&endpoint, &["--vehicle-id", "v1", "--header", "SECRET-SESSION-no-colon"]),
        (&endpoint, &[]),
        (nowhere, &["--vehicle-id", "v1"]),
        ("https://b.example/{car}", &["--vehicle-id", "v1"]),
        ("https://{vehicleId}.example/", &["--vehicle-id", "v1"]),
    ] {
        let args: Vec<&str> = ["--endpoint", endpoint].into_iter().chain(args.iter().copied()).collect();
        let ran = doctor(&args).await;
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}: {}", ran.text());
        assert!(ran.text().starts_with("error: "), "{}", ran.text());
    }
    let ran = doctor(&["--json", "--endpoint", nowhere, "--vehicle-id", "v1"]).await;
    assert!(serde_json::from_str::<Value>(&ran.out).unwrap()["error"]["message"].is_string());
    assert!(world.stats().requests.is_empty());
    world.stop().await;
}
