//! How `fleet-token doctor` tells what it found: for people and for scripts, of backends that are wrong now and then, and
//! which of two clocks is wrong.

use fleet_token_backend::{Fault, FaultKind, Grant, ScriptedFault};

use super::Ran;
use super::doctor::{LOGIN, PATH, doctor, examine, world};

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
    let world = super::doctor::world(Grant::driver("v1")).await;
    let script = r#"[{"match": "/token/driver/", "skip": 1, "fault": {"date_skew_secs": 400}}]"#;
    world.faults().extend_json(script).unwrap();
    let found = examine(&world, PATH, &["--requests", "3"]).await;
    assert!(found.is(&[], &["clock-skew"]) && found.saw("clock-skew").contains(" in 1 of 3 replies;"), "{found:?}");
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
