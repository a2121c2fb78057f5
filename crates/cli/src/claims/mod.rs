//! What a Fleet Engine JWT says of itself, judged: by `doctor` for the token that a backend answered with, by `inspect`
//! for the one it was given. Pure. No signature is verified: only Fleet Engine has the keys.
//!
//! Sources: Google's pages "Issue JSON Web Tokens" and `mobility/fleet-engine/essentials/set-up-fleet/jwt`.

mod scope;
mod signed;
mod times;

use fleet_token::AuthTokenContext;

use crate::finding::Finding;
use crate::jwt::Jwt;

pub(crate) use scope::Authorization;
pub(crate) use times::{MAX_LIFETIME, SKEW, seconds};

/// Judges a JWT at `now`, in seconds since 1970, as one for `context` if there is one.
pub(crate) fn judge(jwt: &Jwt, now: i64, context: Option<&AuthTokenContext>) -> Vec<Finding> {
    let mut findings = signed::judge(jwt);
    findings.extend(times::judge(&jwt.claims, now));
    findings.extend(scope::judge(&jwt.claims, context));
    findings
}
