//! The portable scenarios of `tests/scenarios`, run through the public API. Other languages run the same files.

mod body;
mod expect;
mod format;
mod run;
mod step;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use self::format::{Rule, Scenario};

/// Every scenario file with its name without `.json`, sorted.
fn files() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}

fn parse(text: &str) -> Scenario {
    serde_json::from_str(text).unwrap()
}

/// The rule as the file has it, without reading the rest, which may be wrong.
fn rule(text: &str) -> String {
    let file: serde_json::Value = serde_json::from_str(text).unwrap();
    file["rule"].as_str().unwrap_or("?").to_owned()
}

/// What is wrong with a scenario, its promise or its file; `None` when nothing is.
fn verdict(text: &str) -> Option<String> {
    let scenario: Scenario = match serde_json::from_str(text) {
        Ok(scenario) => scenario,
        Err(error) => return Some(format!("cannot be read: {error}")),
    };
    match (run::failure(&scenario), &scenario.deviation) {
        (failure, None) => failure,
        (Some(_), Some(_)) => None,
        (None, Some(_)) => Some("the promise is kept now: take the deviation out".to_owned()),
    }
}

#[test]
fn every_scenario_holds() {
    let files = files();
    let (mut failures, mut report) = (Vec::new(), String::new());
    for (name, text) in &files {
        let failure = verdict(text);
        let word = if failure.is_none() { "ok" } else { "failed" };
        writeln!(report, "scenario {} {name} {word}", rule(text)).unwrap();
        failures.extend(failure.map(|failure| format!("{name}: {failure}")));
    }
    // For the table of all languages.
    if let Some(path) = env::var_os("FLEET_TOKEN_SCENARIO_REPORT") {
        fs::write(path, report).unwrap();
    }
    assert!(failures.is_empty(), "{} of {} failed\n{}", failures.len(), files.len(), failures.join("\n"));
}

#[test]
fn every_rule_has_scenarios_and_every_scenario_its_name() {
    let files = files();
    assert!(files.len() >= 48, "only {} scenarios", files.len());
    let mut rules = BTreeSet::new();
    for (file, text) in &files {
        let scenario = parse(text);
        assert_eq!(*file, scenario.name);
        assert!(file.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{file}");
        assert!(scenario.promise.ends_with('.'), "{file}: a promise is a sentence");
        rules.insert(scenario.rule);
    }
    assert_eq!(rules, BTreeSet::from(Rule::ALL));
}

/// A scenario with one call and these steps after it, and the reply that the call gets.
fn with_steps(steps: &str) -> String {
    let call = r#"{"call": {"context": {"vehicle_id": "v1"}, "expect": {"token": "T1"}}}"#;
    format!(
        r#"{{"name": "x", "promise": "X.", "rule": "shapes",
            "replies": [{{"json": {{"token": {{"$opaque": "T1"}}, "expiresInSeconds": 3600}}}}],
            "steps": [{call}{steps}]}}"#
    )
}

