//! `fleet-token get`: one token from any backend, and what it is, in words. The secret is shown only on demand.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use fleet_token::{
    AuthToken, AuthTokenContext, AuthTokenFactory, ConfigError, EndpointError, IdField, TokenError, TokenErrorKind,
    TokenEvent, TransportError,
};
use serde_json::{Value, json};

use crate::clock;
use crate::jwt::Jwt;
use crate::request::{Request, words};
use crate::screen::Screen;
use crate::when::{rfc3339, rounded, unix, utc};

/// The arguments made no sense; as clap's own.
const USAGE: u8 = 2;

/// Which token, from where, and how it is shown.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    request: Request,
    /// Give up after so many seconds, attempts included.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// Machine-readable: one JSON object on standard output, also for an error.
    #[arg(long)]
    json: bool,
    /// Print the token, alone on standard output; the description then goes to standard error. With --json, the token
    /// is a field of the object instead.
    #[arg(long)]
    reveal: bool,
}

/// Why there is no token, and what can be done.
#[derive(Debug)]
struct Failure {
    kind: String,
    message: String,
    hint: &'static str,
    code: u8,
}

/// Runs the command.
pub(crate) async fn run(options: &Options, screen: &Screen) -> ExitCode {
    match fetch(options).await {
        Ok(found) if options.json => {
            screen.say(&without_secret(&found.json(), options, &found.token));
            ExitCode::SUCCESS
        }
        Ok(found) => {
            for line in found.lines() {
                if options.reveal { screen.complain(&line) } else { screen.say(&line) }
            }
            if options.reveal {
                Screen::reveal(found.token.value());
            } else {
                screen.say("\nThe token itself is not shown; --reveal prints it.");
            }
            ExitCode::SUCCESS
        }
        Err(failure) => {
            if options.json {
                let error = json!({ "kind": failure.kind, "message": failure.message, "hint": failure.hint });
                screen.say(&json!({ "error": error }).to_string());
            } else {
                screen.complain(&format!("error: {}\n  {}", failure.message, failure.hint));
            }
            ExitCode::from(failure.code)
        }
    }
}

/// The description, with the token in it only if it was asked for.
fn without_secret(description: &Value, options: &Options, token: &AuthToken) -> String {
    let mut description = description.clone();
    if options.reveal {
        description["token"] = token.value().into();
    }
    description.to_string()
}

/// A token and all that is known about it.
struct Found {
    context: AuthTokenContext,
    token: AuthToken,
    left: Option<Duration>,
    events: Vec<TokenEvent>,
}

async fn fetch(options: &Options) -> Result<Found, Failure> {
    let (request, context) = (&options.request, options.request.context());
    let usage = |kind: &str, message: String, hint| Failure { kind: kind.to_owned(), message, hint, code: USAGE };
    let kind = context.kind().map_err(|error| usage("invalid_context", error.to_string(), "Nothing was sent."))?;
    let headers = request.session().map_err(|why| {
        let hint = "The values are not repeated here, as they may be secret. Nothing was sent.";
        usage("session", why.to_owned(), hint)
    })?;
    let timeout = Duration::from_secs(options.timeout);
    let factory = AuthTokenFactory::builder()
        .endpoint(kind, request.endpoint())
        .header_provider(headers)
        .fetch_deadline(timeout)
        .attempt_timeout(timeout)
        .allow_http_loopback()
        .build()
        .map_err(|error| usage("config", misconfigured(&error), "Mend --endpoint. Nothing was sent."))?;
    let mut stream = factory.events();
    let outcome = factory.token(&context).await;
    let events: Vec<_> = std::iter::from_fn(|| stream.try_next()).collect();
    let token = outcome.map_err(|error| Failure {
        kind: error.kind().to_string(),
        message: message(&error),
        hint: hint(&error, options),
        code: 1,
    })?;
    let left = factory.remaining(&token);
    Ok(Found { context, token, left, events })
}

const SLOW: &str = "The backend is slow or hangs; --timeout allows it more time.";

/// What is wrong with the arguments, in the command's words where the library speaks of its own methods.
fn misconfigured(error: &ConfigError) -> String {
    match error {
        ConfigError::Endpoint(EndpointError::NotSecure { template }) => {
            format!("{template:?} is not https; http is for this machine only, as in http://127.0.0.1:8080/")
        }
        error => error.to_string(),
    }
}

/// What went wrong. A 403 is not taken for a bad login: more often it is a good one that may not have this id.
fn message(error: &TokenError) -> String {
    match error {
        TokenError::SessionRejected { status: 403 } => {
            "the backend answered 403: the session may not have this id, or is not accepted".to_owned()
        }
        error => error.to_string(),
    }
}

