//! What is on the screen, made of what the factory says and what has happened. Pure: time comes in as an argument.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use fleet_token::{AuthTokenContext, ContextStatus, Stats, TokenAge, TokenEvent};

use super::line::{self, Mood};

/// Lines kept for the log pane.
const KEPT: usize = 500;

/// Everything that is shown.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) source: String,
    /// Since the beginning.
    pub(crate) now: Duration,
    pub(crate) stats: Stats,
    pub(crate) rows: Vec<Row>,
    pub(crate) selected: usize,
    pub(crate) log: VecDeque<Line>,
    pub(crate) paused: bool,
    /// Whether the legend is open.
    pub(crate) legend: bool,
    /// `None` where the backend is not ours to switch off.
    pub(crate) outage: Option<bool>,
    /// The last that was heard of the device's clock: how far it is off, and whether it is ahead.
    pub(crate) skew: Option<(Duration, bool)>,
    counts: HashMap<AuthTokenContext, Counts>,
}

/// A context's line of the table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) context: AuthTokenContext,
    pub(crate) state: State,
    pub(crate) life: Option<Life>,
    pub(crate) counts: Counts,
}

/// In one word, where a context stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    None,
    Fetching,
    /// The token that is there serves meanwhile.
    Renewing,
    Fresh,
    Due,
    Spent,
    Expired,
    /// No fetch for so long, and no token to serve meanwhile.
    BackingOff(Duration),
    /// No fetch for so long; the token that is there serves meanwhile.
    Resting(Duration),
    /// The backend said no, and is not asked again for so long.
    Refused(Duration),
}

/// How much life a token has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) whole: Duration,
    pub(crate) left: Duration,
    pub(crate) margin: Duration,
    pub(crate) age: TokenAge,
}

/// What a context has been through.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    /// Fetches begun.
    pub(crate) fetches: u64,
    /// Calls that were answered with a token that was there already.
    pub(crate) hits: u64,
    pub(crate) error: Option<Fault>,
    last_generation: Option<u64>,
}

/// The last thing that went wrong with a context.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) at: Duration,
    /// As docs/events.md lists it.
    pub(crate) kind: String,
    pub(crate) text: String,
    /// A good token has come since.
    pub(crate) over: bool,
    /// It came with a token, which therefore does not end it.
    warning: bool,
}

/// Of the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) at: Duration,
    pub(crate) who: String,
    pub(crate) text: String,
    pub(crate) mood: Mood,
    /// How often it happened in a row.
    pub(crate) times: u64,
    /// The event's; none of what a key or the demo did.
    pub(crate) name: &'static str,
}

/// What the factory says of one context.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) context: AuthTokenContext,
    pub(crate) life: Option<Life>,
    pub(crate) fetching: bool,
    /// How long no fetch is made.
    pub(crate) wait: Duration,
    /// The backend said no: to try again is of no use by itself.
    pub(crate) refused: bool,
}

impl From<ContextStatus> for Seen {
    fn from(status: ContextStatus) -> Self {
        let life = status.token.map(|token| Life {
            whole: token.lifetime,
            left: token.left,
            margin: token.margin,
            age: token.age,
        });
        let (wait, refused) =
            status.failure.map_or((Duration::ZERO, false), |failure| (failure.retry_in, !failure.cause.is_retryable()));
        Self { context: status.context, life, fetching: status.fetching, wait, refused }
    }
}

impl Model {
    pub(crate) fn new(source: String, can_fail: bool) -> Self {
        Self { source, outage: can_fail.then_some(false), ..Self::default() }
    }

    /// Takes over how everything stands now. Rows keep their order, and the selection its row.
    pub(crate) fn look(&mut self, now: Duration, stats: Stats, contexts: impl IntoIterator<Item = Seen>) {
        self.now = now;
        self.stats = stats;
        let selected = self.selected().cloned();
        let mut rows: Vec<Row> = contexts
            .into_iter()
            .map(|seen| Row {
                state: seen.state(),
                life: seen.life,
                counts: self.counts.get(&seen.context).cloned().unwrap_or_default(),
                context: seen.context,
            })
            .collect();
        rows.sort_by_cached_key(|row| order(&row.context));
        let found = selected.and_then(|context| rows.iter().position(|row| row.context == context));
        self.selected = found.unwrap_or_else(|| self.selected.min(rows.len().saturating_sub(1)));
        self.rows = rows;
    }

