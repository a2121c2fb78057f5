//! Drives the real factory for minutes or hours: 200 keys, 64 callers, tokens of 10 to 60 s, a backend that fails, over
//! real HTTP on loopback. The emulated Fleet Engine, in a process of its own, judges every token; this process is measured.
//!
//! `cargo xtask soak` starts it.
#![allow(clippy::print_stdout, reason = "a command's output is its answer")]

mod book;
mod callers;
mod course;
mod gate;
mod judge;
mod keys;
mod link;
mod proof;
mod table;
mod vitals;
mod weather;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Drives the real token factory against an emulated Fleet Engine that judges every token, and measures this process.
#[derive(Parser)]
struct Args {
    /// For how many minutes.
    #[arg(long, default_value_t = 1.0, value_parser = minutes)]
    minutes: f64,
    /// Repeats the weather of a run: which faults, revocations and outages there are, and who calls what. Times differ.
    #[arg(long)]
    seed: Option<u64>,
    /// Be the backend and the engine instead; started by the other process.
    #[arg(long, hide = true)]
    world: bool,
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.5..=10_000.0).contains(&minutes) { Ok(minutes) } else { Err("from 0.5 to 10000".to_owned()) }
}

fn main() -> ExitCode {
    // Nothing is logged unless `RUST_LOG` asks for it; the other process's log is on the same standard error. Events only:
    // for spans the subscriber keeps memory, which would be found where the SDK's is measured.
    tracing_subscriber::registry()
        .with(EnvFilter::from_default_env())
        .with(filter_fn(|metadata| !metadata.is_span()))
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false))
        .init();
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(0..1_000_000));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("no runtime: {error}")),
    };
    if args.world {
        return match runtime.block_on(world::serve(seed)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => failed(&why),
        };
    }
    match course::run(seed, Duration::from_secs_f64(args.minutes * 60.0), &runtime) {
        Ok(outcome) => {
            println!("{}", table::of(&outcome));
            let broken = proof::broken(&outcome);
            if broken.is_empty() {
                println!("\nEvery promise was kept for {}.", table::span(outcome.took));
                return ExitCode::SUCCESS;
            }
            for promise in &broken {
                println!("BROKEN: {promise}");
            }
            println!("The same weather again: cargo xtask soak --minutes {} --seed {seed}", args.minutes);
            ExitCode::FAILURE
        }
        Err(why) => failed(&why),
    }
}

#[allow(clippy::print_stderr, reason = "where a command says why it could not do its work")]
fn failed(why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::FAILURE
}
