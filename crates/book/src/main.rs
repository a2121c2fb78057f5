//! `cargo xtask book` calls this: checks the pages and builds the book of them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the person or the CI log that started it")]

use std::io;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use clap::{Parser, Subcommand};
use fleet_token_book::blocks::Judges;
use fleet_token_book::commands::Commands;
use fleet_token_book::markdown::Page;
use fleet_token_book::pages::Pages;
use fleet_token_book::walk::Walk;
use fleet_token_book::{build, links, pictures};

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
    /// Check the links, the code and the pictures of every page.
    Check {
        /// The program `fleet-token`, whose commands pages show.
        #[arg(long)]
        fleet_token: PathBuf,
        /// The program behind `cargo xtask`.
        #[arg(long)]
        xtask: PathBuf,
    },
    /// List the pages that can be followed; or print one as a script for bash, which takes the checkout and an empty folder.
    Walk {
        /// Which one.
        page: Option<String>,
    },
    /// Make the pictures anew.
    Pictures {
        /// Run the demo with this program first, and keep what it says.
        #[arg(long, value_name = "FLEET-TOKEN")]
        demo: Option<PathBuf>,
    },
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
        Command::Check { fleet_token, xtask } => {
            let help =
                |program: &str, words: &[&str]| said(if program == "xtask" { xtask } else { fleet_token }, words);
            let commands = Commands::new(&cli.root, &help);
            let judges = Judges::read(&cli.root, &commands)?;
            let sum = |count: fn(&Page) -> usize| pages.iter().map(|(_, page)| count(page)).sum::<usize>();
            let (links, blocks) = (sum(|page| page.links.len()), sum(|page| page.blocks.len()));
            println!("{} pages, {links} links, {blocks} blocks of code", pages.iter().count());
            Ok([links::faults(&pages), judges.faults(&pages), pages.torn_tables(), pictures::faults(&cli.root)?]
                .concat())
        }
        Command::Walk { page: None } => {
            for (path, _) in pages.iter().filter(|(path, page)| Walk::of(path, page).is_some()) {
                println!("{path}");
            }
            Ok(Vec::new())
        }
        Command::Walk { page: Some(path) } => {
            match pages.get(path).and_then(|page| Walk::of(path, page)) {
                Some(walk) => print!("{}", walk.script),
                None => return Ok(vec![format!("{path}: no page with a command to run")]),
            }
            Ok(Vec::new())
        }
        Command::Pictures { demo } => {
            demo.as_ref().map_or(Ok(()), |program| pictures::record(&cli.root, program))?;
            pictures::make(&cli.root)?;
            Ok(Vec::new())
        }
        Command::Build { mdbook, out } => build::build(&pages, mdbook, out),
    }
}

/// What the program says of itself after these words; `None` if it knows no such subcommand.
fn said(program: &Path, words: &[&str]) -> Option<String> {
    let output = process::Command::new(program).args(words).arg("--help").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
