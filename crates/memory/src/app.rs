//! What an app does with a factory, from its first token to the end of its session.

use std::fs::File;
use std::io::{self, Read as _};
use std::time::Duration;

use fleet_token::{
    AuthToken, AuthTokenContext, AuthTokenFactory, SessionError, SessionHeaderProvider, SessionHeaders, TokenHandle,
    async_trait,
};
use zeroize::Zeroizing;

/// The app's session: random, and wiped by the app itself when it goes.
pub(crate) struct Login {
    session: Zeroizing<String>,
}

impl Login {
    pub(crate) fn new() -> io::Result<Self> {
        let mut random = Zeroizing::new([0; 32]);
        File::open("/dev/urandom")?.read_exact(&mut random[..])?;
        let mut session = Zeroizing::new(String::with_capacity(96));
        session.push_str("SECRET-SESSION-");
        for byte in *random {
            for digit in [byte >> 4, byte & 15] {
                session.push(char::from_digit(digit.into(), 16).unwrap_or('0'));
            }
        }
        Ok(Self { session })
    }
}

#[async_trait]
impl SessionHeaderProvider for Login {
    async fn headers(&self, _context: &AuthTokenContext) -> Result<SessionHeaders, SessionError> {
        SessionHeaders::bearer(&self.session)?.with("x-app-session", &self.session)
    }
}

/// The app: a factory, and what it holds of it.
pub(crate) struct App {
    factory: AuthTokenFactory,
    held: parking_lot::Mutex<Vec<Held>>,
}

/// Ways to hold a token.
#[allow(dead_code, reason = "held only to be dropped")]
enum Held {
    Token(AuthToken),
    Handle(TokenHandle),
    Header(fleet_token::http::HeaderValue),
}

impl App {
    pub(crate) fn new(factory: AuthTokenFactory) -> Self {
        Self { factory, held: parking_lot::Mutex::default() }
    }

    /// Tokens fetched, held, rejected, replaced, cleared; replies that hold a token and are refused.
    pub(crate) fn work(&self) {
        for round in 0..2 {
            for n in 0..4 {
                self.use_up(&AuthTokenContext::vehicle(format!("v{n}-{round}")));
                self.use_up(&AuthTokenContext::trip(format!("t{n}-{round}")));
            }
            for refused in ["unavailable", "cut", "nested", "twice", "mismatch", "expired", "malformed", "html"] {
                let context = AuthTokenContext::vehicle(format!("{refused}-{round}"));
                let _ = self.factory.blocking_token(&context);
            }
            self.hold(&AuthTokenContext::vehicle(format!("escaped-{round}")));
            if round == 0 {
                self.held.lock().clear();
                self.factory.clear();
            }
        }
    }

    /// One token rejected, its successor held.
    fn use_up(&self, context: &AuthTokenContext) {
        if let Ok(token) = self.factory.blocking_token(context) {
            self.factory.invalidate(context, &token);
        }
        self.hold(context);
    }

    fn hold(&self, context: &AuthTokenContext) {
        let Ok(token) = self.factory.blocking_token(context) else { return };
        let _ = self.factory.remaining(&token) > Some(Duration::ZERO);
        let mut held = self.held.lock();
        held.push(Held::Header(token.authorization_header()));
        held.extend(self.factory.try_token(context).map(Held::Token));
        held.extend(self.factory.handle(context).ok().map(Held::Handle));
    }
}
