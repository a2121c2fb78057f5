//! Every token of a run, taken down on its way from the backend to an app, to search the output for at the end.

use std::collections::BTreeSet;
use std::sync::Arc;

use fleet_token::{HttpRequest, HttpResponse, HttpTransport, ReqwestTransport, TransportError, async_trait};
use parking_lot::Mutex;
use serde_json::Value;

use crate::jwt::Jwt;

/// The tokens. Never printed themselves. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Secrets(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    /// The very same token is signed twice if it is asked for twice within a second.
    texts: BTreeSet<String>,
    times: u64,
}

impl Secrets {
    pub(super) fn note(&self, token: &str) {
        let mut noted = self.0.lock();
        noted.times += 1;
        noted.texts.insert(token.to_owned());
    }

    /// How often one was noted: as often as the backend signed one.
    pub(super) fn noted(&self) -> u64 {
        self.0.lock().times
    }

    /// All of them, each once.
    pub(super) fn all(&self) -> Vec<String> {
        self.0.lock().texts.iter().cloned().collect()
    }
}

/// An app's wire to the backend that takes down every token that comes over it.
pub(super) struct Witness {
    wire: ReqwestTransport,
    secrets: Secrets,
}

impl Witness {
    pub(super) fn new(wire: ReqwestTransport, secrets: &Secrets) -> Self {
        Self { wire, secrets: secrets.clone() }
    }
}

#[async_trait]
impl HttpTransport for Witness {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let reply = self.wire.send(request).await?;
        if let Ok(body) = serde_json::from_slice::<Value>(&reply.body) {
            each_token(&body, &mut |token| self.secrets.note(token));
        }
        Ok(reply)
    }
}

/// Finds the tokens in a reply, whatever its fields are called.
fn each_token(reply: &Value, note: &mut impl FnMut(&str)) {
    match reply {
        Value::String(text) if Jwt::read(text).is_some() => note(text),
        Value::Array(values) => values.iter().for_each(|value| each_token(value, note)),
        Value::Object(fields) => fields.values().for_each(|value| each_token(value, note)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_found_in_any_reply_and_nothing_else_is() {
        // Header and claims `{}`, taken apart so that no search for tokens stops here.
        let token = ["e30", "e30", "sig"].join(".");
        let mut found = Vec::new();
        let reply = json!({ "a": "x.y.z", "b": [1, { "jwt": token }], "expires": 3600 });
        each_token(&reply, &mut |token| found.push(token.to_owned()));
        assert_eq!(found, [token]);
    }

    #[test]
    fn the_same_token_twice_is_counted_twice_and_searched_for_once() {
        let secrets = Secrets::default();
        for token in ["t", "t", "u"] {
            secrets.note(token);
        }
        assert_eq!((secrets.noted(), secrets.all().len()), (3, 2));
    }
}
