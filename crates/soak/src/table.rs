//! How a run is told: a line now and then, and a table at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::book::Book;
use crate::callers::Answers;
use crate::course::Outcome;
use crate::judge::Sentences;
use crate::proof;
use crate::vitals::Vitals;

fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// `90 s`, `30 min`.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 120.0 { format!("{seconds:.0} s") } else { format!("{:.1} min", seconds / 60.0) }
}

/// How far it is.
pub(crate) fn line(at: Duration, book: &Book, answers: &Answers, sentences: &Sentences) -> String {
    let (tokens, failed) = book.read(|pages| {
        (pages.keys.iter().map(|key| key.got).sum::<u64>(), pages.keys.iter().map(|key| key.failed).sum::<u64>())
    });
    format!(
        "{:>6}  {:>7} calls  {:>7} judged, {} revoked, {} expired, {} denied  {tokens:>6} tokens, {failed} fetches failed",
        span(at),
        get(&answers.made),
        sentences.all(),
        get(&sentences.revoked),
        get(&sentences.expired) + get(&sentences.held_up),
        get(&sentences.denied),
    )
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

/// What the process has now.
pub(crate) fn vitals(highest: u64, now: Vitals) -> String {
    format!("{:.1} MiB (at most {:.1}), {} threads, {} files", mib(now.resident), mib(highest), now.threads, now.files)
}

/// What it has at rest.
pub(crate) fn rest(vitals: Vitals) -> String {
    let Vitals { heap, blocks, resident, threads, files } = vitals;
    format!("heap {heap} B in {blocks} blocks, {:.1} MiB resident, {threads} threads, {files} files", mib(resident))
}

/// Everything.
pub(crate) fn of(outcome: &Outcome) -> String {
    let Outcome { stats, world, answers, sentences, requests, .. } = outcome;
    let mut text = String::from("\n");
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<36}{value}");
    };
    row("calls", format!("{}, the longest {:.1} s", get(&answers.made), seconds(&answers.longest)));
    row("  answered with a token", get(&answers.tokens).to_string());
    row("  nothing to serve (try_token)", get(&answers.none).to_string());
    row("  errors", counts(&answers.errors.lock()));
    row("  given up by the caller", get(&answers.left).to_string());
    row("judged by Fleet Engine", sentences.all().to_string());
    row("  accepted", get(&sentences.accepted).to_string());
    row("  refused: revoked, by the weather", get(&sentences.revoked).to_string());
    row("  refused: expired", get(&sentences.expired).to_string());
    row("  refused: expired, held up here", get(&sentences.held_up).to_string());
    row("  refused: PERMISSION_DENIED", get(&sentences.denied).to_string());
    row("  another answer, or none", (get(&sentences.otherwise) + get(&sentences.lost)).to_string());
    let count = proof::Count::of(outcome);
    row(
        "tokens got",
        format!("{}, to replace {} taken away and {} renewed", count.got, count.taken_away, count.renewed),
    );
    row("  renewed, the least possible", format!("{:.1}: {:+.1} % too many", count.least, count.over_percent()));
    row("  renewed, the worst key", format!("{} for {:.1}", count.worst.0, count.worst.1));
    row("requests", format!("{}, of {} fetches", get(&requests.sent), stats.flights));
    row("  fetches in the background", stats.background_flights.to_string());
    row("  fetches that failed", stats.failures.to_string());
    row("  attempts that failed", outcome.pages(|pages| counts(&pages.failures)));
    row("faults met", counts(&world.faults));
    row("outages, clears", format!("{}, {}", outcome.outages, outcome.clears));
    row("rejections, news to the factory", crate::course::reported(answers).to_string());
    row("served inside the margin", stats.stale_served.to_string());
    row("events", outcome.pages(|pages| counts(&pages.events)));
    row("before the factory", rest(outcome.before));
    if let (Some(first), Some(last)) = (outcome.rests.first(), outcome.rests.last()) {
        row("at the first rest, warm", rest(*first));
        row("at the last rest", rest(*last));
    }
    row("after the factory", rest(outcome.after));
    row(
        "at most",
        format!(
            "{:.1} MiB resident, {} threads, {} files",
            mib(outcome.highest.resident),
            outcome.highest.threads,
            outcome.highest.files
        ),
    );
    text.truncate(text.trim_end().len());
    text
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn seconds(millis: &AtomicU64) -> f64 {
    get(millis) as f64 / 1000.0
}

fn counts<K: AsRef<str> + Ord>(counts: &BTreeMap<K, u64>) -> String {
    let each: Vec<_> = counts.iter().map(|(name, times)| format!("{} {times}", name.as_ref())).collect();
    if each.is_empty() { "none".to_owned() } else { each.join(", ") }
}
