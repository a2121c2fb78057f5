//! `cargo xtask fleet`: a million devices with the SDK's own decisions, and what they do to a backend.

use std::process::{Command, ExitCode};

use crate::kept::exited;
use crate::run::{self, cargo};
use crate::workspace::Workspace;

/// What `cargo xtask fleet` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many devices. Default: a million.
    #[arg(long)]
    devices: Option<u32>,
    /// Repeats a run. Default: 1.
    #[arg(long)]
    seed: Option<u64>,
    /// Only the scenarios whose name holds this; nothing is written then.
    #[arg(long)]
    only: Option<String>,
}

/// Runs every scenario, and writes `docs/fleet-scale.md` and its plots.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    let given = [
        ("--devices", args.devices.map(|devices| devices.to_string())),
        ("--seed", args.seed.map(|seed| seed.to_string())),
        ("--only", args.only.clone()),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?]));
    let given: Vec<_> = given.flatten().collect();
    exited(run::shown(&mut command(workspace, &given))).exit_code()
}

fn command(workspace: &Workspace, args: &[String]) -> Command {
    let build = ["run", "--quiet", "--release", "--package", "fleet-token-fleet-sim", "--"];
    let args: Vec<&str> = build.into_iter().chain(args.iter().map(String::as_str)).collect();
    cargo(workspace, &args)
}
