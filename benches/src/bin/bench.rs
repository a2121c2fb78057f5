//! Runs everything, and writes `docs/performance.md` and its charts; with `--quick FOLDER` a tenth of it, into that folder.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use fleet_token_benches::cold::{self, Cold, FLEETS};
use fleet_token_benches::fleet::Memory;
use fleet_token_benches::page::{self, Run};
use fleet_token_benches::report::{HitRow, SETTINGS, named};
use fleet_token_benches::stores::KINDS;
use fleet_token_benches::{chart, clock, hits, machine, parts, storms};
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
    let parts = parts::measure(if quick { 50 } else { 500 });
    let cold = cold(home.handle(), quick)?;
    // Hundreds of a rival's callers panic there: the table says so, and the terminal need not.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let (storms, broken) = storms::run(home.handle(), Duration::from_secs(if quick { 4 } else { 15 }));
    std::panic::set_hook(hook);
    let targets = page::targets(&rows, &page::cold_targets(&cold));
    let text =
        [page::head(&run), targets, page::hits(&rows), page::parts(&parts), page::storms(&storms), page::cold(&cold)]
            .concat();
    write(&docs, &text, &rows, &cold)?;
    if broken.is_empty() { Ok(()) } else { Err(format!("a promise was not kept: {broken}").into()) }
}

fn write(docs: &Path, text: &str, rows: &[HitRow], cold: &Cold) -> Result<(), Box<dyn Error>> {
    let charts = docs.join("performance");
    fs::create_dir_all(&charts)?;
    chart::hits(&charts.join("hits-1-key.svg"), "A hit, 1 key", rows, [0, 1])?;
    chart::hits(&charts.join("hits-10000-keys.svg"), "A hit, 10 000 keys", rows, [2, 3])?;
    chart::fleet(&charts.join("fleet.svg"), &cold.fleets)?;
    fs::write(docs.join("performance.md"), text.trim_end().to_owned() + "\n")?;
    println!("wrote performance.md and its charts");
    Ok(())
}

fn cold(home: &Handle, quick: bool) -> Result<Cold, Box<dyn Error>> {
    println!("cold and slow");
    let built = cold::build(if quick { 20 } else { 200 });
    let missed = cold::miss(home, if quick { 300 } else { 3000 });
    let mut fleets = Vec::new();
    for keys in FLEETS {
        let memory: Memory = counted(&["keys", &keys.to_string()])?;
        fleets.push((cold::fleet(keys, if quick { 3 } else { 10 }), memory));
    }
    Ok(Cold { built, missed, fleets, idle: cold::idle(Duration::from_secs(2)) })
}

fn hit_rows(home: &Handle, wanted: usize) -> Result<Vec<HitRow>, Box<dyn Error>> {
    let counts: Vec<(String, f64, f64)> = counted(&["hits"])?;
    let counts: HashMap<String, (f64, f64)> =
        counts.into_iter().map(|(name, allocations, bytes)| (name, (allocations, bytes))).collect();
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
fn counted<T: serde::de::DeserializeOwned>(args: &[&str]) -> Result<T, Box<dyn Error>> {
    let output = Command::new(env::current_exe()?.with_file_name("counts")).args(args).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
