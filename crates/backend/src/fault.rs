//! The fault script: what goes wrong, on which requests, how often. Data and its queue; `fault_layer` makes it happen.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// What is wrong with one reply. The fields add up: a status with a delay and a skewed `Date` is one fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Fault {
    /// The kind of damage. [`FaultKind::None`] when only the fields below say something.
    #[serde(skip_serializing_if = "is_none_kind")]
    pub kind: FaultKind,
    /// Answers with this status instead of asking the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The `Retry-After` header: seconds or an HTTP-date, sent as it is written here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
    /// The body that goes with [`Fault::status`]; a Google-style JSON error without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Milliseconds to wait before anything is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Seconds by which the `Date` header is off; negative is in the past.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_skew_secs: Option<i64>,
    /// Where [`FaultKind::Redirect`] sends the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// The kinds of damage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultKind {
    /// None beside the fault's other fields.
    #[default]
    None,
    /// The connection is reset, nothing is answered.
    Reset,
    /// Nothing is ever answered; ends when the client leaves or the server stops.
    Hang,
    /// The real reply's `Content-Length`, half of its body, then the connection closes.
    Truncated,
    /// 200 with a captive portal's HTML page.
    Html,
    /// 200 with no body.
    EmptyBody,
    /// 200 with a body of more than 64 KiB that is well-formed JSON.
    HugeBody,
    /// A redirect to [`Fault::location`]; 302 unless [`Fault::status`] says another.
    Redirect,
    /// Seconds where milliseconds belong, and the other way round.
    WrongUnit,
    /// A correctly signed token for another id than was asked for.
    WrongId,
    /// A correctly signed token with `*` where an id was asked for.
    Wildcard,
    /// Every field `null`, as a backend answers where Fleet Engine is switched off.
    NullToken,
    /// A reply that does not say when the token ends.
    NoExpiry,
    /// A token that is expired on arrival.
    Expired,
    /// A reply without the token.
    MissingToken,
    /// The token that was handed out last for this request, however old.
    SameTokenAgain,
    /// A token with `alg: none` and no signature.
    Unsigned,
    /// A token signed with HS256 and a secret.
    WrongAlgorithm,
    /// A correctly signed token with a user in `sub`, not the service account.
    WrongSubject,
    /// A correctly signed token for another audience.
    WrongAudience,
    /// A correctly signed token without an `authorization` claim.
    NoAuthorization,
    /// A correctly signed token that lives for a day.
    TooLong,
    /// A correctly signed token that was issued in twenty minutes.
    IssuedAhead,
    /// A token that is no JWT.
    Opaque,
    /// A right reply that any cache may keep for an hour.
    PublicCache,
    /// A right reply that says that it is plain text.
    PlainText,
    /// A right token, and an expiry five minutes after it ends.
    LateExpiry,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 27] = [
        Self::None,
        Self::Reset,
        Self::Hang,
        Self::Truncated,
        Self::Html,
        Self::EmptyBody,
        Self::HugeBody,
        Self::Redirect,
        Self::WrongUnit,
        Self::WrongId,
        Self::Wildcard,
        Self::NullToken,
        Self::NoExpiry,
        Self::Expired,
        Self::MissingToken,
        Self::SameTokenAgain,
        Self::Unsigned,
        Self::WrongAlgorithm,
        Self::WrongSubject,
        Self::WrongAudience,
        Self::NoAuthorization,
        Self::TooLong,
        Self::IssuedAhead,
        Self::Opaque,
        Self::PublicCache,
        Self::PlainText,
        Self::LateExpiry,
    ];
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none_kind(kind: &FaultKind) -> bool {
    *kind == FaultKind::None
}

impl Fault {
    /// A fault of that kind.
    pub fn kind(kind: FaultKind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// A reply with that status.
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// A reply that comes late and is right otherwise.
    pub fn delay_ms(delay_ms: u64) -> Self {
        Self { delay_ms: Some(delay_ms), ..Self::default() }
    }

    /// A right reply with a `Date` header that is off by so many seconds.
    pub fn date_skew_secs(secs: i64) -> Self {
        Self { date_skew_secs: Some(secs), ..Self::default() }
    }

    /// A redirect.
    pub fn redirect(location: &str) -> Self {
        Self { kind: FaultKind::Redirect, location: Some(location.to_owned()), ..Self::default() }
    }

    /// Adds a `Retry-After` header: seconds, or an HTTP-date (RFC 9110 §10.2.3).
    #[must_use]
    pub fn with_retry_after(mut self, value: &str) -> Self {
        self.retry_after = Some(value.to_owned());
        self
    }

    /// Adds a body to a status.
    #[must_use]
    pub fn with_body(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self
    }

    /// Adds a delay.
    #[must_use]
    pub fn with_delay_ms(mut self, delay_ms: u64) -> Self {
        self.delay_ms = Some(delay_ms);
        self
    }

    /// The name under which it is counted, like `reset` or `status_503`.
    pub fn name(&self) -> String {
        if self.kind != FaultKind::None {
            let name = serde_json::to_value(self.kind).ok();
            return name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
        }
        match (self.status, self.delay_ms, self.date_skew_secs) {
            (Some(status), ..) => format!("status_{status}"),
            (None, Some(_), _) => "delay".into(),
            (None, None, Some(_)) => "date_skew".into(),
            (None, None, None) => "none".into(),
        }
    }
}

/// A fault and the requests that it meets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScriptedFault {
    /// A part of the path and query; `""` meets every request of both servers.
    #[serde(rename = "match", default)]
    pub matching: String,
    /// How many requests it meets; `null` is without end.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// How many matching requests pass before it begins.
    #[serde(default)]
    pub skip: u32,
    /// What goes wrong.
    pub fault: Fault,
}

