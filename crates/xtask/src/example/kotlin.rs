//! How the examples in Kotlin are built: by Maven, with the modules that they use, on the library that tests have.

use std::process::{Command, Stdio};
use std::{env, io};

use crate::bindings;
use crate::kept::exited;
use crate::kotlin;
use crate::run;
use crate::step::Outcome;
use crate::workspace::Workspace;

/// The example in the folder `name`, whose `main` stands in `Main.kt` of the package `name`.
pub(super) fn build(name: &str, workspace: &Workspace) -> Result<Command, Outcome> {
    if let Some(reason) = kotlin::missing() {
        return Err(Outcome::Skipped(reason));
    }
    let generated = match bindings::generate(&bindings::Args::for_tests(), workspace) {
        Ok(generated) => generated,
        Err(error) => return Err(Outcome::Failed(error.to_string())),
    };
    match exited(packaged(name, workspace)) {
        Outcome::Passed => {}
        outcome => return Err(outcome),
    }
    let target = workspace.root().join("examples").join(name).join("target");
    let classes = match env::join_paths([target.join("classes"), target.join("lib").join("*")]) {
        Ok(classes) => classes,
        Err(error) => return Err(Outcome::Failed(error.to_string())),
    };
    let mut command = Command::new("java");
    command.arg(format!("-Djna.library.path={}", generated.join("lib").display()));
    command.arg("-cp").arg(classes).arg(format!("{name}.MainKt")).current_dir(workspace.root());
    Ok(command)
}

/// `package`, and not `install`: nothing is left on the machine but what Maven fetched.
fn packaged(name: &str, workspace: &Workspace) -> io::Result<std::process::ExitStatus> {
    let mut maven = Command::new(kotlin::MAVEN);
    maven.args(["-B", "-ntp", "-q", "-Dstyle.color=never", "-Pexamples", "-Dmaven.test.skip=true"]);
    maven.args(["-pl", &format!("../../examples/{name}"), "-am", "package"]);
    run::shown(maven.current_dir(workspace.root().join("bindings/kotlin")).stdin(Stdio::null()))
}
