//! Every chore of the workspace: `cargo xtask NAME`. A new chore is a subcommand here and a file beside this one.
#![allow(
    clippy::print_stdout,
    reason = "a chore talks to the person or the CI log that started it; there is no library face to keep quiet"
)]

mod api;
mod bench;
mod bench_phones;
mod bindings;
mod book;
mod builds;
mod cost;
mod dist;
mod example;
mod excerpt;
mod fleet;
mod fuzz;
mod kept;
mod kotlin;
#[cfg(test)]
mod matrix;
mod model;
mod mutants;
mod program;
mod run;
mod sbom;
mod scenarios;
mod secrets;
mod sim;
mod soak;
mod step;
mod stopwatch;
mod supply;
mod swift;
mod tally;
mod test;
mod tools;
mod walk;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::bench_phones::Language;
use crate::workspace::Workspace;

/// The chores of the fleet-token workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Prove the workspace: lints, tests of every language, docs, the demo, and that no secret was printed.
    Test(test::Args),
    /// Run an example from `examples/`, on a server of its own.
    Example(example::Args),
    /// Build the library for Kotlin and Swift, and generate the sources that call it.
    Bindings(bindings::Args),
    /// Build the Swift package on fresh bindings and run its tests, where there is a Swift or Debian's can be unpacked.
    Swift(swift::Args),
    /// Build the Kotlin modules on fresh bindings and run their tests, where there are a JDK and Maven.
    Kotlin(kotlin::Args),
    /// Run the factory through random weather against a model of its promises.
    Sim(sim::Args),
    /// Let a million devices live through a day, outages and shifts, and write docs/fleet-scale.md.
    Fleet(fleet::Args),
    /// Run a few threads on the factory in every order that shuttle can think of.
    Model(model::Args),
    /// Put bytes that libFuzzer makes up before everything that reads what comes from outside.
    Fuzz(fuzz::Args),
    /// Change the core in every small way, and see whether a test minds. Takes an hour and a half.
    Mutants(mutants::Args),
    /// Write what each artifact is made of, as CycloneDX, into target/sbom.
    Sbom,
    /// Let 64 callers use the factory for minutes against an emulated Fleet Engine that judges every token.
    Soak(soak::Args),
    /// Measure the factory beside its rivals, and write docs/performance.md. Takes eight minutes, and a machine without other work.
    Bench(bench::Args),
    /// Check the pages of the documentation and build the book of them, into target/book/html.
    Book,
    /// Follow the quickstarts as a reader would, each command as it stands there.
    Walk(walk::Args),
    /// Make the pictures of the pages anew, out of the texts in docs/pictures.
    Pictures(book::PicturesArgs),
    /// Package the SDK for phones.
    #[command(subcommand)]
    Dist(dist::Args),
    /// Compare what Rust programs see of the SDK with the committed list.
    Api(api::Args),
    /// Count the instructions of hits, misses, refreshes and parses, and compare with the committed counts.
    Cost(cost::Args),
    /// Measure what a hit costs in Kotlin, with JMH, into docs/performance-phones.md. Five minutes on a quiet machine.
    BenchKotlin(bench_phones::Args),
    /// Measure what a hit costs in Swift, into docs/performance-phones.md.
    BenchSwift(bench_phones::Args),
    /// Both of these.
    BenchPhones(bench_phones::Args),
    /// Print how big the library is that phones load and what is in it, and compare with the committed size.
    Size(dist::SizeArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut workspace = match Workspace::open() {
        Ok(workspace) => workspace,
        Err(error) => {
            eprintln!("error: cannot open the workspace: {error}");
            return ExitCode::FAILURE;
        }
    };
    match cli.chore {
        Chore::Test(args) => test::run(&args, &mut workspace),
        Chore::Example(args) => example::run(&args, &mut workspace),
        Chore::Bindings(args) => bindings::run(&args, &workspace),
        Chore::Swift(args) => swift::run(&args, &mut workspace),
        Chore::Kotlin(args) => kotlin::run(&args, &mut workspace),
        Chore::Sim(args) => sim::run(&args, &workspace),
        Chore::Fleet(args) => fleet::run(&args, &workspace),
        Chore::Model(args) => model::run(&args, &workspace),
        Chore::Fuzz(args) => fuzz::run(&args, &workspace),
        Chore::Mutants(args) => mutants::run(&args, &workspace),
        Chore::Sbom => sbom::run(&workspace),
        Chore::Soak(args) => soak::run(&args, &workspace),
        Chore::Bench(args) => bench::run(&args, &workspace),
        Chore::Book => book::run(&mut workspace),
        Chore::Walk(args) => walk::run(&args, &workspace),
        Chore::Pictures(args) => book::pictures(&args, &workspace),
        Chore::Dist(args) => dist::run(&args, &workspace),
        Chore::Api(args) => api::run(&args, &workspace),
        Chore::Cost(args) => cost::run(&args, &workspace),
        Chore::BenchKotlin(args) => bench_phones::run(&args, &[Language::Kotlin], &workspace),
        Chore::BenchSwift(args) => bench_phones::run(&args, &[Language::Swift], &workspace),
        Chore::BenchPhones(args) => bench_phones::run(&args, &[Language::Kotlin, Language::Swift], &workspace),
        Chore::Size(args) => dist::size(&args, &workspace),
    }
}
