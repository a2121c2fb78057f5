//! `cargo xtask swift`: the Swift package, built on fresh bindings and tested, the portable scenarios among its tests.
//!
//! Uses the machine's own Swift, or one that was unpacked into a folder from Debian's packages. That one is run in a
//! mount namespace of its own (`crates/xtask/swift/run.sh`), since it needs a newer C library than many machines have.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;
use std::{env, fs, io};

use crate::bindings;
use crate::kept::Suite;
use crate::program;
use crate::run::{self, Pipe};
use crate::scenarios;
use crate::step::{self, Outcome, Step};
use crate::tally::Tally;
use crate::workspace::Workspace;

/// The step's name.
pub(crate) const NAME: &str = "swift";

pub(crate) const ABOUT: &str = "the Swift package, its tests and scenarios";

const SUITE: Suite =
    Suite { name: NAME, limit: Duration::from_mins(20), count: Tally::of_swift, headline: is_headline };

/// Names the folder of an unpacked toolchain.
const FOLDER: &str = "FLEET_TOKEN_SWIFT";

/// What `cargo xtask swift` takes.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// The library is as it was last built: only Swift is run.
    #[arg(long)]
    no_bindings: bool,
    /// Run only the tests whose names match.
    #[arg(long, value_name = "PATTERN")]
    filter: Option<String>,
}

/// A Swift that can be run.
pub(crate) enum Toolchain {
    /// The machine's own, on the path.
    Own,
    /// Debian's, unpacked here.
    Unpacked(PathBuf),
}

pub(crate) fn run(args: &Args, workspace: &mut Workspace) -> ExitCode {
    let tests = |workspace: &mut Workspace| tested(args, workspace);
    let tests = Step { name: NAME, about: ABOUT, run: &tests };
    let steps: &[&Step<'_>] = if args.no_bindings { &[&tests] } else { &[&bindings::STEP, &tests] };
    step::run_all(steps, workspace)
}

/// The step of `cargo xtask test`, on bindings that are there.
pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    tested(&Args::default(), workspace)
}

fn tested(args: &Args, workspace: &mut Workspace) -> Outcome {
    let toolchain = match toolchain_or_install(workspace) {
        Ok(toolchain) => toolchain,
        Err(skipped) => return skipped,
    };
    let program = match program::build(workspace) {
        Ok(program) => program,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    // The server runs outside, where the C library is that it was built for.
    let mut command = Command::new(script(workspace, "with-server.sh"));
    let tests = toolchain.runs(workspace, &script(workspace, "test.sh"));
    command.arg(program).arg(tests.get_program()).args(tests.get_args());
    command.current_dir(workspace.root()).stdin(Stdio::null());
    if let Some(pattern) = &args.filter {
        command.args(["--filter", pattern]);
    }
    // Inside the checkout, the one place that an unpacked Swift can write to.
    let inside = workspace.root().join(".build/scenarios.txt");
    let _ = fs::remove_file(&inside);
    let report = scenarios::fresh_report(workspace, NAME);
    let outcome = SUITE.run(workspace, command.env(scenarios::REPORT, &inside));
    // Without one, the table says so.
    let _ = fs::copy(inside, report);
    outcome
}

/// Compiler errors, and results.
fn is_headline(_: Pipe, line: &str) -> bool {
    line.contains(": error: ")
        || line.contains("Test run with ")
        || Tally::of_swift(line).is_some_and(|it| it.passed == 0)
}

/// The machine's Swift, or Debian's: unpacked now, should it not be there yet.
pub(crate) fn toolchain_or_install(workspace: &Workspace) -> Result<Toolchain, Outcome> {
    if let Some(toolchain) = Toolchain::find(workspace) {
        return Ok(toolchain);
    }
    let folder = unpacked(workspace);
    if let Some(reason) = cannot_unpack() {
        return Err(Outcome::Skipped(format!("no `swift` on the path, {FOLDER} names no unpacked one, and {reason}")));
    }
    println!("no Swift here: unpacking Debian's into {}, 600 MB to load and 1.6 GB on disk", workspace.short(&folder));
    let installed = run::shown(Command::new(script(workspace, "install.sh")).arg(&folder));
    if !installed.is_ok_and(|status| status.success()) {
        return Err(Outcome::Skipped("no Swift here, and Debian's could not be unpacked: see above".to_owned()));
    }
    Ok(Toolchain::Unpacked(folder))
}

/// Why Debian's Swift cannot be had or run on this machine.
fn cannot_unpack() -> Option<String> {
    let has = |program: &str| Command::new(program).arg("--version").stdin(Stdio::null()).output().is_ok();
    if let Some(absent) = ["apt-get", "dpkg", "unshare"].into_iter().find(|program| !has(program)) {
        return Some(format!("Debian's cannot be unpacked without {absent}"));
    }
    let mut namespace = Command::new("unshare");
    namespace.args(["--user", "--map-root-user", "--mount", "true"]);
    let root = Command::new("unshare").args(["--mount", "true"]).output();
    let allowed = |output: io::Result<std::process::Output>| output.is_ok_and(|output| output.status.success());
    if allowed(root) || allowed(namespace.output()) {
        None
    } else {
        Some("Debian's cannot be run where mount namespaces are not allowed".to_owned())
    }
}

fn unpacked(workspace: &Workspace) -> PathBuf {
    env::var_os(FOLDER).map_or_else(|| workspace.target().join("swift-toolchain"), PathBuf::from)
}

impl Toolchain {
    /// The one that is there.
    pub(crate) fn find(workspace: &Workspace) -> Option<Self> {
        let version = Command::new("swift").arg("--version").stdin(Stdio::null()).output();
        if version.is_ok_and(|version| version.status.success()) {
            return Some(Self::Own);
        }
        let folder = unpacked(workspace);
        // Written last by `install.sh`: a folder without it is half of a toolchain.
        folder.join(".swift-toolchain").is_file().then_some(Self::Unpacked(folder))
    }

    /// The program, run where `swift` is on the path: here, or in the folder that one was unpacked into.
    pub(crate) fn runs(&self, workspace: &Workspace, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Self::Unpacked(folder) = self {
            command = Command::new(script(workspace, "run.sh"));
            command.arg(folder).arg(workspace.root()).arg(program);
        }
        command.current_dir(workspace.root()).stdin(Stdio::null());
        command
    }
}

pub(crate) fn script(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.root().join("crates/xtask/swift").join(name)
}
