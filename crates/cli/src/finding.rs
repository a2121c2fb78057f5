//! What a check found, and how it is shown: shared by `doctor` and `inspect`. The ids are an interface: scripts look for
//! them, and docs/doctor.md explains each.

use std::fmt::Write as _;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

macro_rules! checks {
    ($($name:ident = $id:literal),* $(,)?) => {
        /// Everything that is looked at, in the order in which it is shown.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Check { $($name),* }

        impl Check {
            /// All of them.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            /// Its id.
            pub(crate) const fn id(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }
        }
    };
}

checks! {
    Scheme = "scheme",
    UrlSecret = "url-secret",
    Dns = "dns",
    Tcp = "tcp",
    TlsTrust = "tls-trust",
    TlsHost = "tls-host",
    TlsDays = "tls-days",
    Reply = "reply",
    Status = "status",
    Redirect = "redirect",
    ContentType = "content-type",
    CacheControl = "cache-control",
    HeaderToken = "header-token",
    FirstByte = "first-byte",
    ClockSkew = "clock-skew",
    Body = "body",
    Token = "token",
    Shape = "shape",
    ExpiryUnit = "expiry-unit",
    DeclaredExpiry = "declared-expiry",
    Jwt = "jwt",
    Algorithm = "alg",
    KeyId = "kid",
    Issuer = "issuer",
    Audience = "audience",
    IssuedAt = "issued-at",
    ExpiresAt = "expires-at",
    Lifetime = "lifetime",
    ServerCached = "server-cached",
    Authorization = "authorization",
    OtherId = "other-id",
    Wildcard = "wildcard",
    UnknownId = "unknown-id",
    WildcardId = "wildcard-id",
    NoSession = "no-session",
    Sdk = "sdk",
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Could not be looked at, or does not apply.
    NotChecked,
    /// As it should be.
    Fine,
    /// Works, and costs something or is fragile.
    Warning,
    /// Does not work, or is dangerous.
    Error,
}

impl Level {
    const fn mark(self) -> &'static str {
        match self {
            Self::NotChecked => "–",
            Self::Fine => "✓",
            Self::Warning => "!",
            Self::Error => "✗",
        }
    }

    /// As JSON has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NotChecked => "not_checked",
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::NotChecked => Style::new().dimmed(),
            Self::Fine => AnsiColor::Green.on_default(),
            Self::Warning => AnsiColor::Yellow.on_default().bold(),
            Self::Error => AnsiColor::Red.on_default().bold(),
        }
    }
}

/// One check's outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) check: Check,
    pub(crate) level: Level,
    /// What was seen, or why nothing was looked at.
    pub(crate) saw: String,
    /// What that means; empty where all is well.
    pub(crate) means: String,
    /// What to do about it; empty where all is well.
    pub(crate) remedy: String,
}

impl Finding {
    /// The worse of two of one check; of equals the first.
    pub(crate) fn or_worse(self, other: Self) -> Self {
        if other.level > self.level { other } else { self }
    }
}

impl Check {
    /// As it should be.
    pub(crate) fn fine(self, saw: impl Into<String>) -> Finding {
        self.found(Level::Fine, saw, "", "")
    }

    /// Not looked at, and why.
    pub(crate) fn skipped(self, why: impl Into<String>) -> Finding {
        self.found(Level::NotChecked, why, "", "")
    }

    /// Works, and costs something or is fragile.
    pub(crate) fn warning(self, saw: impl Into<String>, means: &str, remedy: &str) -> Finding {
        self.found(Level::Warning, saw, means, remedy)
    }

    /// Does not work, or is dangerous.
    pub(crate) fn error(self, saw: impl Into<String>, means: &str, remedy: &str) -> Finding {
        self.found(Level::Error, saw, means, remedy)
    }

    fn found(self, level: Level, saw: impl Into<String>, means: &str, remedy: &str) -> Finding {
        Finding { check: self, level, saw: saw.into(), means: means.to_owned(), remedy: remedy.to_owned() }
    }
}

/// The worst of them: 0 for nothing found, 1 for warnings only, 2 for an error.
pub(crate) fn exit_code(findings: &[Finding]) -> ExitCode {
    ExitCode::from(match worst(findings) {
        Level::Error => 2,
        Level::Warning => 1,
        Level::Fine | Level::NotChecked => 0,
    })
}

pub(crate) fn worst(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.level).max().unwrap_or(Level::NotChecked)
}

/// How wide lines are made.
const WIDTH: usize = 80;
/// Where the text of a finding begins.
const INDENT: usize = 21;

/// Findings as lines for people. Neighbours that were not checked for one reason are told together.
pub(crate) fn all_lines(findings: &[Finding]) -> Vec<String> {
    let together = |a: &Finding, b: &Finding| a.level == Level::NotChecked && b.level == a.level && a.saw == b.saw;
    let groups = findings.chunk_by(together);
    groups
        .flat_map(|group| if group.len() > 1 { unchecked(group) } else { group.iter().flat_map(lines).collect() })
        .collect()
}