#[allow(clippy::unnecessary_wraps, reason = "the field's type")]
fn once() -> Option<u32> {
    Some(1)
}

/// The faults to come. Clones share the script.
///
/// Of those that match a request the first one takes it; the others wait their turn.
#[derive(Clone, Debug, Default)]
pub struct FaultScript {
    queue: Arc<Mutex<VecDeque<ScriptedFault>>>,
}

impl FaultScript {
    /// The next request whose path holds `matching` meets `fault`.
    pub fn push(&self, matching: &str, fault: Fault) {
        self.push_times(matching, 1, fault);
    }

    /// The next `times` requests whose path holds `matching` meet `fault`.
    pub fn push_times(&self, matching: &str, times: u32, fault: Fault) {
        let matching = matching.to_owned();
        self.extend([ScriptedFault { matching, times: Some(times), skip: 0, fault }]);
    }

    /// All requests whose path holds `matching` meet `fault`, until [`FaultScript::clear`].
    pub fn push_forever(&self, matching: &str, fault: Fault) {
        self.extend([ScriptedFault { matching: matching.to_owned(), times: None, skip: 0, fault }]);
    }

    /// Adds faults at the end.
    pub fn extend(&self, faults: impl IntoIterator<Item = ScriptedFault>) {
        self.queue.lock().extend(faults);
    }

    /// Adds a JSON list of faults at the end, the form that `POST /admin/faults` takes.
    ///
    /// # Errors
    ///
    /// Says where the JSON is no fault list; nothing is added then.
    pub fn extend_json(&self, json: &str) -> Result<(), serde_json::Error> {
        let faults: Vec<ScriptedFault> = serde_json::from_str(json)?;
        self.extend(faults);
        Ok(())
    }

    /// Drops all faults to come.
    pub fn clear(&self) {
        self.queue.lock().clear();
    }

    /// The faults to come.
    pub fn pending(&self) -> Vec<ScriptedFault> {
        self.queue.lock().iter().cloned().collect()
    }

    /// The fault that this request meets, if any; uses it up.
    pub(crate) fn take(&self, path: &str) -> Option<Fault> {
        let mut queue = self.queue.lock();
        let mut taken = None;
        for entry in queue.iter_mut().filter(|entry| path.contains(&entry.matching)) {
            if entry.times == Some(0) {
                continue;
            }
            if entry.skip > 0 {
                entry.skip -= 1;
                continue;
            }
            entry.times = entry.times.map(|times| times - 1);
            taken = Some(entry.fault.clone());
            break;
        }
        queue.retain(|entry| entry.times != Some(0));
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_met_in_order_and_used_up() {
        let script = FaultScript::default();
        script
            .extend_json(
                r#"[{"match": "/token/driver/", "times": 2, "fault": {"status": 503, "retry_after": "3"}},
                    {"match": "/token/driver/", "fault": {"kind": "reset"}}]"#,
            )
            .unwrap();
        assert_eq!(script.take("/token/consumer/t1"), None);
        let busy = Fault::status(503).with_retry_after("3");
        assert_eq!(script.take("/token/driver/v1"), Some(busy.clone()));
        assert_eq!(script.take("/token/driver/v2"), Some(busy));
        assert_eq!(script.take("/token/driver/v1"), Some(Fault::kind(FaultKind::Reset)));
        assert_eq!(script.take("/token/driver/v1"), None);
        assert!(script.pending().is_empty());
    }

    #[test]
    fn the_list_of_kinds_is_whole() {
        for (index, kind) in FaultKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index, "{kind:?}");
        }
        // serde names every kind when it is given one that is none.
        let beyond = serde_json::from_str::<FaultKind>(r#""no_such_kind""#).unwrap_err().to_string();
        assert_eq!(beyond.matches('`').count() / 2 - 1, FaultKind::ALL.len(), "{beyond}");
    }

    #[test]
    fn an_endless_fault_lasts_until_it_is_cleared() {
        let script = FaultScript::default();
        script.extend_json(r#"[{"times": null, "skip": 1, "fault": {"kind": "html", "delay_ms": 5}}]"#).unwrap();
        assert_eq!(script.take("/x"), None);
        for _ in 0..10 {
            assert_eq!(script.take("/x").unwrap().kind, FaultKind::Html);
        }
        script.clear();
        assert_eq!(script.take("/x"), None);
    }

    #[test]
    fn a_misspelt_script_adds_nothing() {
        let script = FaultScript::default();
        for bad in [
            r#"[{"fault": {"kind": "rest"}}]"#,
            r#"[{"fault": {"stauts": 503}}]"#,
            r#"[{"fault": {"status": 503}}, {"matching": "/x", "fault": {}}]"#,
        ] {
            assert!(script.extend_json(bad).is_err(), "{bad}");
        }
        assert!(script.pending().is_empty());
    }
}
