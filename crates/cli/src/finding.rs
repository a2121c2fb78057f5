//! What a check found, and from what else that follows: shared by `doctor` and `inspect`. The ids are an interface: scripts
//! look for them, and docs/doctor.md explains each. `report` shows findings to people.

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
    Login = "login",
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
    pub(crate) const fn mark(self) -> &'static str {
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

    pub(crate) const fn style(self) -> Style {
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
    /// The findings from which this one follows: mend those, and it is gone.
    pub(crate) because: Vec<Check>,
}

impl Finding {
    /// The worse of two of one check; of equals the first.
    pub(crate) fn or_worse(self, other: Self) -> Self {
        if other.level > self.level { other } else { self }
    }

    /// Follows from those of `candidates` that something was found under; [`settle`] keeps these.
    pub(crate) fn because(mut self, candidates: &[Check]) -> Self {
        self.because = candidates.to_vec();
        self
    }

    /// Keeps of the candidates the cause, by what was found.
    pub(crate) fn settled(mut self, findings: &[Self]) -> Self {
        self.because = cause(&self.because, findings).into_iter().collect();
        self
    }

    /// Whether it says nothing that one of its causes does not say: then it is not counted as a fault of its own.
    pub(crate) fn follows(&self, all: &[Self]) -> bool {
        let is_as_bad = |cause: &Check| all.iter().any(|other| other.check == *cause && other.level >= self.level);
        self.level > Level::Fine && self.because.iter().any(is_as_bad)
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

    /// Not looked at, for want of something that never came: for whatever reason is found earlier on the way.
    pub(crate) fn wanting(self, what: impl Into<String>) -> Finding {
        let before: Vec<_> = ON_THE_WAY.iter().copied().filter(|check| *check < self).collect();
        self.skipped(what).because(&before)
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
        Finding {
            check: self,
            level,
            saw: saw.into(),
            means: means.to_owned(),
            remedy: remedy.to_owned(),
            because: Vec::new(),
        }
    }
}

/// What has to be right before there is a token to look at. The URL last: a secret in its query stops nothing. Of warnings
/// those that stop most come first.
const ON_THE_WAY: &[Check] = &[
    Check::Redirect,
    Check::Token,
    Check::Dns,
    Check::Tcp,
    Check::TlsTrust,
    Check::TlsHost,
    Check::TlsDays,
    Check::Reply,
    Check::Status,
    Check::Body,
    Check::Scheme,
    Check::UrlSecret,
];

/// Of candidates the cause: the first under which an error was found, or else the first with a warning, followed back to
/// where it begins.
pub(crate) fn cause(candidates: &[Check], findings: &[Finding]) -> Option<Check> {
    let of = |check: &Check| findings.iter().find(|other| other.check == *check);
    let first = |level| candidates.iter().filter_map(of).find(|other| other.level == level);
    let cause = first(Level::Error).or_else(|| first(Level::Warning))?;
    Some(cause.because.first().copied().filter(|_| cause.follows(findings)).unwrap_or(cause.check))
}

/// Keeps of each finding's candidates the cause, if that is as bad as what it is to explain. Findings are in order, so that
/// causes are settled first.
pub(crate) fn settle(findings: &mut [Finding]) {
    for index in 0..findings.len() {
        let candidates = std::mem::take(&mut findings[index].because);
        findings[index].because = cause(&candidates, findings).into_iter().collect();
        if findings[index].level > Level::Fine && !findings[index].follows(findings) {
            findings[index].because.clear();
        }
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

/// A finding for machines.
pub(crate) fn json(finding: &Finding) -> Value {
    let mut value = json!({ "id": finding.check.id(), "level": finding.level.name(), "saw": finding.saw });
    if finding.level > Level::Fine {
        value["means"] = finding.means.as_str().into();
        value["remedy"] = finding.remedy.as_str().into();
    }
    if !finding.because.is_empty() {
        value["because"] = finding.because.iter().map(|cause| cause.id()).collect();
    }
    value
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
    fn what_follows_is_led_back_to_where_it_begins() {
        let mut findings = [
            Check::Login.error("x", "y", "z"),
            Check::Redirect.warning("x", "y", "z"),
            Check::Status.error("x", "y", "z").because(&[Check::Login]),
            Check::Token.wanting("no token came"),
            Check::Shape.skipped("own reason"),
            Check::Sdk.error("x", "y", "z").because(&[Check::Redirect, Check::Body, Check::Status]),
        ];
        settle(&mut findings);
        let causes: Vec<_> = findings.iter().map(|finding| finding.because.clone()).collect();
        let login = vec![Check::Login];
        assert_eq!(causes, [vec![], vec![], login.clone(), login.clone(), vec![], login]);
        let follow: Vec<_> = findings.iter().map(|finding| finding.follows(&findings)).collect();
        assert_eq!(follow, [false, false, true, false, false, true]);
    }

    #[test]
    fn what_is_worse_than_its_cause_counts_itself() {
        let mut findings =
            [Check::Token.warning("null", "y", "z"), Check::Sdk.error("x", "y", "z").because(&[Check::Token])];
        let sdk = findings[1].clone().settled(&findings);
        assert!(sdk.because == [Check::Token] && !sdk.follows(&findings));
        settle(&mut findings);
        assert!(findings[1].because.is_empty());
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
