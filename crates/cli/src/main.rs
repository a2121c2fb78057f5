//! The `fleet-token` command: reads the arguments, hands over to one room each, turns the outcome into an exit code.

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, Parser, Subcommand};

mod body;
mod claims;
mod clock;
mod demo;
mod doctor;
mod finding;
mod get;
mod inspect;
mod jwt;
mod report;
mod request;
mod screen;
mod serve;
mod shell;
mod traffic;
mod watch;
mod when;

use screen::Screen;

/// How long a runtime may take to let go of what still runs when a command is over.
const WIND_DOWN: Duration = Duration::from_millis(500);

/// Get, keep and refresh Google Fleet Engine tokens. Without a command: the demo.
#[derive(Debug, Parser)]
#[command(name = "fleet-token", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    demo: demo::Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch drivers and riders get, use and renew tokens through an outage, a rejection and a wrong id.
    ///
    /// Starts a token backend and an emulated Fleet Engine on free loopback ports, and checks what it promises: the
    /// exit code is 0 only if every promise held.
    Demo(demo::Options),
    /// Run the reference token backend and the emulated Fleet Engine until Ctrl-C.
    Serve(serve::Options),
    /// Get one token from a backend and say what it is.
    ///
    /// Exit code 0 with a token, 1 without one, 2 if the arguments make no sense. Nothing is sent in the last case.
    Get(Box<get::Options>),
    /// Find out what is wrong with a token backend: a checklist, with what was seen, what it means and what to do.
    ///
    /// Looks up the name, connects, looks at the certificate; then asks for the token five times (--requests), and once
    /// each for an id that nobody has, for the id *, and without the --header: eight requests in a few seconds. Redirects
    /// are followed within the server only, nothing is tried again, and nothing is sent to a server that is not to be
    /// trusted. No token, login or body is shown. docs/doctor.md explains each finding.
    ///
    /// ✓ fine, ! works but is fragile or costly, ✗ wrong, – not checked. Exit code 0 if nothing was found, 1 for warnings
    /// only, 2 for an error, or if the arguments make no sense.
    Doctor(Box<doctor::Options>),
    /// Say what a token is for, what Fleet Engine would allow with it, and why it might refuse it.
    ///
    /// Reads a JWT from standard input or the argument: alone, as a header, in quotes, or in the whole reply of a token
    /// backend. Times are judged by this machine's clock. The signature is neither
    /// verified, for only Fleet Engine has the keys, nor shown. Exit code 0 if nothing speaks against the token, 1 for
    /// warnings only, 2 if Fleet Engine would refuse it, or if it is no JWT.
    Inspect(inspect::Options),
    /// Write the completions for a shell, to be sourced or put where the shell looks for them.
    ///
    /// bash: fleet-token completions bash > ~/.local/share/bash-completion/completions/fleet-token
    /// zsh: fleet-token completions zsh > "${fpath[1]}/_fleet-token"
    /// fish: fleet-token completions fish > ~/.config/fish/completions/fleet-token.fish
    #[command(verbatim_doc_comment)]
    Completions(shell::Completions),
    /// Write a page for man, of all commands or of one: fleet-token man doctor | man -l -
    Man(shell::Man),
    /// Watch tokens age, be renewed and fail, live: a table of contexts and what happens to them.
    ///
    /// Without --endpoint on a backend of its own, where something goes wrong now and then. Keys: up and down, or k and j, select; ? explains the table; i
    /// drops the selected token, as an app does after a 401; c forgets everything; n says that the network is back, s
    /// that the user signed in; p stops asking; o takes the demo's backend down; q quits. No token is ever shown.
    Watch(Box<watch::Options>),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let screen = Screen::new();
    screen::trace(&screen);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.complain(&format!("error: the async runtime did not start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(async {
        match cli.command.unwrap_or(Command::Demo(cli.demo)) {
            Command::Demo(options) => demo::run(&options, &screen).await,
            Command::Serve(options) => serve::run(options, &screen).await,
            Command::Get(options) => get::run(&options, &screen).await,
            Command::Doctor(options) => doctor::run(&options, &screen).await,
            Command::Inspect(options) => inspect::run(options, &screen),
            Command::Completions(options) => shell::completions(&options, Cli::command()),
            Command::Man(options) => shell::man(&options, Cli::command()),
            Command::Watch(options) => watch::run(&options, &screen).await,
        }
    });
    runtime.shutdown_timeout(WIND_DOWN);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn no_command_is_the_demo_and_takes_its_options() {
        let cli = Cli::try_parse_from(["fleet-token", "--json", "--seconds", "20"]).unwrap();
        assert!(cli.command.is_none() && cli.demo.json && cli.demo.seconds == 20);
    }

    #[test]
    fn a_token_is_for_one_thing() {
        let parse = |args: &[&str]| {
            let fixed = ["fleet-token", "get", "--endpoint", "https://b.example/"];
            Cli::try_parse_from(fixed.iter().chain(args))
        };
        assert!(parse(&["--trip-id", "t"]).is_ok());
        assert!(parse(&["--delivery-vehicle-id", "d", "--task-id", "k"]).is_ok());
        for bad in [&[][..], &["--trip-id", "t", "--fleet"], &["--vehicle-id", "v", "--task-id", "k"]] {
            assert_eq!(parse(bad).unwrap_err().exit_code(), 2, "{bad:?}");
        }
    }
}
