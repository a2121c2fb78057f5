//! `cargo xtask size`: how big the library is that phones load, what it is made of, and whether it has grown.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs, io};

use super::library::Recipe;
use super::weigh::Weights;
use crate::step::Outcome;
use crate::workspace::Workspace;

/// Bytes of each feature set.
const COMMITTED: &str = "crates/xtask/size.txt";
/// How much bigger than that a library may be, in percent.
const TOLERANCE: u64 = 5;
const HEAD: &str = "\
# Bytes of the stripped library for Linux on x86-64, by its features: written by `cargo xtask size --accept`.
# `cargo xtask size` fails where one has grown by more than 5 %.
";
const FEATURE_SETS: [&str; 2] = ["ffi", "ffi,reqwest"];

/// What `cargo xtask size` takes.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Commit the sizes as they are.
    #[arg(long)]
    accept: bool,
}

type Sizes = BTreeMap<String, u64>;

pub(super) fn run(args: &Args, workspace: &Workspace) -> io::Result<Outcome> {
    // Written down and compared for one kind of machine; elsewhere the sizes are only told.
    let is_compared = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    let mut sizes = Sizes::new();
    for features in FEATURE_SETS {
        let (bytes, weights) = measured(features, workspace)?;
        println!("{features}: {bytes} bytes, stripped, for {}-{}", env::consts::OS, env::consts::ARCH);
        if let Some(weights) = weights {
            println!("{}", weights.table());
        }
        sizes.insert(features.to_owned(), bytes);
    }
    if !is_compared {
        return Ok(Outcome::Skipped("the committed sizes are of Linux on x86_64".to_owned()));
    }
    let path = workspace.root().join(COMMITTED);
    if args.accept {
        fs::write(&path, text(&sizes))?;
    }
    Ok(judge(&sizes, &parsed(&fs::read_to_string(path)?)?))
}

/// The library that is shipped, and what its linker says is in it, where that is lld.
fn measured(features: &str, workspace: &Workspace) -> io::Result<(u64, Option<Weights>)> {
    let map = map_file(features, workspace);
    let map = cfg!(target_os = "linux").then_some(map.as_path());
    let library = Recipe { features, target: None, kind: "cdylib", env: &[], map }.build(workspace)?;
    let weights = match map {
        // Not written anew if nothing was linked.
        Some(map) => Some(Weights::of_map(&fs::read_to_string(map)?)).filter(|weights| !weights.crates.is_empty()),
        None => None,
    };
    Ok((fs::metadata(library)?.len(), weights))
}

fn map_file(features: &str, workspace: &Workspace) -> PathBuf {
    workspace.target().join("phone").join(format!("{}.map", features.replace(',', "-")))
}

fn text(sizes: &Sizes) -> String {
    let lines = sizes.iter().map(|(features, bytes)| format!("{features} {bytes}\n"));
    format!("{HEAD}{}", lines.collect::<String>())
}

fn parsed(text: &str) -> io::Result<Sizes> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let parsed = line.split_once(' ').and_then(|(name, bytes)| Some((name.to_owned(), bytes.parse().ok()?)));
            parsed.ok_or_else(|| io::Error::other(format!("{COMMITTED}: {line}")))
        })
        .collect()
}

fn judge(now: &Sizes, committed: &Sizes) -> Outcome {
    const ACCEPT: &str = "if that is meant: `cargo xtask size --accept`";
    if !now.keys().eq(committed.keys()) {
        return Outcome::Failed(format!("the feature sets are not those of {COMMITTED}; {ACCEPT}"));
    }
    let mut grown = Vec::new();
    for (features, bytes) in now {
        let was = committed[features];
        println!("{features:12} {bytes:>9} bytes, {was:>9} committed, {:+}", bytes.cast_signed() - was.cast_signed());
        if bytes * 100 > was * (100 + TOLERANCE) {
            grown.push(format!("{features} has grown from {was} to {bytes} bytes"));
        }
    }
    if grown.is_empty() { Outcome::Passed } else { Outcome::Failed(format!("{}; {ACCEPT}", grown.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Sizes, judge, parsed, text};

    fn sizes(bytes: u64) -> Sizes {
        [("ffi".to_owned(), bytes)].into()
    }

    #[test]
    fn five_percent_of_growth_are_let_through_and_no_more() {
        for fits in [1, 1_000_000, 1_050_000] {
            assert_eq!(judge(&sizes(fits), &sizes(1_000_000)), Outcome::Passed, "{fits}");
        }
        assert!(matches!(judge(&sizes(1_050_001), &sizes(1_000_000)), Outcome::Failed(_)));
        assert!(matches!(judge(&Sizes::new(), &sizes(1)), Outcome::Failed(_)), "nothing was measured");
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(parsed(&text(&sizes(7))).unwrap(), sizes(7));
        assert!(parsed("ffi big\n").is_err());
    }
}
