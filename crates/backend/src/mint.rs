//! Mints real tokens: kind → claims → RS256. The only place that signs.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::claims::{AUDIENCE, Claims, TokenKind};
use crate::clock::ServerClock;
use crate::keys::{KeyError, KeyRing};
use crate::stats::Counters;

/// A signed token and what its issuer knows of it. `Debug` shows neither the token nor a part of it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Minted {
    /// The JWT. A secret: whoever holds it is its bearer.
    pub jwt: String,
    /// What it is for.
    pub kind: TokenKind,
    /// When it was issued, to the millisecond; the JWT's `iat` is this in whole seconds.
    pub issued_at: SystemTime,
    /// When it ends, to the millisecond; up to 999 ms after the JWT's `exp`, as in Google's own backends.
    pub expires_at: SystemTime,
}

impl Minted {
    pub(crate) fn issued_ms(&self) -> i64 {
        epoch_ms(self.issued_at)
    }

    pub(crate) fn expires_ms(&self) -> i64 {
        epoch_ms(self.expires_at)
    }
}

impl fmt::Debug for Minted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minted")
            .field("jwt", &"<redacted>")
            .field("kind", &self.kind)
            .field("issued_at", &self.issued_at)
            .field("expires_at", &self.expires_at)
            .finish()
    }
}

/// What a scripted fault changes in a token before it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tamper {
    /// Another id in the claim than was asked for.
    WrongId,
    /// `*` in the claim where an id was asked for.
    Wildcard,
    /// Issued two lifetimes ago.
    Expired,
    /// `alg: none`.
    Unsigned,
    /// HS256.
    WrongAlgorithm,
    /// A user in `sub`.
    WrongSubject,
    /// Somebody else in `aud`.
    WrongAudience,
    /// No `authorization` claim.
    NoAuthorization,
    /// A day of life.
    TooLong,
    /// Issued in twenty minutes.
    IssuedAhead,
    /// No JWT.
    Opaque,
}

/// Mints tokens of every kind for one provider.
#[derive(Clone)]
pub struct Minter {
    shared: Arc<Shared>,
}

struct Shared {
    provider_id: String,
    keys: Arc<KeyRing>,
    clock: ServerClock,
    counters: Arc<Counters>,
    lifetime: Mutex<Duration>,
    /// Of those kinds that have one of their own.
    lifetimes: Mutex<HashMap<TokenKind, Duration>>,
    /// Reuse a token while more than this is left, as backends with a cache of their own do.
    reuse_until: Option<Duration>,
    issued: Mutex<HashMap<TokenKind, Minted>>,
}

impl Minter {
    pub(crate) fn new(
        provider_id: String,
        keys: Arc<KeyRing>,
        clock: ServerClock,
        counters: Arc<Counters>,
        lifetime: Duration,
        reuse_until: Option<Duration>,
    ) -> Self {
        let (lifetime, lifetimes, issued) = (Mutex::new(lifetime), Mutex::default(), Mutex::default());
        let shared = Shared { provider_id, keys, clock, counters, lifetime, lifetimes, reuse_until, issued };
        Self { shared: Arc::new(shared) }
    }

    /// The Google Cloud project that the tokens are for.
    pub fn provider_id(&self) -> &str {
        &self.shared.provider_id
    }

    /// How long tokens minted from now on live.
    pub fn set_lifetime(&self, lifetime: Duration) {
        *self.shared.lifetime.lock() = lifetime;
    }

    /// How long tokens of that kind, its ids included, live from now on, whatever others do.
    pub fn set_lifetime_of(&self, kind: TokenKind, lifetime: Duration) {
        self.shared.lifetimes.lock().insert(kind, lifetime);
    }

