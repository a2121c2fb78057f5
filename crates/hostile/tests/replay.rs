//! Every seed of the fuzz targets, and everything that ever broke one of them.

use std::fs;
use std::path::Path;

/// Replays the files of these folders of `fuzz`, and says how many.
fn replay(folders: &[&str], target: fn(&[u8])) -> usize {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
    let mut replayed = 0;
    for folder in folders {
        // git keeps no empty folder: one of regressions may not be there.
        for file in fs::read_dir(fuzz.join(folder)).into_iter().flatten().flatten() {
            let bytes = fs::read(file.path()).unwrap_or_else(|error| panic!("{}: {error}", file.path().display()));
            target(&bytes);
            replayed += 1;
        }
    }
    replayed
}

#[test]
fn replies() {
    assert!(replay(&["seeds/reply", "regressions/reply"], fleet_token_hostile::reply) > 30);
}

#[test]
fn tokens() {
    assert!(replay(&["seeds/jwt", "regressions/jwt"], fleet_token_hostile::jwt) > 20);
}

#[test]
fn times() {
    assert!(replay(&["seeds/times", "regressions/times"], fleet_token_hostile::times) > 10);
}

#[test]
fn templates() {
    assert!(replay(&["seeds/template", "regressions/template"], fleet_token_hostile::template) > 15);
}

#[test]
fn scenarios() {
    assert!(replay(&["../tests/scenarios", "regressions/scenario"], fleet_token_hostile::scenario) > 100);
}
