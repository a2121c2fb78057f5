//! `cargo xtask fleet`: runs every scenario with every client, and writes `docs/fleet-scale.md` and its plots.
#![allow(clippy::print_stdout, reason = "a program that talks to whoever started it")]

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use clap::Parser;
use fleet_token_fleet_sim::page::{self, Ran};
use fleet_token_fleet_sim::scenario::{self, Scenario, Who};
use fleet_token_fleet_sim::{clock, cost, plot};

#[derive(Parser)]
struct Args {
    /// How many devices; scenarios of a whole day in bad weather have a tenth of them.
    #[arg(long, default_value_t = 1_000_000)]
    devices: u32,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only scenarios whose name holds this; nothing is written then.
    #[arg(long)]
    only: Option<String>,
    /// Where to write.
    #[arg(long, default_value = "docs")]
    docs: PathBuf,
    /// Only simulate a steady day by this queue, and say what it cost. For the program itself.
    #[arg(long, hide = true)]
    cost_of: Option<String>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if let Some(queue) = &args.cost_of {
        println!("{}", cost::child(args.devices, queue, args.seed));
        return ExitCode::SUCCESS;
    }
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    let ran: Vec<Ran> =
        chosen(args).into_iter().map(|(scenario, devices)| every_client(scenario, devices, args.seed)).collect();
    if args.only.is_some() {
        return Ok(());
    }
    let mut costs = Vec::new();
    for devices in [1000, 10_000, 100_000, 1_000_000].into_iter().filter(|devices| *devices <= args.devices) {
        for queue in ["calendar", "heap"] {
            let cost = cost::measure(devices, queue, args.seed)?;
            println!("a steady day of {devices} devices, {queue}: {:.1} s", cost.seconds);
            costs.push(cost);
        }
    }
    let plots = args.docs.join("fleet-scale");
    fs::create_dir_all(&plots).map_err(|error| error.to_string())?;
    for ran in &ran {
        if let Some(name) = page::plot_name(&ran.scenario) {
            plot::draw(&plots.join(format!("{name}.svg")), &ran.scenario, ran.devices, &ran.runs)?;
        }
    }
    let page = page::page(&ran, &costs, args.devices, args.seed);
    fs::write(args.docs.join("fleet-scale.md"), page).map_err(|error| error.to_string())
}

/// What is run, with how many devices.
fn chosen(args: &Args) -> Vec<(Scenario, u32)> {
    let devices = |scenario: &Scenario| match scenario.is_long_and_bad() {
        true => args.devices.div_ceil(10),
        false => args.devices,
    };
    let mut chosen: Vec<_> =
        scenario::all(args.devices).into_iter().map(|s| (devices(&s), s)).map(|(n, s)| (s, n)).collect();
    if let Some(only) = &args.only {
        chosen.retain(|(scenario, _)| scenario.name.contains(only.as_str()));
    }
    chosen
}

/// Two at a time.
fn every_client(scenario: Scenario, devices: u32, seed: u64) -> Ran {
    let course = scenario.course(devices, seed);
    let (left, done) = (Mutex::new(Who::ALL.to_vec()), Mutex::new(Vec::new()));
    let next = || left.lock().ok().and_then(|mut left| left.pop());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(who) = next() {
                    let before = clock::busy();
                    let tally = who.run(&course);
                    let busy = clock::busy().saturating_sub(before).as_secs_f64();
                    println!("{}, {}: {} events, {busy:.1} s", scenario.name, who.name(), tally.events);
                    if let Ok(mut done) = done.lock() {
                        done.push((who, tally));
                    }
                }
            });
        }
    });
    let mut runs = done.into_inner().unwrap_or_default();
    runs.sort_by_key(|(who, _)| Who::ALL.iter().position(|other| other == who));
    Ran { scenario, devices, runs }
}