    fn lifetime_ms(&self, kind: &TokenKind) -> i64 {
        let own = self.shared.lifetimes.lock().get(kind).copied();
        let lifetime = own.unwrap_or_else(|| *self.shared.lifetime.lock());
        i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX / 2)
    }

    /// A token of that kind: a new one, or the last one when the backend caches and enough of it is left.
    ///
    /// Nobody's session is asked: this is the server's own hand. The first token of a role may wait for its key.
    ///
    /// # Errors
    ///
    /// [`KeyError`] when the role's key cannot be made or read, or signing fails.
    pub fn mint(&self, kind: TokenKind) -> Result<Minted, KeyError> {
        if let (Some(floor), Some(last)) = (self.shared.reuse_until, self.last(&kind)) {
            let left = last.expires_ms() - self.shared.clock.unix_ms();
            if left > i64::try_from(floor.as_millis()).unwrap_or(i64::MAX) {
                return Ok(last);
            }
        }
        self.mint_tampered(kind, None)
    }

    /// The token of that kind that was minted last, if any, whatever is left of it.
    pub fn last(&self, kind: &TokenKind) -> Option<Minted> {
        self.shared.issued.lock().get(kind).cloned()
    }

    /// Signs claims of the caller's own making with the key of `kind`'s role, for tests of what the engine refuses.
    ///
    /// # Errors
    ///
    /// As [`Minter::mint`].
    pub fn sign(&self, kind: &TokenKind, claims: &Claims) -> Result<String, KeyError> {
        let key = self.shared.keys.current(kind.role())?;
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(key.kid().to_owned());
        jsonwebtoken::encode(&header, claims, key.encoding()).map_err(|error| KeyError::Sign(error.to_string()))
    }

    /// The claims that a token of that kind would have if it were minted now.
    pub fn claims(&self, kind: &TokenKind) -> Claims {
        let now = self.shared.clock.unix_ms();
        self.claims_at(kind, now, now + self.lifetime_ms(kind))
    }

    pub(crate) fn mint_tampered(&self, kind: TokenKind, tamper: Option<Tamper>) -> Result<Minted, KeyError> {
        let lifetime = self.lifetime_ms(&kind);
        let now = self.shared.clock.unix_ms();
        let issued = match tamper {
            Some(Tamper::Expired) => now - 2 * lifetime.max(1000),
            Some(Tamper::IssuedAhead) => now + 20 * 60 * 1000,
            _ => now,
        };
        let expires = if tamper == Some(Tamper::TooLong) { issued + 24 * 60 * 60 * 1000 } else { issued + lifetime };
        let mut claims = self.claims_at(&kind, issued, expires);
        match tamper {
            Some(Tamper::WrongSubject) => claims.sub = "user-7".into(),
            Some(Tamper::WrongAudience) => claims.aud = "https://maps.googleapis.com/".into(),
            Some(Tamper::NoAuthorization) => claims.authorization = None,
            _ => {}
        }
        if let (Some(tamper), Some(authorization)) = (tamper, &mut claims.authorization) {
            for value in authorization.values_mut() {
                match (tamper, &*value) {
                    (Tamper::WrongId, Value::String(id)) => *value = format!("not-{id}").into(),
                    (Tamper::Wildcard, _) => *value = "*".into(),
                    _ => {}
                }
            }
        }
        let jwt = match tamper {
            Some(Tamper::Unsigned) => unsigned(&claims),
            Some(Tamper::WrongAlgorithm) => with_secret(&claims)?,
            Some(Tamper::Opaque) => format!("SECRET-TOKEN-opaque-{issued}"),
            _ => self.sign(&kind, &claims)?,
        };
        let minted = Minted { jwt, kind, issued_at: from_epoch_ms(issued), expires_at: from_epoch_ms(expires) };
        self.shared.counters.minted(&minted.kind);
        tracing::debug!(kind = %minted.kind.key(), lifetime_ms = lifetime, tampered = tamper.is_some(), "token minted");
        if tamper.is_none() {
            self.remember(&minted);
        }
        Ok(minted)
    }

    /// Keeps the newest token of each kind. Expired ones go when there are many: trip ids are without bound.
    fn remember(&self, minted: &Minted) {
        let mut issued = self.shared.issued.lock();
        if issued.len() >= 4096 {
            let now = self.shared.clock.unix_ms();
            issued.retain(|_, old| old.expires_ms() > now);
            if issued.len() >= 4096 {
                issued.clear();
            }
        }
        issued.insert(minted.kind.clone(), minted.clone());
    }

    fn claims_at(&self, kind: &TokenKind, issued_ms: i64, expires_ms: i64) -> Claims {
        let account = kind.role().service_account(&self.shared.provider_id);
        Claims {
            iss: account.clone(),
            sub: account,
            aud: AUDIENCE.into(),
            iat: issued_ms.div_euclid(1000),
            exp: expires_ms.div_euclid(1000),
            scope: kind.scope().map(str::to_owned),
            authorization: Some(kind.authorization()),
        }
    }
}

impl fmt::Debug for Minter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Minter").field("provider_id", &self.shared.provider_id).finish_non_exhaustive()
    }
}

fn unsigned(claims: &Claims) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(json!({ "alg": "none", "typ": "JWT" })), part(json!(claims)))
}

fn with_secret(claims: &Claims) -> Result<String, KeyError> {
    let key = EncodingKey::from_secret(b"no secret at all");
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key)
        .map_err(|error| KeyError::Sign(error.to_string()))
}

fn epoch_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn from_epoch_ms(ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}
