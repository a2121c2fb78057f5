//! Durations and points in time, as people and as machines read them.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A duration to the second, in the two largest units.
pub(crate) fn rounded(duration: Duration) -> String {
    let seconds = (duration + Duration::from_millis(500)).as_secs();
    let mut out = String::new();
    let units = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    for (number, unit) in units.into_iter().skip_while(|(number, _)| *number == 0).take(2) {
        let _ = write!(out, "{}{number} {unit}", if out.is_empty() { "" } else { " " });
    }
    if out.is_empty() { "less than a second".to_owned() } else { out }
}

/// How long, in as few characters as tell: `340 ms`, `7.2 s`, `59 min`, `2.5 h`.
pub(crate) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match duration.as_secs() {
        0 if duration.is_zero() => "0 s".to_owned(),
        0 if duration.as_millis() < 100 => format!("{} ms", duration.as_millis()),
        0..100 => format!("{seconds:.1} s"),
        100..6000 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// Seconds since 1970.
pub(crate) fn unix_secs(at: SystemTime) -> i64 {
    i64::try_from(at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()).unwrap_or(i64::MAX)
}

pub(crate) fn unix(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds).map_or_else(|_| seconds.to_string(), dated)
}

pub(crate) fn utc(at: SystemTime) -> String {
    dated(at.into())
}

/// For machines.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    rfc3339_of(unix_secs(at)).unwrap_or_default()
}

/// The same of seconds since 1970; `None` beyond the year 9999.
pub(crate) fn rfc3339_of(unix_secs: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(unix_secs).ok()?.format(&Rfc3339).ok()
}

/// For people.
fn dated(at: OffsetDateTime) -> String {
    format!("{} {:02}:{:02}:{:02} UTC", at.date(), at.hour(), at.minute(), at.second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_to_what_matters() {
        for (seconds, text) in
            [(0, "less than a second"), (59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (90_000, "1 d 1 h")]
        {
            assert_eq!(rounded(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn spans_are_short_at_any_size() {
        let spans = [0, 34, 1_440, 7_240, 99_900, 3_540_000, 9_000_000].map(|ms| short(Duration::from_millis(ms)));
        assert_eq!(spans, ["0 s", "34 ms", "1.4 s", "7.2 s", "99.9 s", "59 min", "2.5 h"]);
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(unix(1_767_225_600), "2026-01-01 00:00:00 UTC");
        let at = std::time::UNIX_EPOCH + Duration::from_millis(1_767_225_600_999);
        assert_eq!(rfc3339(at), "2026-01-01T00:00:00Z");
    }
}
