//! `fleet-token serve`, by a newcomer who pastes what it prints.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::command;

/// A running server, what it printed at first, and what it may still print. Killed at the latest when dropped.
pub(super) struct Server {
    child: Child,
    greeting: Vec<String>,
    out: BufReader<ChildStdout>,
}

impl Server {
    pub(super) fn start(args: &[&str]) -> Self {
        let args: Vec<_> = ["serve"].into_iter().chain(args.iter().copied()).collect();
        let mut child = command(&args).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = Vec::new();
        while greeting.last().is_none_or(|line: &String| !line.starts_with("Ctrl-C")) {
            let mut line = String::new();
            assert!(out.read_line(&mut line).unwrap() > 0, "it ended early: {greeting:?}");
            greeting.push(line.trim().to_owned());
        }
        Self { child, greeting, out }
    }

    /// The address after `name` in the greeting.
    pub(super) fn address(&self, name: &str) -> String {
        let line = self.greeting.iter().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned()
    }

    /// Lines to paste that begin like this.
    fn lines(&self, begin: &str) -> Vec<&str> {
        self.greeting.iter().map(String::as_str).filter(|line| line.contains(begin)).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a shell makes of a line.
fn pasted(line: &str) -> (Option<i32>, String) {
    let output = Command::new("sh").args(["-c", line]).stderr(Stdio::inherit()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[test]
#[cfg(unix)]
fn what_it_prints_can_be_pasted_and_ctrl_c_stops_it() {
    let mut server = Server::start(&[]);
    let gets = server.lines(" get --endpoint");
    let last: Vec<_> = server.greeting.iter().rev().take(20).collect();
    let seen = |begin| last.iter().any(|line| line.starts_with(begin));
    assert!(seen("token backend") && seen("Fleet Engine") && seen("demo-driver-1"), "scrolled off: {last:?}");
    assert!(gets.len() >= 5, "{gets:?}");
    for line in gets.iter().filter(|line| !line.starts_with("TOKEN=")) {
        let (code, out) = pasted(line);
        assert!(code == Some(0) && out.starts_with("Token for "), "{line}: {out}");
    }
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_ok() {
        let calls = server.lines("$TOKEN");
        assert!(calls.len() == 2 && calls[1].contains("curl -X PUT") && calls[1].contains("updateMask="), "{calls:?}");
        let [look, moved] = [calls[0], calls[1]].map(|call| pasted(&[server.lines("TOKEN=")[0], call].join("\n")));
        for (code, out) in [&look, &moved] {
            assert!(*code == Some(0) && out.contains("providers/demo/vehicles/vehicle_1"), "{out}");
        }
        assert!(!look.1.contains("48.14,") && moved.1.contains("48.14,"), "it did not move: {}", moved.1);
        assert_eq!(pasted(server.lines("/admin/faults")[0]).0, Some(0));
        // The fleet reader's, whom docs/quickstart begins with; a fault is for everybody.
        assert!(pasted(gets[3]).1.contains("attempt 2 failed: the backend answered 503"));
        assert_eq!(pasted(server.lines("/admin/faults")[0]).0, Some(0));
        assert_eq!(pasted(server.lines("-X DELETE")[0]).0, Some(0));
        assert!(!pasted(gets[0]).1.contains("503"), "it was ended");
    }
    let interrupt = Command::new("kill").args(["-INT", &server.child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    server.out.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("stopped; ") && rest.contains("tokens were issued"), "{rest}");
}

#[test]
fn lifetime_shape_and_keys_are_as_asked() {
    let keys = std::env::temp_dir().join(format!("fleet-token-cli-test-{}", std::process::id()));
    std::fs::create_dir_all(&keys).unwrap();
    let args = ["--token-lifetime", "90", "--shape", "oauth", "--keys-dir", keys.to_str().unwrap()];
    let key_of = |server: &Server| {
        let endpoint = format!("{}/token/driver/{{vehicleId}}", server.address("token backend"));
        let login = "Authorization: Bearer demo-driver-1";
        let ran =
            super::run(&["get", "--endpoint", &endpoint, "--vehicle-id", "vehicle_1", "--header", login, "--json"]);
        let found: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert!((80..=90).contains(&found["lifetime_seconds"].as_u64().unwrap()), "{found}");
        found["header"]["kid"].as_str().unwrap().to_owned()
    };
    let first = key_of(&Server::start(&args));
    let second = key_of(&Server::start(&args));
    std::fs::remove_dir_all(&keys).unwrap();
    assert_eq!(first, second);
}

#[test]
fn a_taken_port_and_a_missing_directory_are_said_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ran = super::run(&["serve", "--backend-port", &port]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.text().contains("cannot listen on") && ran.text().contains("Choose another port"), "{}", ran.text());
    let ran = super::run(&["serve", "--keys-dir", "no/such/directory"]);
    assert_eq!(ran.code, Some(2));
    assert_eq!(super::run(&["serve", "--shape", "Z"]).code, Some(2));
}
