//! One thing that was measured, in one arrangement, as JMH and the Swift program write it down.

use std::io;

use serde_json::Value;

/// How long one call took, in nanoseconds.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) contexts: u64,
    pub(super) threads: u64,
    pub(super) time: f64,
    /// From where to where it may be, or was.
    pub(super) from: f64,
    pub(super) to: f64,
    /// Bytes a call in Kotlin, allocations a call in Swift.
    pub(super) memory: f64,
}

/// What there is to measure, in the order of the table, and what the table calls it.
pub(super) type Names = &'static [(&'static str, &'static str, Kind)];

/// What a row is there for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nobody can do without.
    Floor,
    /// What others do.
    Other,
    /// Ours, and held to the target.
    Hit,
    /// Ours, with what callers do around it.
    Around,
}

pub(super) const KOTLIN: Names = &[
    ("nanoTime", "`System.nanoTime()`, one read", Kind::Floor),
    ("wallClock", "`System.currentTimeMillis()`, one read", Kind::Floor),
    ("sample", "the sample's pattern: one slot, no lock, wall clock", Kind::Other),
    ("getToken", "**`getToken(context)`**", Kind::Hit),
    ("tryToken", "**`tryToken(context)`**", Kind::Hit),
    ("token", "**`token(context)`**, suspending", Kind::Hit),
    ("handle", "**`handle.getToken()`**", Kind::Hit),
    ("contextEachTime", "`getToken(AuthTokenContext.vehicle(id))`", Kind::Around),
    ("crossing", "the library called each time, `tryToken`", Kind::Other),
    ("crossingBlocking", "the library called each time, `tokenBlocking`", Kind::Other),
];

pub(super) const SWIFT: Names = &[
    ("clock", "`clock_gettime`, one read", Kind::Floor),
    ("asyncCall", "an `async` call that returns what it has", Kind::Floor),
    ("sample", "the sample's pattern: one slot, no lock, `Date()`", Kind::Other),
    ("tryToken", "**`tryToken(for: context)`**", Kind::Hit),
    ("token", "**`try await token(for: context)`**", Kind::Hit),
    ("handle", "**`handle.tryToken()`**", Kind::Hit),
    ("asyncHandle", "**`try await handle.token()`**", Kind::Hit),
    ("contextEachTime", "`tryToken(for: .vehicle(id))`", Kind::Around),
    ("completion", "`token(for:completion:)`, answered on a queue, one after the other", Kind::Around),
    ("crossing", "the library called each time, `tryToken`", Kind::Other),
];

/// Adds the rows of a file of JMH's, and says what it ran on.
pub(super) fn of_jmh(text: &str, rows: &mut Vec<Row>) -> io::Result<String> {
    let runs: Vec<Value> = serde_json::from_str(text)?;
    let mut with = String::new();
    for run in &runs {
        let metric = &run["primaryMetric"];
        let time = number(&metric["score"], "score")?;
        // Not a number after a single iteration.
        let error = metric["scoreError"].as_f64().unwrap_or(0.0);
        let name = run["benchmark"].as_str().and_then(|name| name.rsplit('.').next()).unwrap_or_default();
        rows.push(Row {
            name: name.to_owned(),
            contexts: run["params"]["contexts"].as_str().and_then(|count| count.parse().ok()).unwrap_or(1),
            threads: run["threads"].as_u64().unwrap_or(0),
            time,
            from: (time - error).max(0.0),
            to: time + error,
            memory: number(&run["secondaryMetrics"]["gc.alloc.rate.norm"]["score"], "gc.alloc.rate.norm")?,
        });
        let text = |field: &str| run[field].as_str().unwrap_or("?").to_owned();
        with = format!("{} {}, JMH {}, {} forks", text("vmName"), text("vmVersion"), text("jmhVersion"), run["forks"]);
    }
    Ok(with)
}

/// The rows of the Swift program's file.
pub(super) fn of_swift(text: &str) -> io::Result<Vec<Row>> {
    let rows: Vec<Value> = serde_json::from_str(text)?;
    rows.iter()
        .map(|row| {
            Ok(Row {
                name: row["name"].as_str().unwrap_or_default().to_owned(),
                contexts: row["contexts"].as_u64().unwrap_or(0),
                threads: row["threads"].as_u64().unwrap_or(0),
                time: number(&row["median"], "median")?,
                from: number(&row["least"], "least")?,
                to: number(&row["most"], "most")?,
                memory: number(&row["allocations"], "allocations")?,
            })
        })
        .collect()
}

fn number(value: &Value, what: &str) -> io::Result<f64> {
    value.as_f64().ok_or_else(|| io::Error::other(format!("{what} is no number: {value}")))
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Row, of_jmh, of_swift};

    pub(crate) fn row(name: &str, contexts: u64, threads: u64, time: f64) -> Row {
        Row { name: name.to_owned(), contexts, threads, time, from: time - 1.0, to: time + 1.0, memory: 0.0 }
    }

    #[test]
    fn what_jmh_writes_is_read() {
        let text = r#"[{"jmhVersion": "1.37", "benchmark": "a.b.Hit.token", "threads": 2, "forks": 2, "vmName": "VM",
            "vmVersion": "17", "params": {"contexts": "10000"}, "primaryMetric": {"score": 50.5, "scoreError": 0.5},
            "secondaryMetrics": {"gc.alloc.rate.norm": {"score": 16.0}}},
            {"benchmark": "a.b.Beside.sample", "threads": 1, "forks": 1, "primaryMetric": {"score": 7, "scoreError": "NaN"},
            "secondaryMetrics": {"gc.alloc.rate.norm": {"score": 0.001}}}]"#;
        let mut rows = Vec::new();
        of_jmh(text, &mut rows).unwrap();
        let token = Row { memory: 16.0, from: 50.0, to: 51.0, ..row("token", 10_000, 2, 50.5) };
        let sample = Row { memory: 0.001, from: 7.0, to: 7.0, ..row("sample", 1, 1, 7.0) };
        assert_eq!(rows, [token, sample]);
        assert!(of_jmh(r#"[{"benchmark": "a.b", "primaryMetric": {}}]"#, &mut Vec::new()).is_err());
    }

    #[test]
    fn what_the_swift_program_writes_is_read() {
        let text = r#"[{"name": "token", "contexts": 1, "threads": 2, "median": 70, "least": 69, "most": 71, "cpu": 70,
            "allocations": 0}]"#;
        assert_eq!(of_swift(text).unwrap(), [row("token", 1, 2, 70.0)]);
    }
}
