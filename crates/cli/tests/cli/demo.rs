//! `fleet-token demo`, and no command at all.

use std::time::Duration;

use serde_json::Value;

use super::{Ran, command};

/// Half of what a demo may print of a JWT before it is one: `eyJ` is the start of every JSON object in base64url.
const JWT: &str = "eyJ";
const SESSION: &str = "SECRET-SESSION-";

/// With everything logged that can be, and a limit on the time that the operating system keeps, not the demo.
fn traced(args: &[&str]) -> Ran {
    let mut child = command(args)
        .env("RUST_LOG", "trace")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let (ended, end) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let late = end.recv_timeout(Duration::from_secs(20)).is_err();
        if late {
            let _ = std::process::Command::new("kill").arg(pid.to_string()).status();
        }
        late
    });
    // Both pipes are read at once, so that neither fills up.
    let mut err = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut err, &mut bytes).unwrap();
        bytes
    });
    let mut output = child.wait_with_output().unwrap();
    let _ = ended.send(());
    assert!(!watch.join().unwrap(), "the demo took 20 s");
    output.stderr = reader.join().unwrap();
    Ran::of(output)
}

fn assert_no_secret(ran: &Ran) {
    for (stream, text) in [("output", &ran.out), ("log", &ran.err)] {
        assert!(!text.contains(JWT) && !text.contains(SESSION), "a secret is in the {stream}");
    }
    assert!(ran.err.contains("TRACE"), "nothing was traced, so the search proves nothing");
}

#[test]
fn without_arguments_the_demo_keeps_its_promises_and_prints_no_secret() {
    let ran = traced(&[]);
    assert_eq!(ran.code, Some(0), "{}", ran.out);
    assert_no_secret(&ran);
    for part in [
        "64 callers served",
        "revokes driver_2's token",
        "the same call again with the new token: accepted",
        "the app's session may not have this token",
        "403 PERMISSION_DENIED",
        "in the background; no call waited",
        "OUTAGE: ",
        "goes on with the token",
        "OUTAGE OVER",
        "a retry under way keeps its pause",
        "failures survived: ",
        "got its first token for vehicles nearby",
        "still driving: ",
        "sees trip_42: complete",
        "failures",
        "✓ No token and no login in the output",
        "Every promise was kept",
    ] {
        assert!(ran.out.contains(part), "{part:?} is missing in\n{}", ran.out);
    }
    assert!(!ran.out.contains('✗') && !ran.out.contains('\u{1b}'), "{}", ran.out);
}

#[test]
fn as_json_every_line_is_an_object_and_the_last_one_the_summary() {
    let ran = traced(&["demo", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.out);
    assert_no_secret(&ran);
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, events) = lines.split_last().unwrap();
    assert!(
        events.iter().all(|event| event["at_ms"].is_u64() && event["who"].is_string() && event["event"].is_string())
    );
    let times: Vec<_> = events.iter().map(|event| event["at_ms"].as_u64()).collect();
    assert!(times.is_sorted(), "the timeline goes back in time");
    assert_eq!(summary["event"], "summary");
    assert_eq!(summary["ok"], true);
    assert_eq!(summary["apps"].as_array().unwrap().len(), 6);
    let promises = summary["promises"].as_array().unwrap();
    assert!(promises.len() >= 10 && promises.iter().all(|promise| promise["kept"] == true));
    let figures = &summary["figures"];
    assert_eq!((figures["cold_callers"].as_u64(), figures["cold_fetches"].as_u64()), (Some(64), Some(1)));
    let figure = |name: &str| figures[name].as_u64().unwrap();
    let sum = |column: &str| -> u64 {
        summary["apps"].as_array().unwrap().iter().map(|app| app[column].as_u64().unwrap()).sum()
    };
    // The table and the promises are about the same calls.
    assert_eq!(sum("accepted") + sum("refused"), figure("engine_calls"));
    assert_eq!(sum("refused"), 2);
    assert_eq!(sum("calls"), figure("engine_calls") + figure("cold_callers") + figure("wrong_id_calls") + 2);
    assert_eq!(sum("fetches"), figure("fetched") + sum("failures_survived") + figure("wrong_id_requests"));
    // No token escapes the search.
    let fetched = events.iter().filter(|event| event["event"] == "fetched").count();
    assert_eq!(figure("fetched"), u64::try_from(fetched).unwrap());
    assert!(figure("tokens_searched_for") >= figure("fetched"));
    assert!(figures["took_ms"].as_u64().unwrap() < 20_000);
}

#[test]
fn a_length_that_the_script_does_not_fit_in_is_refused() {
    for seconds in ["0", "11", "61", "x"] {
        let ran = super::run(&["--seconds", seconds]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{seconds}");
    }
}
