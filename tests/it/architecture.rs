//! The rooms keep to themselves: who may know whom (ARCHITECTURE.md), checked on the source.

use std::fs;
use std::path::{Path, PathBuf};

/// Every source file of the SDK with its path under `src` and its code, tests left out.
fn rooms() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap().to_owned();
            let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
            (file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/"), code)
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

/// In the rooms that `which` names, none of these words may stand.
fn forbid(why: &str, which: impl Fn(&str) -> bool, words: &[&str]) -> Vec<String> {
    let rooms: Vec<_> = rooms().into_iter().filter(|(room, _)| which(room)).collect();
    assert!(!rooms.is_empty(), "no room to check: {why}");
    let mut found = Vec::new();
    for (room, code) in rooms {
        for word in words.iter().filter(|word| code.contains(**word)) {
            found.push(format!("src/{room} names {word}: {why}"));
        }
    }
    found
}

fn is_pure(room: &str) -> bool {
    let pure = [
        "policy.rs",
        "attempts.rs",
        "backoff.rs",
        "claims.rs",
        "lifetime.rs",
        "boot_time.rs",
        "fetch/response.rs",
        "fetch/endpoint.rs",
    ];
    pure.contains(&room)
}

#[test]
fn dependencies_point_one_way() {
    let mut found = forbid(
        "fetching knows nothing of caching",
        |room| room.starts_with("fetch/"),
        &[
            "crate::cache",
            "crate::factory",
            "crate::policy",
            "crate::runtime",
            "crate::stats",
            "crate::event",
            "crate::clock",
        ],
    );
    found.extend(forbid(
        "caching knows nothing of HTTP",
        |room| room.starts_with("cache/"),
        &[
            "crate::fetch",
            "crate::factory",
            "crate::config",
            "crate::clock",
            "http::",
            "reqwest",
            "tokio::time",
            "tokio::spawn",
        ],
    ));
    found.extend(forbid(
        "pure rooms know no clock, no I/O and no task",
        is_pure,
        &[
            "crate::clock",
            "Clock",
            "::now()",
            "std::fs",
            "std::net::Tcp",
            "std::io",
            "tokio",
            "async ",
            "reqwest",
            "tracing",
        ],
    ));
    found.extend(forbid(
        "values know nothing of those who use them",
        |room| ["context/", "token.rs", "error/", "event.rs", "stats.rs"].iter().any(|value| room.starts_with(value)),
        &["crate::cache", "crate::fetch", "crate::factory", "crate::config", "crate::runtime"],
    ));
    found.extend(forbid(
        "only the factory and the front page know the factory",
        |room| !room.starts_with("factory/") && room != "lib.rs",
        &["crate::factory"],
    ));
    found.extend(forbid(
        "nobody knows the foreign face",
        |room| !room.starts_with("ffi/") && room != "lib.rs",
        &["crate::ffi"],
    ));
    found.extend(forbid(
        "the foreign face asks the factory, not what is under it",
        |room| room.starts_with("ffi/"),
        &["crate::cache", "crate::policy", "crate::backoff", "crate::lifetime", "reqwest::"],
    ));
    found.extend(forbid(
        "nobody knows who attaches tokens to calls",
        |room| !room.starts_with("attach/") && room != "lib.rs",
        &["crate::attach", "tonic::", "tower_", "reqwest_middleware", "http_body"],
    ));
    found.extend(forbid(
        "who attaches tokens to calls asks the factory as an app does",
        |room| room.starts_with("attach/"),
        &[
            "crate::cache",
            "crate::factory",
            "crate::config",
            "crate::clock",
            "crate::runtime",
            "crate::sync",
            "tokio::spawn",
            "tokio::time",
            "tokio::runtime",
        ],
    ));
    found.extend(forbid("only src/ffi knows uniffi", |room| !room.starts_with("ffi/"), &["uniffi"]));
    found.extend(forbid(
        "only the clock reads a clock",
        |room| !room.starts_with("clock"),
        &["Instant::now", "SystemTime::now", "thread::sleep", "tokio::time::sleep"],
    ));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn rooms_stay_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "crates", "tests", "examples"] {
        collect(&root.join(folder), &mut files);
    }
    assert!(files.len() > 300, "only {} files", files.len());
    let lines = |file: &PathBuf| fs::read_to_string(file).unwrap().lines().count();
    let crowded: Vec<_> = files.into_iter().filter(|file| lines(file) > 400).collect();
    assert!(crowded.is_empty(), "more than 400 lines: {crowded:?}");
}
