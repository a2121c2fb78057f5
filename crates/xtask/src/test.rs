//! `cargo xtask test`: the one command that proves the workspace. Its steps, in order.

use std::fs::{self, File};
use std::io::BufReader;
use std::process::ExitCode;
use std::time::Duration;

use crate::api;
use crate::bindings;
use crate::book;
use crate::builds;
use crate::cost;
use crate::dist;
use crate::example;
use crate::excerpt::{self, Excerpt};
use crate::fuzz;
use crate::kept::{Suite, exited, judged, traced};
use crate::kotlin;
use crate::model;
use crate::run::{self, cargo};
use crate::scenarios;
use crate::secrets;
use crate::sim;
use crate::soak;
use crate::step::{self, Outcome, Step};
use crate::supply;
use crate::swift;
use crate::tally::Tally;
use crate::walk;
use crate::workspace::Workspace;

/// Far above an honest run on two slow cores.
const TESTS_LIMIT: Duration = Duration::from_mins(20);
/// The demo promises under 20 s; a traced debug build on a busy machine gets three times that.
const DEMO_LIMIT: Duration = Duration::from_mins(1);
/// Findings shown; the count is always whole.
const SHOWN_FINDINGS: usize = 20;

/// Steps whose complete output is kept, and read by the secret scan.
const TESTS: &str = "tests";
const DOC_TESTS: &str = "doc-tests";
const DEMO: &str = "demo";

const RUST: Suite = Suite { name: TESTS, limit: TESTS_LIMIT, count: Tally::of_libtest, headline: excerpt::is_headline };

pub(crate) const STEPS: &[Step<'_>] = &[
    Step {
        name: "format",
        about: "rustfmt changes nothing; the lock files outside the workspace are of today",
        run: &format,
    },
    Step { name: "clippy", about: "no lint fires", run: &clippy },
    Step { name: "features", about: "the SDK builds with every set of its features", run: &builds::features },
    Step { name: "msrv", about: "the SDK builds with the oldest Rust that it promises", run: &builds::msrv },
    Step { name: supply::NAME, about: supply::ABOUT, run: &supply::test },
    Step { name: TESTS, about: "unit and integration tests, traced", run: &tests },
    Step { name: DOC_TESTS, about: "the examples in the docs run", run: &doc_tests },
    Step { name: "docs", about: "the docs build without a warning", run: &docs },
    Step { name: api::NAME, about: api::ABOUT, run: &api::test },
    Step { name: book::NAME, about: book::ABOUT, run: &book::test },
    Step { name: cost::NAME, about: cost::ABOUT, run: &cost::test },
    Step { name: DEMO, about: "`cargo run` keeps its promises", run: &demo },
    Step { name: sim::NAME, about: sim::ABOUT, run: &sim::test },
    Step { name: model::NAME, about: model::ABOUT, run: &model::test },
    Step { name: fuzz::NAME, about: fuzz::ABOUT, run: &fuzz::test },
    Step { name: soak::NAME, about: soak::ABOUT, run: &soak::test },
    Step { name: dist::SIZE, about: dist::ABOUT_SIZE, run: &dist::test_size },
    bindings::STEP,
    Step { name: kotlin::NAME, about: kotlin::ABOUT, run: &kotlin::test },
    Step { name: swift::NAME, about: swift::ABOUT, run: &swift::test },
    Step { name: example::NAME, about: example::ABOUT, run: &example::test },
    Step { name: walk::NAME, about: walk::ABOUT, run: &walk::test },
    Step { name: "scenarios", about: "every scenario holds in every language", run: &scenarios::compare },
    Step { name: "packages", about: "what phones are given, as far as it can be made here", run: &dist::test },
    Step { name: "secrets", about: "no token in what the steps before printed", run: &secret_scan },
];

/// What `cargo xtask test` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run this step only; may be given more than once.
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(STEPS.iter().map(|step| step.name)))]
    only: Vec<String>,
    /// Name the steps and run none.
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(args: &Args, workspace: &mut Workspace) -> ExitCode {
    let chosen = |step: &&Step<'_>| args.only.is_empty() || args.only.iter().any(|name| name == step.name);
    let steps: Vec<&Step<'_>> = STEPS.iter().filter(chosen).collect();
    if args.list {
        for step in steps {
            println!("{:10} {}", step.name, step.about);
        }
        return ExitCode::SUCCESS;
    }
    // What an earlier run left must not be scanned as if this one had printed it.
    for step in &steps {
        let _ = fs::remove_file(workspace.log(step.name));
    }
    scenarios::forget(workspace);
    let code = step::run_all(&steps, workspace);
    println!("{}", workspace.tally);
    code
}

