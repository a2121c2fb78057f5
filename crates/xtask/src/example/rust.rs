//! How the examples in Rust are built: members of the workspace, but none of those that a plain `cargo build` builds.

use std::env;
use std::process::Command;

use crate::kept::exited;
use crate::run::{self, cargo};
use crate::step::Outcome;
use crate::workspace::Workspace;

/// The example in the folder `name`, whose package and program are called `fleet-token-example-NAME`.
pub(super) fn build(name: &str, workspace: &Workspace) -> Result<Command, Outcome> {
    let package = format!("fleet-token-example-{name}");
    match exited(run::shown(&mut cargo(workspace, &["build", "--package", &package]))) {
        Outcome::Passed => {}
        outcome => return Err(outcome),
    }
    let program = workspace.target().join("debug").join(format!("{package}{}", env::consts::EXE_SUFFIX));
    let mut command = Command::new(program);
    command.current_dir(workspace.root());
    Ok(command)
}
