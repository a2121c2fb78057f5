//! Holds `docs/support-matrix.md` to what it says: whatever it calls tested or built is so by a step of `cargo xtask test`.

use std::fs;

use crate::test::STEPS;
use crate::workspace::Workspace;

/// A row: what, where, its state, and the step that proves it.
struct Row<'a>([&'a str; 4]);

fn rows(text: &str) -> Vec<Row<'_>> {
    text.lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("|---") && !line.starts_with("| What "))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            Row(cells.try_into().unwrap_or_else(|_| panic!("four cells are wanted: {line}")))
        })
        .collect()
}

/// What is wrong with a row.
fn fault(row: &Row<'_>) -> Option<String> {
    let Row([what, place, state, proof]) = row;
    let step = proof.strip_prefix('`').and_then(|rest| rest.split('`').next()).unwrap_or_default();
    let named = STEPS.iter().any(|known| known.name == step);
    let right = match *state {
        "tested" | "built" => named,
        // Nothing here proves it, so nothing may be named as if it did.
        "prepared" | "not supported" => !named && !proof.is_empty(),
        _ => false,
    };
    (!right).then(|| format!("{what}, {place}: {state}, {proof}"))
}

#[test]
fn whatever_the_matrix_calls_tested_is_tested_by_a_step() {
    let root = Workspace::open().unwrap().root().to_path_buf();
    let text = fs::read_to_string(root.join("docs/support-matrix.md")).unwrap();
    let rows = rows(&text);
    assert!(rows.len() > 10, "{}", rows.len());
    let faults: Vec<_> = rows.iter().filter_map(fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_claim_without_a_step_is_found() {
    let fault = |line: &str| rows(line).iter().find_map(fault);
    assert_eq!(fault("| SDK | Linux | tested | `tests` with all features |"), None);
    assert!(fault("| SDK | Linux | tested | by hand |").is_some());
    assert!(fault("| SDK | macOS | prepared | `tests` |").is_some());
    assert!(fault("| SDK | Linux | perfect | `tests` |").is_some());
}
