//! `fleet-token completions` and `fleet-token man`: what a shell and `man` want to know, made from the arguments themselves.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

/// For which shell.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Of which command.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// One command's own page; without it, the page of all.
    #[arg(value_name = "COMMAND")]
    of: Option<String>,
}

/// Writes the completions of `command`.
pub(crate) fn completions(options: &Completions, mut command: Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command, "fleet-token", &mut script);
    written(&script)
}

/// Writes the page of `command`, or of one of its own; 2 if it has none of that name.
pub(crate) fn man(options: &Man, mut command: Command) -> ExitCode {
    // So that a page of its own says how it is called.
    command.build();
    let command = match &options.of {
        None => command,
        Some(name) => match command.find_subcommand(name) {
            Some(found) => found.clone(),
            None => return ExitCode::from(2),
        },
    };
    let mut page = Vec::new();
    match clap_mangen::Man::new(command).render(&mut page) {
        Ok(()) => written(&page),
        Err(_) => ExitCode::FAILURE,
    }
}

/// Who reads us may go away; that is no failure of ours.
fn written(text: &[u8]) -> ExitCode {
    let _ = io::stdout().lock().write_all(text);
    ExitCode::SUCCESS
}
