//! `cargo xtask dist`: what phones are given, made from this checkout.

mod android;
mod apple;
mod library;

use std::process::ExitCode;

use clap::Subcommand;

pub(crate) use self::library::Args as SizeArgs;
use crate::workspace::Workspace;

/// What `cargo xtask dist` takes.
#[derive(Subcommand)]
pub(crate) enum Args {
    /// The AAR, with the native libraries of every ABI that can be built here.
    Android(android::Args),
    /// The XCFramework, on a Mac; elsewhere what of it can be checked.
    Apple(apple::Args),
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    let done = match args {
        Args::Android(args) => android::run(args, workspace),
        Args::Apple(args) => apple::run(args, workspace),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// `cargo xtask size`: the stripped library of each feature set, for this machine.
pub(crate) fn sizes(args: &SizeArgs, workspace: &Workspace) -> ExitCode {
    match library::sizes(args, workspace) {
        Ok(table) => {
            println!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
