//! `cargo xtask book` calls this: checks the pages and builds the book of them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the person or the CI log that started it")]

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use fleet_token_book::pages::Pages;
use fleet_token_book::{build, links};

#[derive(Parser)]
struct Cli {
    /// The checkout.
    #[arg(long, default_value = ".")]
    root: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check the links and the code of every page.
    Check,
    /// Build the book.
    Build {
        /// mdBook's program.
        #[arg(long)]
        mdbook: PathBuf,
        /// Where to: pages in `src`, the book in `html`.
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            for fault in &faults {
                println!("{fault}");
            }
            println!("{} faults", faults.len());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> io::Result<Vec<String>> {
    let pages = Pages::read(&cli.root)?;
    match &cli.command {
        Command::Check => {
            let count = pages.iter().map(|(_, page)| page.links.len()).sum::<usize>();
            println!("{} pages, {count} links", pages.iter().count());
            Ok(links::faults(&pages))
        }
        Command::Build { mdbook, out } => build::build(&pages, mdbook, out),
    }
}
