//! `cargo xtask example NAME`: a program that shows how an app uses the SDK, with a server of its own to try it on.
//!
//! A further one is a constant in [`EXAMPLES`] and a file beside this one that says how it is built.

mod kotlin;
mod rust;
mod server;
mod swift;

use std::fs;
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::builder::PossibleValuesParser;

use self::server::Server;
use crate::excerpt::{self, Excerpt};
use crate::kept::{exited, judged, traced};
use crate::run::{self, Pipe};
use crate::step::Outcome;
use crate::workspace::Workspace;

pub(crate) const NAME: &str = "examples";
pub(crate) const ABOUT: &str = "every example runs by itself and keeps its word";

/// Far above what any of them takes by itself.
const LIMIT: Duration = Duration::from_mins(3);

/// A program below `examples/`.
pub(crate) struct Example {
    /// The name of its folder.
    name: &'static str,
    about: &'static str,
    /// What its server is started with, beside free ports.
    serve: &'static [&'static str],
    /// With these it needs no terminal and no hand, ends by itself, and fails if it did not do what it shows.
    headless: &'static [&'static str],
    /// Builds it, and says how it is run. `Err` holds what came of it: failed, or skipped for want of what this machine lacks.
    build: fn(&mut Workspace) -> Result<Command, Outcome>,
}

const EXAMPLES: &[Example] = &[
    Example {
        name: "desktop",
        about: "follows a trip and several vehicles on a map",
        serve: &["--token-lifetime", "30", "--traffic", "4"],
        headless: &["--headless"],
        build: |workspace| rust::build("desktop", workspace),
    },
    Example {
        name: "no-cache",
        about: "what apps do today, counted beside fleet-token",
        serve: &[],
        headless: &[],
        build: |workspace| rust::build("no-cache", workspace),
    },
    Example {
        name: "driver",
        about: "a driver's app, through renewals and an outage of its backend",
        // So that what takes an hour in life can be watched.
        serve: &["--token-lifetime", "12"],
        headless: &["--seconds", "16", "--outage"],
        build: |workspace| kotlin::build("driver", workspace),
    },
    Example {
        name: "consumer",
        about: "a rider's app follows its trip, in Swift",
        // Short lives, so that tokens follow each other while one looks.
        serve: &["--token-lifetime", "20", "--traffic", "10"],
        headless: &["--seconds", "15"],
        build: |workspace| swift::build("consumer", "Consumer", workspace),
    },
];

/// What `cargo xtask example` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which one.
    #[arg(value_parser = PossibleValuesParser::new(EXAMPLES.iter().map(|example| example.name)))]
    name: String,
    /// What the example itself takes, such as --help.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// With the terminal left to the example.
pub(crate) fn run(args: &Args, workspace: &mut Workspace) -> ExitCode {
    let Some(example) = EXAMPLES.iter().find(|example| example.name == args.name) else {
        return Outcome::Failed(format!("no example is called {}", args.name)).exit_code();
    };
    match started(example, workspace) {
        Ok((_server, mut command)) => exited(run::shown(command.args(&args.args))).exit_code(),
        Err(outcome) => outcome.exit_code(),
    }
}

/// The step of `cargo xtask test`: each of them, headless, with what it prints kept for the secret scan.
pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    let _ = fs::remove_file(workspace.log(NAME));
    let outcomes: Vec<_> = EXAMPLES.iter().map(|example| (example.name, headless(example, workspace))).collect();
    Outcome::summed(&outcomes)
}

fn headless(example: &Example, workspace: &mut Workspace) -> Outcome {
    println!("{}: {}", example.name, example.about);
    let (_server, mut command) = match started(example, workspace) {
        Ok(started) => started,
        Err(outcome) => return outcome,
    };
    let log = workspace.log(NAME);
    let mut excerpt = Excerpt::default();
    let ending = run::teed(traced(command.args(example.headless)), &log, LIMIT, |from, line| {
        excerpt.note(line);
        if from == Pipe::Out {
            println!("  {}", excerpt::safe(line));
        }
    });
    judged(ending, LIMIT, &excerpt, workspace, &log)
}

/// The server, which runs until it is dropped, and the example, which has yet to be.
fn started(example: &Example, workspace: &mut Workspace) -> Result<(Server, Command), Outcome> {
    let mut command = (example.build)(workspace)?;
    let server = Server::start(workspace, example.serve).map_err(|error| Outcome::Failed(error.to_string()))?;
    command.env("FLEET_TOKEN_BACKEND", &server.backend).env("FLEET_TOKEN_ENGINE", &server.engine);
    Ok((server, command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_has_a_folder_with_a_readme_and_every_folder_is_an_example() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        for example in EXAMPLES {
            assert!(folder.join(example.name).join("README.md").is_file(), "{}", example.name);
        }
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_example = EXAMPLES.iter().any(|example| example.name == name);
            assert!(is_example || !entry.file_type().unwrap().is_dir(), "nobody runs examples/{name}");
        }
    }
}
