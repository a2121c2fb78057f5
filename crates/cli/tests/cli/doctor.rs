//! `fleet-token doctor` against every fault that the reference backend knows: which of them it finds, and under which id.

use std::collections::BTreeMap;

use fleet_token_backend::{Fault, FaultKind, Grant, Shape, TokenKind, World};
use serde_json::Value;

use super::{Ran, run};

pub(crate) const LOGIN: &str = "Authorization: Bearer SECRET-SESSION-doctor";
pub(crate) const PATH: &str = "/token/driver/{vehicleId}";

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

pub(crate) async fn world(grant: Grant) -> World {
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

pub(crate) async fn examine(world: &World, path: &str, args: &[&str]) -> Found {
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
        // As the SDK, it follows within the server.
        (vec![(Some(1), Fault::redirect("/token/driver/v1"))], &[], &["redirect"]),
        (vec![(None, Fault::redirect("/token/driver/v1/"))], &["redirect", "sdk"], &[]),
        (
            vec![(None, Fault::redirect("/x?token=SECRET-TOKEN-moved"))],
            &["status", "header-token", "sdk"],
            &["redirect"],
        ),
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
async fn a_backend_that_is_not_there_is_said_so() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = doctor(&["--json", "--endpoint", &format!("http://{free}/{{vehicleId}}"), "--vehicle-id", "v1"]).await;
    assert!(Found::of(&ran).is(&["tcp"], &[]), "{}", ran.text());
}
