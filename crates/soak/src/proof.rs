//! The promises, each looked at on what a run came to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fleet_token::Stats;
use fleet_token_backend::Stats as WorldStats;

use crate::callers;
use crate::course::{DEADLINE, Outcome};
use crate::keys::KEYS;
use crate::table::span;
use crate::vitals::Vitals;

/// How many more tokens than the least possible may be fetched.
const MORE: f64 = 0.10;

/// How much more may be allocated at a rest than at the first one, and after the factory than before it: in bytes, and
/// in blocks. At rest both vary by a tenth of this.
const HEAP: i64 = 16 * 1024;
const BLOCKS: i64 = 150;

/// What the factory keeps of each of the last 4096 rejected tokens, in a table that doubles when it is full.
const REJECTED: i64 = 16;
const REMEMBERED: u64 = 4096;

/// How much more may be resident. The allocator keeps what it got, so this catches what the other two do not count.
const RESIDENT: u64 = 16 * 1024 * 1024;

/// Attempts of a fetch, as the factory has them by default.
const ATTEMPTS: u64 = 3;

/// Files that are open at most beside those of a rest: a connection to the engine for each caller, one to the backend for
/// each fetch that may be made at a time, and each once more while it is replaced.
const CONNECTIONS: usize = 2 * (64 + 64);

/// Threads at most beside those of a rest.
const THREADS: usize = 2;

/// What must have occurred, or nothing is proved about it.
const EVENTS: [&str; 8] = [
    "fetch_started",
    "attempt_failed",
    "fetched",
    "fetch_failed",
    "stale_served",
    "rejected",
    "cleared",
    "network_available",
];

fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// Tokens got: those that renewed another, beside the least possible number of these, and the others.
pub(crate) struct Count {
    pub(crate) got: u64,
    pub(crate) taken_away: u64,
    pub(crate) renewed: u64,
    pub(crate) least: f64,
    /// Of the key that stands worst: renewed, and the least possible.
    pub(crate) worst: (u64, f64),
}

#[allow(clippy::cast_precision_loss, reason = "counts of a run are far below 2⁵²")]
impl Count {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        outcome.pages(|pages| {
            let over = |(renewed, least): &(u64, f64)| *renewed as f64 - least;
            let each = || pages.keys.iter().map(|page| (page.renewed, page.least));
            Self {
                got: pages.keys.iter().map(|page| page.got).sum(),
                taken_away: pages.keys.iter().map(|page| page.taken_away).sum(),
                renewed: each().map(|(renewed, _)| renewed).sum(),
                least: each().map(|(_, least)| least).sum(),
                worst: each().max_by(|one, other| over(one).total_cmp(&over(other))).unwrap_or_default(),
            }
        })
    }

    pub(crate) fn over_percent(&self) -> f64 {
        (self.renewed as f64 / self.least.max(1.0) - 1.0) * 100.0
    }

    /// In all, and for each key up to the next whole token.
    fn is_too_many(&self) -> bool {
        self.renewed as f64 > self.least * (1.0 + MORE) || self.worst.0 as f64 > (self.worst.1 * (1.0 + MORE)).ceil()
    }
}

/// Collects what is broken.
#[derive(Default)]
struct Broken(Vec<String>);

impl Broken {
    fn unless(&mut self, kept: bool, otherwise: impl FnOnce() -> String) {
        if !kept {
            self.0.push(otherwise());
        }
    }

    fn unless_equal(&mut self, what: &str, one: u64, other: u64) {
        self.unless(one == other, || format!("{what}: {one} and {other} should be the same"));
    }
}

/// Every promise that was broken, in words.
pub(crate) fn broken(outcome: &Outcome) -> Vec<String> {
    let mut broken = Broken::default();
    judged(outcome, &mut broken);
    answered(outcome, &mut broken);
    counted(outcome, &mut broken);
    fetched(outcome, &mut broken);
    flat(outcome, &mut broken);
    happened(outcome, &mut broken);
    broken.0
}

