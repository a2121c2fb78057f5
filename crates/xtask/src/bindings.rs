//! `cargo xtask bindings`: the library that Kotlin and Swift load, and the sources generated from it.
//!
//! What comes out is not committed: it is right only for the library that it was generated from (each function carries
//! a checksum), and a stale copy in the repository would be found no earlier than on a phone.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs, io};

use crate::run::{self, cargo};
use crate::step::{Outcome, Step};
use crate::workspace::Workspace;

/// What `cargo xtask bindings` takes.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(crate) struct Args {
    /// As it is shipped: without the manual clock that the tests of the other languages need.
    #[arg(long)]
    shipped: bool,
    /// With HTTP inside, for desktops. The one for tests always has it.
    #[arg(long)]
    reqwest: bool,
    /// Optimised.
    #[arg(long)]
    release: bool,
    /// Leave the library beside them as it is, if there is one.
    #[arg(skip)]
    sources_only: bool,
}

impl Args {
    /// With the manual clock, not optimised.
    pub(crate) const fn for_tests() -> Self {
        Self { shipped: false, reqwest: false, release: false, sources_only: false }
    }

    /// As apps get them.
    pub(crate) const fn for_benches() -> Self {
        Self { shipped: true, reqwest: false, release: true, sources_only: false }
    }

    /// As apps get them, not optimised.
    pub(crate) const fn for_examples() -> Self {
        Self { shipped: true, reqwest: false, release: false, sources_only: false }
    }

    /// The sources as apps get them; the library is built for each device.
    pub(crate) const fn for_apps() -> Self {
        Self { shipped: true, reqwest: false, release: false, sources_only: true }
    }
}

pub(crate) fn run(args: &Args, workspace: &Workspace) -> ExitCode {
    match generate(args, workspace) {
        Ok(out) => {
            println!("bindings are in {}", workspace.short(&out));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The step before those of Kotlin and Swift.
pub(crate) const STEP: Step<'_> =
    Step { name: "bindings", about: "the library for Kotlin and Swift, and the sources that call it", run: &prepare };

fn prepare(workspace: &mut Workspace) -> Outcome {
    match generate(&Args::for_tests(), workspace) {
        Ok(_) => Outcome::Passed,
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

pub(crate) fn generate(args: &Args, workspace: &Workspace) -> io::Result<PathBuf> {
    let library = build_library(args, workspace)?;
    let generator = build_generator(workspace)?;

    let out = workspace.root().join("bindings/generated").join(if args.shipped { "shipped" } else { "testing" });
    // A source that is no longer generated must not go on being compiled.
    for sources in ["kotlin", "swift"].map(|language| out.join(language)) {
        if sources.exists() {
            fs::remove_dir_all(sources)?;
        }
    }
    fs::create_dir_all(out.join("lib"))?;
    // At the root, where the generator finds `uniffi.toml` by asking cargo.
    let mut command = Command::new(generator);
    succeed(command.arg(&library).arg(&out).current_dir(workspace.root()))?;
    if let Some(name) = library.file_name() {
        let place = out.join("lib").join(name);
        if !args.sources_only || !place.exists() {
            fs::copy(&library, place)?;
        }
    }
    Ok(out)
}

/// Only this one crate, and as a C library only here: `crate-type` in the manifest would have every Rust user link one.
fn build_library(args: &Args, workspace: &Workspace) -> io::Result<PathBuf> {
    let mut features = vec![if args.shipped { "ffi" } else { "ffi-testing" }];
    if args.reqwest || !args.shipped {
        features.push("reqwest");
    }
    let features = features.join(",");
    let target = workspace.target().join("bindings");
    let mut command = cargo(workspace, &["rustc", "-p", "fleet-token", "--lib", "--crate-type", "cdylib"]);
    command.args(["--no-default-features", "--features", &features]).arg("--target-dir").arg(&target);
    if args.release {
        command.arg("--release");
    }
    succeed(&mut command)?;
    let name = format!("{}fleet_token{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    Ok(target.join(if args.release { "release" } else { "debug" }).join(name))
}

/// In a folder of its own, so that building it never changes what the library is built with.
fn build_generator(workspace: &Workspace) -> io::Result<PathBuf> {
    let target = workspace.target().join("bindgen");
    succeed(cargo(workspace, &["build", "-p", "uniffi-bindgen"]).arg("--target-dir").arg(&target))?;
    Ok(target.join("debug").join(format!("uniffi-bindgen{}", env::consts::EXE_SUFFIX)))
}

/// Runs the command with its output on the screen; an error if it fails.
pub(crate) fn succeed(command: &mut Command) -> io::Result<()> {
    let status = run::shown(command)?;
    let name = Path::new(command.get_program()).display();
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{name}: {status}"))) }
}
