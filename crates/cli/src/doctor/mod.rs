//! `fleet-token doctor`: asks any backend for a token as an app would, and says what is right, what is not, what that
//! means and what to do. No token, no login and no body is ever shown.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use fleet_token::{AuthTokenContext, IdField};
use serde_json::{Value, json};

use crate::finding::{self, Finding, Level};
use crate::report::{Headings, Page};
use crate::request::{Request, Secret, words};
use crate::screen::Screen;

mod address;
mod check;
mod hidden;
mod login;
mod network;
mod probe;
mod seen;
mod visit;

use hidden::Hidden;
use seen::Seen;

/// Which backend, and how to look at it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    request: Request,
    /// How often the token is asked for; once does not show what changes, or how long replies take.
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=20))]
    requests: u8,
    /// Give up on each step after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=120))]
    timeout: u64,
    /// Machine-readable: one JSON object on standard output, also for an error.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) async fn run(options: &Options, screen: &Screen) -> ExitCode {
    let hidden = Hidden::of(options.request.headers.iter().map(Secret::value));
    let timeout = Duration::from_secs(options.timeout);
    let (seen, hidden) = match visit::backend(&options.request, options.requests, timeout, hidden).await {
        Ok(seen) => seen,
        Err(message) => {
            if options.json {
                screen.say(&json!({ "error": { "message": message } }).to_string());
            } else {
                screen.complain(&format!("error: {message}\n  Nothing was sent."));
            }
            return ExitCode::from(2);
        }
    };
    let findings: Vec<_> = check::all(&seen).into_iter().map(|finding| hidden.cleaned(finding)).collect();
    if options.json {
        screen.say(&hidden.clean(&as_json(&seen, &findings).to_string()));
    } else {
        // Cleaned before lines are broken: half a secret would not be known again.
        let what = hidden.clean(&format!("{} at {}", capitalised(&words(&seen.context)), seen.address.shown));
        for line in as_lines(&what, &findings, Page::of_width(Screen::width())) {
            screen.say(&hidden.clean(&line));
        }
    }
    finding::exit_code(&findings)
}

/// Above which finding a new heading stands.
const HEADINGS: &Headings = &[
    (finding::Check::Scheme, "The way there"),
    (finding::Check::Reply, "The reply"),
    (finding::Check::Body, "What is in it"),
    (finding::Check::Jwt, "The token"),
    (finding::Check::Authorization, "What it opens"),
    (finding::Check::UnknownId, "Who gets one"),
    (finding::Check::Sdk, "fleet-token"),
];

fn as_lines(what: &str, findings: &[Finding], page: Page) -> Vec<String> {
    let mut lines = page.text(what);
    lines.extend(page.findings(findings, HEADINGS));
    lines.push(String::new());
    lines.extend(page.summary(findings));
    if finding::worst(findings) > Level::Fine {
        lines.push("docs/doctor.md explains each.".to_owned());
    }
    lines
}

fn as_json(seen: &Seen, findings: &[Finding]) -> Value {
    let ids: serde_json::Map<String, Value> =
        IdField::ALL.into_iter().filter_map(|f| Some((f.name().to_owned(), seen.context.id(f)?.into()))).collect();
    json!({
        "endpoint": seen.address.shown,
        "context": ids,
        "service_type": seen.context.service_type().map(fleet_token::ServiceType::as_str),
        "result": finding::worst(findings).name(),
        "findings": findings.iter().map(finding::json).collect::<Vec<_>>(),
    })
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

/// The same context with every id replaced; the context itself if it has none.
fn with_ids(context: &AuthTokenContext, id: &str) -> AuthTokenContext {
    let there = IdField::ALL.into_iter().filter(|field| context.id(*field).is_some());
    there.fold(context.clone(), |context, field| context.with_id(field, id))
}
