//! What the demo promises, and whether it held. Pure: figures in, verdicts out.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::timeline::millis;
use crate::when::short;

/// A cache that answers fewer of its calls at once than this, in percent, is not worth its name.
const LEAST_HIT_RATE: u64 = 90;

/// Everything that was measured in one run.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    /// From the start of the command to the verdict, and what is allowed for that.
    pub(super) took: Duration,
    pub(super) limit: Duration,
    /// As the table adds them up: calls for a token, those answered at once, requests to the backend, those of them
    /// that brought a token and those that failed for now.
    pub(super) calls: u64,
    pub(super) hits: u64,
    pub(super) fetches: u64,
    pub(super) fetched: u64,
    pub(super) failures: u64,
    /// Calls that came to nothing.
    pub(super) lost: u64,
    /// Tokens that the backend says it signed.
    pub(super) issued: u64,
    /// Renewals in the background, all and of the driver who had the fewest.
    pub(super) renewals: u64,
    pub(super) fewest_renewals: u64,
    /// Tokens that each phone was given, and how many its renewals can explain.
    pub(super) tokens: Vec<Tokens>,
    /// Location updates that the drivers saw accepted, and those that Fleet Engine says it accepted.
    pub(super) updates: u64,
    pub(super) engine_updates: u64,
    /// Answers that the apps had from Fleet Engine.
    pub(super) answered: u64,
    /// All calls that Fleet Engine answered by its own count, and those it refused, by its own reason.
    pub(super) engine_calls: u64,
    pub(super) engine_refused: BTreeMap<String, u64>,
    pub(super) cold: Cold,
    pub(super) wrong_id: WrongId,
    pub(super) rejection: Rejection,
    pub(super) outage: Outage,
    pub(super) output: Output,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tokens {
    pub(super) who: &'static str,
    pub(super) got: u64,
    pub(super) explained: u64,
}

/// Many callers at once for a key without a token.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cold {
    pub(super) callers: u64,
    pub(super) served_the_same: u64,
    pub(super) fetches: u64,
    pub(super) at_once: u64,
}

/// A driver asks for another's token, and uses the own one on another's vehicle.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WrongId {
    pub(super) asked: u64,
    pub(super) session_rejected: u64,
    pub(super) requests: u64,
    pub(super) denied: bool,
    pub(super) token_kept: bool,
}

/// Fleet Engine refuses a token that looks good.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rejection {
    pub(super) recovered_in: Option<Duration>,
}

/// The backend cannot be reached for a while.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outage {
    pub(super) lasted: Duration,
    pub(super) failures: u64,
    pub(super) stale_served: u64,
    pub(super) updates: u64,
}

/// What was printed, and searched for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Output {
    pub(super) bytes: usize,
    /// Tokens searched for; as many as were issued.
    pub(super) tokens: u64,
    pub(super) sessions: usize,
    /// Secrets found; `None` if it could not be told.
    pub(super) leaked: Option<usize>,
}

/// One promise and how it went.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Promise {
    pub(super) name: &'static str,
    pub(super) kept: bool,
    /// In a line, or two.
    pub(super) measured: String,
}

impl Promise {
    pub(super) fn in_one_line(&self) -> String {
        self.measured.replace('\n', " ")
    }

    pub(super) fn json(&self) -> Value {
        json!({ "promise": self.name, "kept": self.kept, "measured": self.in_one_line() })
    }
}

/// Judges a run.
pub(super) fn check(m: &Measured) -> Vec<Promise> {
    of_the_drive(m).into_iter().chain(of_the_scenes(m)).chain(of_the_end(m)).collect()
}

impl Measured {
    /// How many calls Fleet Engine refused for that reason.
    fn refused(&self, reason: &str) -> u64 {
        self.engine_refused.get(reason).copied().unwrap_or(0)
    }
}

/// The table's token calls without those that no cache can answer: the first ones, and those for the wrong id.
fn usual_calls(m: &Measured) -> (u64, u64) {
    let calls = m.calls.saturating_sub(m.cold.callers + m.wrong_id.asked);
    (calls, m.hits.saturating_sub(m.cold.at_once))
}

fn promise(name: &'static str, kept: bool, measured: String) -> Promise {
    Promise { name, kept, measured }
}

/// What holds all the time.
fn of_the_drive(m: &Measured) -> [Promise; 5] {
    let (calls, hits) = usual_calls(m);
    [
        promise(
            "No call was refused for an expired token",
            m.refused("expired") == 0 && m.engine_calls > 0,
            format!(
                "{} of {} calls to Fleet Engine, accepted and refused together",
                m.refused("expired"),
                m.engine_calls
            ),
        ),
        promise(
            "No token was used for another id by mistake",
            m.refused("permission_denied") == 1,
            format!(
                "PERMISSION_DENIED was answered {}, and 1 call asked for it",
                times(m.refused("permission_denied"))
            ),
        ),
        promise(
            "No call was lost, and nothing else was refused",
            m.lost == 0
                && m.updates > 0
                && m.updates == m.engine_updates
                && m.answered == m.engine_calls
                && by_accident(&m.engine_refused).next().is_none(),
            format!(
                "{} location updates accepted, {} by Fleet Engine's own count; {} calls lost, {}",
                m.updates,
                m.engine_updates,
                m.lost,
                listed(&m.engine_refused)
            ),
        ),
        promise(
            "A fetch per renewal, not per call",
            calls > 0 && hits * 100 >= calls * LEAST_HIT_RATE && m.tokens.iter().all(|t| t.got <= t.explained),
            format!(
                "{hits} of {calls} token calls answered at once ({}), not counting the {} at the start and the {} for the wrong \
                 id;\nall {} requests to the backend: {} brought a token, {} failed and were tried again, {} asked for \
                 the wrong id{}",
                percent(hits, calls),
                m.cold.callers,
                m.wrong_id.asked,
                m.fetches,
                m.fetched,
                m.failures,
                m.wrong_id.requests,
                unexplained(&m.tokens)
            ),
        ),
        promise(
            "Tokens are renewed in the background while driving",
            m.fewest_renewals >= 1,
            format!("{} times, at least {} for each driver", m.renewals, m.fewest_renewals),
        ),
    ]
}

