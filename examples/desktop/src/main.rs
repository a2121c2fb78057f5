//! A fleet operator's desktop: a trip and several vehicles, followed over gRPC or REST, with tokens from a factory.
//!
//! Run it with `cargo xtask example desktop`. To copy from: `tokens.rs` makes the factory, `engine/` puts its tokens on
//! calls, `follow.rs` asks again and again. The rest is a picture.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod engine;
mod follow;
mod headless;
mod scene;
mod screen;
mod tokens;

use std::process::ExitCode;

use clap::Parser;

use crate::engine::Engine;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Follow a trip and some vehicles on a map in the terminal.
#[derive(Parser)]
#[command(after_help = "With servers of its own: cargo xtask example desktop")]
pub(crate) struct Args {
    /// The app's own backend, which mints tokens.
    #[arg(long, env = "FLEET_TOKEN_BACKEND", value_name = "URL")]
    pub(crate) backend: String,
    /// Fleet Engine.
    #[arg(long, env = "FLEET_TOKEN_ENGINE", value_name = "URL", default_value = "https://fleetengine.googleapis.com")]
    pub(crate) engine: String,
    /// The Google Cloud project.
    #[arg(long, default_value = "demo")]
    pub(crate) provider: String,
    /// The user's login with the backend; by default that of `fleet-token serve`'s own server, which may see everything.
    #[arg(
        long,
        env = "FLEET_TOKEN_LOGIN",
        hide_env_values = true,
        default_value = "demo-server",
        hide_default_value = true
    )]
    login: String,
    /// The trip to follow.
    #[arg(long, value_name = "ID", default_value = "trip_1")]
    pub(crate) trip: String,
    /// The vehicles to follow.
    #[arg(long = "vehicle", value_name = "ID", default_values = ["vehicle_1", "vehicle_2", "vehicle_3", "vehicle_4"])]
    pub(crate) vehicles: Vec<String>,
    /// REST instead of gRPC.
    #[arg(long)]
    rest: bool,
    /// No picture: follow for --seconds, then say whether everything was as it should be, by the exit code too.
    #[arg(long)]
    headless: bool,
    /// How long, with --headless.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u64).range(5..))]
    pub(crate) seconds: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<()> {
    let factory = tokens::factory(&args.backend, &args.login)?;
    let engine = Engine::new(&args.engine, &args.provider, args.rest, factory.clone())?;
    let followed = follow::start(&engine, args);
    if args.headless {
        headless::run(args, &factory, followed).await
    } else {
        screen::run(args, &factory, followed).await
    }
}