/// What the reader can do about it.
fn hint(error: &TokenError, options: &Options) -> &'static str {
    match error.kind() {
        TokenErrorKind::Transport if is_plain_http(error) => {
            "That was no TLS: is it an http endpoint? On this machine http is allowed."
        }
        TokenErrorKind::Transport if matches!(error, TokenError::Transport(TransportError::Timeout)) => SLOW,
        TokenErrorKind::Transport => "Is the backend running, and is the address right?",
        TokenErrorKind::Timeout => SLOW,
        TokenErrorKind::Unavailable => "The backend is in trouble or overloaded; try again later.",
        TokenErrorKind::SessionRejected if options.request.headers.is_empty() => {
            "No --header was given: send your app's login, as in --header 'Authorization: Bearer …'."
        }
        TokenErrorKind::SessionRejected if error.status() == Some(403) => {
            "Check that this user may have a token for that id, and that --header is the login the backend expects."
        }
        TokenErrorKind::SessionRejected => "Check that --header is the login the backend expects, and still valid.",
        TokenErrorKind::NotFound => "Check the path of --endpoint and the id.",
        TokenErrorKind::Rejected => {
            "The backend does not understand this request; check --endpoint, --post and the id."
        }
        TokenErrorKind::Redirected => "A login must not follow a redirect; give the final address as --endpoint.",
        TokenErrorKind::BadResponse => "Check that --endpoint is the token route and answers with JSON.",
        TokenErrorKind::Disabled => "The backend has switched Fleet Engine off for this user.",
        TokenErrorKind::ExpiredOnArrival => "Check the backend's clock, and how long it keeps tokens itself.",
        TokenErrorKind::ScopeMismatch => "The backend mixed up ids: a bug there, and a dangerous one.",
        _ => "Run again with RUST_LOG=debug to see more.",
    }
}

/// Whether a TLS handshake was answered by something that speaks no TLS, in rustls' words.
fn is_plain_http(error: &TokenError) -> bool {
    matches!(error, TokenError::Transport(TransportError::Tls { detail }) if detail.contains("InvalidContentType"))
}

impl Found {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("Token for {}", words(&self.context))];
        let mut row = |name: &str, text: &str| lines.push(format!("  {name:<14} {text}"));
        match self.left {
            Some(left) => row("valid for", &format!("{}, until {}", rounded(left), utc(clock::wall() + left))),
            None => row("valid for", "unknown: neither the reply nor the token says, so it would not be kept"),
        }
        match Jwt::read(self.token.value()) {
            None => row("kind", "opaque: not a JWT, so there are no claims to read"),
            Some(Jwt { header, claims }) => {
                let text = |value: &Value, name: &str| value.get(name).map_or_else(|| "none".to_owned(), Jwt::line);
                row("signed with", &format!("{}, key {}", text(&header, "alg"), text(&header, "kid")));
                for name in ["iss", "aud"] {
                    row(name, &text(&claims, name));
                }
                for name in ["iat", "exp"] {
                    row(name, &claims.get(name).and_then(Value::as_i64).map_or_else(|| text(&claims, name), unix));
                }
                if let Some(scope) = claims.get("scope") {
                    row("scope", &Jwt::line(scope));
                }
                row("authorization", &authorization(claims.get("authorization")));
            }
        }
        let notes: Vec<_> = self.events.iter().filter_map(note).collect();
        lines.extend(notes.iter().map(|note| format!("  note: {note}")));
        lines
    }

    fn json(&self) -> Value {
        let jwt = Jwt::read(self.token.value());
        let ids: serde_json::Map<String, Value> =
            IdField::ALL.into_iter().filter_map(|f| Some((f.name().to_owned(), self.context.id(f)?.into()))).collect();
        json!({
            "context": ids,
            "service_type": self.context.service_type().map(fleet_token::ServiceType::as_str),
            "lifetime_seconds": self.left.map(|left| left.as_secs()),
            "expires_at": self.left.map(|left| rfc3339(clock::wall() + left)),
            "header": jwt.as_ref().map(|jwt| &jwt.header),
            "claims": jwt.as_ref().map(|jwt| &jwt.claims),
            "notes": self.events.iter().filter_map(note).collect::<Vec<_>>(),
        })
    }
}

/// What an event means for someone who has asked once; `None` for what goes without saying.
fn note(event: &TokenEvent) -> Option<String> {
    Some(match event {
        TokenEvent::AttemptFailed { attempt, error, .. } => format!("attempt {attempt} failed: {error}"),
        TokenEvent::LifetimeClamped { claimed, used, .. } => format!(
            "the backend claims a life of {}, more than Fleet Engine allows; {} is used. Milliseconds for seconds?",
            rounded(*claimed),
            rounded(*used)
        ),
        TokenEvent::ScopeWarning { mismatch, .. } => mismatch.to_string(),
        TokenEvent::ClockSkew { by, device_ahead, .. } => format!(
            "this machine's clock is {} {} the backend's; the lifetime above allows for it",
            rounded(*by),
            if *device_ahead { "ahead of" } else { "behind" }
        ),
        _ => return None,
    })
}

fn authorization(claim: Option<&Value>) -> String {
    match claim {
        None => "none: Fleet Engine will refuse this token".to_owned(),
        Some(Value::Object(ids)) => {
            let ids: Vec<_> = ids.iter().map(|(name, id)| format!("{name} = {}", Jwt::line(id))).collect();
            ids.join(", ")
        }
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_out_plainly() {
        assert_eq!(authorization(Some(&json!({"tripid": "t", "vehicleid": "v"}))), "tripid = t, vehicleid = v");
        assert_eq!(authorization(Some(&json!({"taskids": ["*"]}))), r#"taskids = ["*"]"#);
        assert!(authorization(None).contains("refuse"));
    }
}