/// What holds when something goes wrong.
fn of_the_scenes(m: &Measured) -> [Promise; 4] {
    [
        promise(
            "Many callers without a token are one fetch",
            m.cold.callers > 1 && m.cold.fetches == 1 && m.cold.served_the_same == m.cold.callers,
            format!("{} callers, {} fetch, {} got that token", m.cold.callers, m.cold.fetches, m.cold.served_the_same),
        ),
        promise(
            "A rejected token is replaced and never used again",
            m.refused("revoked") == 1 && m.rejection.recovered_in.is_some(),
            format!(
                "Fleet Engine saw it {} after it was revoked; {}",
                times(m.refused("revoked")),
                m.rejection
                    .recovered_in
                    .map_or("it was never replaced".to_owned(), |took| format!("replaced within {}", short(took)))
            ),
        ),
        promise(
            "An outage of the backend is survived",
            m.outage.failures > 0 && m.outage.stale_served > 0 && m.outage.updates > 0,
            format!(
                "{} long: {} requests failed, {} calls went on with a token still good, {} updates accepted meanwhile",
                short(m.outage.lasted),
                m.outage.failures,
                m.outage.stale_served,
                m.outage.updates
            ),
        ),
        promise(
            "A wrong id is refused, without a storm",
            m.wrong_id.asked > 1
                && m.wrong_id.session_rejected == m.wrong_id.asked
                && m.wrong_id.requests == 1
                && m.wrong_id.denied
                && m.wrong_id.token_kept,
            format!(
                "{} of {} calls refused after {} to the backend; on another's vehicle: {}, token {}",
                m.wrong_id.session_rejected,
                m.wrong_id.asked,
                if m.wrong_id.requests == 1 {
                    "1 request".to_owned()
                } else {
                    format!("{} requests", m.wrong_id.requests)
                },
                if m.wrong_id.denied { "denied" } else { "NOT denied" },
                if m.wrong_id.token_kept { "kept" } else { "NOT kept" }
            ),
        ),
    ]
}

/// What is judged last.
fn of_the_end(m: &Measured) -> [Promise; 2] {
    [
        promise(
            "No token and no login in the output",
            m.output.leaked == Some(0)
                && m.output.sessions > 0
                && m.output.tokens == m.issued
                && m.issued >= m.fetched
                && m.fetched > 0,
            format!(
                "{} bytes searched for {} logins and {} tokens that the backend signed: {}\n\
                 {} of those tokens were fetched, {} were for trying the keys",
                m.output.bytes,
                m.output.sessions,
                if m.output.tokens == m.issued {
                    format!("all {}", m.issued)
                } else {
                    format!("{} of the {}", m.output.tokens, m.issued)
                },
                m.output.leaked.map_or("too much to tell".to_owned(), |found| format!("{found} found")),
                m.fetched,
                m.issued.saturating_sub(m.fetched)
            ),
        ),
        promise(
            "It is over in time",
            m.took < m.limit,
            format!("{:.1} s, of {} s at most", m.took.as_secs_f64(), m.limit.as_secs()),
        ),
    ]
}

/// What Fleet Engine refused although the script did not make it.
fn by_accident(refused: &BTreeMap<String, u64>) -> impl Iterator<Item = (&String, &u64)> {
    refused.iter().filter(|(reason, _)| !["revoked", "permission_denied"].contains(&reason.as_str()))
}

fn listed(refused: &BTreeMap<String, u64>) -> String {
    let reasons: Vec<_> = by_accident(refused).map(|(reason, count)| format!("{count} refused as {reason}")).collect();
    if reasons.is_empty() { "none refused but on purpose".to_owned() } else { reasons.join(", ") }
}

fn unexplained(tokens: &[Tokens]) -> String {
    tokens.iter().filter(|t| t.got > t.explained).fold(String::new(), |text, t| {
        format!("{text}; {} got {} tokens where {} are explained", t.who, t.got, t.explained)
    })
}

fn times(count: u64) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// A share with one decimal, rounded down, so that 100 % means all.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "none".to_owned();
    }
    let permille = part * 1000 / whole;
    format!("{}.{} %", permille / 10, permille % 10)
}

/// The figures for machines.
pub(super) fn figures(m: &Measured) -> Value {
    json!({
        "took_ms": millis(m.took), "calls": m.calls, "hits": m.hits, "fetches": m.fetches, "fetched": m.fetched,
        "lost": m.lost, "answered": m.answered, "tokens_issued": m.issued, "tokens_searched_for": m.output.tokens,
        "background_renewals": m.renewals, "updates_accepted": m.updates, "engine_calls": m.engine_calls,
        "engine_refused": m.engine_refused, "cold_callers": m.cold.callers, "cold_fetches": m.cold.fetches,
        "wrong_id_calls": m.wrong_id.asked, "wrong_id_requests": m.wrong_id.requests,
        "recovered_ms": m.rejection.recovered_in.map(millis), "outage_ms": millis(m.outage.lasted),
        "outage_failures": m.outage.failures, "outage_stale_served": m.outage.stale_served,
        "outage_updates": m.outage.updates,
    })
}

#[cfg(test)]
mod tests;
