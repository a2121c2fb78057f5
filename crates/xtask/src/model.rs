//! `cargo xtask model`: a few threads on the real factory, in every order that shuttle can think of.

use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::kept::{exited, watched};
use crate::run::{self, cargo};
use crate::step::Outcome;
use crate::workspace::Workspace;

pub(crate) const NAME: &str = "model";
pub(crate) const ABOUT: &str = "the promises hold in every order of steps";

/// Far above an honest run on two slow cores, the build included.
const LIMIT: Duration = Duration::from_mins(20);

/// What `cargo xtask model` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many schedules of each kind each test runs in.
    #[arg(long)]
    schedules: Option<u64>,
    /// Run only the tests whose name holds this.
    filter: Option<String>,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    exited(run::shown(&mut command(args, workspace))).exit_code()
}

/// The step: as many schedules as the tests run in when nobody says.
pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    watched(NAME, LIMIT, workspace, &mut command(&Args { schedules: None, filter: None }, workspace))
}

/// Everything is built for it once more, in a folder of its own: the locks are others.
fn command(args: &Args, workspace: &Workspace) -> Command {
    let test = ["test", "--profile", "sim", "--package", "fleet-token-model", "--test", "model", "--target-dir"];
    let folder = workspace.target().join("model");
    let folder = folder.to_string_lossy();
    let args_of_cargo: Vec<&str> = test.into_iter().chain([&*folder, "--"]).chain(args.filter.as_deref()).collect();
    let mut command = cargo(workspace, &args_of_cargo);
    command.env("RUSTFLAGS", "--cfg shuttle");
    if let Some(schedules) = args.schedules {
        command.env("FLEET_TOKEN_SCHEDULES", schedules.to_string());
    }
    command
}