/// What Fleet Engine said, as told by the callers and by itself.
fn judged(outcome: &Outcome, broken: &mut Broken) {
    let (said, before, world) = (&outcome.sentences, &outcome.world_before, &outcome.world);
    let refused = |reason| world.refused_for(reason) - before.refused_for(reason);
    let judged = |world: &WorldStats| world.accepted_total() + world.refused_total();
    let all = said.all();
    broken.unless(get(&said.expired) == 0, || format!("{} tokens were refused as expired", get(&said.expired)));
    broken.unless(get(&said.denied) == 0, || format!("{} tokens were another key's (403)", get(&said.denied)));
    broken.unless(get(&said.otherwise) == 0, || format!("{} answers were neither", get(&said.otherwise)));
    broken.unless(get(&said.held_up) <= all / 1000, || {
        format!("{} calls came too late: this machine is too slow to prove anything", get(&said.held_up))
    });
    broken.unless(get(&said.lost) <= all / 1000, || format!("{} calls to Fleet Engine got no answer", get(&said.lost)));
    if get(&said.lost) == 0 {
        broken.unless_equal("calls judged, here and there", all, judged(world) - judged(before));
        broken.unless_equal("revoked, here and there", get(&said.revoked), refused("revoked"));
        let expired = get(&said.expired) + get(&said.held_up);
        broken.unless_equal("expired, here and there", expired, refused("expired"));
    }
    for sample in said.samples.lock().iter() {
        broken.0.push(format!("for example: {sample}"));
    }
}

/// Everybody got an answer in time. (A caller who gets none at all ends the run.)
fn answered(outcome: &Outcome, broken: &mut Broken) {
    let answers = &outcome.answers;
    let longest = Duration::from_millis(get(&answers.longest));
    // One whose token was rejected or cleared before it could be handed out asks again, once.
    let latest = 2 * DEADLINE + Duration::from_secs(2);
    broken.unless(longest <= latest, || format!("a caller waited for {}, more than {}", span(longest), span(latest)));
    let answered = get(&answers.tokens) + get(&answers.none) + get(&answers.left) + answers.errors();
    broken.unless_equal("calls made, and calls answered or given up", get(&answers.made), answered);
    let again = get(&answers.again);
    broken.unless(again == 0, || format!("{again} tokens were handed out again to those who had reported them"));
    let unknown = ["invalid_context", "no_endpoint", "blocking_in_async", "shut_down", "interrupted", "fetcher"];
    for (kind, times) in answers.errors.lock().iter().filter(|(kind, _)| unknown.contains(kind)) {
        broken.0.push(format!("{times} callers were told {kind}, which nothing was a reason for"));
    }
}

/// The factory's counters, the callers', the wire's, the events.
fn counted(outcome: &Outcome, broken: &mut Broken) {
    let Outcome { stats, answers, requests, .. } = outcome;
    broken.unless_equal("calls, here and in the factory", get(&answers.made), stats.calls);
    broken.unless_equal(
        "calls and their parts",
        stats.calls,
        stats.hits + stats.waits + stats.refusals + stats.not_ready,
    );
    broken.unless_equal("not ready, here and in the factory", get(&answers.none), stats.not_ready);
    broken.unless_equal("rejections, here and in the factory", get(&answers.reported), stats.rejections);
    broken.unless_equal("requests, on the wire and in the factory", get(&requests.sent), stats.fetches);
    broken.unless_equal("requests that are no key's", get(&requests.strange), 0);
    let at_once = get(&requests.at_once);
    broken.unless(at_once == 0, || format!("{at_once} requests began while another for the same key was under way"));
    broken.unless_equal("evictions, none being needed", stats.evictions, 0);
    broken.unless_equal("entries after the end", stats.entries, 0);
    let event = |name| outcome.pages(|pages| pages.events.get(name).copied().unwrap_or(0));
    broken.unless_equal("fetches begun, and their events", stats.flights, event("fetch_started"));
    broken.unless_equal("tokens got, and their events", stats.successes, event("fetched"));
    broken.unless_equal("fetches failed, and their events", stats.failures, event("fetch_failed"));
    broken.unless_equal("served inside the margin, and its events", stats.stale_served, event("stale_served"));
    broken.unless_equal("clears, and their events", outcome.clears, event("cleared"));
    broken.unless_equal("events missed", event("missed"), 0);
    let background = outcome.pages(|pages| pages.background);
    broken.unless_equal("fetches in the background, and their events", stats.background_flights, background);
}

