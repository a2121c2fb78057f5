//! `cargo xtask swift`: the Swift package, built on fresh bindings and tested, the portable scenarios among its tests.
//!
//! Uses the machine's own Swift, or one that was unpacked into a folder from Debian's packages. That one is run in a
//! mount namespace of its own (`crates/xtask/swift/run.sh`), since it needs a newer C library than many machines have.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::{env, io};

use crate::bindings;
use crate::stopwatch::Stopwatch;
use crate::workspace::Workspace;

/// Names the folder of an unpacked toolchain.
const FOLDER: &str = "FLEET_TOKEN_SWIFT";

/// What `cargo xtask swift` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where there is no Swift, unpack Debian's: about 300 MB to load by apt, 1.6 GB on disk, nothing installed.
    #[arg(long)]
    install: bool,
    /// Run only the tests whose names match.
    #[arg(long, value_name = "PATTERN")]
    filter: Option<String>,
}

/// A Swift that can be run.
enum Toolchain {
    /// The machine's own, on the path.
    Own,
    /// Debian's, unpacked here.
    Unpacked(PathBuf),
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    match prove(args, workspace) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(skipped)) if workspace.is_ci() => {
            eprintln!("error: skipped, which CI must not: {skipped}");
            ExitCode::FAILURE
        }
        Ok(Some(skipped)) => {
            println!("swift SKIPPED: {skipped}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What was skipped, and why; `None` if nothing was.
fn prove(args: &Args, workspace: &Workspace) -> io::Result<Option<String>> {
    let watch = Stopwatch::start();
    bindings::generate(&bindings::Args::for_tests(), workspace)?;
    println!("--- swift: bindings in {:.1} s", watch.elapsed().as_secs_f64());
    let Some(toolchain) = toolchain(args, workspace)? else {
        return Ok(Some(format!(
            "the Swift package was neither built nor tested, its scenarios included. There is no `swift` on the path \
             and {FOLDER} names no unpacked one; on Debian and the like, `cargo xtask swift --install` unpacks one"
        )));
    };
    let watch = Stopwatch::start();
    let mut command = toolchain.swift(workspace);
    command.arg("test");
    if let Some(pattern) = &args.filter {
        command.args(["--filter", pattern]);
    }
    bindings::succeed(&mut command)?;
    println!("--- swift: package built and tested in {:.1} s", watch.elapsed().as_secs_f64());
    Ok(None)
}

fn toolchain(args: &Args, workspace: &Workspace) -> io::Result<Option<Toolchain>> {
    let version = Command::new("swift").arg("--version").stdin(Stdio::null()).output();
    if version.is_ok_and(|version| version.status.success()) {
        return Ok(Some(Toolchain::Own));
    }
    let folder = env::var_os(FOLDER).map_or_else(|| workspace.target().join("swift-toolchain"), PathBuf::from);
    // Written last by `install.sh`: a folder without it is half of a toolchain.
    if !folder.join(".swift-toolchain").is_file() {
        if !args.install {
            return Ok(None);
        }
        bindings::succeed(Command::new(script(workspace, "install.sh")).arg(&folder))?;
    }
    Ok(Some(Toolchain::Unpacked(folder)))
}

impl Toolchain {
    /// `swift`, at the root of the workspace.
    fn swift(&self, workspace: &Workspace) -> Command {
        let mut command = match self {
            Self::Own => Command::new("swift"),
            Self::Unpacked(folder) => {
                let mut command = Command::new(script(workspace, "run.sh"));
                command.arg(folder).arg(workspace.root()).arg("swift");
                // Where it keeps its caches: inside the one folder that it can write to.
                command.env("SWIFT_HOME", workspace.root().join(".build/home"));
                command
            }
        };
        command.current_dir(workspace.root()).stdin(Stdio::null());
        command
    }
}

fn script(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.root().join("crates/xtask/swift").join(name)
}
