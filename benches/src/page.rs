//! The page: `docs/performance.md`, written whole.

use std::fmt::Write as _;

use crate::cold::{Built, Cold, Idle, Missed, Times};
use crate::hits::Figures;
use crate::parts::Part;
use crate::report::{HitRow, SETTINGS, Target, hit_targets, named, thousands};
use crate::stores::Side;
use crate::storms::{Row, Storm};

/// Where and when.
pub struct Run {
    pub machine: String,
    pub load: f64,
    pub date: String,
    pub commit: String,
    pub quick: bool,
}

/// Everything before the tables.
pub fn head(run: &Run) -> String {
    let mut text = String::from(
        "# Performance\n\n\
         Written by `cargo xtask bench`, which measures everything in one run: change `benches/`, not this page.\n\n",
    );
    let command = if run.quick { "cargo xtask bench --quick" } else { "cargo xtask bench" };
    let _ = writeln!(
        text,
        "| | |\n|---|---|\n| machine | {} |\n| busy with other work | load {:.1} when it began |\n| date | {} |\n| commit | {} |\n| command | `{command}` |\n",
        run.machine, run.load, run.date, run.commit
    );
    text.push_str(
        "A virtual machine on x86: take ratios as the result, and absolute figures as this machine's. No phone, no ARM.\n\n",
    );
    text
}

pub fn hits(rows: &[HitRow]) -> String {
    let mut text = String::from(
        "## A hit\n\n\
         A token that is there and fresh. Medians in nanoseconds, with the spread from the 10th to the 90th percentile and the least in small print; ratio: how many times as long\n\
         as `try_token`.\n\n\
         | |",
    );
    for (keys, threads) in SETTINGS {
        let _ = write!(text, " {} | ratio |", named(keys, threads));
    }
    text.push_str(" allocations, bytes a hit |\n|---|");
    text.push_str(&"---|".repeat(2 * SETTINGS.len() + 1));
    text.push('\n');
    let reference = rows.iter().find(|row| row.kind.side == Side::Ours);
    for row in rows {
        let _ = write!(text, "| {} |", row.kind.name);
        for setting in 0..SETTINGS.len() {
            let ratio = row.median(setting).zip(reference.and_then(|row| row.median(setting)));
            let ratio = ratio.map_or("–".to_owned(), |(own, ours)| format!("{:.1}", own / ours));
            let _ = write!(text, " {} | {ratio} |", row.figures[setting].as_ref().map_or("–".to_owned(), cell));
        }
        let _ = writeln!(text, " {:.2}, {:.0} |", row.allocations, row.bytes);
    }
    text.push_str(
        "\n![Nanoseconds a hit, one key](performance/hits-1-key.svg)\n\n\
         ![Nanoseconds a hit, ten thousand keys](performance/hits-10000-keys.svg)\n\n",
    );
    text.push_str(HOW);
    text
}

/// What the figures are, and in what they are unfair.
const HOW: &str = "\
**How.** All stores hold the same tokens of 900 bytes under the same ids of 35, and are asked for them in the same shuffled order, for which each has its keys ready as it wants them. A round is a
quarter of a millisecond of hits, one after the other. Threads are pinned; with 2 of them the figure is the time that each takes for a hit while the other does the same. All stores take turns, ten rounds each, after one
pass over all keys, so that a machine that slows down slows all. A round counts if each thread had its processor for 98.5 % of it, and if two ran together for 85 %. `*` marks figures for which too few rounds did: the
machine was busy, or a lock parks the threads. Allocations are counted in a program of its own. That nothing was fetched meanwhile is asserted.

**In what it is unfair.** `try_token`, a handle, the floor and the hand-rolled maps answer without a future; the rivals are async, and most of them box their future. `token().await` is the like-for-like row. On the other hand the hand-rolled maps
and the floor have no single flight, margin, bound, counters or memory of failure; google-cloud-auth and object_store keep one token and look nothing up; quick caches without expiry were left out. moka and `cached` are
caches, not token stores: what they lack for it shows in the storms. aws-smithy's cache has room for all keys here, not for its default of 64.

";

