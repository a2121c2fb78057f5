//! Puts a factory's events into words, leaving out what repeats itself.

use std::collections::HashMap;

use fleet_token::{AuthTokenContext, ContextKind, TokenError, TokenEvent, TokenEvents};
use serde_json::json;
use tokio::sync::watch;

use super::timeline::{Mood, Timeline, millis};
use crate::when::short;

/// One phone's narrator.
pub(super) struct Narrator {
    name: &'static str,
    events: TokenEvents,
    keys: HashMap<AuthTokenContext, Key>,
    failures: u64,
    renewals: u64,
    tokens: watch::Sender<u64>,
}

/// Where the story of one context stands.
#[derive(Clone, Copy, Default)]
struct Key {
    /// It has had a token before.
    served: bool,
    background: bool,
    rejected: bool,
    trouble: Trouble,
}

/// How deep a context's fetches are in trouble; each step is told once.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    #[default]
    None,
    /// An attempt failed.
    Trying,
    /// All attempts of a fetch failed.
    Failing,
    /// A call was served with the token from before.
    Stale,
}

impl Key {
    /// Goes down to `trouble`; whether that is news.
    fn sinks_to(&mut self, trouble: Trouble) -> bool {
        let news = self.trouble < trouble;
        self.trouble = self.trouble.max(trouble);
        news
    }
}

impl Narrator {
    pub(super) fn new(name: &'static str, events: TokenEvents) -> Self {
        Self { name, events, keys: HashMap::new(), failures: 0, renewals: 0, tokens: watch::Sender::new(0) }
    }

    /// Tells all that is new.
    pub(super) fn tell(&mut self, timeline: &Timeline) {
        while let Some(event) = self.events.try_next() {
            self.tell_one(timeline, &event);
        }
    }

    /// Changes with every token that comes.
    pub(super) fn tokens(&self) -> watch::Receiver<u64> {
        self.tokens.subscribe()
    }

    /// Failures that may pass by themselves, attempts counted one by one.
    pub(super) fn failures(&self) -> u64 {
        self.failures
    }

    /// Tokens that came in the background, before anybody had to wait for them.
    pub(super) fn renewals(&self) -> u64 {
        self.renewals
    }

    fn tell_one(&mut self, timeline: &Timeline, event: &TokenEvent) {
        let Some(context) = event.context() else { return };
        let key = self.keys.entry(context.clone()).or_default();
        let what = what_for(context);
        let mut more = json!({ "context": what });
        let (mood, text) = match event {
            TokenEvent::FetchStarted { background, .. } => {
                key.background = *background;
                return;
            }
            TokenEvent::Fetched { lifetime, generation, attempts, .. } => {
                let lives = lifetime.map_or_else(|| "an unknown time".to_owned(), |life| short(life).replace(".0", ""));
                let (mood, text) = match key {
                    Key { rejected: true, .. } => (Mood::Good, format!("got a new token for {what}")),
                    Key { trouble: Trouble::Failing | Trouble::Stale, .. } => {
                        (Mood::Good, format!("has a new token for {what} again"))
                    }
                    Key { background: true, .. } if *attempts > 1 => {
                        (Mood::Good, format!("renewed its token for {what} in the background, at attempt {attempts}"))
                    }
                    Key { background: true, .. } => {
                        (Mood::Plain, format!("renewed its token for {what} in the background; no call waited"))
                    }
                    Key { served: false, .. } => {
                        (Mood::Plain, format!("got its first token for {what}, good for {lives}"))
                    }
                    _ => (Mood::Plain, format!("renewed its token for {what}; the call that needed it waited")),
                };
                more["generation"] = json!(generation);
                more["background"] = json!(key.background);
                more["attempts"] = json!(attempts);
                more["lifetime_ms"] = json!(lifetime.map(millis));
                self.renewals += u64::from(key.background);
                *key = Key { served: true, ..Key::default() };
                self.tokens.send_modify(|tokens| *tokens += 1);
                (mood, text)
            }
            TokenEvent::AttemptFailed { error, next_in, .. } => {
                self.failures += u64::from(error.is_retryable());
                if !key.sinks_to(Trouble::Trying) {
                    return;
                }
                more["error"] = json!(error.kind().as_str());
                more["next_in_ms"] = json!(millis(*next_in));
                (Mood::Trouble, format!("no new token for {what}: {}; tries again", cause(error)))
            }
            TokenEvent::FetchFailed { error, .. } => {
                // What is refused for good is told by whoever asked for it; what fails for now, by what is done about it.
                if error.is_retryable() {
                    self.failures += 1;
                    key.sinks_to(Trouble::Failing);
                }
                return;
            }
            TokenEvent::StaleServed { left, .. } => {
                if !key.sinks_to(Trouble::Stale) {
                    return;
                }
                more["left_ms"] = json!(millis(*left));
                let text = format!("goes on with the token for {what} that it has, good for {} more", short(*left));
                (Mood::Good, text)
            }
            TokenEvent::Rejected { .. } => {
                key.rejected = true;
                (Mood::Plain, format!("threw its token for {what} away for good (invalidate)"))
            }
            other => (Mood::Trouble, format!("{what}: {}", other.name().replace('_', " "))),
        };
        timeline.say(self.name, event.name(), mood, &text, &more);
    }
}

/// The failure itself, without the sentence around it.
fn cause(error: &TokenError) -> String {
    match error {
        TokenError::Transport(error) => error.to_string(),
        error => error.to_string(),
    }
}

/// A context in a few words.
fn what_for(context: &AuthTokenContext) -> String {
    match context.kind() {
        Ok(ContextKind::Fleet) => "the fleet".to_owned(),
        Ok(ContextKind::VehicleService) => "vehicles nearby".to_owned(),
        _ => context.vehicle_id().or(context.trip_id()).map_or_else(|| context.to_string(), str::to_owned),
    }
}
