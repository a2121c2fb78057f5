//! Runs the real factory through random weather, one step at a time, against a small model of its promises.
//!
//! `cargo xtask sim` starts it. What a seed does depends on nothing but the seed and the number of steps: the executor,
//! the clock, the network, the randomness are the simulation's own, and there is one thread a seed.
#![allow(
    clippy::print_stdout,
    clippy::unchecked_time_subtraction,
    reason = "a command's output is its answer, and a simulation that miscounts time must stop"
)]

mod action;
mod executor;
mod mint;
mod model;
mod outside;
mod reply;
mod run;
mod setting;
mod wire;
mod world;

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use clap::Parser;

/// Runs the real token factory through random weather against a model of its promises.
#[derive(Parser)]
struct Args {
    /// How many seeds to run.
    #[arg(long, default_value_t = 2500)]
    seeds: u64,
    /// Run this one seed and print its trace.
    #[arg(long)]
    seed: Option<u64>,
    /// The first of the seeds.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many steps each seed takes before its end.
    #[arg(long, default_value_t = 500)]
    steps: u64,
    /// Seeds at a time.
    #[arg(long, default_value_t = thread::available_parallelism().map_or(1, std::num::NonZero::get))]
    threads: usize,
}

/// How many of the first seeds are run twice, to see that they do the same twice.
const TWICE: u64 = 20;

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(seed) = args.seed {
        let report = run::run(seed, args.steps);
        print!("{}", report.trace);
        if let Some(broken) = report.broken {
            println!("BROKEN: {broken}");
            return ExitCode::FAILURE;
        }
        println!("seed {seed}: {} steps, no promise broken", report.steps);
        return ExitCode::SUCCESS;
    }
    let next = AtomicU64::new(args.from);
    let end = args.from + args.seeds;
    let total = Mutex::new(Total::default());
    thread::scope(|scope| {
        for _ in 0..args.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let mut report = run::run(seed, args.steps);
                    if seed < args.from + TWICE && run::run(seed, args.steps).trace != report.trace {
                        report.broken = Some("the same seed did something else the second time".to_owned());
                    }
                    let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    total.add(seed, report);
                    if total.broken.len() >= 10 {
                        next.store(end, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let total = total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    total.tell(&args)
}

#[derive(Default)]
struct Total {
    seeds: u64,
    steps: u64,
    calls: u64,
    fetches: u64,
    broken: Vec<(u64, String, String)>,
}

impl Total {
    fn add(&mut self, seed: u64, report: run::Report) {
        self.seeds += 1;
        self.steps += report.steps;
        self.calls += report.calls;
        self.fetches += report.fetches;
        if let Some(broken) = report.broken {
            self.broken.push((seed, broken, report.trace));
        }
    }

    fn tell(mut self, args: &Args) -> ExitCode {
        self.broken.sort_by_key(|(seed, ..)| *seed);
        if let Some((seed, broken, trace)) = self.broken.first() {
            print!("{trace}");
            println!("BROKEN in seed {seed}: {broken}");
        }
        for (seed, broken, _) in &self.broken {
            println!("seed {seed}: {broken}");
            println!("    again: cargo xtask sim --seed {seed} --steps {}", args.steps);
        }
        let Self { seeds, steps, calls, fetches, broken } = &self;
        println!("{seeds} seeds, {steps} steps, {calls} calls, {fetches} fetches, {} seeds broken", broken.len());
        if self.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
