//! `fleet-token inspect`: what a JWT says, in words, what Fleet Engine would allow with it, and why it might refuse it.

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::claims::{self, Authorization, seconds};
use crate::clock;
use crate::finding::{self, Check, Finding, Level};
use crate::jwt::Jwt;
use crate::report::Page;
use crate::screen::Screen;
use crate::when::unix_secs;
use given::Given;

mod allows;
mod given;

/// Longer than any token, and short enough to be read whole.
const LONGEST: u64 = 64 * 1024;

/// The token, and how it is shown.
#[derive(Args)]
pub(crate) struct Options {
    /// The token; or what it stands in: a header with or without "Bearer", or the whole reply of a backend. Better on standard input, for arguments stand in the shell's history and in the
    /// list of processes: pbpaste | fleet-token inspect
    #[arg(value_name = "TOKEN")]
    token: Option<String>,
    /// Machine-readable: one JSON object on standard output, also for an error.
    #[arg(long)]
    json: bool,
}

/// Without the token.
impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("json", &self.json).finish_non_exhaustive()
    }
}

/// Runs the command.
pub(crate) fn run(options: Options, screen: &Screen) -> ExitCode {
    let json = options.json;
    let fail = |message: &str, hint: &str| {
        if json {
            screen.say(&json!({ "error": { "message": message, "hint": hint } }).to_string());
        } else {
            screen.complain(&format!("error: {message}\n  {hint}"));
        }
        ExitCode::from(2)
    };
    let text = match options.token {
        Some(token) => token,
        None => match read(screen) {
            Ok(text) => text,
            Err(error) => return fail(&format!("standard input cannot be read: {error}"), "A token is text."),
        },
    };
    let given = match given::read(&text) {
        Ok(given) => given,
        Err((message, hint)) => return fail(&message, hint),
    };
    let now = unix_secs(clock::wall());
    let findings = judge(&given.jwt, &given.token, now);
    if json {
        screen.say(&as_json(&given, &findings, now).to_string());
    } else {
        for line in as_lines(&given, &findings, Page::of_width(Screen::width())) {
            screen.say(&line);
        }
    }
    finding::exit_code(&findings)
}

fn read(screen: &Screen) -> std::io::Result<String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        screen.complain("Paste the token and end with Ctrl-D.");
    }
    let mut text = String::new();
    input.lock().take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

fn judge(jwt: &Jwt, token: &str, now: i64) -> Vec<Finding> {
    let mut findings = claims::judge(jwt, now, None);
    // There is nothing to say about what nobody asked for.
    findings.retain(|finding| finding.check != Check::OtherId);
    let unsigned = token.rsplit('.').next().is_none_or(str::is_empty);
    if unsigned && let Some(found) = findings.iter_mut().find(|f| f.check == Check::Algorithm && f.level < Level::Error)
    {
        *found = Check::Algorithm.error(
            "the signature is missing",
            "Fleet Engine refuses a token without one.",
            "Copy the whole token: three parts, with dots between.",
        );
    }
    finding::settle(&mut findings);
    findings
}

fn as_lines(given: &Given, findings: &[Finding], page: Page) -> Vec<String> {
    let jwt = &given.jwt;
    let mut lines: Vec<_> = found(given).iter().flat_map(|text| page.text(text)).collect();
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push("Header".to_owned());
    lines.extend(fields(&jwt.header, page));
    lines.push("\nClaims".to_owned());
    lines.extend(fields(&jwt.claims, page));
    let allowed = Authorization::of(&jwt.claims).map(|ids| allows::by(&ids)).unwrap_or_default();
    lines.push(String::new());
    lines.extend(page.text("What Fleet Engine would allow, if the role of the service account does"));
    if allowed.is_empty() {
        lines.push("  nothing".to_owned());
    }
    for allowed in allowed {
        lines.extend(page.hanging("  ", 4, &format!("{}: {}", allowed.service, allowed.on)));
        lines.extend(page.hanging("    ", 4, allowed.methods));
    }
    lines.push("\nWhat Fleet Engine looks at".to_owned());
    lines.extend(page.findings(findings, &[]));
    lines.push(String::new());
    lines.extend(page.summary(findings));
    lines.extend(page.text(verdict(findings)));
    lines.extend(page.text("The signature was not verified: only Fleet Engine has the keys. It is not shown."));
    lines
}

fn verdict(findings: &[Finding]) -> &'static str {
    match finding::worst(findings) {
        Level::Error => "Fleet Engine would refuse it.",
        Level::Warning => "Fleet Engine would take it; look at what is marked with ! all the same.",
        Level::Fine | Level::NotChecked => "Nothing speaks against it.",
    }
}

/// Where the token was found, and what was cut off.
fn found(given: &Given) -> Vec<String> {
    let mut texts = Vec::new();
    if let Some(field) = &given.field {
        let name = &field.name;
        texts.push(match field.shape {
            Some((letter, of)) => format!("Read from the field {name} of a whole reply, shape {letter}: {of}. doctor judges the rest of it."),
            None if field.is_known => format!("Read from the field {name} of a whole reply, of no one shape. doctor judges the rest of it."),
            None => format!("Read from the field {name}, where no client looks for a token: call it token, or jwt, and put it at the top."),
        });
    }
    if !given.cut.is_empty() {
        texts.push(format!("Cut off: {}.", given.cut.join(", ")));
    }
    if given.field.is_some() && given.cut.contains(&"Bearer") {
        texts.push("Apps put Bearer before the token themselves: the backend must not.".to_owned());
    }
    texts
}

/// Each field, times in words beside the number.
fn fields(object: &Value, page: Page) -> Vec<String> {
    let map = object.as_object();
    let line = |(name, value): (&String, &Value)| {
        let time = ["iat", "exp", "nbf"].contains(&name.as_str()).then(|| seconds(object, name)).flatten();
        let words = time.map_or_else(String::new, |at| format!("  ({})", crate::when::unix(at)));
        let name = Jwt::legible(name);
        page.hanging(&format!("  {name:<14} "), 17, &format!("{}{words}", Jwt::legible(&Jwt::line(value))))
    };
    map.into_iter().flatten().flat_map(line).collect()
}

fn as_json(given: &Given, findings: &[Finding], now: i64) -> Value {
    let jwt = &given.jwt;
    let field = given.field.as_ref();
    let read_from = field.map(|field| json!({ "field": field.name, "shape": field.shape.map(|(letter, _)| letter) }));
    let allowed = Authorization::of(&jwt.claims).map(|ids| allows::by(&ids)).unwrap_or_default();
    let allowed: Vec<_> = allowed
        .into_iter()
        .map(|allowed| {
            let methods: Vec<_> = allowed.methods.split(", ").collect();
            json!({ "service": allowed.service, "methods": methods, "on": allowed.on })
        })
        .collect();
    json!({
        "read_from": read_from,
        "cut": given.cut,
        "header": jwt.header,
        "claims": jwt.claims,
        "seconds_left": seconds(&jwt.claims, "exp").map(|exp| exp - now),
        "allowed": allowed,
        "result": finding::worst(findings).name(),
        "verdict": verdict(findings),
        "findings": findings.iter().map(finding::json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_not_in_debug() {
        let options = Options { token: Some("SECRET-TOKEN-1".to_owned()), json: false };
        assert!(!format!("{options:?}").contains("SECRET-TOKEN"));
    }
}
