//! A scenario file as Rust values: configuration, clock and replies; its steps are in `step`.
//!
//! `tests/scenarios/README.md` is the format's definition; these two files follow it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::step::Step;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) promise: String,
    pub(super) rule: Rule,
    /// Abilities that a language's face may lack. The Rust face has them all.
    #[serde(default)]
    #[expect(dead_code, reason = "for other languages")]
    needs: Vec<Needed>,
    /// Set while the core is known to break the promise: the scenario must then fail.
    pub(super) deviation: Option<String>,
    #[serde(default)]
    pub(super) config: Config,
    pub(super) config_refused: Option<Yes>,
    #[serde(default)]
    pub(super) clock: ClockStart,
    #[serde(default)]
    pub(super) replies: Vec<Reply>,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rule {
    Shapes,
    Lifetime,
    Refresh,
    SingleFlight,
    Failure,
    Rejection,
    Scope,
    Secrets,
    Bound,
    Context,
    Session,
    Shutdown,
}

impl Rule {
    pub(super) const ALL: [Self; 12] = [
        Self::Shapes,
        Self::Lifetime,
        Self::Refresh,
        Self::SingleFlight,
        Self::Failure,
        Self::Rejection,
        Self::Scope,
        Self::Secrets,
        Self::Bound,
        Self::Context,
        Self::Session,
        Self::Shutdown,
    ];
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Needed {
    Handle,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) safety_margin_ms: Option<u64>,
    pub(super) refresh_ahead_ms: Option<u64>,
    pub(super) min_validity_ms: Option<u64>,
    pub(super) fetch_deadline_ms: Option<u64>,
    pub(super) attempt_timeout_ms: Option<u64>,
    pub(super) max_attempts: Option<u32>,
    pub(super) max_entries: Option<usize>,
    pub(super) max_lifetime_ms: Option<u64>,
    pub(super) unknown_lifetime: Option<UnknownLifetime>,
    pub(super) scope_check: Option<ScopeCheck>,
    #[serde(default)]
    pub(super) jitter: f64,
    pub(super) endpoints: Option<BTreeMap<String, Endpoint>>,
    #[serde(default)]
    pub(super) allow_http_loopback: bool,
    pub(super) response_fields: Option<ResponseFields>,
    pub(super) session: Option<Session>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum UnknownLifetime {
    DoNotCache,
    AssumeMs(u64),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScopeCheck {
    Warn,
    Strict,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Endpoint {
    Get(String),
    Post(PostEndpoint),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PostEndpoint {
    pub(super) post: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResponseFields {
    pub(super) token: String,
    pub(super) expires_at: Option<String>,
    pub(super) expires_in: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Session {
    SignedOut,
    Unavailable,
    Headers(BTreeMap<String, String>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClockStart {
    #[serde(default)]
    pub(super) device_ahead_of_server_ms: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    pub(super) r#for: Option<String>,
    #[serde(default)]
    pub(super) delay_ms: u64,
    pub(super) hang: Option<Yes>,
    pub(super) error: Option<WireError>,
    pub(super) status: Option<u16>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Header>,
    pub(super) date: Option<Date>,
    pub(super) json: Option<Map<String, Value>>,
    pub(super) text: Option<String>,
    pub(super) text_size: Option<usize>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WireError {
    Connect,
    Timeout,
    Interrupted,
    Tls,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Header {
    Text(String),
    HttpDate(HttpDate),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpDate {
    pub(super) http_date: i64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Date {
    Sent(bool),
    Skewed(Skew),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Skew {
    pub(super) offset_ms: i64,
}

/// A key that is either there, as `true`, or not.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "bool")]
pub(super) struct Yes;

impl TryFrom<bool> for Yes {
    type Error = &'static str;

    fn try_from(yes: bool) -> Result<Self, Self::Error> {
        if yes { Ok(Self) } else { Err("this key is true or absent") }
    }
}
