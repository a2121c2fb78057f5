//! The SDK in every form that somebody may build: with any set of its features, with the oldest Rust that it promises.

use std::process::Command;
use std::{fs, io};

use crate::kept::exited;
use crate::run;
use crate::step::Outcome;
use crate::tools;
use crate::workspace::Workspace;

/// Those that attach tokens to calls. They are read in `src/attach` only, whatever else is on: so every set of them, and
/// every set of the others, is every form that there is.
const ATTACH: &str = "reqwest-middleware,tonic,tower";

/// Every combination of the SDK's features that differs, without a warning.
pub(crate) fn features(workspace: &mut Workspace) -> Outcome {
    let (attach, all_but_attach) =
        (format!("--include-features={ATTACH}"), format!("--exclude-features=default,{ATTACH}"));
    powerset(workspace, &[&all_but_attach]).and_then(|| powerset(workspace, &[&attach]))
}

fn powerset(workspace: &Workspace, which: &[&str]) -> Outcome {
    // Clippy in place of `cargo check`: its `-D warnings` falls on this crate alone, where RUSTFLAGS would rebuild every
    // dependency.
    // `default` is `reqwest`. `clippy-sdk` is an alias of ours: alone, the SDK has no feature that another member asks for.
    let args = [&["clippy-sdk", "--package", "fleet-token", "--feature-powerset"], which, &["--", "-D", "warnings"]];
    match tools::HACK.command(workspace, &args.concat()) {
        Ok(mut command) => exited(run::shown(&mut command)),
        Err(error) => Outcome::Failed(error.to_string()),
    }
}

/// The oldest Rust that `rust-version` promises builds the SDK with everything in it.
pub(crate) fn msrv(workspace: &mut Workspace) -> Outcome {
    let seen = stated(workspace).and_then(|stated| Ok((stated, version(Command::new("rustc").arg("--version"))?)));
    let (stated, installed) = match seen {
        Ok(seen) => seen,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    if is_release_of(&installed, &stated) {
        println!("rust-version is {stated}, and so is the compiler of every other step: {installed}");
        return Outcome::Passed;
    }
    let toolchain = format!("{stated}.0");
    if !version(Command::new("rustc").args([&format!("+{toolchain}"), "--version"]))
        .is_ok_and(|v| is_release_of(&v, &stated))
    {
        return Outcome::Skipped(format!("Rust {stated} is not here: rustup toolchain install {toolchain}"));
    }
    // A folder of its own, so that two compilers do not throw away each other's work.
    let folder = workspace.target().join("msrv");
    let mut command = Command::new("cargo");
    command.args([&format!("+{toolchain}"), "check", "--package", "fleet-token", "--all-features", "--target-dir"]);
    exited(run::shown(
        command.arg(folder).current_dir(workspace.root()).env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN"),
    ))
}

/// Whether the compiler here is of another release than the promised oldest one, and if so which.
pub(crate) fn other_compiler(workspace: &Workspace) -> io::Result<Option<String>> {
    let installed = version(Command::new("rustc").arg("--version"))?;
    Ok((!is_release_of(&installed, &stated(workspace)?)).then_some(installed))
}

/// `rust-version` in the workspace's manifest.
fn stated(workspace: &Workspace) -> io::Result<String> {
    let manifest = fs::read_to_string(workspace.root().join("Cargo.toml"))?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("rust-version = \""));
    let stated = line.and_then(|line| line.strip_suffix('"')).map(str::to_owned);
    stated.ok_or_else(|| io::Error::other("Cargo.toml has no rust-version"))
}

fn version(command: &mut Command) -> io::Result<String> {
    let output = command.env_remove("RUSTUP_TOOLCHAIN").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split(' ').nth(1).map(str::to_owned);
    version.filter(|_| output.status.success()).ok_or_else(|| io::Error::other("rustc does not say its version"))
}

/// Whether `1.95.1` is one of `1.95`.
fn is_release_of(version: &str, minor: &str) -> bool {
    version.strip_prefix(minor).is_some_and(|patch| patch.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::is_release_of;

    #[test]
    fn a_patch_release_is_of_its_minor_one() {
        assert!(is_release_of("1.95.0", "1.95") && is_release_of("1.95.1", "1.95"));
        assert!(!is_release_of("1.950.0", "1.95") && !is_release_of("1.96.0", "1.95"));
    }
}