/// As few tokens as possible, and no more attempts at them than the retry policy allows.
fn fetched(outcome: &Outcome, broken: &mut Broken) {
    let count = Count::of(outcome);
    broken.unless(!count.is_too_many(), || {
        let Count { renewed, least, worst, .. } = count;
        format!("{renewed} tokens were renewed where {least:.1} would do; of one key {} for {:.1}", worst.0, worst.1)
    });
    let Stats { flights, fetches, successes, failures, rejections, .. } = outcome.stats;
    let dropped = flights.saturating_sub(successes + failures);
    let droppable = outcome.clears * KEYS as u64;
    broken.unless(dropped <= droppable, || format!("{dropped} fetches neither brought a token nor failed"));
    broken.unless(fetches <= ATTEMPTS * flights + rejections, || format!("{fetches} requests in {flights} fetches"));
    let event = |name| outcome.pages(|pages| pages.events.get(name).copied().unwrap_or(0));
    let told = event("fetched") + event("fetch_failed") + event("attempt_failed");
    broken.unless(fetches <= told + dropped + rejections, || {
        format!("{fetches} requests, and {told} that somebody was told of")
    });
    let too_soon = get(&outcome.requests.too_soon);
    broken.unless(too_soon == 0, || format!("{too_soon} requests were made before the wait of their key was over"));
    let arrived = arrived(&outcome.world) - arrived(&outcome.world_before);
    broken.unless(arrived <= fetches, || format!("{arrived} requests came to the backend, {fetches} were made"));
}

/// Requests for tokens that came to the backend.
fn arrived(world: &WorldStats) -> u64 {
    world.requests.iter().filter(|(route, _)| route.contains("/token")).map(|(_, times)| times).sum()
}

/// Memory, threads and files do not grow, and are gone with the factory.
fn flat(outcome: &Outcome, broken: &mut Broken) {
    let Outcome { before, after, rests, highest, stats, .. } = outcome;
    let mut same = |when: &str, one: &Vitals, other: &Vitals, more: i64| {
        let (heap, blocks) = (other.heap - one.heap, other.blocks - one.blocks);
        broken.unless(heap <= HEAP + more && blocks <= BLOCKS, || {
            format!("{when}: {heap} more bytes are allocated, in {blocks} more blocks")
        });
        broken.unless(other.threads == one.threads, || {
            format!("{when}: {} threads, there were {}", other.threads, one.threads)
        });
        broken.unless(other.files == one.files, || {
            format!("{when}: {} open files, there were {}", other.files, one.files)
        });
    };
    same("after the factory", before, after, 0);
    let rejected = REJECTED * i64::try_from(stats.rejections.min(REMEMBERED)).unwrap_or(0);
    let (Some(first), Some(last)) = (rests.first(), rests.last()) else {
        broken.0.push("nothing ever rested".to_owned());
        return;
    };
    for rest in &rests[1..] {
        same("at rest", first, rest, rejected);
    }
    broken.unless(rests.len() > 1, || "there was one rest, and nothing to compare it with".to_owned());
    broken.unless(last.resident <= first.resident + RESIDENT, || {
        format!("{} KiB more are resident", (last.resident - first.resident) / 1024)
    });
    broken.unless(highest.threads <= first.threads + THREADS, || format!("{} threads at a time", highest.threads));
    broken.unless(highest.files <= first.files + CONNECTIONS, || format!("{} files open at a time", highest.files));
}

/// Nothing is proved by a run in which nothing happened.
fn happened(outcome: &Outcome, broken: &mut Broken) {
    for name in EVENTS {
        let seen = outcome.pages(|pages| pages.events.contains_key(name));
        broken.unless(seen, || format!("there was no {name}: nothing is proved about it"));
    }
    broken.unless(outcome.stats.background_flights > 0, || "nothing was renewed in the background".to_owned());
    broken.unless(outcome.outages > 0, || "the backend was never gone".to_owned());
    broken.unless(get(&outcome.sentences.revoked) > 0, || "no token was ever revoked".to_owned());
    let calls = callers::number() as u64 * outcome.took.as_secs();
    broken.unless(outcome.sentences.all() > calls, || {
        format!("{} calls were judged, less than one a second for each caller", outcome.sentences.all())
    });
    let unfetched = outcome.pages(|pages| pages.keys.iter().filter(|page| page.got == 0).count());
    broken.unless(unfetched == 0, || format!("{unfetched} keys never had a token"));
}
