//! `fleet-token get`: one token from any backend, and what it is, in words. The secret is shown only on demand.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgGroup, Args};
use fleet_token::{
    AuthToken, AuthTokenContext, AuthTokenFactory, ConfigError, Endpoint, EndpointError, IdField, SessionHeaders,
    TokenError, TokenErrorKind, TokenEvent, TransportError,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::clock;
use crate::jwt::Jwt;
use crate::screen::Screen;

/// The arguments made no sense; as clap's own.
const USAGE: u8 = 2;

/// Which token, from where.
#[derive(Debug, Args)]
#[command(group(
    ArgGroup::new("what").required(true).multiple(true).args(
        ["vehicle_id", "trip_id", "delivery_vehicle_id", "task_id", "tracking_id", "fleet", "vehicle_service"]
    )
))]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Options {
    /// Where to ask: a URL with a place for each id, such as https://b.example/token/driver/{vehicleId}. The places are
    /// {vehicleId}, {tripId}, {deliveryVehicleId}, {taskId}, {trackingId}. http is for this machine only.
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// Ask with POST and the context as JSON, instead of GET.
    #[arg(long)]
    post: bool,
    /// A header for the backend, such as your app's login. Never shown. May be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<Secret>,
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

    /// One on-demand vehicle, as a driver's app.
    #[arg(long, value_name = "ID", help_heading = "What for", conflicts_with_all =
        ["trip_id", "delivery_vehicle_id", "task_id", "tracking_id", "fleet", "vehicle_service"])]
    vehicle_id: Option<String>,
    /// One on-demand trip, as a rider's app.
    #[arg(long, value_name = "ID", help_heading = "What for", conflicts_with_all =
        ["delivery_vehicle_id", "task_id", "tracking_id", "fleet", "vehicle_service"])]
    trip_id: Option<String>,
    /// One delivery vehicle, as a delivery driver's app; also together with --task-id.
    #[arg(long, value_name = "ID", help_heading = "What for", conflicts_with_all =
        ["tracking_id", "fleet", "vehicle_service"])]
    delivery_vehicle_id: Option<String>,
    /// One scheduled task; also together with --delivery-vehicle-id.
    #[arg(long, value_name = "ID", help_heading = "What for", conflicts_with_all =
        ["tracking_id", "fleet", "vehicle_service"])]
    task_id: Option<String>,
    /// One parcel, as its recipient's app.
    #[arg(long, value_name = "ID", help_heading = "What for", conflicts_with_all = ["fleet", "vehicle_service"])]
    tracking_id: Option<String>,
    /// The whole fleet, as an operator's desktop or a server.
    #[arg(long, help_heading = "What for", conflicts_with = "vehicle_service")]
    fleet: bool,
    /// Vehicles nearby, as a rider's app before there is a trip.
    #[arg(long, help_heading = "What for")]
    vehicle_service: bool,
}

/// An argument that no error message and no `Debug` repeats.
#[derive(Clone)]
struct Secret(String);

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
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
    let context = context(options);
    let usage = |kind: &str, message: String, hint| Failure { kind: kind.to_owned(), message, hint, code: USAGE };
    let kind = context.kind().map_err(|error| usage("invalid_context", error.to_string(), "Nothing was sent."))?;
    let headers = headers(&options.headers).map_err(|()| {
        let hint = "Write 'Name: value'; the values are not repeated here, as they may be secret.";
        usage("session", "a --header cannot be sent as it is".to_owned(), hint)
    })?;
    let endpoint =
        if options.post { Endpoint::post(&options.endpoint) } else { Endpoint::get(options.endpoint.as_str()) };
    let timeout = Duration::from_secs(options.timeout);
    let factory = AuthTokenFactory::builder()
        .endpoint(kind, endpoint)
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

fn context(options: &Options) -> AuthTokenContext {
    if options.fleet {
        return AuthTokenContext::fleet();
    }
    if options.vehicle_service {
        return AuthTokenContext::vehicle_service();
    }
    [
        (IdField::Vehicle, &options.vehicle_id),
        (IdField::Trip, &options.trip_id),
        (IdField::DeliveryVehicle, &options.delivery_vehicle_id),
        (IdField::Task, &options.task_id),
        (IdField::Tracking, &options.tracking_id),
    ]
    .into_iter()
    .fold(AuthTokenContext::new(), |context, (field, id)| match id {
        Some(id) => context.with_id(field, id),
        None => context,
    })
}

fn headers(given: &[Secret]) -> Result<SessionHeaders, ()> {
    given.iter().try_fold(SessionHeaders::new(), |headers, Secret(line)| {
        let (name, value) = line.split_once(':').ok_or(())?;
        headers.with(name.trim(), value.trim()).map_err(drop)
    })
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
        TokenErrorKind::SessionRejected if options.headers.is_empty() => {
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

fn words(context: &AuthTokenContext) -> String {
    let kind = context.kind().map_or("an unknown context", fleet_token::ContextKind::as_str);
    let ids: Vec<_> = IdField::ALL.into_iter().filter_map(|field| context.id(field)).collect();
    if ids.is_empty() { format!("the {kind}, no id") } else { format!("{kind} {}", ids.join(" and ")) }
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

/// A duration to the second, in the two largest units.
fn rounded(duration: Duration) -> String {
    let seconds = (duration + Duration::from_millis(500)).as_secs();
    let mut out = String::new();
    let units = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    for (number, unit) in units.into_iter().skip_while(|(number, _)| *number == 0).take(2) {
        let _ = write!(out, "{}{number} {unit}", if out.is_empty() { "" } else { " " });
    }
    if out.is_empty() { "less than a second".to_owned() } else { out }
}

fn unix(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds).map_or_else(|_| seconds.to_string(), dated)
}

fn utc(at: std::time::SystemTime) -> String {
    dated(at.into())
}

/// For machines.
fn rfc3339(at: std::time::SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    format!("{}T{:02}:{:02}:{:02}Z", at.date(), at.hour(), at.minute(), at.second())
}

/// For people.
fn dated(at: OffsetDateTime) -> String {
    format!("{} {:02}:{:02}:{:02} UTC", at.date(), at.hour(), at.minute(), at.second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_to_what_matters() {
        for (seconds, text) in
            [(0, "less than a second"), (59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (90_000, "1 d 1 h")]
        {
            assert_eq!(rounded(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_header_needs_a_name_and_a_value_that_can_be_sent() {
        let headers = |line: &str| headers(&[Secret(line.to_owned())]).is_ok();
        assert!(headers("Authorization: Bearer x") && headers("X-A:b"));
        assert!(!headers("no colon") && !headers("bad name: x") && !headers("a: x\r\nb: c"));
    }

    #[test]
    fn a_header_is_never_shown() {
        assert_eq!(format!("{:?}", Secret("SECRET-SESSION-x".to_owned())), "<redacted>");
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(unix(1_767_225_600), "2026-01-01 00:00:00 UTC");
        let at = std::time::UNIX_EPOCH + Duration::from_millis(1_767_225_600_999);
        assert_eq!(rfc3339(at), "2026-01-01T00:00:00Z");
    }

    #[test]
    fn claims_are_read_out_plainly() {
        assert_eq!(authorization(Some(&json!({"tripid": "t", "vehicleid": "v"}))), "tripid = t, vehicleid = v");
        assert_eq!(authorization(Some(&json!({"taskids": ["*"]}))), r#"taskids = ["*"]"#);
        assert!(authorization(None).contains("refuse"));
    }
}
