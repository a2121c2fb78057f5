//! `docs/fleet-scale.md`: the prose, with the figures put in.

use std::fmt::Write as _;

use crate::cost::Cost;
use crate::queue::{SECOND, Time};
use crate::scenario::{Scenario, Who};
use crate::tally::Tally;

const PROSE: &str = include_str!("page.md");
const BIN: Time = 10 * SECOND;

/// A scenario, with how many devices it was run, and what came of each client.
pub struct Ran {
    pub scenario: Scenario,
    pub devices: u32,
    pub runs: Vec<(Who, Tally)>,
}

/// The page.
pub fn page(ran: &[Ran], costs: &[Cost], devices: u32, seed: u64) -> String {
    PROSE
        .replace("{{devices}}", &number(f64::from(devices)))
        .replace("{{seed}}", &seed.to_string())
        .replace("{{targets}}", &targets(ran))
        .replace("{{after}}", &after(ran))
        .replace("{{had}}", &had(ran))
        .replace("{{costs}}", &cost_table(costs))
}

/// What happened at the backend.
fn after(ran: &[Ran]) -> String {
    let mut table = "| | client | peak, requests/s | over steady, 10 s | over steady, 1 s | minute after it: mean | its worst 10 s | later worst 10 s |\n|---|---|--:|--:|--:|--:|--:|--:|\n".to_owned();
    for Ran { scenario, devices, runs } in ran {
        let steady = scenario.steady(*devices);
        let (onset, over) = (scenario.onset(), scenario.onset() + scenario.lasts);
        let end = over + scenario.after;
        for (n, (who, tally)) in runs.iter().enumerate() {
            let name = if n == 0 { format!("**{}**: {}", scenario.name, scenario.about) } else { String::new() };
            let mut cells = vec![
                number(tally.peak(onset, end, BIN)),
                times(tally.peak(onset, end, BIN) / steady),
                times(tally.peak(onset, end, SECOND) / steady),
            ];
            if scenario.lasts > 0 {
                cells.push(times(tally.rate(over, over + 60 * SECOND) / steady));
                cells.push(times(tally.peak(over, over + 60 * SECOND, BIN) / steady));
                cells.push(times(tally.peak(over + 60 * SECOND, end, BIN) / steady));
            } else {
                cells.extend([String::new(), String::new(), String::new()]);
            }
            let _ = writeln!(table, "| {name} | {} | {} |", bold(*who), cells.join(" | "));
        }
    }
    table
}

/// What the devices had of it.
fn had(ran: &[Ran]) -> String {
    let mut table = "| | client | devices | without a token: device-seconds | devices that were | each, per day | calls waited: seconds | tokens per device-day | requests per device-day |\n|---|---|--:|--:|--:|--:|--:|--:|--:|\n".to_owned();
    for Ran { scenario, devices, runs } in ran {
        for (n, (who, tally)) in runs.iter().enumerate() {
            let name = if n == 0 { format!("**{}**", scenario.name) } else { String::new() };
            let days = (tally.to - tally.from) as f64 / (86_400 * SECOND) as f64;
            let per_day = tally.without_s() / f64::from(*devices) / days;
            let is_day = scenario.lasts == 0;
            let _ = writeln!(
                table,
                "| {name} | {} | {} | {} | {} | {} | {} | {:.2} | {:.2} |",
                bold(*who),
                number(f64::from(*devices)),
                number(tally.without_s()),
                number(f64::from(tally.devices_without)),
                if is_day { format!("{per_day:.2} s") } else { String::new() },
                number(tally.waited_s()),
                tally.tokens_per_day(),
                tally.requests_per_day(),
            );
        }
    }
    table
}

/// The promises, and what came of them.
fn targets(ran: &[Ran]) -> String {
    let mut table = "| promise | measured |\n|---|---|\n".to_owned();
    let ours = |name: &str| {
        let ran = ran.iter().find(|ran| ran.scenario.name == name)?;
        let tally = ran.runs.iter().find(|(who, _)| *who == Who::Ours).map(|(_, tally)| tally)?;
        Some((ran, tally))
    };
    let mut row = |promise: &str, measured: String| {
        let _ = writeln!(table, "| {promise} | {measured} |");
    };
    for ran in ran.iter().filter(|ran| ran.scenario.world.outage.is_some()) {
        let Some((_, tally)) = ours(ran.scenario.name) else { continue };
        if ran.scenario.lasts >= ran.scenario.margin * 60 * SECOND {
            continue;
        }
        let (over, steady) = (ran.scenario.onset() + ran.scenario.lasts, ran.scenario.steady(ran.devices));
        row(
            &format!("{}: at most 2 × steady in the first minute after it", ran.scenario.name),
            format!(
                "{} over the minute, {} in its worst 10 s, {} in the worst 10 s after that",
                times(tally.rate(over, over + 60 * SECOND) / steady),
                times(tally.peak(over, over + 60 * SECOND, BIN) / steady),
                times(tally.peak(over + 60 * SECOND, over + ran.scenario.after, BIN) / steady),
            ),
        );
        row(
            &format!("{}: nobody without a token", ran.scenario.name),
            format!("{} device-seconds", number(tally.without_s())),
        );
    }
    if let Some((ran, tally)) = ours("shift") {
        let within = ran.scenario.lasts;
        let even = f64::from(ran.devices) / (within as f64 / SECOND as f64);
        row(
            "a shift's start is not multiplied by retries",
            format!(
                "{} requests for {} devices in the first {} minutes, {} × what evenly would be in the worst 10 s",
                number(f64::from(tally.bins(0, within, within).first().copied().unwrap_or_default())),
                number(f64::from(ran.devices)),
                within / (60 * SECOND),
                times(tally.peak(0, within, BIN) / even).trim_end_matches(" ×"),
            ),
        );
    }
    if let Some((_, tally)) = ours("steady day") {
        row("at most 29 fetches per device-day", format!("{:.2}", tally.requests_per_day()));
    }
    table
}

fn cost_table(costs: &[Cost]) -> String {
    let mut table =
        "| devices | queue | events | processor time | events/s | memory, most | per device |\n|--:|---|--:|--:|--:|--:|--:|\n"
            .to_owned();
    for cost in costs {
        let _ = writeln!(
            table,
            "| {} | {} | {} | {:.1} s | {} | {} MB | {} B |",
            number(f64::from(cost.devices)),
            cost.queue,
            number(cost.events as f64),
            cost.seconds,
            number(cost.events as f64 / cost.seconds),
            number(cost.bytes as f64 / 1e6),
            number(cost.bytes as f64 / f64::from(cost.devices)),
        );
    }
    table
}

/// A file name for a scenario's plot.
pub fn plot_name(scenario: &Scenario) -> Option<&'static str> {
    Some(match scenario.name {
        "shift" => "shift",
        "shift, half capacity" => "shift-half-capacity",
        "outage, 9 min" => "outage-9",
        "outage, 10 min" => "outage-10",
        "outage, 30 min" => "outage-30",
        "slow" => "slow",
        "rejected key" => "rejected-key",
        "rejected key, 5 min" => "rejected-key-5",
        _ => return None,
    })
}

fn bold(who: Who) -> String {
    if who == Who::Ours { format!("**{}**", who.name()) } else { who.name().to_owned() }
}

fn times(ratio: f64) -> String {
    if ratio >= 20.0 { format!("{ratio:.0} ×") } else { format!("{ratio:.2} ×") }
}

/// With spaces between thousands.
fn number(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        assert_eq!(number(1_234_567.4), "1 234 567");
        assert_eq!(number(999.0), "999");
        assert_eq!(number(0.0), "0");
    }
}
