//! `cargo xtask kotlin`: the library and its Kotlin sources made anew, and Maven run on `bindings/kotlin`.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::{env, io};

use crate::bindings;
use crate::run::{self, cargo};
use crate::workspace::Workspace;

/// What `cargo xtask kotlin` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Use only what Maven has already: no network.
    #[arg(long)]
    offline: bool,
    /// The library is as it was last built: only Maven is run.
    #[arg(long)]
    no_bindings: bool,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    if let Some(reason) = missing() {
        if workspace.is_ci() {
            eprintln!("error: skipped, which CI must not: {reason}");
            return ExitCode::FAILURE;
        }
        println!("skipped: {reason}");
        return ExitCode::SUCCESS;
    }
    match tested(args, workspace) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tested(args: &Args, workspace: &Workspace) -> io::Result<()> {
    if !args.no_bindings {
        let out = bindings::generate(&bindings::Args::for_tests(), workspace)?;
        println!("bindings are in {}", workspace.short(&out));
    }
    let program = build_program(workspace)?;
    let mut command = maven(args, workspace.root().join("bindings/kotlin"));
    command.arg(format!("-Dfleet.cli={}", program.display()));
    let status = run::shown(&mut command)?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("mvn: {status}"))) }
}

/// The backend that the end-to-end test asks.
fn build_program(workspace: &Workspace) -> io::Result<PathBuf> {
    let status = run::shown(&mut cargo(workspace, &["build", "-p", "fleet-token-cli", "--bin", "fleet-token"]))?;
    if !status.success() {
        return Err(io::Error::other(format!("cargo build: {status}")));
    }
    Ok(workspace.target().join("debug").join(format!("fleet-token{}", env::consts::EXE_SUFFIX)))
}

/// `clean`, for a plain compile keeps classes whose source is gone, and an incremental one loses those whose source was
/// generated anew. `test`, and not `install`: nothing is left on the machine but what Maven fetched.
fn maven(args: &Args, folder: PathBuf) -> Command {
    let mut command = Command::new(MAVEN);
    command.args(["-B", "-ntp"]).current_dir(folder).stdin(Stdio::null());
    if args.offline {
        command.arg("-o");
    }
    command.args(["clean", "test"]);
    command
}

const MAVEN: &str = if cfg!(windows) { "mvn.cmd" } else { "mvn" };

/// What this machine lacks, and what to do.
fn missing() -> Option<String> {
    let javac = env::var_os("JAVA_HOME").map_or_else(
        || "javac".into(),
        |home| PathBuf::from(home).join("bin").join(format!("javac{}", env::consts::EXE_SUFFIX)),
    );
    if !answers(Command::new(javac).arg("-version")) {
        return Some("no JDK: install one, 17 or newer, or point JAVA_HOME at it".to_owned());
    }
    if !answers(Command::new(MAVEN).arg("-version")) {
        return Some("no Maven: install 3.8 or newer".to_owned());
    }
    None
}

fn answers(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
