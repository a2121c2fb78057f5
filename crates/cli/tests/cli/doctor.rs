//! `fleet-token doctor` against every fault that the reference backend knows: which of them it finds, and under which id.

use std::collections::BTreeMap;

use fleet_token_backend::{Fault, FaultKind, Grant, ScriptedFault, Shape, TokenKind, World};
use serde_json::Value;

use super::{Ran, run};

const LOGIN: &str = "Authorization: Bearer SECRET-SESSION-doctor";
const PATH: &str = "/token/driver/{vehicleId}";

/// What a run found: the ids of its warnings and of its errors, and its exit code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) code: i32,
    pub(crate) errors: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) json: Value,
}

impl Found {
    pub(crate) fn of(ran: &Ran) -> Self {
        let json: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("no JSON: {}", ran.text()));
        let ids: Vec<_> = json["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
        assert_eq!(ids, explained(), "each check of the page once, in its order");
        let of = |level: &str| -> Vec<String> {
            let all = json["findings"].as_array().unwrap().iter();
            all.filter(|f| f["level"] == level).map(|f| f["id"].as_str().unwrap().to_owned()).collect()
        };
        Self { code: ran.code.unwrap(), errors: of("error"), warnings: of("warning"), json }
    }

    pub(crate) fn saw(&self, id: &str) -> &str {
        let all = self.json["findings"].as_array().unwrap();
        all.iter().find(|finding| finding["id"] == id).unwrap()["saw"].as_str().unwrap()
    }

    /// Exactly these; but a machine that is busy may make any backend slow.
    pub(crate) fn is(&self, errors: &[&str], warnings: &[&str]) -> bool {
        let busy = |id: &&String| *id == "first-byte" && !warnings.contains(&"first-byte");
        self.errors == errors && self.warnings.iter().filter(|id| !busy(id)).eq(warnings)
    }
}

/// The ids on the page.
fn explained() -> Vec<&'static str> {
    let page = include_str!("../../../../docs/doctor.md");
    page.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once("` | ")?.0)).collect()
}

async fn world(grant: Grant) -> World {
    let world = World::builder().start().await.unwrap();
    world.sessions().allow("somebody", "SECRET-SESSION-doctor", grant);
    // Its key takes seconds to make, which would be a slow first reply.
    world.minter().mint(driver()).unwrap();
    world
}

fn driver() -> TokenKind {
    TokenKind::Driver { vehicle_id: "v1".into() }
}

/// Runs `doctor`, off the runtime that serves.
pub(crate) async fn doctor(args: &[&str]) -> Ran {
    let args: Vec<String> = ["doctor"].iter().chain(args).map(|&arg| arg.to_owned()).collect();
    let ran = tokio::task::spawn_blocking(move || {
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        run(&args)
    });
    let ran = ran.await.unwrap();
    for secret in ["SECRET-", "eyJ"] {
        assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "a secret is in the output");
    }
    ran
}

async fn examine(world: &World, path: &str, args: &[&str]) -> Found {
    let endpoint = format!("{}{path}", world.backend_url());
    let fixed = ["--json", "--endpoint", &endpoint, "--vehicle-id", "v1", "--header", LOGIN];
    let patience: &[&str] = if args.contains(&"--timeout") { &[] } else { &["--timeout", "5"] };
    let args: Vec<&str> = fixed.into_iter().chain(patience.iter().chain(args).copied()).collect();
    Found::of(&doctor(&args).await)
}

