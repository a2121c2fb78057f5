//! `cargo xtask kotlin`: the library and its Kotlin sources made anew, and Maven run on `bindings/kotlin`.

use std::env;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use crate::bindings;
use crate::kept::Suite;
use crate::program;
use crate::run::Pipe;
use crate::scenarios;
use crate::step::{self, Outcome, Step};
use crate::tally::Tally;
use crate::workspace::Workspace;

/// The step's name.
pub(crate) const NAME: &str = "kotlin";

const SUITE: Suite =
    Suite { name: NAME, limit: Duration::from_mins(30), count: Tally::of_surefire, headline: is_headline };

/// What `cargo xtask kotlin` takes.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Use only what Maven has already: no network.
    #[arg(long)]
    offline: bool,
    /// The library is as it was last built: only Maven is run.
    #[arg(long)]
    no_bindings: bool,
    /// Android's parts too: its classes, the AAR, and an app that is shrunk. Half a gigabyte to fetch, the first time.
    #[arg(long)]
    android: bool,
}

pub(crate) fn run(args: &Args, workspace: &mut Workspace) -> ExitCode {
    let tests = |workspace: &mut Workspace| tested(args, workspace);
    let tests = Step { name: NAME, about: ABOUT, run: &tests };
    let steps: &[&Step<'_>] = if args.no_bindings { &[&tests] } else { &[&bindings::STEP, &tests] };
    step::run_all(steps, workspace)
}

pub(crate) const ABOUT: &str = "the Kotlin modules, their tests and scenarios, by Maven";

/// The step of `cargo xtask test`, on bindings that are there.
pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    tested(&Args { android: true, ..Args::default() }, workspace)
}

fn tested(args: &Args, workspace: &mut Workspace) -> Outcome {
    if let Some(reason) = missing() {
        return Outcome::Skipped(reason);
    }
    let program = match program::build(workspace) {
        Ok(program) => program,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let mut command = maven(args, workspace.root().join("bindings/kotlin"));
    command.arg(format!("-Dfleet.cli={}", program.display()));
    command.arg(format!("-Dfleet.scenario.report={}", scenarios::fresh_report(workspace, NAME).display()));
    SUITE.run(workspace, &mut command)
}

/// `clean`, for a plain compile keeps classes whose source is gone, and an incremental one loses those whose source was
/// generated anew. `verify`, and not `install`: nothing is left on the machine but what Maven fetched.
fn maven(args: &Args, folder: PathBuf) -> Command {
    let mut command = Command::new(MAVEN);
    command.args(["-B", "-ntp", "-Dstyle.color=never"]).current_dir(folder).stdin(Stdio::null());
    if args.offline {
        command.arg("-o");
    }
    if args.android {
        command.arg("-Pandroid,shrink");
    }
    command.args(["clean", "verify"]);
    command
}

/// Modules as they begin, results, and what went wrong.
fn is_headline(_: Pipe, line: &str) -> bool {
    line.starts_with("[INFO] Building ")
        || line.starts_with("[ERROR] ")
        || line.starts_with("[INFO] BUILD ")
        || Tally::of_surefire(line).is_some()
}

pub(crate) const MAVEN: &str = if cfg!(windows) { "mvn.cmd" } else { "mvn" };

/// What this machine lacks, and what to do.
pub(crate) fn missing() -> Option<String> {
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