/// Workspaces of their own, with a lock file that a dependency more in the SDK makes stale.
const APART: [&str; 2] = ["benches/Cargo.toml", "fuzz/Cargo.toml"];

fn format(workspace: &mut Workspace) -> Outcome {
    let run = |args: &[&str]| exited(run::shown(&mut cargo(workspace, args)));
    APART.into_iter().fold(run(&["fmt", "--all", "--check"]), |outcome, apart| {
        outcome
            .and_then(|| run(&["fmt", "--check", "--manifest-path", apart]))
            .and_then(|| run(&["update", "--quiet", "--workspace", "--locked", "--manifest-path", apart]))
    })
}

fn clippy(workspace: &mut Workspace) -> Outcome {
    let args = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    exited(run::shown(&mut cargo(workspace, &args)))
}

/// Built first, on the screen, so that compiler errors are shown whole and the time limit is the tests' own.
fn tests(workspace: &mut Workspace) -> Outcome {
    let args = ["test", "--workspace", "--all-features", "--all-targets"];
    let build = [&args[..], &["--no-run"]].concat();
    let run = [&args[..], &["--no-fail-fast", "--", "--nocapture"]].concat();
    exited(run::shown(&mut cargo(workspace, &build))).and_then(|| {
        let report = scenarios::fresh_report(workspace, "rust");
        let mut command = cargo(workspace, &run);
        RUST.run(workspace, traced(&mut command).env(scenarios::REPORT, report))
    })
}

fn doc_tests(workspace: &mut Workspace) -> Outcome {
    let args = ["test", "--workspace", "--doc", "--all-features", "--no-fail-fast", "--", "--nocapture"];
    let mut command = cargo(workspace, &args);
    Suite { name: DOC_TESTS, ..RUST }.run(workspace, traced(&mut command))
}

fn docs(workspace: &mut Workspace) -> Outcome {
    let mut command = cargo(workspace, &["doc", "--workspace", "--no-deps", "--all-features"]);
    exited(run::shown(command.env("RUSTDOCFLAGS", "-D warnings")))
}

/// On Unix `cargo run` becomes the program it runs, so that the limit stops the demo itself.
fn demo(workspace: &mut Workspace) -> Outcome {
    let log = workspace.log(DEMO);
    exited(run::shown(&mut cargo(workspace, &["build"]))).and_then(|| {
        let mut excerpt = Excerpt::default();
        let ending = run::teed(traced(&mut cargo(workspace, &["run", "--quiet"])), &log, DEMO_LIMIT, |_, line| {
            excerpt.note(line);
        });
        judged(ending, DEMO_LIMIT, &excerpt, workspace, &log)
    })
}

/// Reads what the steps before kept; a log that is not there is a hole in the proof, and is said.
fn secret_scan(workspace: &mut Workspace) -> Outcome {
    let (mut lines, mut found, mut traced, mut missing) = (0, 0, 0, Vec::new());
    for name in [
        TESTS,
        DOC_TESTS,
        DEMO,
        sim::NAME,
        model::NAME,
        soak::NAME,
        kotlin::NAME,
        swift::NAME,
        example::NAME,
        walk::NAME,
    ] {
        let log = workspace.log(name);
        if !log.is_file() {
            missing.push(name);
            continue;
        }
        let seen = match File::open(&log).and_then(|file| secrets::scan(BufReader::new(file))) {
            Ok(seen) => seen,
            Err(error) => {
                return Outcome::Failed(format!("cannot read {}: {error}", workspace.short(&log)));
            }
        };
        println!("{}: {} lines, {} of them traces", workspace.short(&log), seen.lines, seen.traced);
        if seen.canaries == 0 && [TESTS, kotlin::NAME, swift::NAME].contains(&name) {
            return Outcome::Failed(format!("{name}: no canary, so this is not what its tests print"));
        }
        for finding in seen.findings.iter().take(SHOWN_FINDINGS) {
            println!("  {}:{}: {}: {}", workspace.short(&log), finding.line, finding.kind, finding.excerpt);
        }
        lines += seen.lines;
        found += seen.findings.len();
        traced += seen.traced;
    }
    println!("{lines} lines searched, {found} secrets found");
    if found > 0 {
        Outcome::Failed(format!("{found} lines of output hold a secret"))
    } else if traced == 0 {
        Outcome::Failed("nobody wrote a trace line, so this scan proves nothing".to_owned())
    } else if missing.is_empty() {
        Outcome::Passed
    } else {
        Outcome::Skipped(format!("no output kept of: {}", missing.join(", ")))
    }
}
