//! `cargo xtask dist apple`.

use std::io;
use std::process::ExitCode;

use crate::workspace::Workspace;

/// What `cargo xtask dist apple` takes.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(super) fn run(_: &Args, _: &Workspace) -> io::Result<ExitCode> {
    Err(io::Error::other("not there yet"))
}
