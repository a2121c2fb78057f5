//! The rows as two tables: what each call costs, and how far that is from the targets.

use std::fmt::Write as _;
use std::io;

use super::row::{Kind, Names, Row};

/// A wrapper, and what is asked of it.
pub(super) struct Face {
    pub(super) title: &'static str,
    pub(super) marker: &'static str,
    /// Nanoseconds that a hit may take on one thread with one context.
    pub(super) goal: f64,
    pub(super) hits: Names,
}

/// How many contexts and threads, column by column.
const COLUMNS: [(u64, u64); 4] = [(1, 1), (1, 2), (10_000, 1), (10_000, 2)];

/// Two threads may take so much longer than one, by the target.
const SIDE_BY_SIDE: f64 = 1.15;

/// Below this, what JMH and the Swift program themselves allocate, shared out over the calls.
const NOTHING: f64 = 0.05;

pub(super) fn written(face: &Face, rows: &[Row]) -> io::Result<String> {
    let unit = if face.marker == "kotlin" { "bytes a call" } else { "allocations a call" };
    let mut text = format!("| ns a call | 1 thread | 2 threads | 1 thread, 10 000 contexts | 2 threads | {unit} |\n");
    text += "|---|---|---|---|---|---|\n";
    for &(name, label, _) in face.hits {
        let _ = write!(text, "| {label} |");
        for (contexts, threads) in COLUMNS {
            let cell = find(rows, name, contexts, threads).map_or_else(|| "–".to_owned(), cell);
            let _ = write!(text, " {cell} |");
        }
        let first = found(rows, name, 1, 1)?;
        let _ = writeln!(text, " {} |", if first.memory < NOTHING { "0".to_owned() } else { short(first.memory) });
    }
    text += "\n| target | worst measured | |\n|---|---|---|\n";
    let hits: Vec<&str> = face.hits.iter().filter(|(.., kind)| *kind == Kind::Hit).map(|(name, ..)| *name).collect();
    let mut held = |target: String, limit: f64, unit: &str, of: &dyn Fn(&str) -> io::Result<f64>| -> io::Result<()> {
        let mut worst = (0.0, "");
        for name in &hits {
            let value = of(name)?;
            if value >= worst.0 {
                worst = (value, name);
            }
        }
        let verdict = if worst.0 <= limit {
            "met".to_owned()
        } else {
            format!("missed by {:.0} %", (worst.0 / limit - 1.0) * 100.0)
        };
        let _ = writeln!(text, "| {target} | {}{unit}, `{}` | {verdict} |", short(worst.0), worst.1);
        Ok(())
    };
    held(format!("a hit takes {} ns at most", face.goal), face.goal, " ns", &|name| Ok(found(rows, name, 1, 1)?.time))?;
    held("a hit allocates nothing".to_owned(), NOTHING, "", &|name| Ok(found(rows, name, 1, 1)?.memory))?;
    held(format!("two threads take {SIDE_BY_SIDE} times as long as one at most"), SIDE_BY_SIDE, " times", &|name| {
        Ok(found(rows, name, 1, 2)?.time / found(rows, name, 1, 1)?.time)
    })?;
    Ok(text)
}

fn find<'a>(rows: &'a [Row], name: &str, contexts: u64, threads: u64) -> Option<&'a Row> {
    rows.iter().find(|row| row.name == name && row.contexts == contexts && row.threads == threads)
}

fn found<'a>(rows: &'a [Row], name: &str, contexts: u64, threads: u64) -> io::Result<&'a Row> {
    let missing = || io::Error::other(format!("nobody measured {name} with {contexts} contexts on {threads} threads"));
    find(rows, name, contexts, threads).ok_or_else(missing)
}

fn cell(row: &Row) -> String {
    format!("{} ({}–{})", short(row.time), short(row.from), short(row.to))
}

/// Three digits are more than was measured.
fn short(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::super::row::tests::row;
    use super::{Face, Kind, written};

    const FACE: Face = Face {
        title: "Any",
        marker: "swift",
        goal: 60.0,
        hits: &[("sample", "the sample", Kind::Other), ("hit", "ours", Kind::Hit)],
    };

    #[test]
    fn the_tables_show_each_row_and_judge_only_hits() {
        let rows =
            [row("sample", 1, 1, 900.0), row("hit", 1, 1, 50.0), row("hit", 1, 2, 55.0), row("hit", 10_000, 1, 80.0)];
        let expected = "\
| ns a call | 1 thread | 2 threads | 1 thread, 10 000 contexts | 2 threads | allocations a call |
|---|---|---|---|---|---|
| the sample | 900 (899–901) | – | – | – | 0 |
| ours | 50 (49–51) | 55 (54–56) | 80 (79–81) | – | 0 |

| target | worst measured | |
|---|---|---|
| a hit takes 60 ns at most | 50 ns, `hit` | met |
| a hit allocates nothing | 0.0, `hit` | met |
| two threads take 1.15 times as long as one at most | 1.1 times, `hit` | met |
";
        assert_eq!(written(&FACE, &rows).unwrap(), expected);
    }

    #[test]
    fn a_target_that_is_missed_is_said() {
        let rows = [row("sample", 1, 1, 9.0), row("hit", 1, 1, 90.0), row("hit", 1, 2, 180.0)];
        let text = written(&FACE, &rows).unwrap();
        assert!(
            text.contains("90 ns, `hit` | missed by 50 % |") && text.contains("2.0 times, `hit` | missed by 74 % |")
        );
    }

    #[test]
    fn a_row_that_nobody_measured_is_an_error() {
        assert!(written(&FACE, &[row("sample", 1, 1, 9.0), row("hit", 1, 1, 9.0)]).is_err());
    }
}
