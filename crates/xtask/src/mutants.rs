//! `cargo xtask mutants`: changes the core in every small way that cargo-mutants knows, and asks whether a test minds.

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use crate::run;
use crate::step::Outcome;
use crate::tools;
use crate::workspace::Workspace;

/// Where each change that nothing notices is explained.
const EXPLAINED: &str = "docs/testing.md";

/// What `cargo xtask mutants` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Change this file only, of those in `.cargo/mutants.toml`; may be given more than once.
    #[arg(long, value_name = "FILE")]
    file: Vec<String>,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    let outcome = mutate(args, workspace).unwrap_or_else(|error| Outcome::Failed(error.to_string()));
    outcome.exit_code()
}

fn mutate(args: &Args, workspace: &Workspace) -> io::Result<Outcome> {
    let folder = workspace.target().join("mutants");
    fs::create_dir_all(&folder)?;
    let out = folder.to_string_lossy();
    let mut given = vec!["--package", "fleet-token", "--output", &*out];
    // By name, since `--file` would add to the files of the configuration.
    let names: Vec<_> = args.file.iter().map(|file| format!("^{}:", file.replace('.', r"\."))).collect();
    given.extend(names.iter().flat_map(|name| ["--re", name.as_str()]));
    let mut command = tools::MUTANTS.command(workspace, &given)?;
    // It builds in a copy of the checkout, and takes a target folder of ours for its own.
    let status = run::shown(command.env_remove("CARGO_TARGET_DIR"))?;
    // 0: all caught; 2: some were missed; 3: some ended in a time-out, which a test noticed, in its way.
    if !matches!(status.code(), Some(0 | 2 | 3)) {
        return Ok(Outcome::Failed(status.to_string()));
    }
    judge(&folder.join("mutants.out"), &fs::read_to_string(workspace.root().join(EXPLAINED))?)
}

fn judge(results: &Path, explained: &str) -> io::Result<Outcome> {
    let lines = |name: &str| -> io::Result<Vec<String>> {
        Ok(fs::read_to_string(results.join(name))?.lines().map(str::to_owned).collect())
    };
    let (caught, missed) = (lines("caught.txt")?.len() + lines("timeout.txt")?.len(), lines("missed.txt")?);
    let open: Vec<_> = missed.iter().filter(|mutant| !is_explained(mutant, explained)).collect();
    println!("{caught} caught, {} not noticed, {} of them explained", missed.len(), missed.len() - open.len());
    for mutant in &open {
        println!("  {mutant}");
    }
    Ok(match open.len() {
        // A file that is misspelt, or not among those that are changed.
        0 if caught + missed.len() == 0 => Outcome::Failed("nothing was changed, so nothing is proved".into()),
        0 => Outcome::Passed,
        open => Outcome::Failed(format!("{open} changes that no test minds are not explained in {EXPLAINED}")),
    })
}

/// Lines move; what was changed, and where, does not: `src/a.rs:1:2: replace …` is explained as `src/a.rs: replace …`.
fn is_explained(mutant: &str, explained: &str) -> bool {
    let mut parts = mutant.splitn(4, ':');
    match (parts.next(), parts.nth(2)) {
        (Some(file), Some(change)) => explained.contains(&format!("`{file}:{change}`")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_explained;

    #[test]
    fn a_change_is_explained_wherever_its_line_has_moved() {
        let page = "| `src/policy.rs: replace < with <= in RefreshPolicy::age` | no time is between |";
        assert!(is_explained("src/policy.rs:12:34: replace < with <= in RefreshPolicy::age", page));
        assert!(!is_explained("src/policy.rs:12:34: replace < with == in RefreshPolicy::age", page));
        assert!(!is_explained("src/backoff.rs:12:34: replace < with <= in RefreshPolicy::age", page));
        assert!(!is_explained("nonsense", page));
    }
}
