//! `cargo xtask api`: what Rust programs see of the SDK, one item a line in a committed file, so that a change of it is
//! seen in a review. Kotlin's and Swift's files lie beside it, and are held by the tests of those languages.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, io};

use crate::bindings::succeed;
use crate::builds;
use crate::run::cargo;
use crate::step::Outcome;
use crate::workspace::Workspace;

pub(crate) const NAME: &str = "api";
pub(crate) const ABOUT: &str = "what Rust programs see is what was reviewed";

const COMMITTED: &str = "api/rust.txt";
/// All that is for Rust. `ffi` is for the generated bindings, whose faces are in files of their own.
const FEATURES: &str = "metrics,reqwest,reqwest-middleware,test-util,tonic,tower";

/// The compiler's own notes, which come and go with it.
const COMPILERS: [&str; 3] =
    ["core::marker::Freeze ", "core::marker::StructuralPartialEq ", "core::marker::UnsafeUnpin "];

/// What `cargo xtask api` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Commit what is seen now.
    #[arg(long)]
    accept: bool,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    judged(compare(args.accept, workspace)).exit_code()
}

/// The step of `cargo xtask test`.
pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    judged(compare(false, workspace))
}

fn judged(compared: io::Result<Outcome>) -> Outcome {
    compared.unwrap_or_else(|error| Outcome::Failed(error.to_string()))
}

fn compare(accept: bool, workspace: &Workspace) -> io::Result<Outcome> {
    if let Some(other) = builds::other_compiler(workspace)? {
        return Ok(Outcome::Skipped(format!("rustdoc {other} writes another form than the one that is read")));
    }
    let now = seen(workspace)?;
    let path = workspace.root().join(COMMITTED);
    if accept {
        fs::write(&path, &now)?;
        println!("{COMMITTED} is what is seen now: {} items", now.lines().count());
        return Ok(Outcome::Passed);
    }
    let committed = fs::read_to_string(path)?;
    let changes = changes(&committed, &now);
    for change in &changes {
        println!("{change}");
    }
    Ok(if changes.is_empty() {
        println!("{} items, as in {COMMITTED}", now.lines().count());
        Outcome::Passed
    } else {
        Outcome::Failed(format!(
            "{} lines differ from {COMMITTED}; if that is meant: `cargo xtask api --accept`",
            changes.len()
        ))
    })
}

/// Every public item, by its path. What the compiler implements for all types says nothing; what it derives of `Send`
/// and `Sync` does.
fn seen(workspace: &Workspace) -> io::Result<String> {
    let api = public_api::Builder::from_rustdoc_json(json(workspace)?).omit_blanket_impls(true).build();
    let api = api.map_err(io::Error::other)?;
    let items = api.items().map(|item| format!("{item}\n"));
    Ok(items.filter(|item| !COMPILERS.iter().any(|own| item.contains(own))).collect())
}

/// What rustdoc says of the crate. The form is not stable yet: the stable compiler gives it only if it is told that it is
/// a nightly one, in a folder of its own, so that nothing else is built by such a compiler.
fn json(workspace: &Workspace) -> io::Result<PathBuf> {
    let folder = workspace.target().join(NAME);
    let mut command = cargo(workspace, &["rustdoc", "--quiet", "--package", "fleet-token", "--lib"]);
    command.args(["--no-default-features", "--features", FEATURES, "--target-dir"]).arg(&folder);
    command.args(["--", "-Zunstable-options", "--output-format", "json"]).env("RUSTC_BOOTSTRAP", "1");
    succeed(&mut command)?;
    Ok(folder.join("doc/fleet_token.json"))
}

/// Lines that went and came, in the order of the files.
fn changes(before: &str, now: &str) -> Vec<String> {
    let (old, new): (BTreeSet<_>, BTreeSet<_>) = (before.lines().collect(), now.lines().collect());
    let gone = old.difference(&new).map(|line| format!("- {line}"));
    gone.chain(new.difference(&old).map(|line| format!("+ {line}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[test]
    fn what_went_and_what_came_is_said() {
        let before = "pub fn a::one()\npub fn a::two()\n";
        assert!(changes(before, before).is_empty());
        let now = "pub fn a::one()\npub fn a::two(u8)\n";
        assert_eq!(changes(before, now), ["- pub fn a::two()", "+ pub fn a::two(u8)"]);
    }
}
