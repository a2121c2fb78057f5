//! `cargo xtask bench`: what the factory costs, beside what its rivals cost. Writes `docs/performance.md`.

use std::process::{Command, ExitCode};

use crate::kept::exited;
use crate::run::{self, cargo};
use crate::workspace::Workspace;

/// What `cargo xtask bench` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A tenth of the rounds, and the page goes into the target folder: to see that everything runs.
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    // Rivals are many crates, of no use to any other build.
    let folder = workspace.target().join("benches");
    let mut build = cargo(workspace, &["build", "--release", "--locked", "--manifest-path", "benches/Cargo.toml"]);
    build.arg("--target-dir").arg(&folder);
    let outcome = exited(run::shown(&mut build)).and_then(|| {
        let mut bench = Command::new(folder.join("release/bench"));
        bench.current_dir(workspace.root());
        if args.quick {
            bench.arg("--quick").arg(folder.join("quick"));
        }
        exited(run::shown(&mut bench))
    });
    outcome.exit_code()
}
