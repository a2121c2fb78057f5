//! A chore made of steps: every step runs, whatever the one before it came to, and a table at the end says what was seen.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use crate::stopwatch::Stopwatch;
use crate::workspace::Workspace;

/// One thing to prove. A new language joins as more of these.
pub(crate) struct Step<'a> {
    /// What `--only` takes.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: &'a dyn Fn(&mut Workspace) -> Outcome,
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed(String),
    /// Could not be done here, and why. In CI this is a failure.
    Skipped(String),
}

impl Outcome {
    /// Goes on to the next part of a step only if this one passed.
    pub(crate) fn and_then(self, next: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Passed => next(),
            other => other,
        }
    }

    /// What the named parts of a step came to: the failures, or else what was skipped.
    pub(crate) fn summed(outcomes: &[(&str, Self)]) -> Self {
        let reasons = |of: fn(&Outcome) -> Option<&String>| {
            let named = |(name, outcome): &(&str, Outcome)| of(outcome).map(|reason| format!("{name}: {reason}"));
            Some(outcomes.iter().filter_map(named).collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
        };
        let failed = reasons(|outcome| if let Outcome::Failed(reason) = outcome { Some(reason) } else { None });
        let skipped = reasons(|outcome| if let Outcome::Skipped(reason) = outcome { Some(reason) } else { None });
        failed.map(Outcome::Failed).or(skipped.map(Outcome::Skipped)).unwrap_or(Outcome::Passed)
    }

    /// CI proves everything or fails.
    fn in_ci(self, is_ci: bool) -> Self {
        match self {
            Self::Skipped(reason) if is_ci => Self::Failed(format!("skipped, which CI must not: {reason}")),
            other => other,
        }
    }

    /// What a chore that is this one thing ends with; what did not pass says why.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Passed => ExitCode::SUCCESS,
            Self::Failed(reason) | Self::Skipped(reason) => {
                eprintln!("{}: {reason}", self.word());
                ExitCode::FAILURE
            }
        }
    }

    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed(_) => "FAILED",
            Self::Skipped(_) => "skipped",
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Passed => "",
            Self::Failed(reason) | Self::Skipped(reason) => reason,
        }
    }
}

/// The line of the table for one step.
struct Row {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs every step, prints the table, and fails if any step did.
pub(crate) fn run_all(steps: &[&Step<'_>], workspace: &mut Workspace) -> ExitCode {
    let mut rows = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        println!("\n=== {}/{} {}: {} ===", index + 1, steps.len(), step.name, step.about);
        let watch = Stopwatch::start();
        let outcome = (step.run)(workspace).in_ci(workspace.is_ci());
        let row = Row { name: step.name, outcome, took: watch.elapsed() };
        println!("--- {} {} in {} {}", row.name, row.outcome.word(), seconds(row.took), row.outcome.reason());
        rows.push(row);
    }
    println!("\n{}", table(&rows));
    if rows.iter().any(|row| matches!(row.outcome, Outcome::Failed(_))) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max("total".len());
    let mut text = format!("{:width$}  {:7}  {:>9}  why\n", "step", "outcome", "time");
    for row in rows {
        let line = format!(
            "{:width$}  {:7}  {:>9}  {}",
            row.name,
            row.outcome.word(),
            seconds(row.took),
            row.outcome.reason()
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    let total = rows.iter().map(|row| row.took).sum();
    let _ = writeln!(text, "{:width$}  {:7}  {:>9}", "total", "", seconds(total));
    text
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::{Duration, Outcome, Row, table};

    #[test]
    fn a_skip_is_said_here_and_fails_in_ci() {
        let skipped = Outcome::Skipped("no JDK".into());
        assert_eq!(skipped.clone().in_ci(false), skipped);
        assert_eq!(skipped.in_ci(true), Outcome::Failed("skipped, which CI must not: no JDK".into()));
        assert_eq!(Outcome::Passed.in_ci(true), Outcome::Passed);
    }

    #[test]
    fn a_failure_counts_before_a_skip_and_both_are_named() {
        let failed = || ("a", Outcome::Failed("exit status: 1".into()));
        let skipped = || ("b", Outcome::Skipped("no JDK".into()));
        assert_eq!(
            Outcome::summed(&[("c", Outcome::Passed), skipped(), failed()]),
            Outcome::Failed("a: exit status: 1".into())
        );
        assert_eq!(Outcome::summed(&[("c", Outcome::Passed), skipped()]), Outcome::Skipped("b: no JDK".into()));
        assert_eq!(Outcome::summed(&[("c", Outcome::Passed)]), Outcome::Passed);
    }

    #[test]
    fn a_failed_part_ends_its_step() {
        let failed = Outcome::Failed("fmt".into());
        assert_eq!(failed.clone().and_then(|| Outcome::Passed), failed);
        assert_eq!(Outcome::Passed.and_then(|| failed.clone()), failed);
    }

    #[test]
    fn the_table_says_of_every_step_what_and_why() {
        let row = |name, outcome, millis| Row { name, outcome, took: Duration::from_millis(millis) };
        let text = table(&[
            row("format", Outcome::Passed, 1200),
            row("kotlin", Outcome::Skipped("no JDK".into()), 0),
            row("tests", Outcome::Failed("exit status: 101".into()), 61_000),
        ]);
        let expected = "\
step    outcome       time  why
format  passed       1.2 s
kotlin  skipped      0.0 s  no JDK
tests   FAILED      61.0 s  exit status: 101
total               62.2 s
";
        assert_eq!(text, expected);
    }
}
