//! Compares what is with what a scenario says. Names tokens by their labels, so that no message holds a secret.

use fleet_token::{Method, TokenError, TokenEvent};
use serde_json::Value;

use super::run::known;
use super::step::{Event, EventDetails, Expect, Outcome};
use super::world::{Answer, Call, World};

type Check = Result<(), String>;

/// Every call with this id.
pub(super) fn calls(world: &mut World, id: &str, expected: &Outcome) -> Check {
    let mut seen = false;
    for index in 0..world.calls.len() {
        if world.calls[index].id.as_deref() == Some(id) {
            seen = true;
            world.calls[index].checked = true;
            outcome(world, &world.calls[index], expected)?;
        }
    }
    if seen { Ok(()) } else { Err(format!("there is no call {id}")) }
}

/// The call that was just made.
pub(super) fn last_call(world: &mut World, expected: &Outcome) -> Check {
    if let Some(call) = world.calls.last_mut() {
        call.checked = true;
    }
    match world.calls.last() {
        Some(call) => outcome(world, call, expected),
        None => Err("there is no call".to_owned()),
    }
}

fn outcome(world: &World, call: &Call, expected: &Outcome) -> Check {
    let ways =
        [expected.token.is_some(), expected.error.is_some(), expected.none.is_some(), expected.pending.is_some()];
    if ways.into_iter().filter(|way| *way).count() != 1 {
        return Err("an outcome is one of token, error, none, pending".to_owned());
    }
    let details = expected.retry_in_ms.is_some() || expected.status.is_some() || expected.retryable.is_some();
    if details && expected.error.is_none() {
        return Err("retry_in_ms, status and retryable go with error".to_owned());
    }
    let actual = shown(world, call.answer.as_ref());
    let wanted = match (&expected.token, &expected.error) {
        (Some(label), _) => format!("token {label}"),
        (_, Some(kind)) => format!("error {kind}"),
        _ if expected.none.is_some() => "none".to_owned(),
        _ => "pending".to_owned(),
    };
    if actual != wanted {
        return Err(format!("expected {wanted}, was {actual}"));
    }
    match &call.answer {
        Some(Answer::Error(error)) => error_details(error, expected),
        _ => Ok(()),
    }
}

fn error_details(error: &TokenError, expected: &Outcome) -> Check {
    let retry_in = error.retry_after().map(|wait| wait.as_millis());
    if expected.retry_in_ms.is_some_and(|ms| retry_in != Some(u128::from(ms))) {
        return Err(format!("expected retry_in_ms {:?}, was {retry_in:?}", expected.retry_in_ms));
    }
    if expected.status.is_some() && error.status() != expected.status {
        return Err(format!("expected status {:?}, was {:?}", expected.status, error.status()));
    }
    if expected.retryable.is_some_and(|retryable| retryable != error.is_retryable()) {
        return Err(format!("expected retryable {:?}, was {}", expected.retryable, error.is_retryable()));
    }
    Ok(())
}

fn shown(world: &World, answer: Option<&Answer>) -> String {
    match answer {
        None => "pending".to_owned(),
        Some(Answer::None) => "none".to_owned(),
        Some(Answer::Error(error)) => format!("error {}", error.kind()),
        Some(Answer::Token(token)) => {
            let script = world.wire.script();
            let label = script.labels.get(token.value()).map_or("without a label", String::as_str);
            format!("token {label}")
        }
    }
}

/// Everything that an `expect` step can look at.
pub(super) fn world(world: &mut World, expected: &Expect) -> Check {
    let stats = world.factory.stats();
    if let Some(fetches) = expected.fetches {
        same("fetches", &fetches, &world.wire.script().requests.len())?;
    }
    if let Some(flights) = expected.flights {
        same("flights", &flights, &stats.flights)?;
    }
    for (name, value) in &expected.stats {
        let actual = match name.as_str() {
            "calls" => stats.calls,
            "hits" => stats.hits,
            "waits" => stats.waits,
            "refusals" => stats.refusals,
            "not_ready" => stats.not_ready,
            "stale_served" => stats.stale_served,
            "fetches" => stats.fetches,
            "flights" => stats.flights,
            "background_flights" => stats.background_flights,
            "successes" => stats.successes,
            "failures" => stats.failures,
            "rejections" => stats.rejections,
            "evictions" => stats.evictions,
            "entries" => stats.entries,
            _ => return Err(format!("there is no number {name} in the stats")),
        };
        same(name, value, &actual)?;
    }
    if let Some(list) = &expected.events {
        events(world, list)?;
    }
    if let Some(remaining) = &expected.remaining_ms {
        let left = world.factory.remaining(known(world, &remaining.token)?).map(|left| left.as_millis());
        same("remaining_ms", &Some(u128::from(remaining.ms)), &left)?;
    }
    request(world, expected)
}

