//! The built command, run as a user runs it: what it prints, where, and its exit code.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]
#![allow(clippy::print_stdout, reason = "what the command logged is part of the output that is searched for secrets")]

mod demo;
mod doctor;
mod doctor_access;
mod doctor_report;
#[cfg(target_os = "linux")]
mod doctor_tls;
mod get;
mod inspect;
mod secrets;
mod serve;
mod shell;
mod watch;

use std::process::{Command, Output};

/// The command with these arguments, not yet run.
fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleet-token"));
    command.args(args).env_remove("HTTP_PROXY").env_remove("http_proxy");
    command
}

/// What a run came to.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let ran = Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        };
        println!("{}", ran.err);
        ran
    }

    /// All that was printed, without log lines.
    fn text(&self) -> String {
        let logged = |line: &&str| ["TRACE ", "DEBUG ", " INFO ", " WARN "].iter().any(|level| line.contains(level));
        let err: Vec<_> = self.err.lines().filter(|line| !logged(line)).collect();
        format!("{}{}", self.out, err.join("\n"))
    }
}

/// Runs it to its end.
fn run(args: &[&str]) -> Ran {
    Ran::of(command(args).output().unwrap())
}