    /// Takes note of an event. Answers with its line, unless it only repeats the last of its context.
    pub(crate) fn note(&mut self, at: Duration, event: &TokenEvent) -> Option<&Line> {
        if let Some(context) = event.context() {
            let counts = self.counts.entry(context.clone()).or_default();
            match event {
                TokenEvent::FetchStarted { .. } => {
                    counts.fetches += 1;
                    counts.error.iter_mut().for_each(|fault| fault.warning = false);
                }
                TokenEvent::AttemptFailed { error, .. } | TokenEvent::FetchFailed { error, .. } => {
                    let (kind, text) = (line::kind(error), line::cause(error));
                    counts.error = Some(Fault { at, kind, text, over: false, warning: false });
                }
                TokenEvent::BreakerTripped { .. } | TokenEvent::ScopeWarning { .. } => {
                    let (kind, text) = (event.name().to_owned(), line::text(event).1);
                    counts.error = Some(Fault { at, kind, text, over: false, warning: true });
                }
                TokenEvent::Fetched { .. } => counts.error.iter_mut().for_each(|fault| fault.over = !fault.warning),
                _ => {}
            }
        }
        if matches!(event, TokenEvent::Cleared) {
            self.counts.clear();
        }
        if let TokenEvent::ClockSkew { by, device_ahead, .. } = event {
            self.skew = Some((*by, *device_ahead));
        }
        let (mood, text) = line::text(event);
        let who = event.context().map_or_else(|| "all".to_owned(), name_of);
        // Served from an old token at every call: one line, and how often.
        let last = self.log.iter_mut().rev().find(|line| line.who == who);
        if let Some(last) = last.filter(|last| last.name == event.name() && line::repeats(event)) {
            (last.times, last.text) = (last.times + 1, text);
            return None;
        }
        self.push(Line { at, who, text, mood, times: 1, name: event.name() });
        self.log.back()
    }

    /// A line of nobody's token: what a key did, or the demo.
    pub(crate) fn say(&mut self, at: Duration, who: &str, text: &str) -> Option<&Line> {
        self.push(Line { at, who: who.to_owned(), text: text.to_owned(), mood: Mood::Deed, times: 1, name: "" });
        self.log.back()
    }

    fn push(&mut self, line: Line) {
        if self.log.len() == KEPT {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }

    /// A call was answered with the token of that generation.
    pub(crate) fn served(&mut self, context: &AuthTokenContext, generation: u64) {
        let counts = self.counts.entry(context.clone()).or_default();
        if counts.last_generation.replace(generation) == Some(generation) {
            counts.hits += 1;
        }
    }

    pub(crate) fn selected(&self) -> Option<&AuthTokenContext> {
        self.rows.get(self.selected).map(|row| &row.context)
    }

    pub(crate) fn select(&mut self, down: bool) {
        let last = self.rows.len().saturating_sub(1);
        self.selected = if down { (self.selected + 1).min(last) } else { self.selected.saturating_sub(1) };
    }
}

impl Seen {
    fn state(&self) -> State {
        let Some(life) = self.life.filter(|life| life.age < TokenAge::Expired) else {
            return match (self.fetching, self.wait.is_zero(), self.life) {
                (true, ..) => State::Fetching,
                (false, false, _) if self.refused => State::Refused(self.wait),
                (false, false, _) => State::BackingOff(self.wait),
                (false, true, Some(_)) => State::Expired,
                (false, true, None) => State::None,
            };
        };
        match (self.fetching, self.wait.is_zero(), life.age) {
            (true, ..) => State::Renewing,
            (false, false, _) => State::Resting(self.wait),
            (false, true, TokenAge::Due) => State::Due,
            (false, true, TokenAge::Spent) => State::Spent,
            (false, true, _) => State::Fresh,
        }
    }
}

/// Kinds apart, and `vehicle_2` before `vehicle_10`.
fn order(context: &AuthTokenContext) -> (String, usize, String) {
    let name = name_of(context);
    (context.kind().map_or_else(|_| String::new(), |kind| kind.as_str().to_owned()), name.len(), name)
}

/// A context in as few words as tell it from its neighbours: its ids, or what it is for.
pub(crate) fn name_of(context: &AuthTokenContext) -> String {
    let ids: Vec<_> = fleet_token::IdField::ALL.into_iter().filter_map(|field| context.id(field)).collect();
    if ids.is_empty() { kind_of(context).to_owned() } else { ids.join("/") }
}

pub(crate) fn kind_of(context: &AuthTokenContext) -> &'static str {
    context.kind().map_or("?", fleet_token::ContextKind::as_str)
}

#[cfg(test)]
mod tests;
