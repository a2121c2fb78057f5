//! What every step knows: where the checkout is, where logs go, whether this is CI, and the tests counted so far.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::tally::Tally;

/// The checkout that the chore works on.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    logs: PathBuf,
    ci: bool,
    /// Tests counted by the steps that ran any.
    pub(crate) tally: Tally,
}

impl Workspace {
    /// Finds the root and makes the folder for logs.
    pub(crate) fn open() -> io::Result<Self> {
        let root = root()?;
        let target = root.join(env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from));
        let logs = target.join("xtask");
        fs::create_dir_all(&logs)?;
        let ci = env::var("CI").is_ok_and(|value| value == "true" || value == "1");
        Ok(Self { root, target, logs, ci, tally: Tally::default() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo builds.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The file that keeps the complete output of the step `name`.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.logs.join(format!("{name}.log"))
    }

    /// Nothing may be skipped here: a check that CI does not make is a check that nobody makes.
    pub(crate) fn is_ci(&self) -> bool {
        self.ci
    }

    /// A path as a reader at the root would type it.
    pub(crate) fn short<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

/// Cargo says at run time where this crate is; a path baked in at compile time would outlive a moved checkout.
fn root() -> io::Result<PathBuf> {
    let here = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(manifest) => PathBuf::from(manifest),
        None => env::current_dir()?,
    };
    here.ancestors()
        .find(|folder| folder.join("Cargo.lock").is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| io::Error::other("no Cargo.lock here or above; run `cargo xtask` inside the checkout"))
}