fn request(world: &World, expected: &Expect) -> Check {
    let script = world.wire.script();
    let looked_at =
        expected.url.is_some() || expected.method.is_some() || expected.body.is_some() || !expected.headers.is_empty();
    if !looked_at {
        return Ok(());
    }
    let request = script.requests.last().ok_or("no request was made")?;
    if let Some(url) = &expected.url {
        same("url", url, &request.url)?;
    }
    if let Some(method) = &expected.method {
        same("method", &method.as_str(), &if request.method == Method::Post { "POST" } else { "GET" })?;
    }
    if let Some(body) = &expected.body {
        let sent: Option<Value> = request.body.as_deref().and_then(|body| serde_json::from_slice(body).ok());
        same("body", &Some(body), &sent.as_ref())?;
    }
    for (name, value) in &expected.headers {
        let sent = request.headers.get(name).and_then(|value| value.to_str().ok());
        // The values are secrets.
        if sent != value.as_deref() {
            let sent = if sent.is_some() { "another value" } else { "no such header" };
            return Err(format!("expected the scenario's value in header {name}, was {sent}"));
        }
    }
    Ok(())
}

fn events(world: &mut World, expected: &[Event]) -> Check {
    let mut seen = Vec::new();
    while let Some(event) = world.events.try_next() {
        no_secret(world, &format!("{event:?}"))?;
        seen.push(event);
    }
    let names: Vec<_> = seen.iter().map(TokenEvent::name).collect();
    let wanted: Vec<_> = expected
        .iter()
        .map(|event| match event {
            Event::Name(name) => name.as_str(),
            Event::Detailed(details) => &details.name,
        })
        .collect();
    same("events", &wanted, &names)?;
    for (event, expected) in seen.iter().zip(expected) {
        if let Event::Detailed(details) = expected {
            event_details(event, details)?;
        }
    }
    Ok(())
}

fn event_details(event: &TokenEvent, expected: &EventDetails) -> Check {
    let ms = |duration: std::time::Duration| u64::try_from(duration.as_millis()).ok();
    let mut actual = EventDetails::default();
    match event {
        TokenEvent::FetchStarted { background, .. } => actual.background = Some(*background),
        TokenEvent::AttemptFailed { error, .. } => actual.error = Some(error.kind().to_string()),
        TokenEvent::Fetched { lifetime, attempts, .. } => {
            actual.attempts = Some(*attempts);
            actual.lifetime_ms = lifetime.and_then(ms);
        }
        TokenEvent::FetchFailed { error, retry_in, .. } => {
            actual.error = Some(error.kind().to_string());
            actual.retry_in_ms = ms(*retry_in);
        }
        TokenEvent::LifetimeClamped { used, .. } => actual.lifetime_ms = ms(*used),
        TokenEvent::NetworkAvailable { ended_backoffs } => actual.ended_backoffs = Some(*ended_backoffs),
        _ => {}
    }
    let name = event.name();
    if let Some(context) = &expected.context {
        same(&format!("{name}'s context"), &Some(&context.get()), &event.context())?;
    }
    detail(name, "background", expected.background.as_ref(), actual.background.as_ref())?;
    detail(name, "error", expected.error.as_ref(), actual.error.as_ref())?;
    detail(name, "attempts", expected.attempts.as_ref(), actual.attempts.as_ref())?;
    detail(name, "lifetime_ms", expected.lifetime_ms.as_ref(), actual.lifetime_ms.as_ref())?;
    detail(name, "retry_in_ms", expected.retry_in_ms.as_ref(), actual.retry_in_ms.as_ref())?;
    detail(name, "ended_backoffs", expected.ended_backoffs.as_ref(), actual.ended_backoffs.as_ref())
}

fn detail<T: PartialEq + std::fmt::Debug>(event: &str, what: &str, expected: Option<&T>, actual: Option<&T>) -> Check {
    if expected.is_none() { Ok(()) } else { same(&format!("{event}'s {what}"), &expected, &actual) }
}

fn same<T: PartialEq<U> + std::fmt::Debug, U: std::fmt::Debug>(what: &str, expected: &T, actual: &U) -> Check {
    if expected == actual { Ok(()) } else { Err(format!("expected {what} {expected:?}, was {actual:?}")) }
}

/// Nothing that is printed holds a token or a login.
pub(super) fn no_secret(world: &World, printed: &str) -> Check {
    let tokens: Vec<_> = world.wire.script().labels.keys().cloned().collect();
    let leaks = tokens.iter().chain(&world.login.secrets()).any(|secret| printed.contains(secret.as_str()));
    if leaks { Err("a secret was printed".to_owned()) } else { Ok(()) }
}
