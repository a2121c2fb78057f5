//! `cargo xtask sbom`: bills of materials, in CycloneDX.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::kotlin;
use crate::run::{self, cargo};
use crate::tools;
use crate::workspace::Workspace;

/// The chore: what each artifact holds.
pub(crate) fn run(workspace: &Workspace) -> ExitCode {
    let made = of_rust(workspace).and_then(|mut made| {
        if let Some(reason) = kotlin::missing() {
            println!("without the Kotlin modules: {reason}");
        } else {
            made.push(of_kotlin(workspace)?);
        }
        Ok(made)
    });
    match made {
        Ok(made) => {
            for file in made {
                println!("{}", workspace.short(&file));
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What apps link: the crate as it would be published, so that nothing of the workspace around it is counted in.
const ARTIFACTS: [(&str, &str, &[&str]); 3] = [
    ("rust", "x86_64-unknown-linux-gnu", &[]),
    ("android", "aarch64-linux-android", &["--no-default-features", "--features", "ffi"]),
    ("ios", "aarch64-apple-ios", &["--no-default-features", "--features", "ffi"]),
];

pub(crate) fn of_rust(workspace: &Workspace) -> io::Result<Vec<PathBuf>> {
    let folder = folder(workspace)?;
    let package = unpacked(workspace, &folder)?;
    let manifest = package.join("Cargo.toml");
    let manifest = manifest.to_string_lossy();
    let mut made = Vec::new();
    for (name, target, features) in ARTIFACTS {
        let common = ["--quiet", "--format", "json", "--spec-version", "1.5", "--no-build-deps", "--manifest-path"];
        let rest = [&*manifest, "--override-filename", "bom", "--target", target];
        let mut command = tools::CYCLONEDX.command(workspace, &[&common[..], &rest, features].concat())?;
        succeeded(&mut command)?;
        let file = folder.join(format!("fleet-token-{name}.cdx.json"));
        fs::rename(package.join("bom.json"), &file)?;
        holds(&file, &["papaya", "tokio"])?;
        made.push(file);
    }
    Ok(made)
}

/// `cargo package` leaves a crate file, which tar opens.
fn unpacked(workspace: &Workspace, folder: &Path) -> io::Result<PathBuf> {
    let target = folder.to_string_lossy();
    let args = ["package", "--quiet", "--package", "fleet-token", "--no-verify", "--allow-dirty", "--target-dir"];
    succeeded(&mut cargo(workspace, &[&args[..], &[&*target]].concat()))?;
    let packages = folder.join("package");
    let name = concat!("fleet-token-", env!("CARGO_PKG_VERSION"));
    succeeded(Command::new("tar").arg("xf").arg(format!("{name}.crate")).current_dir(&packages))?;
    let package = packages.join(name);
    // It lies below the workspace's manifest, and is none of its members.
    let mut manifest = File::options().append(true).open(package.join("Cargo.toml"))?;
    manifest.write_all(b"\n[workspace]\n")?;
    Ok(package)
}

fn of_kotlin(workspace: &Workspace) -> io::Result<PathBuf> {
    let folder = folder(workspace)?;
    let mut command = Command::new(kotlin::MAVEN);
    command.args(["-B", "-q", "org.cyclonedx:cyclonedx-maven-plugin:2.9.1:makeAggregateBom", "-DoutputFormat=json"]);
    command.args(["-DincludeTestScope=false", "-DoutputName=fleet-token-kotlin.cdx"]);
    command.arg(format!("-DoutputDirectory={}", folder.display()));
    succeeded(command.current_dir(workspace.root().join("bindings/kotlin")))?;
    let file = folder.join("fleet-token-kotlin.cdx.json");
    holds(&file, &["jna", "kotlinx-coroutines-core-jvm"])?;
    Ok(file)
}

fn folder(workspace: &Workspace) -> io::Result<PathBuf> {
    let folder = workspace.target().join("sbom");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn succeeded(command: &mut Command) -> io::Result<()> {
    let status = run::shown(command)?;
    if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
}

/// A bill that lacks what we know to be in it is none.
fn holds(file: &Path, names: &[&str]) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let missing = names.iter().find(|name| {
        !text.contains(&format!("\"name\" : \"{name}\"")) && !text.contains(&format!("\"name\": \"{name}\""))
    });
    missing.map_or(Ok(()), |name| Err(io::Error::other(format!("{} does not list {name}", file.display()))))
}
