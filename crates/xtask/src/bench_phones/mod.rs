//! `cargo xtask bench-kotlin`, `bench-swift`, and `bench-phones`, which is both: what a hit costs in the wrappers, beside
//! the pattern that Google's samples publish and beside a call into the library each time.
//!
//! JMH and a Swift program measure; here their rows become the tables of `docs/performance-phones.md`.

mod page;
mod row;
mod table;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, io};

use crate::bindings::{self, succeed};
use crate::kotlin;
use crate::swift;
use crate::workspace::Workspace;

use self::row::Row;
use self::table::Face;

/// What all three take.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A look in a minute or two: prints its figures, and leaves the page as it is.
    #[arg(long)]
    quick: bool,
    /// The library is as it was last built.
    #[arg(long)]
    no_bindings: bool,
    /// Use only what Maven has already: no network.
    #[arg(long)]
    offline: bool,
}

/// The languages to measure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Kotlin,
    Swift,
}

pub(crate) fn run(args: &Args, languages: &[Language], workspace: &Workspace) -> ExitCode {
    match measured(args, languages, workspace) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measured(args: &Args, languages: &[Language], workspace: &Workspace) -> io::Result<()> {
    if !args.no_bindings {
        bindings::generate(&bindings::Args::for_benches(), workspace)?;
    }
    for language in languages {
        let face = match language {
            Language::Kotlin => Face { title: "Kotlin on a JVM", marker: "kotlin", goal: 60.0, hits: row::KOTLIN },
            Language::Swift => Face { title: "Swift", marker: "swift", goal: 100.0, hits: row::SWIFT },
        };
        let (with, rows) = match language {
            Language::Kotlin => of_kotlin(args, workspace)?,
            Language::Swift => of_swift(args, workspace)?,
        };
        let text = table::written(&face, &rows)?;
        println!("\n{}\n\n{text}", face.title);
        if !args.quick {
            page::put(workspace, face.marker, &format!("{}\n\n{text}", page::measured_on(&with)?))?;
        }
    }
    Ok(())
}

/// Runs JMH. What it ran on, and its rows.
fn of_kotlin(args: &Args, workspace: &Workspace) -> io::Result<(String, Vec<Row>)> {
    if let Some(reason) = kotlin::missing() {
        return Err(io::Error::other(reason));
    }
    let generated = workspace.root().join("bindings/generated/shipped");
    let mut build = Command::new(kotlin::MAVEN);
    build.args(["-B", "-ntp", "-q", "-Pbench", "-pl", "bench", "-am", "-Dmaven.test.skip=true"]);
    build.arg(format!("-Dfleet.generated={}", generated.display())).args(["clean", "package"]);
    if args.offline {
        build.arg("-o");
    }
    succeed(build.current_dir(workspace.root().join("bindings/kotlin")).stdin(Stdio::null()))?;

    let out = fresh(&workspace.target().join("bench-kotlin"))?;
    let compiled = workspace.root().join("bindings/kotlin/bench/target");
    let classes = env::join_paths([compiled.join("classes"), compiled.join("lib/*")]).map_err(io::Error::other)?;
    let java = env::var_os("JAVA_HOME").map_or_else(|| "java".into(), |home| PathBuf::from(home).join("bin/java"));
    let mut run = Command::new(java);
    run.arg(format!("-Djna.library.path={}", generated.join("lib").display()));
    run.arg("-cp").arg(classes).arg("dev.fleettoken.bench.Main").arg(&out);
    succeed(with_quick(&mut run, args).current_dir(&out))?;

    let mut rows = Vec::new();
    let mut with = String::new();
    for entry in fs::read_dir(&out)? {
        let text = fs::read_to_string(entry?.path())?;
        with = row::of_jmh(&text, &mut rows)?;
    }
    Ok((with, rows))
}

/// Runs the Swift program. What it ran on, and its rows.
fn of_swift(args: &Args, workspace: &Workspace) -> io::Result<(String, Vec<Row>)> {
    let toolchain =
        swift::toolchain_or_install(workspace).map_err(|outcome| io::Error::other(format!("{outcome:?}")))?;
    // Inside the checkout, the one place that an unpacked Swift can write to.
    let (scratch, out) = (".build/benchmarks", ".build/benchmarks.json");
    let library = workspace.root().join("bindings/generated/shipped/lib");
    let at_root = |program: &Path| {
        let mut command = toolchain.runs(workspace, program);
        command.env("FLEET_TOKEN_LIB_DIR", &library);
        command
    };
    let mut build = at_root(Path::new("swift"));
    build.args(["build", "-c", "release", "--package-path", "bindings/swift/Benchmarks", "--scratch-path", scratch]);
    succeed(&mut build)?;
    let program = workspace.root().join(scratch).join("release/Benchmarks");
    succeed(with_quick(at_root(&program).arg(out), args))?;

    let version = at_root(Path::new("swift")).arg("--version").output()?;
    let version = String::from_utf8_lossy(&version.stdout);
    let version = version.lines().find(|line| line.starts_with("Swift version")).unwrap_or("Swift");
    let version = version.split(" (").next().unwrap_or(version).to_owned();
    Ok((version, row::of_swift(&fs::read_to_string(workspace.root().join(out))?)?))
}

fn with_quick<'a>(command: &'a mut Command, args: &Args) -> &'a mut Command {
    if args.quick { command.arg("--quick") } else { command }
}

/// An empty folder.
fn fresh(folder: &Path) -> io::Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    Ok(folder.to_owned())
}