fn unchecked(group: &[Finding]) -> Vec<String> {
    let ids: Vec<_> = group.iter().map(|finding| finding.check.id()).collect();
    let text = format!("{}: {}", ids.join(", "), group[0].saw);
    let (style, mark) = (Level::NotChecked.style(), Level::NotChecked.mark());
    let marked =
        |(index, line): (usize, String)| format!("  {style}{} {line}{style:#}", if index == 0 { mark } else { " " });
    wrapped(&text, WIDTH - 4).into_iter().enumerate().map(marked).collect()
}

fn lines(finding: &Finding) -> Vec<String> {
    let (style, check) = (finding.level.style(), finding.check.id());
    let mut lines = Vec::new();
    for (index, line) in wrapped(&finding.saw, WIDTH - INDENT).into_iter().enumerate() {
        let head = match index {
            0 => format!("  {style}{}{style:#} {check:<15} ", finding.level.mark()),
            _ => " ".repeat(INDENT - 1),
        };
        let dim = if finding.level == Level::NotChecked { Style::new().dimmed() } else { Style::new() };
        lines.push(format!("{head} {dim}{line}{dim:#}"));
    }
    for (name, text) in [("means", &finding.means), ("do", &finding.remedy)] {
        for (index, line) in wrapped(text, WIDTH - INDENT - 7).into_iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            lines.push(format!("{}{name:<6} {line}", " ".repeat(INDENT)));
        }
    }
    lines
}

/// The last line: how many of each, and which to look at.
pub(crate) fn summary(findings: &[Finding]) -> String {
    let named = |level: Level| findings.iter().filter(|f| f.level == level).map(|f| f.check.id()).collect::<Vec<_>>();
    let (errors, warnings) = (named(Level::Error), named(Level::Warning));
    let count = |level| named(level).len();
    let mut text = format!("{} ✓", count(Level::Fine));
    for (level, mark, ids) in [(Level::Warning, "!", warnings), (Level::Error, "✗", errors)] {
        if !ids.is_empty() {
            let style = level.style();
            let _ = write!(text, ", {style}{} {mark}{style:#} ({})", ids.len(), ids.join(", "));
        }
    }
    if count(Level::NotChecked) > 0 {
        let _ = write!(text, ", {} – not checked", count(Level::NotChecked));
    }
    text
}

/// A finding for machines.
pub(crate) fn json(finding: &Finding) -> Value {
    let mut value = json!({ "id": finding.check.id(), "level": finding.level.name(), "saw": finding.saw });
    if finding.level > Level::Fine {
        value["means"] = finding.means.as_str().into();
        value["remedy"] = finding.remedy.as_str().into();
    }
    value
}

/// Words on lines of at most `width` characters; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides() {
        let fine = || Check::Dns.fine("x");
        let warning = || Check::Tcp.warning("x", "y", "z");
        let error = || Check::Tcp.error("x", "y", "z");
        for (findings, code) in [
            (vec![], ExitCode::from(0)),
            (vec![fine(), Check::Jwt.skipped("x")], ExitCode::from(0)),
            (vec![fine(), warning()], ExitCode::from(1)),
            (vec![error(), warning(), fine()], ExitCode::from(2)),
        ] {
            assert_eq!(exit_code(&findings), code, "{findings:?}");
        }
    }

    #[test]
    fn long_texts_are_broken_and_nothing_is_lost() {
        let text = "one two three four five";
        assert_eq!(wrapped(text, 9), ["one two", "three", "four five"]);
        assert_eq!(wrapped(text, 1).join(" "), text);
        assert!(wrapped("", 5).is_empty());
    }

    #[test]
    fn what_is_to_be_done_is_shown_under_what_was_seen() {
        let finding = Check::ExpiryUnit.error("expiresInSeconds is 3599000", "It means that.", "Divide.");
        let text = anstream::adapter::strip_str(&lines(&finding).join("\n")).to_string();
        let expected = concat!(
            "  ✗ expiry-unit      expiresInSeconds is 3599000\n",
            "                     means  It means that.\n",
            "                     do     Divide."
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn what_was_not_checked_for_one_reason_is_told_together() {
        let findings = [Check::Jwt, Check::Algorithm].map(|check| check.skipped("no token came"));
        let other = Check::KeyId.skipped("why not");
        let text = all_lines(&[findings[0].clone(), findings[1].clone(), other]).join("\n");
        let text = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(text, "  – jwt, alg: no token came\n  – kid              why not");
    }

    #[test]
    fn the_page_explains_each_and_no_other() {
        let page = include_str!("../../../docs/doctor.md");
        let explained: Vec<_> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
            .map(|(id, rest)| (id, rest.split(" | ").count()))
            .collect();
        let known: Vec<_> = Check::ALL.iter().map(|check| (check.id(), 3)).collect();
        assert_eq!(explained, known, "docs/doctor.md explains other checks, in another order, or not in full");
    }

    #[test]
    fn ids_are_distinct_and_fit_their_column() {
        let mut ids: Vec<_> = Check::ALL.iter().map(|check| check.id()).collect();
        assert!(ids.iter().all(|id| id.len() <= 15 && id.chars().all(|c| c.is_ascii_lowercase() || c == '-')));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Check::ALL.len());
    }
}
