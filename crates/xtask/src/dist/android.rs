//! `cargo xtask dist android`: the AAR, by Maven, with the native libraries that the NDK of this machine can build.
//!
//! What is in it is looked at by the tests of `bindings/kotlin/aar`, which run on the very file.

mod ndk;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use self::ndk::{ABIS, Abi, Ndk};
use super::library::Recipe;
use crate::bindings;
use crate::kotlin;
use crate::workspace::Workspace;

/// What `cargo xtask dist android` takes.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Use only what Maven has already: no network.
    #[arg(long)]
    offline: bool,
}

/// Whether every library is in it.
pub(super) fn run(args: &Args, workspace: &Workspace) -> io::Result<bool> {
    if let Some(reason) = kotlin::missing() {
        return Err(io::Error::other(reason));
    }
    let out = workspace.target().join("dist/android");
    if out.exists() {
        // A library that is no longer built must not go on being packed.
        fs::remove_dir_all(&out)?;
    }
    let jni = out.join("jni");
    fs::create_dir_all(&jni)?;

    let sources = bindings::generate(&bindings::Args::for_apps(), workspace)?;
    let missing = libraries(workspace, &jni)?;
    let repository = out.join("maven");
    bindings::succeed(&mut maven(args, workspace, &[("generated", &sources), ("jni", &jni)], &repository))?;

    let sizes = fs::read_to_string(workspace.root().join("bindings/kotlin/aar/target/sizes.txt"))?;
    println!("\n{sizes}\nAs a Maven repository: {}", workspace.short(&repository));
    for reason in &missing {
        println!("left out: {reason}");
    }
    if missing.len() == ABIS.len() {
        println!(
            "It has no native library at all: no app can run with it. It is good for looking at and compiling against."
        );
    }
    Ok(missing.is_empty())
}

/// Builds what can be built into `jni/ABI/`, and says what cannot and why.
fn libraries(workspace: &Workspace, jni: &Path) -> io::Result<Vec<String>> {
    let ndk = match Ndk::find(|name| std::env::var_os(name)) {
        Ok(ndk) => ndk,
        Err(reason) => return Ok(ABIS.iter().map(|abi| format!("{}: {reason}", abi.name)).collect()),
    };
    let mut missing = Vec::new();
    for abi in &ABIS {
        if abi.is_installed()? {
            let built = build(workspace, &ndk, abi)?;
            let folder = jni.join(abi.name);
            fs::create_dir_all(&folder)?;
            fs::copy(built, folder.join("libfleet_token.so"))?;
        } else {
            missing.push(format!("{}: no Rust for it: `rustup target add {}`", abi.name, abi.triple));
        }
    }
    Ok(missing)
}

fn build(workspace: &Workspace, ndk: &Ndk, abi: &Abi) -> io::Result<PathBuf> {
    let env = ndk.env(abi);
    Recipe { features: "ffi", target: Some(abi.triple), kind: "cdylib", env: &env, map: None }.build(workspace)
}

/// `maven.test.skip` leaves out the tests of the modules, which want a library with a clock for tests; the AAR's own,
/// which look at the file, always run.
fn maven(args: &Args, workspace: &Workspace, folders: &[(&str, &Path)], repository: &Path) -> Command {
    let mut command = Command::new(kotlin::MAVEN);
    command.args(["-B", "-ntp"]).current_dir(workspace.root().join("bindings/kotlin")).stdin(Stdio::null());
    if args.offline {
        command.arg("-o");
    }
    let modules = "aar,fleet-token-okhttp,fleet-token-grpc";
    command.args(["clean", "deploy", "-Pandroid", "-pl", modules, "-am", "-Dmaven.test.skip=true"]);
    for (name, folder) in folders {
        command.arg(format!("-Dfleet.{name}={}", folder.display()));
    }
    let url = format!("file://{}", repository.display());
    // It belongs into the folder that is named, and not into the machine's own repository.
    command.arg("-Dmaven.install.skip=true");
    command.arg(format!("-DaltDeploymentRepository=fleet-token::{url}")).arg(format!("-Dfleet.deploy.url={url}"));
    command
}
