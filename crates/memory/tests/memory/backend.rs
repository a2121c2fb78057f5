//! The backend that the process asks: knows every token that it minted, and learns the login from the requests.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What was handed out and what was sent. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Backend {
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    tokens: Vec<String>,
    login: Option<String>,
    requests: usize,
}

impl Backend {
    /// The reply for an id, as status and body. Ids say which kind of reply is wanted.
    pub(crate) fn reply(&self, id: &str, login: &str) -> (u16, String) {
        let mut known = self.known.lock().unwrap();
        known.requests += 1;
        let login = login.strip_prefix("Bearer SECRET-SESSION-").expect("a request with the app's login").to_owned();
        assert_eq!(login.len(), 64, "the login is whole");
        known.login = Some(login);
        let mut mint = |id: &str, expires: u64| {
            let token = jwt(id, expires);
            known.tokens.push(token.clone());
            token
        };
        let (kind, hour) = (id.split('-').next().unwrap(), 4_000_000_000);
        let good = mint(id, hour);
        match kind {
            "unavailable" => (503, format!(r#"{{"token":"{good}"}}"#)),
            "cut" => (200, format!(r#"{{"expiresInSeconds":3600,"token":"{good}"#)),
            "nested" => (200, format!(r#"{{"token":{{"value":"{good}"}},"error":["{good}"],"x":"{good}"}}"#)),
            "twice" => (200, format!(r#"{{"token":"{}","jwt":"{good}","token":"{good}""#, mint(id, hour))),
            "mismatch" => (200, format!(r#"{{"token":"{}","expiresInSeconds":3600}}"#, mint("another", hour))),
            "expired" => (200, format!(r#"{{"token":"{}"}}"#, mint(id, 1_000_000_000))),
            "malformed" => (200, format!(r#"{{"token":"{good} {good}"}}"#)),
            "html" => (200, format!("<html><p>{good}</p></html>")),
            // As encoders do that write every letter which HTML could take for its own as an escape.
            "escaped" => {
                let (first, rest) = good.split_at(good.len() / 2);
                let (letter, rest) = rest.split_at(1);
                let escaped = u32::from(letter.as_bytes()[0]);
                (200, format!("{{\"token\":\"{first}\\u{escaped:04x}{rest}\",\"expiresInSeconds\":3600}}"))
            }
            _ => (200, format!("{{\n  \"token\": \"{good}\",\n  \"expiresInSeconds\": 3600\n}}")),
        }
    }

    pub(crate) fn tokens(&self) -> Vec<String> {
        self.known.lock().unwrap().tokens.clone()
    }

    /// What is secret in the login: its beginning stands in the process's own code.
    pub(crate) fn login(&self) -> Vec<String> {
        self.known.lock().unwrap().login.iter().cloned().collect()
    }

    pub(crate) fn requests(&self) -> usize {
        self.known.lock().unwrap().requests
    }
}

/// A JWT as a backend would sign it, with a signature that is as long, and random.
fn jwt(id: &str, expires: u64) -> String {
    let payload = format!(
        r#"{{"iss":"{:x}","exp":{expires},"authorization":{{"vehicleid":"{id}","tripid":"{id}"}}}}"#,
        fastrand::u128(..)
    );
    let mut signature = [0; 256];
    fastrand::fill(&mut signature);
    let parts = [&br#"{"alg":"RS256","typ":"JWT"}"#[..], payload.as_bytes(), &signature];
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}
