//! `cargo xtask fuzz`: bytes that libFuzzer makes up, put before the real factory.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, io};

use crate::excerpt::{self, Excerpt};
use crate::kept::{exited, judged};
use crate::run::{self, Ending};
use crate::step::Outcome;
use crate::tools;
use crate::workspace::Workspace;

pub(crate) const NAME: &str = "fuzz";
pub(crate) const ABOUT: &str = "no bytes from outside break a promise";

/// The targets of `fuzz/`, and where each finds its seeds.
const TARGETS: [(&str, &str); 5] = [
    ("reply", "fuzz/seeds/reply"),
    ("jwt", "fuzz/seeds/jwt"),
    ("times", "fuzz/seeds/times"),
    ("template", "fuzz/seeds/template"),
    ("scenario", "tests/scenarios"),
];

/// For each target, in the step.
const STEP_SECONDS: u64 = 30;

/// libFuzzer ends by itself; this is for one that does not.
const SLACK: Duration = Duration::from_mins(10);

/// What `cargo xtask fuzz` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long each target runs.
    #[arg(long, default_value_t = 1)]
    minutes: u64,
    /// Only these.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(TARGETS.map(|(name, _)| name)))]
    targets: Vec<String>,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    let chosen = |name: &str| args.targets.is_empty() || args.targets.iter().any(|target| target == name);
    fuzz(workspace, args.minutes * 60, chosen).exit_code()
}

pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    let _ = fs::remove_file(workspace.log(NAME));
    fuzz(workspace, STEP_SECONDS, |_| true)
}

fn fuzz(workspace: &Workspace, seconds: u64, chosen: impl Fn(&str) -> bool) -> Outcome {
    build(workspace).and_then(|| {
        let mut outcome = Outcome::Passed;
        for (target, seeds) in TARGETS.into_iter().filter(|(name, _)| chosen(name)) {
            let seen = one(workspace, target, seeds, seconds);
            // The others are run all the same.
            if seen != Outcome::Passed {
                outcome = seen;
            }
        }
        outcome
    })
}

/// Without a sanitizer: the stable compiler has none, and there is no unsafe code of ours to watch.
const SANITIZER: [&str; 2] = ["--sanitizer", "none"];

fn build(workspace: &Workspace) -> Outcome {
    let folder = folder(workspace);
    let args = [&["build", "--target-dir", &*folder][..], &SANITIZER].concat();
    match tools::FUZZ.command(workspace, &args) {
        Ok(mut command) => exited(run::shown(&mut command)),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

fn folder(workspace: &Workspace) -> String {
    workspace.target().join("fuzz").to_string_lossy().into_owned()
}

/// New inputs go into `target/fuzz/corpus`, and make the next run start where this one ended.
fn one(workspace: &Workspace, target: &str, seeds: &str, seconds: u64) -> Outcome {
    let root = workspace.root();
    let corpus = workspace.target().join("fuzz/corpus").join(target);
    let kept = root.join("fuzz/regressions").join(target);
    match attempt(workspace, target, &[&corpus, &root.join(seeds), &kept], seconds) {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

fn attempt(workspace: &Workspace, target: &str, inputs: &[&Path], seconds: u64) -> io::Result<Outcome> {
    for folder in inputs {
        fs::create_dir_all(folder)?;
    }
    let inputs: Vec<_> = inputs.iter().map(|folder| folder.to_string_lossy()).collect();
    let (folder, time) = (folder(workspace), format!("-max_total_time={seconds}"));
    let limits = ["--", &*time, "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"];
    let run = ["run", "--target-dir", &*folder].into_iter().chain(SANITIZER).chain([target]);
    let args: Vec<&str> = run.chain(inputs.iter().map(|input| &**input)).chain(limits).collect();
    let mut command = tools::FUZZ.command(workspace, &args)?;
    let (log, limit) = (workspace.log(NAME), Duration::from_secs(seconds) + SLACK);
    let (mut excerpt, mut runs) = (Excerpt::default(), None);
    let ending = run::teed(&mut command, &log, limit, |_, line| {
        excerpt.note(line);
        if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
            runs = count.trim().parse::<u64>().ok();
        }
        if line.contains("panicked at ") || line.contains("Test unit written to") {
            println!("{}", excerpt::safe(line));
        }
    });
    let found = matches!(&ending, Ok(Ending::Exited(status)) if !status.success());
    let outcome = judged(ending, limit, &excerpt, workspace, &log);
    println!("{target}: {} inputs in {seconds} s, {outcome}", runs.unwrap_or(0), outcome = outcome.word());
    if found {
        println!(
            "  what broke it is in fuzz/artifacts/{target}; mend it, and keep the file in fuzz/regressions/{target}"
        );
    }
    Ok(outcome.and_then(|| match runs {
        // An input takes microseconds: fewer than this, and nothing was tried.
        Some(runs) if runs > seconds * 100 => Outcome::Passed,
        runs => Outcome::Failed(format!("{target} tried {} inputs only", runs.unwrap_or(0))),
    }))
}
