//! Names are kept: `docs/events.md` lists what the code says, no more and no less, and public names in every language are made of
//! words that `docs/glossary.md` has.
#![allow(clippy::unwrap_used, reason = "what goes wrong here is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The rows of the tables under a heading, as cells.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let part = page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}")).1;
    let part = part.split("\n## ").next().unwrap();
    let table = part.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    table.map(cells).filter(|row: &Vec<String>| row[0].contains('`') || heading == "Terms").collect()
}

fn listed(file: &str) -> Vec<String> {
    read(&format!("tests/names/{file}")).lines().map(str::to_owned).collect()
}

/// The first cells under a heading, without their backticks.
fn named(page: &str, heading: &str) -> Vec<String> {
    rows(page, heading).into_iter().map(|row| row[0].replace('`', "")).collect()
}

#[test]
fn every_event_counter_and_error_has_its_row_and_each_row_is_one() {
    let page = read("docs/events.md");
    assert_eq!(named(&page, "Events"), listed("events.txt"));
    assert_eq!(named(&page, "Counters"), listed("stats.txt"));
    assert_eq!(named(&page, "Errors"), [listed("errors.txt"), listed("errors-of-wrappers.txt")].concat());
}

#[test]
fn every_span_trace_and_metric_has_its_row_and_each_row_is_one() {
    let page = read("docs/events.md");
    let traces = rows(&page, "Spans and events of `tracing`").into_iter().map(|row| {
        let (what, name) = row[0].split_once(' ').unwrap();
        format!("{what} {} {} {}", row[1], name, row.get(2).map_or("", String::as_str))
            .replace('`', "")
            .trim()
            .to_owned()
    });
    assert_eq!(traces.collect::<Vec<_>>(), listed("traces.txt"));
    let metrics = rows(&page, "Metrics")
        .into_iter()
        .map(|row| format!("{} {}", row[0], row[1]).replace('`', "").trim().to_owned());
    assert_eq!(metrics.collect::<Vec<_>>(), listed("metrics.txt"));
}

/// The words of a name: `deliveryVehicleTask` is `delivery`, `vehicle`, `task`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let chars: Vec<char> = name.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let begins = match before {
            None => true,
            Some(before) if !c.is_ascii_alphabetic() || !before.is_ascii_alphabetic() => true,
            // A capital begins a word after a small letter, and in `URLSession` before one.
            Some(before) => {
                c.is_ascii_uppercase()
                    && (before.is_ascii_lowercase() || chars.get(at + 1).is_some_and(char::is_ascii_lowercase))
            }
        };
        if begins {
            words.push(String::new());
        }
        if c.is_ascii_alphabetic() {
            words.last_mut().unwrap().push(c.to_ascii_lowercase());
        }
    }
    // `in`, `of`, `is`: what is so short says nothing of its own.
    words.retain(|word| word.len() > 2);
    words
}

/// Whether the word is a term in some form of it: `fetches`, `fetched`, `fetching` and `fetcher` are all of `fetch`.
fn is_form_of_a_term(word: &str, terms: &BTreeSet<String>) -> bool {
    let stems = ["", "s", "es", "d", "ed", "er", "ing"].iter().filter_map(|ending| word.strip_suffix(ending));
    stems.into_iter().any(|stem| terms.contains(stem))
}

/// The public names of the Rust crate, but for those that its traits of elsewhere bring.
fn rust() -> Vec<String> {
    let (mut names, mut foreign) = (Vec::new(), false);
    for line in read("api/rust.txt").lines() {
        if let Some(rest) = line.strip_prefix("impl") {
            let subject = rest.split(" for ").next().unwrap();
            foreign = rest.contains(" for ") && !subject.contains("fleet_token::");
        }
        let is_member = ["pub fn", "pub type", "pub const"].iter().any(|member| line.starts_with(member));
        foreign &= is_member || line.starts_with("impl");
        if foreign || !line.contains("pub ") {
            continue;
        }
        let path = line.split_whitespace().find(|word| word.starts_with("fleet_token::")).unwrap_or_default();
        let path = path.split(['(', '<', '=']).next().unwrap();
        names.extend(
            path.split("::").skip(1).filter(|name| !name.is_empty()).map(|name| name.trim_end_matches(':').to_owned()),
        );
    }
    names
}

fn kotlin() -> Vec<String> {
    let modules =
        fs::read_dir(root().join("bindings/kotlin")).unwrap().map(|module| module.unwrap().path().join("api"));
    let folders = modules.chain([root().join("api")]).filter_map(|api| fs::read_dir(api).ok());
    let files = folders.flatten().map(|file| file.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "api"));
    let text: String = files.map(|file| fs::read_to_string(file).unwrap()).collect();
    let mut names = Vec::new();
    for line in text.lines().filter(|line| !line.contains("synthetic") && !line.contains("<init>")) {
        let declared = [" class ", " interface ", " fun ", " field "].iter().find_map(|word| line.split_once(word));
        let Some((_, rest)) = declared else { continue };
        let name = rest.split([' ', '(']).next().unwrap().rsplit('/').next().unwrap();
        names.extend(name.split('-').next().unwrap().trim_end_matches("Kt").split('$').map(str::to_owned));
    }
    names
}

fn swift() -> Vec<String> {
    let text = read("api/swift.txt");
    let names = text.lines().filter_map(|line| line.split_once(" | ")).map(|(name, _)| name);
    names.flat_map(|name| name.split(['.', '(', ')', ':', '_']).map(str::to_owned)).collect()
}

#[test]
fn public_names_are_made_of_words_of_the_glossary() {
    let page = read("docs/glossary.md");
    let terms: BTreeSet<String> = named(&page, "Terms").iter().map(|term| term.to_lowercase()).collect();
    assert!(terms.len() > 40, "{terms:?}");
    let plain = page.split_once("\n## Plain words\n").unwrap().1.split_once("```text\n").unwrap().1;
    let plain: BTreeSet<&str> = plain.split_once("```").unwrap().0.split_whitespace().collect();
    let double: Vec<_> = plain.iter().filter(|word| is_form_of_a_term(word, &terms)).collect();
    assert!(double.is_empty(), "terms among the plain words: {double:?}");

    let mut unknown: BTreeMap<String, String> = BTreeMap::new();
    let mut used = BTreeSet::new();
    for (language, names) in [("Rust", rust()), ("Kotlin", kotlin()), ("Swift", swift())] {
        assert!(names.len() > 100, "{language}: {names:?}");
        for name in names {
            for word in words(&name) {
                if !is_form_of_a_term(&word, &terms) && !plain.contains(word.as_str()) {
                    unknown.insert(word.clone(), format!("{name} in {language}"));
                }
                used.insert(word);
            }
        }
    }
    assert!(unknown.is_empty(), "not in docs/glossary.md: {unknown:#?}");
    let unused: Vec<_> = plain.iter().filter(|word| !used.contains(**word)).collect();
    assert!(unused.is_empty(), "plain words that no public name has: {unused:?}");
}

#[test]
fn a_name_is_split_as_it_is_read() {
    assert_eq!(words("deliveryVehicleID"), ["delivery", "vehicle"]);
    assert_eq!(words("URLSessionTransport"), ["url", "session", "transport"]);
    assert_eq!(words("max_lifetime"), ["max", "lifetime"]);
    assert_eq!(words("BLOCKING_IN_ASYNC"), ["blocking", "async"]);
}