/// What doctor must find, no more and no less. No row for a kind of fault: the test of all faults fails.
fn expected(kind: FaultKind) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        FaultKind::None => (&[], &[]),
        FaultKind::Reset | FaultKind::Hang | FaultKind::Truncated => (&["reply", "sdk"], &[]),
        FaultKind::Html => (&["content-type", "body", "sdk"], &[]),
        FaultKind::EmptyBody | FaultKind::HugeBody => (&["body", "sdk"], &[]),
        FaultKind::Redirect => (&["redirect", "sdk"], &[]),
        FaultKind::WrongUnit => (&["expiry-unit"], &["sdk"]),
        FaultKind::WrongId => (&["other-id", "sdk"], &[]),
        FaultKind::Wildcard => (&["wildcard"], &["sdk"]),
        FaultKind::NullToken => (&["sdk"], &["token"]),
        FaultKind::NoExpiry => (&[], &["declared-expiry"]),
        FaultKind::Expired => (&["expires-at", "sdk"], &[]),
        FaultKind::MissingToken => (&["token", "sdk"], &[]),
        FaultKind::SameTokenAgain => (&[], &["server-cached"]),
        FaultKind::Unsigned | FaultKind::WrongAlgorithm => (&["alg"], &[]),
        FaultKind::WrongSubject => (&["issuer"], &[]),
        FaultKind::WrongAudience => (&["audience"], &[]),
        FaultKind::NoAuthorization => (&["authorization"], &["sdk"]),
        FaultKind::TooLong => (&["lifetime"], &["sdk"]),
        FaultKind::IssuedAhead => (&["issued-at", "lifetime"], &["sdk"]),
        FaultKind::Opaque => (&[], &["jwt"]),
        FaultKind::PublicCache => (&["cache-control"], &[]),
        FaultKind::PlainText => (&[], &["content-type"]),
        FaultKind::LateExpiry => (&["declared-expiry"], &[]),
        unknown => panic!("{unknown:?} has no row: what does doctor say to it?"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_backend_is_found_and_nothing_else() {
    let mut tasks = tokio::task::JoinSet::new();
    let few = std::sync::Arc::new(tokio::sync::Semaphore::new(6));
    for kind in FaultKind::ALL {
        let few = std::sync::Arc::clone(&few);
        tasks.spawn(async move {
            let _one = few.acquire().await.unwrap();
            what_is_wrong_about(kind).await
        });
    }
    let wrong: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn what_is_wrong_about(kind: FaultKind) -> Option<String> {
    let world = world(Grant::driver("v1")).await;
    let fault = match kind {
        FaultKind::Redirect => Fault::redirect("https://elsewhere.example/"),
        kind => Fault::kind(kind),
    };
    world.faults().push_forever("/token/driver/", fault);
    let patience = if kind == FaultKind::Hang { "1" } else { "10" };
    let found = examine(&world, &format!("{PATH}?shape=E"), &["--timeout", patience]).await;
    world.stop().await;
    let (errors, warnings) = expected(kind);
    let wrong = format!("{kind:?}: {:?} {:?}\n  expected {errors:?} {warnings:?}", found.errors, found.warnings);
    (!found.is(errors, warnings)).then_some(wrong)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shape_is_called_by_its_name_and_is_fine() {
    let world = world(Grant::driver("v1")).await;
    for shape in Shape::ALL {
        let found = examine(&world, &format!("{PATH}?shape={shape}"), &["--requests", "1"]).await;
        let name = format!("{}: ", shape.to_string().replace("OAuth", "oauth"));
        assert!(found.saw("shape").starts_with(&name), "{shape}: {}", found.saw("shape"));
        // G is the shape that does not say when the token ends.
        let warnings: &[&str] = if shape == Shape::G { &["declared-expiry"] } else { &[] };
        assert!(found.is(&[], warnings), "{shape}: {found:?}");
        assert_eq!(found.code, i32::from(shape == Shape::G), "{shape}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_unit_is_called_by_name_in_every_shape() {
    let world = world(Grant::driver("v1")).await;
    world.faults().push_forever("/token/driver/", Fault::kind(FaultKind::WrongUnit));
    let mut seen = BTreeMap::new();
    for shape in Shape::ALL {
        let found = examine(&world, &format!("{PATH}?shape={shape}"), &["--requests", "1"]).await;
        seen.insert(shape.to_string(), found.saw("expiry-unit").to_owned());
    }
    for (shape, words) in [
        ("A", "seconds, where milliseconds belong"),
        ("B", "seconds, where milliseconds belong"),
        ("C", "seconds, where milliseconds belong"),
        ("D", "seconds, where milliseconds belong"),
        ("E", "milliseconds, where seconds belong"),
        ("F", "a number, where others have a text in RFC 3339"),
        ("G", "the reply has no expiry"),
        ("H", "milliseconds, where seconds belong"),
        ("OAuth", "milliseconds, where seconds belong"),
    ] {
        assert!(seen[shape].contains(words), "{shape}: {}", seen[shape]);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_status_is_said_with_what_to_do() {
    for status in [400, 401, 403, 404, 405, 429, 500, 503] {
        let world = world(Grant::driver("v1")).await;
        world.faults().push_forever("/token/driver/", Fault::status(status).with_retry_after("7"));
        let found = examine(&world, PATH, &["--requests", "1"]).await;
        assert!(found.is(&["status", "sdk"], &[]) && found.code == 2, "{status}: {found:?}");
        assert_eq!(found.saw("status"), format!("{status}, Retry-After: 7"));
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_slow_or_off_or_only_sometimes_wrong_is_found() {
    let skewed = |seconds| Fault::date_skew_secs(seconds);
    for (faults, errors, warnings) in [
        (vec![(None, Fault::delay_ms(1100))], &[][..], &["first-byte"][..]),
        (vec![(None, skewed(120))], &[], &["clock-skew", "sdk"]),
        (vec![(None, skewed(-120))], &[], &["clock-skew", "sdk"]),
        (vec![(None, skewed(-3000))], &["clock-skew"], &["sdk"]),
        (vec![(Some(1), Fault::status(503))], &[], &["status", "sdk"]),
        (vec![(Some(1), Fault::kind(FaultKind::Reset))], &[], &["reply", "sdk"]),
        (vec![(None, Fault::redirect("/token/driver/v1/"))], &["sdk"], &["redirect"]),
        (vec![(None, Fault::redirect("/x?token=SECRET-TOKEN-moved"))], &["header-token", "sdk"], &["redirect"]),
    ] {
        let world = world(Grant::driver("v1")).await;
        for (times, fault) in faults.iter().cloned() {
            match times {
                Some(times) => world.faults().push_times("/token/driver/", times, fault),
                None => world.faults().push_forever("/token/driver/", fault),
            }
        }
        let found = examine(&world, PATH, &["--requests", "3", "--timeout", "5"]).await;
        assert!(found.is(errors, warnings), "{faults:?}: {:?} {:?}", found.errors, found.warnings);
        world.stop().await;
    }
}

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
async fn a_backend_that_loses_some_requests_is_said_to() {
    let world = world(Grant::driver("v1")).await;
    let script = r#"[{"match": "/token/driver/", "skip": 1, "fault": {"kind": "reset"}},
                     {"match": "/token/driver/", "skip": 2, "fault": {"kind": "truncated"}}]"#;
    world.faults().extend_json(script).unwrap();
    let found = examine(&world, PATH, &[]).await;
    assert!(found.is(&[], &["reply"]) && found.code == 1, "{found:?}");
    assert_eq!(found.saw("reply"), "2 of 8 requests broke off before the reply was whole");
    // One of those for what nobody should get.
    world.faults().clear();
    world.faults().push("/token/driver/%2A", Fault::kind(FaultKind::Reset));
    let found = examine(&world, PATH, &["--requests", "1"]).await;
    assert!(found.is(&[], &["reply"]), "{found:?}");
    assert!(found.saw("reply").ends_with("(that for wildcard-id)"), "{}", found.saw("reply"));
    // And where it answers, but not well.
    world.faults().clear();
    world
        .faults()
        .extend_json(r#"[{"match": "/token/driver/", "skip": 1, "times": 2, "fault": {"status": 503}}]"#)
        .unwrap();
    let found = examine(&world, PATH, &[]).await;
    assert_eq!(found.saw("status"), "2 of 5 requests failed: 200 (3×), 503 (2×)");
    world.stop().await;
}

/// As behind a load balancer, with one bad machine.
#[tokio::test(flavor = "multi_thread")]
async fn one_bad_reply_among_good_ones_is_found() {
    let world = world(Grant::driver("v1")).await;
    for (kind, id) in [("wildcard", "wildcard"), ("wrong_audience", "audience"), ("public_cache", "cache-control")] {
        let script = format!(r#"[{{"match": "/token/driver/", "skip": 1, "fault": {{"kind": "{kind}"}}}}]"#);
        world.faults().extend_json(&script).unwrap();
        let found = examine(&world, PATH, &["--requests", "3"]).await;
        assert!(found.is(&[id], &[]), "{kind}: {:?} {:?}", found.errors, found.warnings);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong_is_told_from_a_date_that_is() {
    let world = world(Grant::driver("v1")).await;
    world.faults().push_forever("/token/driver/", Fault::date_skew_secs(300));
    let found = examine(&world, PATH, &["--requests", "1"]).await;
    assert!(found.saw("clock-skew").ends_with("; the Date is wrong"), "{found:?}");
    world.faults().clear();
    // The whole backend is ahead, which is the same as this machine being behind.
    world.clock().advance(std::time::Duration::from_secs(300));
    let found = examine(&world, PATH, &["--requests", "1"]).await;
    assert!(found.saw("clock-skew").ends_with("; this machine's clock is likely the wrong one"), "{found:?}");
    // No token that could be a witness.
    world.faults().push_forever("/token/driver/", Fault::kind(FaultKind::Opaque));
    let found = examine(&world, PATH, &["--requests", "1"]).await;
    assert!(found.saw("clock-skew").ends_with("which of the two is wrong cannot be told from here"), "{found:?}");
    world.stop().await;
    // One machine of several.
    let world = self::world(Grant::driver("v1")).await;
    let script = r#"[{"match": "/token/driver/", "skip": 1, "fault": {"date_skew_secs": 400}}]"#;
    world.faults().extend_json(script).unwrap();
    let found = examine(&world, PATH, &["--requests", "3"]).await;
    assert!(found.is(&[], &["clock-skew"]) && found.saw("clock-skew").contains(" in 1 of 3 replies;"), "{found:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_caches_until_little_is_left_is_found() {
    let world = World::builder()
        .token_lifetime(std::time::Duration::from_secs(200))
        .reuse_tokens_until(std::time::Duration::from_secs(10))
        .start()
        .await
        .unwrap();
    world.sessions().allow("somebody", "SECRET-SESSION-doctor", Grant::driver("v1"));
    world.minter().mint(driver()).unwrap();
    let found = examine(&world, PATH, &[]).await;
    assert!(found.is(&[], &["lifetime", "server-cached"]), "{found:#?}");
    assert!(found.saw("server-cached").contains("3 min"), "{}", found.saw("server-cached"));
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
async fn requests_are_as_few_as_promised_and_none_is_followed() {
    let world = world(Grant::driver("v1")).await;
    examine(&world, PATH, &[]).await;
    assert_eq!(world.stats().requests.values().sum::<u64>(), 8, "{:?}", world.stats().requests);
    world.stop().await;
    // A backend that hangs is asked twice, and for nothing else.
    let world = self::world(Grant::driver("v1")).await;
    world.faults().push_forever("/token/", Fault::kind(FaultKind::Hang));
    let found = examine(&world, PATH, &["--timeout", "1"]).await;
    assert_eq!(
        found.saw("reply"),
        "2 of 2 requests got no whole reply in time; after two in a row 3 more were not sent"
    );
    // A server that is busy may see one of them only when its client has gone.
    assert!(world.stats().faults["hang"] <= 2, "{:?}", world.stats().faults);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_context_can_be_examined() {
    let mut grant = Grant::driver("v1").trip("t1").delivery_vehicle("d1").task("k1").tracking("x1");
    grant.fleet_reader = true;
    let world = world(grant).await;
    for (path, args) in [
        ("/token", &["--post", "--trip-id", "t1"][..]),
        ("/token/consumer/{tripId}", &["--trip-id", "t1"]),
        ("/token/delivery_driver/{deliveryVehicleId}", &["--delivery-vehicle-id", "d1"]),
        ("/token/delivery_driver/{deliveryVehicleId}/{taskId}", &["--delivery-vehicle-id", "d1", "--task-id", "k1"]),
        ("/token/task/{taskId}", &["--task-id", "k1"]),
        ("/api/fleet-engine/token?trackingId={trackingId}", &["--tracking-id", "x1"]),
        ("/token/fleet_reader/all", &["--fleet"]),
        ("/token/consumer", &["--vehicle-service"]),
    ] {
        let endpoint = format!("{}{path}", world.backend_url());
        // The first key of a role takes its time.
        let fixed = ["--json", "--requests", "2", "--endpoint", &endpoint, "--header", LOGIN, "--timeout", "60"];
        let args: Vec<&str> = fixed.into_iter().chain(args.iter().copied()).collect();
        let found = Found::of(&doctor(&args).await);
        let unreadable = found.json["context"].as_object().unwrap().is_empty();
        assert!(found.errors.is_empty() && found.code < 2, "{path}: {found:#?}");
        assert_eq!(found.saw("unknown-id") == "the endpoint takes no id", unreadable, "{path}");
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
async fn a_backend_that_is_not_there_is_said_so() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = doctor(&["--json", "--endpoint", &format!("http://{free}/{{vehicleId}}"), "--vehicle-id", "v1"]).await;
    assert!(Found::of(&ran).is(&["tcp"], &[]), "{}", ran.text());
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

#[tokio::test(flavor = "multi_thread")]
async fn for_people_it_is_a_checklist_with_what_to_do() {
    let world = world(Grant::driver("v1")).await;
    let endpoint = format!("{}{PATH}?shape=E", world.backend_url());
    let args = ["--endpoint", &endpoint, "--vehicle-id", "v1", "--header", LOGIN];
    let ran = doctor(&args).await;
    assert_eq!(ran.code, Some(0), "{}", ran.text());
    assert!(ran.out.contains("  ✓ shape ") && ran.out.contains("34 ✓, 3 – not checked"), "{}", ran.out);
    world.faults().extend([serde_json::from_str::<ScriptedFault>(
        r#"{"match": "/token/driver/", "times": null, "fault": {"kind": "wrong_unit"}}"#,
    )
    .unwrap()]);
    let ran = doctor(&args).await;
    assert_eq!(ran.code, Some(2));
    let text = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "✗ expiry-unit expiresInSeconds is 35",
        "milliseconds, where seconds belong. It says 41 d 1",
        "means Clients keep the token long after its end",
        "do Divide by 1000.",
        "1 ✗ (expiry-unit)",
        "docs/doctor.md explains each.",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{}", ran.out);
    }
    let fits = |ran: &Ran| ran.out.lines().all(|line| line.chars().count() <= 80 && !line.contains('\u{1b}'));
    assert!(fits(&ran), "{}", ran.out);
    // One cause is one fault, and what was not checked for it is told once.
    world.faults().clear();
    world.faults().push_forever("/token/driver/", Fault::kind(FaultKind::WrongId));
    let ran = doctor(&args).await;
    for part in [
        "  ✗ sdk              refuses it (scope_mismatch), for the reason at other-id\n                     above\n",
        "\n32 ✓, 1 ✗ (other-id), 1 that only follows (sdk), 3 – not checked\n",
    ] {
        assert!(ran.out.contains(part), "{part:?} is missing in\n{}", ran.out);
    }
    world.faults().clear();
    world.faults().push_forever("/token/driver/", Fault::status(503));
    let ran = doctor(&args).await;
    let unchecked = ran.out.split_once("\nNot checked\n").unwrap().1.lines().filter(|line| line.starts_with("  – "));
    assert_eq!(unchecked.count(), 2, "{}", ran.out);
    assert!(fits(&ran) && ran.out.contains("1 ✗ (status), 1 that only follows (sdk), 25 – not checked"), "{}", ran.out);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn for_scripts_what_follows_names_its_cause() {
    let world = world(Grant::driver("v1")).await;
    for (kind, id, cause) in [
        (FaultKind::WrongId, "sdk", "other-id"),
        (FaultKind::Wildcard, "sdk", "wildcard"),
        (FaultKind::WrongUnit, "sdk", "expiry-unit"),
        (FaultKind::Html, "body", "content-type"),
        (FaultKind::Html, "sdk", "content-type"),
        (FaultKind::Html, "lifetime", "content-type"),
        (FaultKind::NullToken, "sdk", "token"),
        (FaultKind::Reset, "sdk", "reply"),
        (FaultKind::Reset, "no-session", "reply"),
        (FaultKind::Expired, "sdk", "expires-at"),
        (FaultKind::NoAuthorization, "sdk", "authorization"),
    ] {
        world.faults().clear();
        world.faults().push_forever("/token/driver/", Fault::kind(kind));
        let found = examine(&world, &format!("{PATH}?shape=E"), &["--requests", "1"]).await;
        let all = found.json["findings"].as_array().unwrap();
        let finding = all.iter().find(|finding| finding["id"] == id).unwrap();
        assert_eq!(finding["because"], serde_json::json!([cause]), "{kind:?}: {finding}");
    }
    world.stop().await;
}
