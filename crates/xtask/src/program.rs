//! The `fleet-token` program: the backend and the Fleet Engine that end-to-end tests of other languages ask.

use std::path::PathBuf;
use std::{env, io};

use crate::run::{self, cargo};
use crate::workspace::Workspace;

/// Builds it, and says where it is.
pub(crate) fn build(workspace: &Workspace) -> io::Result<PathBuf> {
    let status = run::shown(&mut cargo(workspace, &["build", "-p", "fleet-token-cli", "--bin", "fleet-token"]))?;
    if !status.success() {
        return Err(io::Error::other(format!("cargo build: {status}")));
    }
    Ok(workspace.target().join("debug").join(format!("fleet-token{}", env::consts::EXE_SUFFIX)))
}
