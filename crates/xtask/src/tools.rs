//! Programs that chores need and `cargo install` can bring: each in a version of our choice, in a folder of the target's,
//! so that a machine that has another one is left as it is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

use crate::run::{self, cargo};
use crate::workspace::Workspace;

/// A program, most often a subcommand of cargo's, as crates.io has it.
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
    /// What `cargo install` is told besides.
    features: &'static [&'static str],
}

pub(crate) const CYCLONEDX: Tool = Tool { name: "cargo-cyclonedx", version: "0.5.9", features: &[] };
pub(crate) const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2", features: &[] };
pub(crate) const FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13.2", features: &[] };
pub(crate) const HACK: Tool = Tool { name: "cargo-hack", version: "0.6.46", features: &[] };
/// Without its server: it writes files.
pub(crate) const MDBOOK: Tool =
    Tool { name: "mdbook", version: "0.5.4", features: &["--no-default-features", "--features", "search"] };
pub(crate) const MUTANTS: Tool = Tool { name: "cargo-mutants", version: "27.1.0", features: &[] };

impl Tool {
    /// The tool's command with these arguments, at the root; installed first, if it is not there yet.
    pub(crate) fn command(&self, workspace: &Workspace, args: &[&str]) -> io::Result<Command> {
        let program = self.program(workspace)?;
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(program.parent().map(Path::to_path_buf).into_iter().chain(env::split_paths(&path)));
        let subcommand = self.name.trim_start_matches("cargo-");
        let mut command = cargo(workspace, &[&[subcommand], args].concat());
        command.env("PATH", path.map_err(io::Error::other)?);
        Ok(command)
    }

    /// Where the program is; installed first, if it is not there yet.
    pub(crate) fn program(&self, workspace: &Workspace) -> io::Result<PathBuf> {
        let folder = self.folder(workspace);
        let program = folder.join("bin").join(format!("{}{}", self.name, env::consts::EXE_SUFFIX));
        if !program.is_file() {
            let (root, version) = (folder.to_string_lossy(), format!("={}", self.version));
            let install = ["install", "--quiet", "--locked", "--root", &root, "--version", &version, self.name];
            // Built where its sources are, not among ours: a target folder set for us is not for it.
            let mut install = cargo(workspace, &install);
            let status = run::shown(install.args(self.features).env_remove("CARGO_TARGET_DIR"))?;
            if !status.success() {
                return Err(io::Error::other(format!("cannot install {} {}: {status}", self.name, self.version)));
            }
        }
        Ok(program)
    }

    fn folder(&self, workspace: &Workspace) -> PathBuf {
        workspace.target().join("tools").join(format!("{}-{}", self.name, self.version))
    }
}
