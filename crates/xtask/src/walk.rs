//! `cargo xtask walk`: the pages that lead somewhere by commands are followed, each as its reader would, from an empty home.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;
use std::{env, fs, io, process};

use crate::book;
use crate::excerpt::{self, Excerpt};
use crate::kept::judged;
use crate::kotlin;
use crate::run::{self, Pipe};
use crate::step::Outcome;
use crate::swift::{self, Toolchain};
use crate::workspace::Workspace;

/// The step's name.
pub(crate) const NAME: &str = "walk";

pub(crate) const ABOUT: &str = "the quickstarts lead where they say, command by command";

/// For one page, with what it builds.
const LIMIT: Duration = Duration::from_mins(20);

/// Where the pages' server listens.
const PORTS: [u16; 2] = [8080, 8081];

/// What a reader's own project does without while it is built here.
const LESS_TO_BUILD: &str = "[profile.dev]\ndebug = false\nincremental = false\n";

/// What `cargo xtask walk` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which pages, such as docs/quickstart-rust.md; all that can be followed, if none is given.
    pages: Vec<String>,
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    followed(&args.pages, workspace).exit_code()
}

/// The step of `cargo xtask test`.
pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    followed(&[], workspace)
}

fn followed(wanted: &[String], workspace: &Workspace) -> Outcome {
    let _ = fs::remove_file(workspace.log(NAME));
    let walks = match book::walks(workspace) {
        Ok(walks) => walks,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    if let Some(unknown) = wanted.iter().find(|page| !walks.iter().any(|(name, _)| name == *page)) {
        return Outcome::Failed(format!("{unknown}: no page with a command to run"));
    }
    let chosen = walks.iter().filter(|(page, _)| wanted.is_empty() || wanted.contains(page));
    let outcomes: Vec<_> = chosen.map(|(page, script)| (page.as_str(), walked(script, workspace))).collect();
    Outcome::summed(&outcomes)
}

fn walked(script: &str, workspace: &Workspace) -> Outcome {
    let calls = |program: &str| script.lines().any(|line| line.starts_with(program));
    if let Some(reason) = kotlin::missing().filter(|_| calls("mvn ")) {
        return Outcome::Skipped(reason);
    }
    let swift = match calls("swift ").then(|| swift::toolchain_or_install(workspace)).transpose() {
        Ok(swift) => swift,
        Err(outcome) => return outcome,
    };
    // Outside the checkout, or cargo would take a reader's project for one of its members.
    let folder = env::temp_dir().join(format!("fleet-token-walk-{}", process::id()));
    let outcome = match prepared(&folder, &on_free_ports(script), swift.as_ref(), workspace) {
        Ok(mut command) => shown(&mut command, workspace),
        Err(error) => Outcome::Failed(error.to_string()),
    };
    let _ = fs::remove_dir_all(&folder);
    outcome
}

/// With other ports than the page's where a program of the reader's has those.
fn on_free_ports(script: &str) -> String {
    PORTS.into_iter().fold(script.to_owned(), |script, port| {
        let free =
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        match free.and_then(|free| free.local_addr()) {
            Ok(free) if free.port() != port => {
                println!("port {port} is taken here: {} in its place", free.port());
                script.replace(&port.to_string(), &free.port().to_string())
            }
            _ => script,
        }
    })
}

/// An empty home, and a place beside the checkout: what the machine's owner has in theirs is neither needed nor changed.
fn prepared(folder: &Path, script: &str, swift: Option<&Toolchain>, workspace: &Workspace) -> io::Result<Command> {
    let (home, beside, programs) = (folder.join("home"), folder.join("beside"), folder.join("bin"));
    for made in [&home, &beside.join(".cargo"), &programs] {
        fs::create_dir_all(made)?;
    }
    fs::write(beside.join(".cargo/config.toml"), LESS_TO_BUILD)?;
    unix::link(workspace.root(), &beside.join("fleet-token"))?;
    if let Some(toolchain @ Toolchain::Unpacked(_)) = swift {
        let command = toolchain.runs(workspace, Path::new("swift"));
        let words = [command.get_program()].into_iter().chain(command.get_args());
        let words: Vec<_> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
        unix::program(&programs.join("swift"), &format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")))?;
    }
    let page = folder.join("page.sh");
    fs::write(&page, script)?;
    let mut command = Command::new("bash");
    run::typed_by_hand(&mut command).arg(page).arg(workspace.root()).arg(folder).stdin(Stdio::null());
    for (name, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let kept = env::var_os(name).or_else(|| Some(Path::new(&env::var_os("HOME")?).join(below).into()));
        command.envs(kept.map(|kept| (name, kept)));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([programs].into_iter().chain(env::split_paths(&path))).map_err(io::Error::other)?;
    // Java does not go by HOME, and what this checkout installs must not stay among the owner's modules; nor a daemon, for hours.
    let modules = format!(
        "-Dkotlin.compiler.daemon=false -Dmaven.repo.local={}",
        workspace.target().join("walk/maven").display()
    );
    command.env("HOME", home).env("PATH", path).env("MAVEN_OPTS", modules);
    Ok(command)
}

fn shown(command: &mut Command, workspace: &Workspace) -> Outcome {
    let log = workspace.log(NAME);
    let mut excerpt = Excerpt::default();
    let ending = run::teed(command, &log, LIMIT, |from, line| {
        excerpt.note(line);
        // Maven says what it does on standard output.
        if from == Pipe::Out && !line.starts_with("[INFO]") && !line.starts_with("Download") {
            println!("  {}", excerpt::safe(line));
        }
    });
    judged(ending, LIMIT, &excerpt, workspace, &log)
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;
    use std::{fs, io};

    pub(super) fn link(to: &Path, at: &Path) -> io::Result<()> {
        symlink(to, at)
    }

    pub(super) fn program(path: &Path, text: &str) -> io::Result<()> {
        fs::write(path, text)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))
    }
}

/// The pages are written for a Unix shell.
#[cfg(not(unix))]
mod unix {
    use std::io;
    use std::path::Path;

    pub(super) fn link(_to: &Path, _at: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn program(_path: &Path, _text: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_another_in_the_whole_script() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, PORTS[0]));
        let script = on_free_ports("serve --port 8080; get http://127.0.0.1:8080/x");
        assert!(!script.contains("8080"), "{script}");
        let port = script.trim_start_matches("serve --port ").split(';').next().unwrap();
        assert_eq!(script, format!("serve --port {port}; get http://127.0.0.1:{port}/x"));
        drop(taken);
    }
}
