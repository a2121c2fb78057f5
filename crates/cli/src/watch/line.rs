//! An event as a line: for the log pane, and for whoever has no terminal.

use std::time::Duration;

use fleet_token::{TokenError, TokenEvent};

use super::model::Line;
use crate::when::short;

/// What colour it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Plain,
    Good,
    Trouble,
    /// What the person at the keyboard, or the script, did.
    Deed,
}

/// The event in words, without whose it is.
pub(crate) fn text(event: &TokenEvent) -> (Mood, String) {
    match event {
        TokenEvent::FetchStarted { background: true, .. } => (Mood::Plain, "renews in the background".to_owned()),
        TokenEvent::FetchStarted { .. } => (Mood::Plain, "fetches; callers wait".to_owned()),
        TokenEvent::AttemptFailed { attempt, error, next_in, .. } => {
            let then = format!("attempt {attempt} failed, again in {}", short(*next_in));
            (Mood::Trouble, format!("{}: {then}: {}", kind(error), cause(error)))
        }
        TokenEvent::Fetched { lifetime, attempts, .. } => {
            let life = lifetime.map_or_else(|| "of unknown life".to_owned(), |life| format!("for {}", short(life)));
            let attempts = if *attempts > 1 { format!(", at attempt {attempts}") } else { String::new() };
            (Mood::Good, format!("has a token {life}{attempts}"))
        }
        TokenEvent::FetchFailed { error, retry_in, .. } => {
            let then = if retry_in.is_zero() { String::new() } else { format!(", no fetch for {}", short(*retry_in)) };
            (Mood::Trouble, format!("{}: no token{then}: {}", kind(error), cause(error)))
        }
        TokenEvent::StaleServed { left, .. } => {
            (Mood::Trouble, format!("is served the old token, {} left", short(*left)))
        }
        TokenEvent::Rejected { .. } => (Mood::Deed, "token rejected: never served again".to_owned()),
        TokenEvent::BreakerTripped { .. } => (Mood::Trouble, "too many rejections: left alone".to_owned()),
        TokenEvent::LifetimeClamped { claimed, used, .. } => {
            (Mood::Trouble, format!("claims to live for {}: a wrong unit? {} are used", short(*claimed), short(*used)))
        }
        TokenEvent::ScopeWarning { mismatch, .. } => (Mood::Trouble, mismatch.to_string()),
        TokenEvent::ClockSkew { by, device_ahead, .. } => (Mood::Trouble, skew(*by, *device_ahead)),
        TokenEvent::Evicted { was_valid: true, .. } => (Mood::Trouble, "evicted, with a good token".to_owned()),
        TokenEvent::Evicted { .. } => (Mood::Plain, "evicted".to_owned()),
        TokenEvent::Cleared => (Mood::Deed, "everything forgotten".to_owned()),
        TokenEvent::NetworkAvailable { ended_backoffs: 0 } => {
            (Mood::Deed, "network is back: no wait ended; what the backend asked for stands".to_owned())
        }
        TokenEvent::NetworkAvailable { ended_backoffs } => {
            (Mood::Deed, format!("network is back: {} ended", counted(*ended_backoffs as u64, "wait")))
        }
        TokenEvent::SessionChanged { ended_refusals } => {
            (Mood::Deed, format!("new login: {} ended", counted(*ended_refusals as u64, "refusal")))
        }
        TokenEvent::Missed { count } => {
            (Mood::Trouble, format!("{} missed: too slow to watch", counted(*count, "event")))
        }
        other => (Mood::Plain, other.name().replace('_', " ")),
    }
}

/// Whether one after another is no news.
pub(crate) fn repeats(event: &TokenEvent) -> bool {
    matches!(event, TokenEvent::StaleServed { .. } | TokenEvent::ClockSkew { .. } | TokenEvent::ScopeWarning { .. })
}

/// How the device's clock is off.
pub(crate) fn skew(by: Duration, device_ahead: bool) -> String {
    format!("this machine's clock is {} {} the backend's", short(by), if device_ahead { "ahead of" } else { "behind" })
}

/// `1 wait`, `2 waits`.
fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The failure in as few words as tell it from others: its status, if the backend gave one, and its kind.
pub(crate) fn kind(error: &TokenError) -> String {
    let status = match error {
        TokenError::BackingOff { cause, .. } => return kind(cause),
        TokenError::Unavailable { status, .. }
        | TokenError::SessionRejected { status }
        | TokenError::Rejected { status }
        | TokenError::Redirected { status } => format!("{status} "),
        TokenError::NotFound => "404 ".to_owned(),
        _ => String::new(),
    };
    status + error.kind().as_str()
}

/// The failure itself, without the sentence around it.
pub(crate) fn cause(error: &TokenError) -> String {
    match error {
        TokenError::Transport(error) => error.to_string(),
        TokenError::BackingOff { cause: inner, .. } => cause(inner),
        error => error.to_string(),
    }
}

/// A line as it is printed without a terminal, with the event's own name, to search and to look up.
pub(crate) fn plain(line: &Line) -> String {
    format!("{}  {:<15}  {:<17}  {}{}", clock(line.at), line.who, line.name, line.text, times(line))
}

pub(crate) fn times(line: &Line) -> String {
    if line.times > 1 { format!("  ×{}", line.times) } else { String::new() }
}

/// Since the beginning: `02:07.3`, or `1:02:07` from an hour on.
pub(crate) fn clock(at: Duration) -> String {
    let (seconds, tenth) = (at.as_secs(), at.subsec_millis() / 100);
    let (minutes, hours) = (seconds / 60 % 60, seconds / 3600);
    match hours {
        0 => format!("{minutes:02}:{:02}.{tenth}", seconds % 60),
        _ => format!("{hours}:{minutes:02}:{:02}", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_by_its_status_and_its_kind() {
        use std::sync::Arc;

        use fleet_token::TransportError;
        let busy = TokenError::Unavailable { status: 503, retry_after: None };
        let kinds = [
            TokenError::SessionRejected { status: 403 },
            TokenError::NotFound,
            TokenError::Transport(TransportError::Interrupted),
            TokenError::BackingOff { retry_in: Duration::ZERO, cause: Arc::new(busy) },
        ];
        let told = kinds.map(|error| kind(&error));
        assert_eq!(told, ["403 session_rejected", "404 not_found", "transport", "503 unavailable"]);
    }

    #[test]
    fn one_is_one_and_none_says_why() {
        let back = |ended_backoffs| text(&TokenEvent::NetworkAvailable { ended_backoffs }).1;
        assert_eq!(back(1), "network is back: 1 wait ended");
        assert_eq!(back(2), "network is back: 2 waits ended");
        assert!(back(0).contains("what the backend asked for stands"));
        assert!(text(&TokenEvent::SessionChanged { ended_refusals: 1 }).1.ends_with("1 refusal ended"));
    }

    #[test]
    fn clocks_are_short_at_any_size() {
        let millis = Duration::from_millis;
        let clocks = [0, 127_340, 3_727_000].map(|ms| clock(millis(ms)));
        assert_eq!(clocks, ["00:00.0", "02:07.3", "1:02:07"]);
    }
}
