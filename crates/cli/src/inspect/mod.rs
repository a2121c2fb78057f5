//! `fleet-token inspect`: what a JWT says, in words, what Fleet Engine would allow with it, and why it might refuse it.

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::claims::{self, Authorization, seconds};
use crate::clock;
use crate::finding::{self, Check, Finding, Level};
use crate::jwt::Jwt;
use crate::screen::Screen;
use crate::when::unix_secs;

mod allows;

/// Longer than any token, and short enough to be read whole.
const LONGEST: u64 = 64 * 1024;

/// The token, and how it is shown.
#[derive(Args)]
pub(crate) struct Options {
    /// The token, with or without "Bearer". Better on standard input, for arguments stand in the shell's history and in the
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
    let token = bare(&text);
    if token.is_empty() {
        return fail("there is no token", "Give it on standard input, or as the argument.");
    }
    let Some(jwt) = Jwt::read(token) else {
        return fail(
            "that is no JWT",
            "A JWT has three parts with dots between: eyJ….eyJ….… Fleet Engine's are JWTs; an opaque token cannot be read.",
        );
    };
    let now = unix_secs(clock::wall());
    let findings = judge(&jwt, token, now);
    if json {
        screen.say(&as_json(&jwt, &findings, now).to_string());
    } else {
        for line in as_lines(&jwt, &findings) {
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

/// The token without what it is often copied with: white space, quotes, the header's name and scheme.
fn bare(text: &str) -> &str {
    let quotes: &[char] = &['"', '\'', ',', ';'];
    let last = text.trim().trim_matches(quotes).split_whitespace().last().unwrap_or_default();
    last.trim_matches(quotes)
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
    findings
}

fn as_lines(jwt: &Jwt, findings: &[Finding]) -> Vec<String> {
    let mut lines = vec!["Header".to_owned()];
    lines.extend(fields(&jwt.header));
    lines.push("\nClaims".to_owned());
    lines.extend(fields(&jwt.claims));
    let allowed = Authorization::of(&jwt.claims).map(|ids| allows::by(&ids)).unwrap_or_default();
    lines.push("\nWhat Fleet Engine would allow, if the role of the service account does".to_owned());
    if allowed.is_empty() {
        lines.push("  nothing".to_owned());
    }
    for allowed in allowed {
        lines.push(format!("  {}: {}", allowed.service, allowed.on));
        lines.push(format!("    {}", allowed.methods));
    }
    lines.push("\nWhat Fleet Engine looks at".to_owned());
    lines.extend(finding::all_lines(findings));
    lines.push(format!("\n{}", finding::summary(findings)));
    lines.push(verdict(findings).to_owned());
    lines.push("The signature was not verified: only Fleet Engine has the keys. It is not shown.".to_owned());
    lines
}

fn verdict(findings: &[Finding]) -> &'static str {
    match finding::worst(findings) {
        Level::Error => "Fleet Engine would refuse it.",
        Level::Warning => "Fleet Engine would take it; look at what is marked with ! all the same.",
        Level::Fine | Level::NotChecked => "Nothing speaks against it.",
    }
}

/// Each field in a line, times in words beside the number.
fn fields(object: &Value) -> Vec<String> {
    let map = object.as_object();
    let line = |(name, value): (&String, &Value)| {
        let time = ["iat", "exp", "nbf"].contains(&name.as_str()).then(|| seconds(object, name)).flatten();
        let words = time.map_or_else(String::new, |at| format!("  ({})", crate::when::unix(at)));
        format!("  {:<14} {}{words}", Jwt::brief(name), Jwt::brief(&Jwt::line(value)))
    };
    map.into_iter().flatten().map(line).collect()
}

fn as_json(jwt: &Jwt, findings: &[Finding], now: i64) -> Value {
    let allowed = Authorization::of(&jwt.claims).map(|ids| allows::by(&ids)).unwrap_or_default();
    let allowed: Vec<_> = allowed
        .into_iter()
        .map(|allowed| {
            let methods: Vec<_> = allowed.methods.split(", ").collect();
            json!({ "service": allowed.service, "methods": methods, "on": allowed.on })
        })
        .collect();
    json!({
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
    fn a_token_is_found_in_what_it_was_copied_with() {
        for text in ["a.b.c", " a.b.c\n", "\"a.b.c\",", "Bearer a.b.c", "Authorization: Bearer a.b.c", "'Bearer a.b.c'"]
        {
            assert_eq!(bare(text), "a.b.c", "{text}");
        }
        assert_eq!(bare(" \n"), "");
    }

    #[test]
    fn the_token_is_not_in_debug() {
        let options = Options { token: Some("SECRET-TOKEN-1".to_owned()), json: false };
        assert!(!format!("{options:?}").contains("SECRET-TOKEN"));
    }
}
