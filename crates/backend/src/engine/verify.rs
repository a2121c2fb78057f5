//! JWT → caller. What Fleet Engine checks before it looks at the request: algorithm, key, signature, issuer, audience,
//! times, and that there are claims at all.
//!
//! Source: Google's page "Issue JSON Web Tokens" and `mobility/fleet-engine/essentials/set-up-fleet/jwt`.

use std::collections::HashMap;

use jsonwebtoken::{Algorithm, Validation};
use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::error::EngineError;
use crate::claims::{AUDIENCE, Claims};
use crate::keys::KeyRing;
use crate::role::Role;

/// Seconds by which the clocks of issuer and engine may differ ("Allow 10 minutes of skew").
pub const SKEW_SECS: i64 = 600;

/// Seconds that a token may live ("the request fails if the timestamp is more than 1 hour in the future").
pub const MAX_LIFETIME_SECS: i64 = 3600;

/// Who calls: a token that passed every check.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Caller {
    /// The role of the service account that signed.
    pub role: Role,
    /// The `authorization` claim.
    pub authorization: Map<String, Value>,
}

/// Tokens that no longer count although they verify.
#[derive(Debug, Default)]
pub(crate) struct Revoked {
    signatures: Mutex<Signatures>,
    issued_before: Mutex<i64>,
}

/// The signature part alone, which tells tokens apart and is of no use to a thief, and when the token ends.
#[derive(Debug, Default)]
struct Signatures {
    until: HashMap<String, i64>,
    /// At how many of them those that are over are looked for.
    sweep_at: usize,
}

/// Fewer revoked tokens than this are not worth a look for those that are over.
const WORTH_A_SWEEP: usize = 256;

impl Revoked {
    /// Remembers the token until it would be refused as expired anyway. One that cannot be read is refused as it is.
    pub(crate) fn token(&self, jwt: &str, now: i64) {
        let Ok(claims) = jsonwebtoken::dangerous::insecure_decode_claims::<Claims>(jwt) else { return };
        let mut signatures = self.signatures.lock();
        if signatures.until.len() >= signatures.sweep_at.max(WORTH_A_SWEEP) {
            signatures.until.retain(|_, until| *until > now);
            signatures.sweep_at = 2 * signatures.until.len();
        }
        signatures.until.insert(signature(jwt).to_owned(), claims.exp);
    }

    pub(crate) fn issued_before(&self, unix_secs: i64) {
        *self.issued_before.lock() = unix_secs;
    }

    fn contains(&self, jwt: &str, issued: i64) -> bool {
        issued < *self.issued_before.lock() || self.signatures.lock().until.contains_key(signature(jwt))
    }
}

fn signature(jwt: &str) -> &str {
    jwt.rsplit('.').next().unwrap_or(jwt)
}

/// Checks a token in the order in which a server would: first who signed it, then what it says.
pub(crate) fn verify(
    jwt: &str,
    keys: &KeyRing,
    revoked: &Revoked,
    provider_id: &str,
    now: i64,
) -> Result<Caller, EngineError> {
    let (role, claims) = signed_by(jwt, keys)?;
    let fail = |reason, message: &str| Err(EngineError::unauthenticated(reason, message));
    if claims.aud != AUDIENCE {
        return fail("wrong_audience", "The JWT's audience is not https://fleetengine.googleapis.com/.");
    }
    if claims.iss != claims.sub || claims.iss != role.service_account(provider_id) {
        return fail("wrong_issuer", "The JWT's iss and sub are not the e-mail of the account whose key signed it.");
    }
    if claims.exp <= now {
        return fail("expired", "The JWT is expired.");
    }
    if claims.iat > now + SKEW_SECS {
        return fail("issued_in_future", "The JWT's iat is too far in the future.");
    }
    if claims.iat < now - MAX_LIFETIME_SECS - SKEW_SECS {
        return fail("issued_too_long_ago", "The JWT's iat is too far in the past.");
    }
    if claims.exp > now + MAX_LIFETIME_SECS + SKEW_SECS || claims.exp - claims.iat > MAX_LIFETIME_SECS + SKEW_SECS {
        return fail("lifetime_too_long", "The JWT's exp is more than 1 hour in the future.");
    }
    let Some(authorization) = claims.authorization.filter(|claims| !claims.is_empty()) else {
        return fail("no_scopes", "JWT does not contain any scopes.");
    };
    well_formed(&authorization)?;
    if revoked.contains(jwt, claims.iat) {
        return fail("revoked", "The JWT was revoked.");
    }
    Ok(Caller { role, authorization })
}

