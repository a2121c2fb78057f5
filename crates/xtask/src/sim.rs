//! `cargo xtask sim`: the real factory in random weather, step by step, against a model of its promises.

use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::kept::{exited, watched};
use crate::run::{self, cargo};
use crate::step::Outcome;
use crate::workspace::Workspace;

pub(crate) const NAME: &str = "sim";
pub(crate) const ABOUT: &str = "the factory keeps its promises in random weather";

/// Far above an honest run on two slow cores, the build included.
const LIMIT: Duration = Duration::from_mins(20);

/// What `cargo xtask sim` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many seeds to run.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first of them.
    #[arg(long)]
    from: Option<u64>,
    /// Run this one seed and print its trace.
    #[arg(long)]
    seed: Option<u64>,
    /// How many steps each seed takes before its end.
    #[arg(long)]
    steps: Option<u64>,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    let given = [("--seeds", args.seeds), ("--from", args.from), ("--seed", args.seed), ("--steps", args.steps)];
    let given = given.into_iter().filter_map(|(name, value)| Some([name.to_owned(), value?.to_string()]));
    let given: Vec<_> = given.flatten().collect();
    exited(run::shown(&mut command(workspace, &given))).exit_code()
}

/// The step: as many seeds as the simulation runs when nobody says.
pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    watched(NAME, LIMIT, workspace, &mut command(workspace, &[]))
}

fn command(workspace: &Workspace, args: &[String]) -> Command {
    let build = ["run", "--quiet", "--profile", "sim", "--package", "fleet-token-sim", "--"];
    let args: Vec<&str> = build.into_iter().chain(args.iter().map(String::as_str)).collect();
    cargo(workspace, &args)
}
