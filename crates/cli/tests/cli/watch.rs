//! `fleet-token watch` without a terminal, as a pipe or a log file sees it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use super::serve::Server;
use super::{command, run};

const LOGIN: &str = "Authorization: Bearer demo-driver-1";

/// Killed at the latest when dropped.
struct Watch(Child);

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs until each of `wanted` was in a line, at most for a minute. Answers with all that was printed till then.
fn until(args: &[&str], wanted: &[&str]) -> String {
    let args = [&["watch", "--seconds", "60"], args].concat();
    let mut watch = Watch(command(&args).stdout(Stdio::piped()).spawn().unwrap());
    let (mut wanted, mut seen) = (wanted.to_vec(), String::new());
    for line in BufReader::new(watch.0.stdout.take().unwrap()).lines().map_while(Result::ok) {
        wanted.retain(|text| !line.contains(text));
        seen += &line;
        seen.push('\n');
        if wanted.is_empty() {
            return seen;
        }
    }
    panic!("not in it: {wanted:?}\n{seen}");
}

#[test]
fn without_a_terminal_the_demo_is_plain_lines() {
    let seen = until(
        &[],
        &[
            "vehicle_1        fetched            has a token for 20.0 s",
            "vehicle_9        fetch_failed       403 session_rejected: no token",
        ],
    );
    assert!(!seen.contains('\u{1b}'), "escape codes: {seen}");
    assert!(!seen.contains("SECRET-") && !seen.contains("eyJ"), "{seen}");
}

#[test]
fn it_ends_by_itself_with_the_counters() {
    let ran = run(&["watch", "--plain", "--seconds", "1"]);
    assert_eq!(ran.code, Some(0), "{}", ran.text());
    let last = ran.out.lines().last().unwrap();
    assert!(last.starts_with("calls ") && last.contains("hits "), "{last}");
}

#[test]
fn a_backend_of_ones_own_is_watched_for_several_ids() {
    let server = Server::start(&["--token-lifetime", "60"]);
    let endpoint =
        format!("{}/token/driver/{{vehicleId}}?key=SECRET-SESSION-in-the-url", server.address("token backend"));
    let args = ["--endpoint", &endpoint, "--header", LOGIN, "--vehicle-id", "vehicle_1", "--and", "vehicle_2"];
    // That login is not the other vehicle's driver's.
    let wanted = ["vehicle_1        fetched ", "vehicle_2        fetch_failed       403 session_rejected: no token"];
    let seen = until(&args, &wanted);
    for secret in ["SECRET-", "eyJ", "demo-driver-1"] {
        assert!(!seen.contains(secret), "{secret} was shown");
    }
}

#[test]
fn arguments_that_make_no_sense_are_refused_before_anything_is_sent() {
    let endpoint = "https://b.example/{vehicleId}";
    for args in [
        &["--vehicle-id", "v"][..],
        &["--endpoint", endpoint],
        &["--endpoint", endpoint, "--vehicle-id", "*"],
        &["--endpoint", "http://b.example/{vehicleId}", "--vehicle-id", "v"],
        &["--endpoint", endpoint, "--vehicle-id", "v", "--header", "SECRET-SESSION-without-a-name"],
        &["--endpoint", "https://b.example/", "--fleet", "--and", "v"],
        &["--every", "0.5"],
        &["--seconds", "0"],
    ] {
        let ran = run(&[&["watch"], args].concat());
        assert_eq!(ran.code, Some(2), "{args:?}: {}", ran.text());
        assert!(!ran.text().contains("SECRET-"), "{args:?}");
    }
}
