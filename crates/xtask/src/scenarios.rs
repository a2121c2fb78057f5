//! The table of every scenario in every language, from what each runner wrote down.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{fs, io};

use crate::step::Outcome;
use crate::workspace::Workspace;

/// The columns. Each runner writes one line a scenario, `scenario RULE NAME VERDICT`, the verdict `ok`, `failed` or
/// `skipped`, to the file that it is told.
pub(crate) const LANGUAGES: [&str; 3] = ["rust", "kotlin", "swift"];

/// What the Rust and Swift runners are told by; Kotlin's by the system property `fleet.scenario.report`.
pub(crate) const REPORT: &str = "FLEET_TOKEN_SCENARIO_REPORT";

/// Where a language's runner writes. What an earlier run left is gone: it must not stand for this one.
pub(crate) fn fresh_report(workspace: &Workspace, language: &str) -> PathBuf {
    let path = report(workspace, language);
    let _ = fs::remove_file(&path);
    path
}

/// Removes what earlier runs left: a language that is then not run must have no column, and not an old one.
pub(crate) fn forget(workspace: &Workspace) {
    for language in LANGUAGES {
        let _ = fs::remove_file(report(workspace, language));
    }
}

pub(crate) fn report(workspace: &Workspace, language: &str) -> PathBuf {
    workspace.log(&format!("scenarios-{language}"))
}

/// The step: prints the table, and fails if any scenario did not hold in any language.
pub(crate) fn compare(workspace: &mut Workspace) -> Outcome {
    let files = match files(workspace) {
        Ok(files) => files,
        Err(error) => return Outcome::Failed(format!("cannot read tests/scenarios: {error}")),
    };
    let reports = LANGUAGES.map(|language| fs::read_to_string(report(workspace, language)).ok());
    let table = Table::of(&files, reports.each_ref().map(Option::as_deref));
    println!("{table}");
    table.outcome()
}

/// Every scenario there is, by the names of their files.
fn files(workspace: &Workspace) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(workspace.root().join("tests/scenarios"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    Ok(names)
}

/// What one language says of one scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verdict {
    Held,
    Failed,
    Skipped,
    /// Nothing, though it ran others: as bad as a failure.
    #[default]
    Silent,
}

impl Verdict {
    fn sign(self) -> &'static str {
        match self {
            Self::Held => "✓",
            Self::Failed => "✗",
            Self::Skipped => "-",
            Self::Silent => "?",
        }
    }
}

#[derive(Default)]
struct Row {
    rule: String,
    verdicts: [Verdict; LANGUAGES.len()],
}

struct Table {
    rows: BTreeMap<String, Row>,
    /// Languages that gave no report at all.
    absent: Vec<&'static str>,
    /// Lines that are no rows: a runner that writes something else is broken.
    strange: usize,
}

impl Table {
    fn of(files: &BTreeSet<String>, reports: [Option<&str>; LANGUAGES.len()]) -> Self {
        let mut table = Self {
            rows: files.iter().map(|name| (name.clone(), Row::default())).collect(),
            absent: Vec::new(),
            strange: 0,
        };
        for (column, report) in reports.into_iter().enumerate() {
            match report {
                None => table.absent.push(LANGUAGES[column]),
                Some(text) => text.lines().for_each(|line| table.read(column, line)),
            }
        }
        table
    }

    fn read(&mut self, column: usize, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["scenario", rule, name, verdict] = words[..] else {
            self.strange += 1;
            return;
        };
        let verdict = match verdict {
            "ok" => Verdict::Held,
            "failed" => Verdict::Failed,
            "skipped" => Verdict::Skipped,
            _ => Verdict::Silent,
        };
        let row = self.rows.entry(name.to_owned()).or_default();
        rule.clone_into(&mut row.rule);
        row.verdicts[column] = verdict;
    }

    fn held(&self, column: usize) -> usize {
        self.rows.values().filter(|row| row.verdicts[column] == Verdict::Held).count()
    }

    fn outcome(&self) -> Outcome {
        let present = || (0..LANGUAGES.len()).filter(|column| !self.absent.contains(&LANGUAGES[*column]));
        let broken: Vec<_> = present()
            .filter(|column| self.held(*column) < self.rows.len())
            .map(|column| format!("{} of {} in {}", self.held(column), self.rows.len(), LANGUAGES[column]))
            .collect();
        if self.rows.is_empty() || self.strange > 0 {
            Outcome::Failed(format!("{} scenarios, {} lines that are none", self.rows.len(), self.strange))
        } else if !broken.is_empty() {
            Outcome::Failed(format!("only {} hold", broken.join(", ")))
        } else if self.absent.is_empty() {
            Outcome::Passed
        } else {
            Outcome::Skipped(format!("no report from {}", self.absent.join(", ")))
        }
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = self.rows.keys().map(String::len).max().unwrap_or(0).max("scenario".len());
        let [rust, kotlin, swift] = LANGUAGES;
        writeln!(f, "{:13} {:width$}  {rust}  {kotlin}  {swift}", "rule", "scenario")?;
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by_key(|(name, row)| (&row.rule, *name));
        for (name, row) in rows {
            let mut line = format!("{:13} {name:width$}", row.rule);
            for (language, verdict) in LANGUAGES.iter().zip(row.verdicts) {
                let sign = if self.absent.contains(language) { " " } else { verdict.sign() };
                let _ = write!(line, "  {sign:^length$}", length = language.len());
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        let held: Vec<_> =
            (0..LANGUAGES.len()).map(|column| format!("{} {}", self.held(column), LANGUAGES[column])).collect();
        write!(f, "{} scenarios; held: {}", self.rows.len(), held.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::{BTreeSet, Outcome, Table};

    const ALL: &str = "scenario bound one ok\nscenario shapes two ok\n";

    fn table(reports: [Option<&str>; 3]) -> Table {
        Table::of(&BTreeSet::from(["one".to_owned(), "two".to_owned()]), reports)
    }

    fn failed(reports: [Option<&str>; 3]) -> String {
        match table(reports).outcome() {
            Outcome::Failed(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn three_whole_columns_pass() {
        let table = table([Some(ALL); 3]);
        assert_eq!(table.outcome(), Outcome::Passed);
        let expected = "\
rule          scenario  rust  kotlin  swift
bound         one        ✓      ✓       ✓
shapes        two        ✓      ✓       ✓
2 scenarios; held: 2 rust, 2 kotlin, 2 swift";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn any_difference_fails() {
        for kotlin in ["scenario bound one ok\nscenario shapes two failed\n", "scenario bound one ok\n"] {
            assert_eq!(failed([Some(ALL), Some(kotlin), Some(ALL)]), "only 1 of 2 in kotlin hold");
        }
        let skipped = "scenario bound one ok\nscenario shapes two skipped\n";
        assert_eq!(failed([Some(ALL), Some(ALL), Some(skipped)]), "only 1 of 2 in swift hold");
        let more = "scenario bound one ok\nscenario shapes two ok\nscenario shapes three ok\n";
        assert_eq!(failed([Some(ALL), Some(more), Some(ALL)]), "only 2 of 3 in rust, 2 of 3 in swift hold");
        assert!(failed([Some("noise\n"), Some(ALL), Some(ALL)]).contains("1 lines"));
    }

    #[test]
    fn a_language_that_was_not_run_is_a_skip() {
        let table = table([Some(ALL), Some(ALL), None]);
        assert_eq!(table.outcome(), Outcome::Skipped("no report from swift".into()));
        assert!(table.to_string().contains("one        ✓      ✓\n"));
    }
}
