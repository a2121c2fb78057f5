//! The end of the demo: a table of what each app did, and the promises with their figures.

use anstyle::{AnsiColor, Style};
use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle};
use fleet_token::Stats;
use serde_json::{Value, json};

use super::phone::{Phone, Tally};
use super::promises::{Measured, Promise, figures};

const HEADER: [&str; 8] = [
    "app",
    "token\ncalls",
    "at\nonce",
    "\nfetches",
    "renewed in\nbackground",
    "failures\nsurvived",
    "\naccepted",
    "\nrefused",
];

/// One app's figures.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Row {
    name: &'static str,
    stats: Stats,
    renewals: u64,
    survived: u64,
    tally: Tally,
}

impl Row {
    pub(super) fn of(phone: &Phone) -> Self {
        Self {
            name: phone.name,
            stats: phone.stats(),
            renewals: phone.renewals(),
            survived: phone.survived(),
            tally: phone.tally(),
        }
    }

    fn figures(&self) -> [u64; 7] {
        let Self { stats, renewals, survived, tally, .. } = self;
        [stats.calls, stats.hits, stats.fetches, *renewals, *survived, tally.accepted, tally.refused]
    }

    fn json(&self) -> Value {
        let [calls, hits, fetches, background, survived, accepted, refused] = self.figures();
        json!({
            "app": self.name, "calls": calls, "hits": hits, "fetches": fetches, "background_renewals": background,
            "failures_survived": survived, "accepted": accepted, "refused": refused,
        })
    }
}

/// The table, with a line of sums.
pub(super) fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    let header = HEADER.map(|name| Cell::new(name).set_alignment(CellAlignment::Right));
    let rule = LineStyle::none().fill('─').junction('─');
    let style = TableStyle::new().top_border(rule).header_separator(rule).bottom_border(rule);
    table.load_style(style).set_header(header);
    let line = |name: &str, figures: [u64; 7]| {
        let figures = figures.into_iter().map(|figure| Cell::new(figure).set_alignment(CellAlignment::Right));
        [Cell::new(name)].into_iter().chain(figures).collect::<Vec<_>>()
    };
    for row in rows {
        table.add_row(line(row.name, row.figures()));
    }
    let sums = rows.iter().map(Row::figures).fold([0; 7], |mut sums, figures| {
        for (sum, figure) in sums.iter_mut().zip(figures) {
            *sum += figure;
        }
        sums
    });
    table.add_row(line("all", sums));
    table.to_string()
}

/// How many of the drivers' updates were refused.
pub(super) fn refused_updates(drivers: &[Row]) -> u64 {
    drivers.iter().map(|driver| driver.tally.refused).sum()
}

/// A promise in two lines or three: what, and what was measured.
pub(super) fn promise(promise: &Promise) -> String {
    let (mark, colour) = if promise.kept { ("✓", AnsiColor::Green) } else { ("✗", AnsiColor::Red) };
    let (style, dim) = (colour.on_default().bold(), Style::new().dimmed());
    let measured: Vec<_> = promise.measured.lines().map(|line| format!("    {dim}{line}{dim:#}")).collect();
    format!("{style}{mark}{style:#} {}\n{}", promise.name, measured.join("\n"))
}

/// All of it for machines.
pub(super) fn json(measured: &Measured, rows: &[Row], promises: &[Promise]) -> Value {
    json!({
        "event": "summary",
        "ok": promises.iter().all(|promise| promise.kept),
        "apps": rows.iter().map(Row::json).collect::<Vec<_>>(),
        "figures": figures(measured),
        "promises": promises.iter().map(Promise::json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_the_table_adds_up() {
        let row = |name, accepted| Row { name, tally: Tally { accepted, ..Tally::default() }, ..Row::default() };
        let table = table(&[row("driver_1", 40), row("driver_2", 2)]);
        let last = table.lines().rev().find(|line| line.contains("all")).unwrap();
        assert!(last.contains("42"), "{table}");
    }

    #[test]
    fn a_broken_promise_looks_broken() {
        let broken = Promise { name: "It holds", kept: false, measured: "it does\nnot".to_owned() };
        assert!(promise(&broken).contains('✗') && promise(&broken).lines().count() == 3);
        let json = json(&Measured::default(), &[], &[broken]);
        assert_eq!(json["ok"], false);
        assert_eq!(json["promises"][0]["measured"], "it does not");
    }
}