/// Where the time of a hit goes.
pub fn parts(parts: &[Part]) -> String {
    let mut text = String::from(
        "### Where the time goes\n\n\
         Each part of a hit alone, over and over, on one thread; below the line what is not done, for comparison. Medians in nanoseconds.\n\n\
         | | ns |\n|---|---|\n",
    );
    let row = |text: &mut String, part: &Part| {
        let _ = writeln!(text, "| {} | {:.1} |", part.name, part.nanoseconds);
    };
    parts.iter().filter(|part| part.of_a_hit).for_each(|part| row(&mut text, part));
    let sum: f64 = parts.iter().filter(|part| part.of_a_hit).map(|part| part.nanoseconds).sum();
    let _ = writeln!(text, "| **these three** | **{sum:.1}** |");
    parts.iter().filter(|part| !part.of_a_hit).for_each(|part| row(&mut text, part));
    text.push_str(PARTS);
    text
}

const PARTS: &str = "
The floor gives no token out: it looks at it in its place, under the map's guard. A caller who may keep what he is given, as Google's SDKs and every HTTP client do, needs a share of it. Counting shares
is what the row below the floor does: cheap on one thread, and on two each waits for the other's cache line. The loan writes to the thread's own memory instead, by two locked instructions; leaving the map takes a third.
That is the distance to the floor, and the reason why a hit is not slower on two threads than on one.

A hand-rolled map is no slower than its lookup and its clock on one thread, and the ones that know nothing of suspended devices, single flights or bounds do little else. No store that asks a clock can be
five times faster than that.

";

fn cell(figures: &Figures) -> String {
    let mark = if figures.clean { "" } else { "*" };
    let Figures { min, p10, median, p90, .. } = figures;
    format!("**{median:.0}**{mark} <sub>{p10:.0}–{p90:.0}, {min:.0}</sub>")
}

pub fn targets(rows: &[HitRow], others: &[Target]) -> String {
    let targets = hit_targets(rows);
    let all: Vec<&Target> = targets.iter().chain(others).collect();
    let met = all.iter().filter(|target| target.met).count();
    let mut text = format!("## Targets\n\nFrom this run: {met} of {} met.\n\n", all.len());
    text.push_str("| what | asked | got | |\n|---|---|---|---|\n");
    for Target { what, asked, got, met } in all {
        let word = if *met { "met" } else { "**not met**" };
        let _ = writeln!(text, "| {what} | {asked} | {got} | {word} |");
    }
    text.push('\n');
    text
}

pub fn storms(rows: &[Row]) -> String {
    let mut text = String::from(
        "## Storms\n\n\
         What becomes of many callers, failing backends and callers who leave, with the backend of each store in memory or on loopback. For ours the promise is asserted: \
         the run fails if it is not kept.\n\n",
    );
    for storm in Storm::ALL {
        let _ = writeln!(text, "- {}", storm.about());
    }
    text.push_str("\n| | S1 | S2 | S3 | S4 | S5 | S6 | S7 | S8 |\n|---|---|---|---|---|---|---|---|---|\n");
    for row in rows {
        let name = if row.kind.side == Side::Ours { "**fleet-token**" } else { row.kind.name };
        let _ = writeln!(text, "| {name} | {} |", row.cells.join(" | "));
    }
    text.push_str(
        "\nA fetch of ours is up to three attempts with pauses between them, which is what S2 and S5 show; each is one flight, whose end all waiters share. google-cloud-auth retries in a task of its own, gcp_auth up to five times \
         in the call. object_store is told not to retry; its two requests before the one for the token are not counted. S3 counts hits that were not answered at the first poll. The hand-rolled maps have no answer to any of this: each caller would fetch.\n\n",
    );
    text
}

