//! Does one thing that an app does all day, a known number of times, so that valgrind can count its instructions.
//!
//! `cargo xtask cost` builds it, runs each task under callgrind, and compares with `counts.txt`. What is counted is
//! chosen by the name of a function: the work between is set-up. Everything here is on one thread, with no network, no
//! timer and no randomness that would show in the count.
#![allow(clippy::print_stdout, reason = "a command's output is its answer")]

mod evict;
mod hit;
mod measured;
mod miss;
mod parse;
mod refresh;
mod token;
mod world;

use std::process::ExitCode;

/// One thing to count.
pub(crate) struct Task {
    /// What the table and the file of counts call it.
    pub(crate) name: &'static str,
    /// How often it is done: the count is divided by it.
    pub(crate) times: usize,
    /// Instructions count inside the functions whose names hold this.
    pub(crate) counted: &'static str,
    pub(crate) run: fn(usize),
}

const GROUPS: [&[Task]; 5] = [&hit::TASKS, &miss::TASKS, &refresh::TASKS, &evict::TASKS, &parse::TASKS];

fn tasks() -> impl Iterator<Item = &'static Task> {
    GROUPS.into_iter().flatten()
}

/// Without a name, all of them are listed: name, times, and what is counted.
fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        for task in tasks() {
            println!("{}\t{}\t{}", task.name, task.times, task.counted);
        }
        return ExitCode::SUCCESS;
    };
    let Some(task) = tasks().find(|task| task.name == name) else {
        eprintln!("error: no task is called {name}");
        return ExitCode::FAILURE;
    };
    (task.run)(task.times);
    ExitCode::SUCCESS
}
