//! The judge's face: each token that was handed out is sent to the emulated Fleet Engine at once, on its own key's
//! resource, and what that says is put down.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fleet_token::{AuthToken, BootTime, Clock as _, SystemClock};
use reqwest::{Client, Method};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use crate::keys::{Key, PROVIDER};

/// A connection that nobody has used for so long is closed, so that none is left when everything rests.
const IDLE: Duration = Duration::from_secs(1);

/// Where a call has moved to.
const LOCATION: &str = r#"{"lastLocation": {"location": {"latitude": 48.1374, "longitude": 11.5755}}}"#;

/// The second to which times on the wire are rounded, and which the SDK therefore does not trust.
pub(crate) const TICK: Duration = Duration::from_secs(1);

/// What the engine said to one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    /// Refused because it was revoked, which the app must report.
    Revoked,
    /// Anything else. It is counted.
    Other,
}

/// Sentences passed, by what they were.
#[derive(Debug, Default)]
pub(crate) struct Sentences {
    pub(crate) accepted: AtomicU64,
    pub(crate) revoked: AtomicU64,
    /// Expired, and nothing excuses it.
    pub(crate) expired: AtomicU64,
    /// Expired, but this process was held up between the handing out and the answer for longer than the token was good.
    pub(crate) held_up: AtomicU64,
    pub(crate) denied: AtomicU64,
    pub(crate) otherwise: AtomicU64,
    /// Calls that brought no answer at all.
    pub(crate) lost: AtomicU64,
    /// What the first answers were that nobody expected.
    pub(crate) samples: parking_lot::Mutex<Vec<String>>,
}

impl Sentences {
    /// Answers of the engine, of any kind.
    pub(crate) fn all(&self) -> u64 {
        let counts = [&self.accepted, &self.revoked, &self.expired, &self.held_up, &self.denied, &self.otherwise];
        counts.into_iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn sample(&self, what: String) {
        let mut samples = self.samples.lock();
        if samples.len() < 5 {
            samples.push(what);
        }
    }
}

/// A client of the engine. Clones share it.
#[derive(Clone)]
pub(crate) struct Judge {
    http: Client,
    base: String,
    pub(crate) sentences: Arc<Sentences>,
}

impl Judge {
    pub(crate) fn new(engine: &str) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let http = Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .pool_idle_timeout(IDLE)
            .timeout(Duration::from_secs(20))
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { http, base: format!("{engine}/v1/providers/{PROVIDER}"), sentences: Arc::default() })
    }

    /// Uses a token that was asked for at `asked` and has just been handed out.
    pub(crate) async fn judge(&self, key: &Key, token: &AuthToken, asked: BootTime, update: bool) -> Verdict {
        let (status, message) = match self.send(key, token, update).await {
            Ok(answer) => answer,
            Err(error) => {
                add(&self.sentences.lost);
                self.sentences.sample(format!("{}: no answer: {error}", key.id));
                return Verdict::Other;
            }
        };
        let answered = SystemClock::new().now();
        let sentences = &self.sentences;
        match status {
            200 => {
                add(&sentences.accepted);
                return Verdict::Accepted;
            }
            401 if message.contains("revoked") => {
                add(&sentences.revoked);
                return Verdict::Revoked;
            }
            401 if message.contains("expired") && is_excused(token.expires_at(), asked, answered) => {
                add(&sentences.held_up);
                return Verdict::Other;
            }
            401 if message.contains("expired") => add(&sentences.expired),
            403 => add(&sentences.denied),
            _ => add(&sentences.otherwise),
        }
        let left = token.expires_at().map(|at| signed(at, asked));
        sentences.sample(format!(
            "{:?} {}: {status} {message} (asked for with {left:?} s left, answered after {:.3} s)",
            key.kind,
            key.id,
            answered.saturating_since(asked).as_secs_f64()
        ));
        Verdict::Other
    }

    async fn send(&self, key: &Key, token: &AuthToken, update: bool) -> Result<(u16, String), reqwest::Error> {
        let (method, path) = key.kind.call(&key.id, update);
        let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
        let mut request = self
            .http
            .request(method.clone(), format!("{}/{path}", self.base))
            .header("authorization", token.authorization_header());
        if method != Method::GET {
            request = request.header("content-type", "application/json").body(LOCATION);
        }
        let reply = request.send().await?;
        let status = reply.status().as_u16();
        let body = reply.bytes().await?;
        if status == 200 {
            return Ok((status, String::new()));
        }
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        Ok((status, body["error"]["message"].as_str().unwrap_or("no message").to_owned()))
    }
}

/// Whether a refusal as expired may be this process's own fault: a machine that gave it no time between the handing out
/// and the call. The SDK hands out no token that has less than [`TICK`] left, and one that has more is good until that
/// much before its end.
fn is_excused(expires_at: Option<BootTime>, asked: BootTime, answered: BootTime) -> bool {
    expires_at.is_some_and(|end| asked.plus(TICK) <= end && answered.plus(TICK) >= end)
}

fn signed(later: BootTime, earlier: BootTime) -> f64 {
    later.since_origin().as_secs_f64() - earlier.since_origin().as_secs_f64()
}

fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> BootTime {
        BootTime::from_origin(Duration::from_millis(millis))
    }

    #[test]
    fn only_a_machine_that_gave_no_time_excuses_an_expired_token() {
        let end = Some(at(10_000));
        assert!(!is_excused(end, at(5_000), at(5_100)), "it should have been good for four seconds more");
        assert!(!is_excused(end, at(9_200), at(9_300)), "it should not have been handed out");
        assert!(is_excused(end, at(8_900), at(9_050)), "handed out just in time, and then the second was over");
        assert!(is_excused(end, at(5_000), at(12_000)), "the call took seven seconds");
        assert!(!is_excused(None, at(0), at(0)));
    }
}
