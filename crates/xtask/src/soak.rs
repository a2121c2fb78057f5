//! `cargo xtask soak`: the real factory against the emulated Fleet Engine for minutes or hours, its own process measured.

use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::kept::{exited, watched};
use crate::run::{self, cargo};
use crate::step::Outcome;
use crate::workspace::Workspace;

pub(crate) const NAME: &str = "soak";
pub(crate) const ABOUT: &str = "a minute of calls that Fleet Engine judges; nothing leaks";

/// A minute of calls, and what it takes to come to rest in between, several times over.
const LIMIT: Duration = Duration::from_mins(5);

/// What is logged during the step: all of ours. Of the calls to Fleet Engine, which are the HTTP library's, nothing.
const LOGGED: &str = "fleet_token=trace,fleet_token_backend=trace";

/// What `cargo xtask soak` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// For how many minutes.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Repeats the weather of a run: faults, revocations, outages, and who calls what. Times differ.
    #[arg(long)]
    seed: Option<u64>,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    let mut given = vec!["--minutes".to_owned(), args.minutes.to_string()];
    given.extend(args.seed.into_iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
    possible().and_then(|| exited(run::shown(&mut command(workspace, &given)))).exit_code()
}

/// The step: a minute, built first, so that the limit is the run's own.
pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    possible()
        .and_then(|| {
            let build = ["build", "--profile", "sim", "--package", "fleet-token-soak"];
            exited(run::shown(&mut cargo(workspace, &build)))
        })
        .and_then(|| {
            let mut command = command(workspace, &[]);
            watched(NAME, LIMIT, workspace, command.env("RUST_LOG", LOGGED))
        })
}

/// The process is measured by what Linux says of it.
fn possible() -> Outcome {
    if cfg!(target_os = "linux") { Outcome::Passed } else { Outcome::Skipped("it needs Linux's /proc".to_owned()) }
}

fn command(workspace: &Workspace, args: &[String]) -> Command {
    let run = ["run", "--quiet", "--profile", "sim", "--package", "fleet-token-soak", "--"];
    let args: Vec<&str> = run.into_iter().chain(args.iter().map(String::as_str)).collect();
    cargo(workspace, &args)
}
