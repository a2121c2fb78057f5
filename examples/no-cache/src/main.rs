//! What apps do today about Fleet Engine tokens, and what it costs their backend, beside fleet-token on the same one.
//!
//! Run it with `cargo xtask example no-cache`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod server;
mod ways;
mod work;

use std::process::ExitCode;
use std::time::Duration;

use crate::server::Server;
use crate::ways::{EachTime, Factory, OneSlot, Way};
use crate::work::{JOBS, Job};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How long before its end a token is replaced, as Google's driver samples have it; and one that is as long as tokens live.
const MARGIN: Duration = Duration::from_mins(10);
const LONG_MARGIN: Duration = Duration::from_mins(60);

#[tokio::main]
async fn main() -> ExitCode {
    match compare().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn compare() -> Result<()> {
    let server = Server::from_env()?;
    println!("Requests to the app's backend for the same calls to Fleet Engine:\n");
    println!("{:<58} {:>10} {:>9} {:>12}", "", "each time", "one slot", "fleet-token");
    for job in JOBS {
        // Each job starts with nothing, as an app that has just been opened.
        let margin = if job.long_margin { LONG_MARGIN } else { MARGIN };
        let each_time = requests(&server, EachTime::new(&server), job).await?;
        let one_slot = requests(&server, OneSlot::new(&server, margin), job).await?;
        let factory = requests(&server, Factory::new(&server, margin)?, job).await?;
        println!("{:<58} {each_time:>10} {one_slot:>9} {factory:>12}", job.name);
        if factory > job.vehicles as u64 {
            return Err(format!("{factory} requests for {} vehicles: one each was promised", job.vehicles).into());
        }
    }
    println!("\neach time: a request for every call, as in Google's sample for deliveries on Android");
    println!(
        "one slot:  the last token is kept until {} min before its end, as in Google's other samples",
        minutes(MARGIN)
    );
    Ok(())
}

/// Does the job in that way, and asks the backend how many tokens it had to give for it.
async fn requests(server: &Server, way: impl Way, job: &Job) -> Result<u64> {
    let before = server.token_requests().await?;
    job.run(server, &way).await?;
    Ok(server.token_requests().await? - before)
}

fn minutes(duration: Duration) -> u64 {
    duration.as_secs() / 60
}
