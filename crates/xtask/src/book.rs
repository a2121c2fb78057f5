//! `cargo xtask book`: the documentation as a book, each link and each block of code in it checked.

use std::io;
use std::process::{Command, ExitCode};

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

pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    exited(run::shown(&mut cargo(workspace, &["build", "-p", "fleet-token-book"])))
        .and_then(|| exited(run::shown(program(workspace).arg("check"))))
        .and_then(|| exited(built(workspace)))
}

fn built(workspace: &Workspace) -> io::Result<std::process::ExitStatus> {
    let mdbook = MDBOOK.program(workspace)?;
    let out = workspace.target().join("book");
    run::shown(program(workspace).arg("build").arg("--mdbook").arg(mdbook).arg("--out").arg(out))
}

/// The program of `crates/book`, at the root.
fn program(workspace: &Workspace) -> Command {
    let name = format!("fleet-token-book{}", std::env::consts::EXE_SUFFIX);
    let mut command = Command::new(workspace.target().join("debug").join(name));
    command.current_dir(workspace.root());
    command
}
