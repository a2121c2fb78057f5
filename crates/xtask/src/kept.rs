//! Runs whose complete output is kept for the secret scan, with the tests in it counted.

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;
use std::{fs, io};

use crate::excerpt::{self, Excerpt};
use crate::run::{self, Ending, Pipe};
use crate::step::Outcome;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// A run of tests, and how its output is read.
pub(crate) struct Suite {
    /// The step's name, and its log's.
    pub(crate) name: &'static str,
    /// Bounds a hung test, far above an honest run on two slow cores.
    pub(crate) limit: Duration,
    /// What a line of output adds to the count.
    pub(crate) count: fn(&str) -> Option<Tally>,
    /// Whether a line is shown while it goes well.
    pub(crate) headline: fn(Pipe, &str) -> bool,
}

impl Suite {
    /// Runs it, shows the headlines, and adds the results to the workspace's.
    pub(crate) fn run(&self, workspace: &mut Workspace, command: &mut Command) -> Outcome {
        let log = workspace.log(self.name);
        // What an earlier run left must not be scanned as if this one had printed it.
        let _ = fs::remove_file(&log);
        let mut excerpt = Excerpt::default();
        let (mut counts, mut results) = (Tally::default(), 0);
        let ending = run::teed(command, &log, self.limit, |from, line| {
            excerpt.note(line);
            if (self.headline)(from, line) {
                println!("{}", excerpt::safe(line));
            }
            if let Some(more) = (self.count)(line) {
                counts += more;
                results += 1;
            }
        });
        println!("{counts}; complete output in {}", workspace.short(&log));
        workspace.tally += counts;
        let outcome = judged(ending, self.limit, &excerpt, workspace, &log);
        if counts.failed > 0 {
            return Outcome::Failed(format!("{} failed", counts.failed));
        }
        outcome.and_then(|| {
            if results == 0 {
                Outcome::Failed("no test gave a result".into())
            } else if counts.skipped > 0 && workspace.is_ci() {
                Outcome::Failed(format!("{} ignored, which CI must not", counts.skipped))
            } else {
                Outcome::Passed
            }
        })
    }
}

/// Runs a step that counts no tests, with its standard output on the screen and all of its output kept.
pub(crate) fn watched(name: &str, limit: Duration, workspace: &Workspace, command: &mut Command) -> Outcome {
    let log = workspace.log(name);
    // What an earlier run left must not be scanned as if this one had printed it.
    let _ = fs::remove_file(&log);
    let mut excerpt = Excerpt::default();
    let ending = run::teed(command, &log, limit, |from, line| {
        excerpt.note(line);
        if from == Pipe::Out {
            println!("{}", excerpt::safe(line));
        }
    });
    judged(ending, limit, &excerpt, workspace, &log)
}

/// Everything that can be logged is logged, in plain text: the scan must see what a customer's debug build would print.
pub(crate) fn traced(command: &mut Command) -> &mut Command {
    command.env("RUST_LOG", "trace").env("CARGO_TERM_COLOR", "never").env("RUST_BACKTRACE", "0")
}

pub(crate) fn exited(status: io::Result<ExitStatus>) -> Outcome {
    match status {
        Ok(status) if status.success() => Outcome::Passed,
        Ok(status) => Outcome::Failed(status.to_string()),
        Err(error) => Outcome::Failed(format!("cannot start it: {error}")),
    }
}

/// The outcome of a kept run; a failure shows its excerpt and where the rest is.
pub(crate) fn judged(
    ending: io::Result<Ending>,
    limit: Duration,
    excerpt: &Excerpt,
    workspace: &Workspace,
    log: &Path,
) -> Outcome {
    let outcome = match ending {
        Ok(Ending::Exited(status)) => exited(Ok(status)),
        Ok(Ending::TimedOut) => Outcome::Failed(format!("stopped after {} s", limit.as_secs())),
        Err(error) => exited(Err(error)),
    };
    if outcome != Outcome::Passed {
        print!("{excerpt}");
        println!("  complete output: {}", workspace.short(log));
    }
    outcome
}
