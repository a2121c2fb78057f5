//! The library that phones load: stripped, and made small (`profile.mobile`).

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{fs, io};

use crate::bindings;
use crate::run::cargo;
use crate::workspace::Workspace;

/// What `cargo xtask size` takes.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// One library to build.
pub(crate) struct Recipe<'a> {
    /// `ffi`, or `ffi,reqwest` with HTTP inside.
    pub(crate) features: &'a str,
    /// A target triple of rustup's; this machine's own if there is none.
    pub(crate) target: Option<&'a str>,
    /// `cdylib` or `staticlib`.
    pub(crate) kind: &'a str,
    /// What the linker and C compiler of that target need to be told.
    pub(crate) env: &'a [(String, OsString)],
}

impl Recipe<'_> {
    /// Builds it, and says where it is. The next build of another recipe for the same target replaces it.
    pub(crate) fn build(&self, workspace: &Workspace) -> io::Result<PathBuf> {
        let folder = workspace.target().join("phone");
        let mut command = cargo(workspace, &["rustc", "-p", "fleet-token", "--lib", "--profile", "mobile"]);
        command.args(["--crate-type", self.kind, "--no-default-features", "--features", self.features]);
        command.arg("--target-dir").arg(&folder).envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(target) = self.target {
            command.args(["--target", target]);
        }
        bindings::succeed(&mut command)?;
        Ok(folder.join(self.target.unwrap_or_default()).join("mobile").join(self.file()))
    }

    fn file(&self) -> String {
        let apple = self.target.map_or(cfg!(target_vendor = "apple"), |target| target.contains("apple"));
        match self.kind {
            "staticlib" => "libfleet_token.a".to_owned(),
            _ if self.target.is_none() => format!("{}fleet_token{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX),
            _ if apple => "libfleet_token.dylib".to_owned(),
            _ => "libfleet_token.so".to_owned(),
        }
    }
}

pub(super) fn sizes(_: &Args, workspace: &Workspace) -> io::Result<String> {
    let mut table = format!("stripped library for {}-{}\n", env::consts::OS, env::consts::ARCH);
    for features in ["ffi", "ffi,reqwest"] {
        let path = Recipe { features, target: None, kind: "cdylib", env: &[] }.build(workspace)?;
        let bytes = fs::metadata(&path)?.len();
        let _ = writeln!(table, "{features:12} {:>9} bytes  {:.2} MB", bytes, megabytes(bytes));
    }
    Ok(table)
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files, shown with two digits")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
