//! What simulating costs, by number of devices and by queue: each run in a process of its own, so that its memory shows.

use std::process::Command;

use crate::client::Ours;
use crate::clock;
use crate::fleet;
use crate::queue::{Calendar, Heap};
use crate::scenario;

/// One run's cost.
#[derive(Clone, Debug)]
pub struct Cost {
    pub devices: u32,
    pub queue: String,
    pub events: u64,
    pub seconds: f64,
    pub bytes: u64,
}

/// A steady day of this SDK in this process; what it cost, for the parent to read.
pub fn child(devices: u32, queue: &str, seed: u64) -> String {
    let course = scenario::day().course(devices, seed);
    let tally = match queue {
        "heap" => fleet::run::<Ours, Heap>(&course),
        _ => fleet::run::<Ours, Calendar>(&course),
    };
    format!("{} {} {}", tally.events, clock::busy().as_secs_f64(), clock::most_memory())
}

/// The cost of a steady day, in a process of its own.
pub fn measure(devices: u32, queue: &str, seed: u64) -> Result<Cost, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let (number, seed) = (devices.to_string(), seed.to_string());
    let output = Command::new(program)
        .args(["--devices", &number, "--seed", &seed, "--cost-of", queue])
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text.split_whitespace();
    let mut next = || words.next().ok_or_else(|| format!("a run of {devices} devices came to nothing: {output:?}"));
    let parse = |error: &dyn std::fmt::Display| error.to_string();
    Ok(Cost {
        devices,
        queue: queue.to_owned(),
        events: next()?.parse().map_err(|error| parse(&error))?,
        seconds: next()?.parse().map_err(|error| parse(&error))?,
        bytes: next()?.parse().map_err(|error| parse(&error))?,
    })
}