fn signed_by(jwt: &str, keys: &KeyRing) -> Result<(Role, Claims), EngineError> {
    let malformed = || EngineError::unauthenticated("malformed", "The bearer is not a JWT that can be read.");
    // A header with an algorithm that jsonwebtoken does not know, `none` above all, does not decode either.
    let header = jsonwebtoken::decode_header(jwt).map_err(|_| malformed())?;
    if header.alg != Algorithm::RS256 {
        return Err(EngineError::unauthenticated("wrong_algorithm", "The JWT is not signed with RS256."));
    }
    let candidates = keys.verifying(header.kid.as_deref());
    if candidates.is_empty() {
        return Err(EngineError::unauthenticated("unknown_key", "The JWT's kid is no key of a known account."));
    }
    let mut validation = Validation::new(Algorithm::RS256);
    // Times are judged against the server's clock, which a test may move; the audience is judged with the rest.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    for (role, key) in candidates {
        match jsonwebtoken::decode::<Claims>(jwt, key.decoding(), &validation) {
            Ok(token) => return Ok((role, token.claims)),
            Err(error) if matches!(error.kind(), jsonwebtoken::errors::ErrorKind::InvalidSignature) => {}
            Err(_) => return Err(malformed()),
        }
    }
    Err(EngineError::unauthenticated("bad_signature", "The JWT's signature is wrong."))
}

/// `taskids` is an array and stands alone, with `*` its only element; every other claim is a string.
fn well_formed(authorization: &Map<String, Value>) -> Result<(), EngineError> {
    let fail = |message: &str| Err(EngineError::unauthenticated("malformed_claims", message));
    for (claim, value) in authorization {
        match (claim.as_str(), value) {
            ("taskids", Value::Array(ids)) => {
                let strings = !ids.is_empty() && ids.iter().all(Value::is_string);
                if !strings || (ids.iter().any(|id| id == "*") && ids.len() > 1) {
                    return fail("taskids must be an array of ids, or [\"*\"] alone.");
                }
                if authorization.len() > 1 {
                    return fail("taskids must be the only claim.");
                }
            }
            ("taskids", _) => return fail("taskids must be an array."),
            (_, Value::String(_)) => {}
            _ => return fail("every authorization claim but taskids must be a string."),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::TokenKind;
    use crate::clock::ServerClock;
    use crate::keys::KeyPool;
    use crate::mint::Minter;
    use crate::stats::Counters;
    use std::sync::Arc;
    use std::time::Duration;

    const TEN_SECONDS: Duration = Duration::from_secs(10);

    #[test]
    fn a_revoked_token_is_forgotten_once_it_has_expired_and_not_before() {
        let (revoked, clock) = (Revoked::default(), ServerClock::new());
        let ring = Arc::new(KeyRing::new(KeyPool::process_wide()));
        let counters = Arc::new(Counters::default());
        let minter = Minter::new("p".into(), ring, clock.clone(), counters, TEN_SECONDS, None);
        let mut known = 0;
        for round in 0..20 {
            let revoke = |n| {
                let jwt = minter.mint(TokenKind::Driver { vehicle_id: format!("v{n}") }).unwrap().jwt;
                revoked.token(&jwt, clock.unix_secs());
                jwt
            };
            let jwts: Vec<_> = (0..40).map(revoke).collect();
            assert!(jwts.iter().all(|jwt| revoked.contains(jwt, i64::MAX)), "round {round}");
            known = revoked.signatures.lock().until.len();
            assert!(known <= WORTH_A_SWEEP + 40, "{known} of {} are remembered", 40 * (round + 1));
            clock.advance(TEN_SECONDS);
        }
        assert!(known < 400, "{known}");
    }

    #[test]
    fn what_cannot_be_read_need_not_be_remembered() {
        let revoked = Revoked::default();
        for jwt in ["", "x", "a.b.c"] {
            revoked.token(jwt, 0);
        }
        assert!(revoked.signatures.lock().until.is_empty());
    }
}
