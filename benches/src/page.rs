//! The page: `docs/performance.md`, written whole.

use std::fmt::Write as _;

use crate::hits::Figures;
use crate::report::{HitRow, SETTINGS, Target, hit_targets, named};
use crate::stores::Side;

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