#[test]
fn the_runner_finds_what_is_not_so() {
    assert_eq!(verdict(&with_steps("")), None);
    let call = |expected: &str| {
        let call = format!(r#", {{"call": {{"context": {{"vehicle_id": "v1"}}, "expect": {expected}}}}}"#);
        verdict(&with_steps(&call)).unwrap_or_default()
    };
    assert!(call(r#"{"token": "T2"}"#).contains("expected token T2, was token T1"));
    assert!(call(r#"{"error": "timeout"}"#).contains("expected error timeout, was token T1"));
    assert!(call(r#"{"pending": true}"#).contains("expected pending, was token T1"));
    assert!(call(r#"{"token": "T1", "status": 200}"#).contains("go with error"));
    assert!(call("{}").contains("one of token"));

    let step = |step: &str| verdict(&with_steps(&format!(", {step}"))).unwrap_or_default();
    assert!(step(r#"{"expect": {"fetches": 2}}"#).contains("step 2"));
    assert!(step(r#"{"expect": {"fetches": 2}}"#).contains("expected fetches 2, was 1"));
    assert!(step(r#"{"expect": {"stats": {"hits": 1}}}"#).contains("expected hits 1, was 0"));
    assert!(step(r#"{"expect": {"events": ["fetched"]}}"#).contains("expected events"));
    assert!(step(r#"{"expect": {"url": "https://backend.test/"}}"#).contains("expected url"));
    assert!(step(r#"{"expect": {"headers": {"accept": null}}}"#).contains("header accept"));
    assert!(step(r#"{"expect": {"remaining_ms": {"token": "T1", "ms": 1}}}"#).contains("remaining_ms"));
    assert!(step(r#"{"expect_call": {"id": "c1", "pending": true}}"#).contains("no call c1"));
    assert!(step(r#"{"call": {"context": {"vehicle_id": "v1"}, "id": "c1"}}"#).contains("nobody looked"));
    assert!(step(r#"{"call": {"context": {"vehicle_id": "v2"}, "id": "c1"}}"#).contains("has no reply"));
    let nested = r#"{"repeat": {"times": 2, "steps": [{"expect": {"fetches": 2}}]}}"#;
    assert!(step(nested).contains("step 2 round 1 step 1"));
}

#[test]
fn the_runner_wants_every_reply_used_and_every_deviation_real() {
    let unused = with_steps("").replace(r#""replies": ["#, r#""replies": [{"status": 500, "for": "/v9"}, "#);
    assert!(verdict(&unused).unwrap_or_default().contains("1 replies were not asked for"));
    let kept = with_steps("").replace(r#""rule""#, r#""deviation": "none", "rule""#);
    assert!(verdict(&kept).unwrap_or_default().contains("take the deviation out"));
}

#[test]
fn the_runner_refuses_a_jump_over_what_is_due() {
    let slow = with_steps(r#", {"advance_ms": 20000}"#)
        .replace(r#"{"json""#, r#"{"delay_ms": 1000, "json""#)
        .replace(r#""expect": {"token": "T1"}"#, r#""id": "c1", "expect": {"pending": true}"#);
    assert!(verdict(&slow).unwrap_or_default().contains("due after 1000 ms"));
}

#[test]
fn unknown_keys_are_refused_everywhere() {
    let scenario = with_steps(r#", {"expect": {"fetches": 1}}, {"expect_call": {"id": "c1", "pending": true}}"#);
    serde_json::from_str::<Scenario>(&scenario).unwrap();
    for (known, stray) in [
        (r#""rule""#, r#""ruel": 1, "rule""#),
        (r#""rule""#, r#""config": {"jiter": 1}, "rule""#),
        (r#""rule""#, r#""clock": {"ahead": 1}, "rule""#),
        (r#"{"json""#, r#"{"stats": 200, "json""#),
        (r#"{"json""#, r#"{"date": {"offset": 1}, "json""#),
        (r#"{"call""#, r#"{"cal": 1, "call""#),
        (r#"{"call""#, r#"{"advance_s": 1}, {"call""#),
        (r#"{"context""#, r#"{"contxt": 1, "context""#),
        (r#"{"vehicle_id""#, r#"{"vehicleId": "v1", "vehicle_id""#),
        (r#"{"token": "T1"}"#, r#"{"token": "T1", "tokn": 1}"#),
        (r#"{"fetches""#, r#"{"fetchs": 1, "fetches""#),
        (r#""id": "c1""#, r#""id": "c1", "i": 1"#),
        (r#""pending": true"#, r#""pending": false"#),
    ] {
        let strayed = scenario.replacen(known, stray, 1);
        assert_ne!(strayed, scenario, "{known} is not there");
        assert!(serde_json::from_str::<Scenario>(&strayed).is_err(), "{stray} was read");
    }
    let dollar = with_steps("").replace("$opaque", "$opaqe");
    assert!(verdict(&dollar).unwrap_or_default().contains("$opaqe is unknown"));
}
