//! What happens, counted by the `metrics` facade. Names and labels are an API: docs/events.md lists them. No label is an
//! id, so that their number is bounded.

use std::time::Duration;

use ::metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::cache::flight::Landing;
use crate::context::AuthTokenContext;
use crate::event::TokenEvent;
use crate::stats::Stats;
use crate::sync::Mutex;
use crate::trace::{error_kind, kind, outcome};

/// Events, one by one. Labels: `event`; `kind` unless it concerns all contexts; `error` if it is a failure.
const EVENTS: &str = "fleet_token_events_total";
/// How long a fetch took, its attempts and pauses included. Labels: `kind`, `outcome`.
const FETCHES: &str = "fleet_token_fetch_duration_seconds";
/// Calls. Label: `answer`.
const CALLS: &str = "fleet_token_calls_total";
/// Contexts that are kept.
const ENTRIES: &str = "fleet_token_entries";

/// Says what each is. Once for each factory, since a recorder may have been installed meanwhile.
pub(crate) fn describe() {
    describe_counter!(EVENTS, Unit::Count, "What happened to tokens, by event, kind of context and error");
    describe_histogram!(FETCHES, Unit::Seconds, "How long fetches took, attempts and pauses included");
    describe_counter!(CALLS, Unit::Count, "Questions for a token, by how they were answered");
    describe_gauge!(ENTRIES, Unit::Count, "Contexts that are kept");
}

pub(crate) fn event(event: &TokenEvent) {
    let name = event.name();
    match (event.context(), event) {
        (Some(context), TokenEvent::AttemptFailed { error, .. } | TokenEvent::FetchFailed { error, .. }) => {
            counter!(EVENTS, "event" => name, "kind" => kind(context), "error" => error_kind(error))
        }
        (Some(context), _) => counter!(EVENTS, "event" => name, "kind" => kind(context)),
        (None, _) => counter!(EVENTS, "event" => name),
    }
    .increment(1);
}

pub(crate) fn fetched(context: &AuthTokenContext, took: Duration, landing: &Landing) {
    histogram!(FETCHES, "kind" => kind(context), "outcome" => outcome(landing)).record(took.as_secs_f64());
}

/// What was told of one factory's calls so far. Several factories in a process add up.
#[derive(Debug, Default)]
pub(crate) struct Published(Mutex<Stats>);

impl Published {
    /// Tells what is new. The counters are read under the lock: an older look must not follow a newer one.
    pub(crate) fn bring_up_to(&self, stats: impl FnOnce() -> Stats) {
        let mut told = self.0.lock();
        let now = stats();
        for (answer, count) in [
            ("hit", (|stats| stats.hits) as fn(&Stats) -> u64),
            ("wait", |stats| stats.waits),
            ("refusal", |stats| stats.refusals),
            ("not_ready", |stats| stats.not_ready),
        ] {
            counter!(CALLS, "answer" => answer).increment(count(&now).saturating_sub(count(&told)));
        }
        gauge!(ENTRIES).increment(entries(&now) - entries(&told));
        *told = now;
    }
}

fn entries(stats: &Stats) -> f64 {
    f64::from(u32::try_from(stats.entries).unwrap_or(u32::MAX))
}
