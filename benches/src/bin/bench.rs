//! Runs everything, and writes `docs/performance.md` and its charts; with `--quick FOLDER` a tenth of it, into that folder.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use fleet_token_benches::page::{self, Run};
use fleet_token_benches::report::{HitRow, SETTINGS, named};
use fleet_token_benches::stores::KINDS;
use fleet_token_benches::{chart, clock, hits, machine};
use tokio::runtime::{Builder, Handle};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let quick = args.next().is_some_and(|arg| arg == "--quick");
    let docs = if quick { PathBuf::from(args.next().ok_or("--quick FOLDER")?) } else { PathBuf::from("docs") };
    // Some of the rivals' HTTP clients want one, though they speak to loopback only.
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "a provider is installed already")?;
    let home = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let run = Run {
        machine: machine::describe(),
        load: machine::load(),
        date: machine::date(),
        commit: machine::commit("."),
        quick,
    };
    println!("{}, load {:.1}", run.machine, run.load);
    let rows = hit_rows(home.handle(), if quick { 25 } else { 250 })?;
    let text = [page::head(&run), page::targets(&rows, &[]), page::hits(&rows)].concat();
    write(&docs, &text, &rows)
}

fn write(docs: &Path, text: &str, rows: &[HitRow]) -> Result<(), Box<dyn Error>> {
    let charts = docs.join("performance");
    fs::create_dir_all(&charts)?;
    chart::hits(&charts.join("hits-1-key.svg"), "A hit, 1 key", rows, [0, 1])?;
    chart::hits(&charts.join("hits-10000-keys.svg"), "A hit, 10 000 keys", rows, [2, 3])?;
    fs::write(docs.join("performance.md"), text.trim_end().to_owned() + "\n")?;
    println!("wrote performance.md and its charts");
    Ok(())
}

fn hit_rows(home: &Handle, wanted: usize) -> Result<Vec<HitRow>, Box<dyn Error>> {
    let counts: HashMap<String, (f64, f64)> = counts()?;
    let empty = |kind| HitRow { kind, figures: [const { None }; 4], allocations: f64::NAN, bytes: f64::NAN };
    let mut rows: Vec<HitRow> = KINDS.into_iter().map(empty).collect();
    for row in &mut rows {
        (row.allocations, row.bytes) = *counts.get(row.kind.name).ok_or("a store was not counted")?;
    }
    for count in [1, 10_000] {
        let stores = hits::fill(home, count, |_| true);
        for (setting, (_, threads)) in SETTINGS.into_iter().enumerate().filter(|(_, (keys, _))| *keys == count) {
            if threads > clock::processors().len() {
                println!("{}: not measured, for there are too few processors", named(count, threads));
                continue;
            }
            println!("{}:", named(count, threads));
            for (filled, figures) in stores.iter().zip(hits::measure(&stores, count, threads, wanted)) {
                if !filled.only_hits() {
                    return Err(format!("{} fetched while hits were measured", filled.kind.name).into());
                }
                let mark = if figures.clean { " " } else { "*" };
                println!("  {:45} {:8.1} ns{mark} {} rounds", filled.kind.name, figures.median, figures.rounds);
                if let Some(row) = rows.iter_mut().find(|row| row.kind.name == filled.kind.name) {
                    row.figures[setting] = Some(figures);
                }
            }
        }
    }
    Ok(rows)
}

/// What `counts` says, the program beside this one.
fn counts() -> Result<HashMap<String, (f64, f64)>, Box<dyn Error>> {
    let output = Command::new(env::current_exe()?.with_file_name("counts")).arg("hits").output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let counts: Vec<(String, f64, f64)> = serde_json::from_slice(&output.stdout)?;
    Ok(counts.into_iter().map(|(name, allocations, bytes)| (name, (allocations, bytes))).collect())
}
