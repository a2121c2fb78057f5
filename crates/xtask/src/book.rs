//! `cargo xtask book`: the documentation as a book, each link and each block of code in it checked.

use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};

use crate::kept::exited;
use crate::run::{self, cargo};
use crate::step::Outcome;
use crate::tools::MDBOOK;
use crate::workspace::Workspace;

pub(crate) const NAME: &str = "book";
pub(crate) const ABOUT: &str = "the pages keep what they say: links, code, pictures; the book builds";

/// Checks the pages, builds the book, and says where it is.
pub(crate) fn run(workspace: &mut Workspace) -> ExitCode {
    let outcome = test(workspace);
    if outcome == Outcome::Passed {
        println!("{}", workspace.short(&workspace.target().join("book/html/index.html")));
    }
    outcome.exit_code()
}

/// Makes the pictures of the pages anew.
#[derive(clap::Args)]
pub(crate) struct PicturesArgs {
    /// Run the demo first, and show this run.
    #[arg(long)]
    demo: bool,
}

pub(crate) fn pictures(args: &PicturesArgs, workspace: &Workspace) -> ExitCode {
    let outcome =
        exited(run::shown(&mut cargo(workspace, &["build", "-p", "fleet-token-book", "-p", "fleet-token-cli"])));
    let mut command = program(workspace);
    command.arg("pictures");
    if args.demo {
        command.arg("--demo").arg(built_program(workspace, "fleet-token"));
    }
    outcome.and_then(|| exited(run::shown(&mut command))).exit_code()
}

pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    exited(run::shown(&mut cargo(workspace, &["build", "-p", "fleet-token-book", "-p", "fleet-token-cli"])))
        .and_then(|| exited(checked(workspace)))
        .and_then(|| exited(built(workspace)))
}

fn checked(workspace: &Workspace) -> io::Result<ExitStatus> {
    let xtask = std::env::current_exe()?;
    let fleet_token = built_program(workspace, "fleet-token");
    run::shown(program(workspace).arg("check").arg("--fleet-token").arg(fleet_token).arg("--xtask").arg(xtask))
}

fn built(workspace: &Workspace) -> io::Result<ExitStatus> {
    let mdbook = MDBOOK.program(workspace)?;
    let out = workspace.target().join("book");
    run::shown(program(workspace).arg("build").arg("--mdbook").arg(mdbook).arg("--out").arg(out))
}

/// The pages that can be followed, each with the script that does so.
pub(crate) fn walks(workspace: &Workspace) -> io::Result<Vec<(String, String)>> {
    let status = run::shown(&mut cargo(workspace, &["build", "-p", "fleet-token-book"]))?;
    if !status.success() {
        return Err(io::Error::other(format!("cargo build: {status}")));
    }
    let said = |words: &[&str]| {
        let output = program(workspace).arg("walk").args(words).output()?;
        let text = String::from_utf8(output.stdout).map_err(io::Error::other)?;
        if output.status.success() { Ok(text) } else { Err(io::Error::other(text)) }
    };
    said(&[])?.lines().map(|page| Ok((page.to_owned(), said(&[page])?))).collect()
}

/// The program of `crates/book`, at the root.
fn program(workspace: &Workspace) -> Command {
    let mut command = Command::new(built_program(workspace, "fleet-token-book"));
    command.current_dir(workspace.root());
    command
}

fn built_program(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.target().join("debug").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
