//! Durations and points in time, as people and as machines read them.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

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
    let at = OffsetDateTime::from(at);
    format!("{}T{:02}:{:02}:{:02}Z", at.date(), at.hour(), at.minute(), at.second())
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
    fn times_are_in_utc() {
        assert_eq!(unix(1_767_225_600), "2026-01-01 00:00:00 UTC");
        let at = std::time::UNIX_EPOCH + Duration::from_millis(1_767_225_600_999);
        assert_eq!(rfc3339(at), "2026-01-01T00:00:00Z");
    }
}