pub fn cold(cold: &Cold) -> String {
    let mut text = String::from(
        "## Cold and slow\n\nOurs only. Microseconds, median and 99th percentile.\n\n| | median | p99 |\n|---|---|---|\n",
    );
    let Cold { built, missed, fleets, idle } = cold;
    let mut line = |what: &str, Times { median, p99 }: Times| {
        let _ = writeln!(text, "| {what} | {median:.1} | {p99:.1} |");
    };
    line("factory built, with a fetcher of the app's", built.with_fetcher);
    line("factory built, with HTTP inside", built.with_http);
    line("miss over a fetcher that answers at once, awaited on one thread", missed.in_memory);
    line("the same by `blocking_token`, on the factory's own runtime (two changes of thread)", missed.blocking);
    line("miss over HTTP on loopback, connection kept", missed.http);
    line("the same request by reqwest alone, in turn with it", missed.bare);
    let Built { threads, files, .. } = built;
    let Missed { more, .. } = missed;
    let _ = write!(
        text,
        "\nBuilding two factories started {threads} threads and opened {files} files or sockets. A miss over HTTP took {more:.0} µs more than the request alone (medians).\n\n\
         Many keys at once, on one thread, over a fetcher that answers at once; tokens of 900 bytes. Memory is counted in a program of its own: what stays allocated, the most that was meanwhile, and by how much the process grew \
         at its largest, per key, the token's own bytes in it.\n\n\
         | keys | wall | processor | µs a key | allocations a key | bytes kept a key | at most | resident |\n|---|---|---|---|---|---|---|---|\n"
    );
    for (took, memory) in fleets {
        let millis = |time: std::time::Duration| time.as_secs_f64() * 1e3;
        let each = took.cpu.as_secs_f64() * 1e6 / took.keys as f64;
        let _ = writeln!(
            text,
            "| {} | {:.1} ms | {:.1} ms | {each:.1} | {:.1} | {:.0} | {:.0} | {:.0} |",
            thousands(took.keys),
            millis(took.wall),
            millis(took.cpu),
            memory.allocations,
            memory.live,
            memory.peak,
            memory.resident
        );
    }
    text.push_str("\n![Many keys at once](performance/fleet.svg)\n\n");
    let Idle { given_runtime, own_runtime, watched } = idle;
    let _ = writeln!(
        text,
        "Idle, with 10 000 fresh tokens: in {:.0} s the threads of the runtime that the factory was built in were awake {given_runtime} times, those of a factory with its own {own_runtime} times.\n",
        watched.as_secs_f64()
    );
    text
}

/// The targets about what is not a hit.
pub fn cold_targets(cold: &Cold) -> Vec<Target> {
    let Cold { built, missed, fleets, idle } = cold;
    let mut targets = Vec::new();
    let mut target = |what: &str, asked: &str, got: String, met: bool| {
        targets.push(Target { what: what.to_owned(), asked: asked.to_owned(), got, met });
    };
    for (what, times) in [("with a fetcher", built.with_fetcher), ("with HTTP inside", built.with_http)] {
        let what = format!("factory built, {what}");
        target(&what, "< 1 ms", format!("{:.3} ms", times.median / 1e3), times.median < 1e3);
    }
    let nothing = built.threads == 0 && built.files == 0;
    target("threads and sockets of a new factory", "0", format!("{}, {}", built.threads, built.files), nothing);
    target(
        "a miss, beyond a round trip of nothing",
        "< 100 µs",
        format!("{:.1} µs", missed.in_memory.median),
        missed.in_memory.median < 100.0,
    );
    target("a miss over HTTP, beyond the request", "< 100 µs", format!("{:.1} µs", missed.more), missed.more < 100.0);
    if let (Some((few, _)), Some((many, memory))) = (fleets.first(), fleets.last()) {
        let each = |took: &crate::fleet::Took| took.cpu.as_secs_f64() / took.keys as f64;
        let growth = each(many) / each(few);
        let what = format!("processor time a key, {} keys beside {}", thousands(many.keys), thousands(few.keys));
        target(&what, "≤ 1.5 ×", format!("{growth:.2} ×"), growth <= 1.5);
        let over = memory.live - crate::source::TOKEN_BYTES as f64;
        let what = format!("memory of a cached token beyond its own bytes, {} keys", thousands(memory.keys));
        target(&what, "≤ 400 bytes", format!("{over:.0} bytes"), over <= 400.0);
    }
    let awake = idle.given_runtime + idle.own_runtime;
    target("wake-ups of an idle factory with 10 000 tokens", "0", awake.to_string(), awake == 0);
    targets
}
