//! What the figures were taken on, and when.

use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::clock;

/// A line about the machine: processor, system, compiler. No name of a host, no path.
pub fn describe() -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".to_owned());
    let family = field("/proc/cpuinfo", "cpu family").zip(field("/proc/cpuinfo", "model"));
    let family = family.map_or(String::new(), |(family, model)| format!(" (family {family}, model {model})"));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = kernel.split(['-', '\n']).next().unwrap_or_default().to_owned();
    let processors = clock::processors().len();
    format!("{cpu}{family}, {processors} processors, Linux {kernel}, {}", said("rustc", &["--version"]))
}

/// How busy the machine is: runnable tasks, over the last minute.
pub fn load() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

/// The commit that `root` is at, and whether there is more than is committed.
pub fn commit(root: &str) -> String {
    let commit = said("git", &["-C", root, "rev-parse", "--short=12", "HEAD"]);
    // What the bench itself writes is no change of what it measured.
    let changed = said("git", &["-C", root, "status", "--porcelain", "--", ".", ":!docs/performance*"]);
    if changed.is_empty() { commit } else { format!("{commit} and changes since") }
}

/// Today, in UTC.
pub fn date() -> String {
    rfc3339(clock::today())[..10].to_owned()
}

/// Days by the civil calendar, after Howard Hinnant's `civil_from_days`.
pub fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, second) = ((since / 86_400) as i64 + 719_468, since % 86_400);
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (day, month) =
        (day_of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Duration, SystemTime, rfc3339};

    #[test]
    fn dates_are_those_of_the_calendar() {
        let at = |seconds| rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(at(1_795_392_000), "2026-11-23T00:00:00Z");
    }
}
