//! `cargo xtask dist`: what phones are given, made from this checkout.

mod android;
mod apple;
mod library;
mod size;
mod weigh;

use std::process::ExitCode;

use clap::Subcommand;

pub(crate) use self::size::Args as SizeArgs;
use crate::kotlin;
use crate::step::Outcome;
use crate::workspace::Workspace;

/// All that was checked is well, but this machine could not build everything: neither success nor failure.
const NOT_WHOLE: u8 = 3;

/// What `cargo xtask dist` takes.
#[derive(Subcommand)]
pub(crate) enum Args {
    /// The AAR, with the native libraries of every ABI that can be built here.
    Android(android::Args),
    /// The XCFramework, on a Mac; elsewhere what of it can be checked.
    Apple(apple::Args),
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    let made = match args {
        Args::Android(args) => android::run(args, workspace),
        Args::Apple(args) => apple::run(args, workspace),
    };
    match made {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_WHOLE),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The step of `cargo xtask test`: both packages, as far as this machine can make them.
pub(crate) fn test(workspace: &mut Workspace) -> Outcome {
    if let Some(reason) = kotlin::missing() {
        return Outcome::Skipped(reason);
    }
    let made = android::run(&android::Args::default(), workspace)
        .and_then(|_| apple::run(&apple::Args::default(), workspace).map(|_| ()));
    match made {
        Ok(()) => Outcome::Passed,
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

pub(crate) const SIZE: &str = "size";
pub(crate) const ABOUT_SIZE: &str = "the library that phones load has not grown";

/// `cargo xtask size`: the stripped library of each feature set, for this machine.
pub(crate) fn size(args: &SizeArgs, workspace: &Workspace) -> ExitCode {
    sized(args, workspace).exit_code()
}

/// The same as a step.
pub(crate) fn test_size(workspace: &mut Workspace) -> Outcome {
    sized(&SizeArgs::default(), workspace)
}

fn sized(args: &SizeArgs, workspace: &Workspace) -> Outcome {
    size::run(args, workspace).unwrap_or_else(|error| Outcome::Failed(error.to_string()))
}
