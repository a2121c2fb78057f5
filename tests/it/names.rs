//! The names of events, errors and counters are those of `tests/names`, which the other languages are held to as well.

use std::fs;
use std::path::Path;

use fleet_token::Stats;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn listed(file: &str) -> Vec<String> {
    read(&format!("tests/names/{file}")).lines().map(str::to_owned).collect()
}

/// The strings that a function of the source answers with. It matches on an enum without a wildcard, which the compiler
/// holds, so that they are all there are.
fn answers(source: &str, function: &str) -> Vec<String> {
    let code = read(source);
    let body = code.split_once(function).expect(function).1.split_once("\n    }\n").expect("its end").0;
    assert!(!body.contains("_ =>"), "{function}: a wildcard hides names");
    let names: Vec<_> = body.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(names.len() > 10, "{function}: found {names:?}");
    names
}

#[test]
fn every_event_is_named_as_in_every_language() {
    assert_eq!(answers("src/event.rs", "pub const fn name(&self)"), listed("events.txt"));
}

#[test]
fn every_error_is_named_as_in_every_language() {
    assert_eq!(answers("src/error/kind.rs", "pub const fn as_str(self)"), listed("errors.txt"));
}

#[test]
fn every_counter_is_named_as_in_every_language() {
    let printed = format!("{:?}", Stats::default());
    let fields = printed.trim_start_matches("Stats {").trim_end_matches('}').split(',');
    let names: Vec<_> = fields.map(|field| field.split(':').next().unwrap().trim().to_owned()).collect();
    assert_eq!(names, listed("stats.txt"));
}
