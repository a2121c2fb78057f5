//! The library that phones load: stripped, and made small (`profile.mobile`).

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::bindings;
use crate::run::cargo;
use crate::workspace::Workspace;

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
    /// Where the linker writes down what it put where, if it is to.
    pub(crate) map: Option<&'a Path>,
}

impl Recipe<'_> {
    /// Builds it, and says where it is. The next build of another recipe for the same target replaces it.
    pub(crate) fn build(&self, workspace: &Workspace) -> io::Result<PathBuf> {
        let folder = workspace.target().join("phone");
        let mut command = cargo(workspace, &["rustc", "-p", "fleet-token", "--lib", "--profile", "mobile"]);
        command.args(["--crate-type", self.kind, "--no-default-features", "--features", self.features]);
        command.arg("--target-dir").arg(&folder).envs(self.env());
        if let Some(target) = self.target {
            command.args(["--target", target]);
        }
        if let Some(map) = self.map {
            command.arg("--").arg(format!("-Clink-arg=-Wl,-Map={}", map.display()));
        }
        bindings::succeed(&mut command)?;
        Ok(folder.join(self.target.unwrap_or_default()).join("mobile").join(self.file()))
    }

    /// With flags that leave out where this machine keeps the sources of crates: panics name their places, in some six
    /// kilobytes that are nobody's business.
    fn env(&self) -> Vec<(String, OsString)> {
        let mut env = self.env.to_vec();
        let mut flags = OsString::new();
        for folder in registries() {
            flags.push(" --remap-path-prefix=");
            flags.push(folder);
            flags.push("=");
        }
        // Cargo reads one of the two only.
        match env.iter_mut().find(|(name, _)| name.ends_with("_RUSTFLAGS")) {
            Some((_, given)) => given.push(flags),
            None => env.push(("RUSTFLAGS".to_owned(), flags)),
        }
        env
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

/// Where cargo unpacks crates, a folder for each registry; none whose name would break a flag in two.
fn registries() -> Vec<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    let folders = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok());
    let paths = folders.into_iter().flatten().flatten().map(|folder| folder.path());
    paths.filter(|path| !path.to_string_lossy().contains(char::is_whitespace)).collect()
}
