//! How the examples in Swift are built: packages of their own, on the library as apps get it.

use std::path::Path;
use std::process::Command;

use crate::bindings::{self, succeed};
use crate::step::Outcome;
use crate::swift;
use crate::workspace::Workspace;

/// The example in the folder `name`, whose program is called `product`.
pub(super) fn build(name: &str, product: &str, workspace: &Workspace) -> Result<Command, Outcome> {
    let toolchain = swift::toolchain_or_install(workspace)?;
    let failed = |error: std::io::Error| Outcome::Failed(error.to_string());
    bindings::generate(&bindings::Args::for_examples(), workspace).map_err(failed)?;
    let library = workspace.root().join("bindings/generated/shipped/lib");
    // Inside the checkout, the one place that an unpacked Swift can write to.
    let (package, scratch) = (format!("examples/{name}"), format!(".build/{name}"));
    let mut swift = toolchain.runs(workspace, Path::new("swift"));
    swift.args(["build", "--package-path", &package, "--scratch-path", &scratch, "--product", product]);
    succeed(swift.env("FLEET_TOKEN_LIB_DIR", &library)).map_err(failed)?;
    let program = workspace.root().join(scratch).join("debug").join(product);
    let mut command = toolchain.runs(workspace, &program);
    command.env("FLEET_TOKEN_LIB_DIR", library);
    Ok(command)
}
