//! The token itself, and whether the backend made it for this request.

use super::time::server_now;
use fleet_token::AuthTokenContext;

use crate::claims::{self, seconds};
use crate::doctor::seen::{Exchange, Seen};
use crate::finding::{Check, Finding};
use crate::jwt::Jwt;
use crate::when::rounded;

/// With less left than this, a cached token is fetched again soon after.
const LITTLE: i64 = 600;

const CLAIMED: [Check; 11] = [
    Check::Jwt,
    Check::Algorithm,
    Check::KeyId,
    Check::Issuer,
    Check::Audience,
    Check::IssuedAt,
    Check::ExpiresAt,
    Check::Lifetime,
    Check::Authorization,
    Check::OtherId,
    Check::Wildcard,
];

/// What is told of all replies together.
pub(super) fn judge(seen: &Seen) -> [Finding; 1] {
    [cached(seen.exchanges())]
}

/// The token of one reply. Always the same checks, in one order.
pub(super) fn of_reply(reply: Option<&Exchange>, context: &AuthTokenContext) -> Vec<Finding> {
    let Some((reply, token)) = reply.and_then(|reply| Some((reply, reply.token()?))) else {
        return CLAIMED.iter().map(|check| check.wanting("no token came")).collect();
    };
    let Some(jwt) = Jwt::read(crate::jwt::without_scheme(&token).unwrap_or(&token)) else { return opaque(&token) };
    let mut findings = vec![Check::Jwt.fine("a JWT; its signature is Fleet Engine's to verify")];
    findings.extend(claims::judge(&jwt, server_now(reply), Some(context)));
    findings
}

fn opaque(token: &str) -> Vec<Finding> {
    let remedy = "Mint JWTs with an authorization claim, as Google's guide \"Issue JSON Web Tokens\" says.";
    let mut findings = vec![match crate::jwt::of_google(token) {
        Some(what) => Check::Jwt.error(
            format!("the token is {what}, and no JWT"),
            "If it is a service account's, whoever takes it off a phone may do all that its role may, with the whole fleet.",
            remedy,
        ),
        None => Check::Jwt.warning(
            "the token is no JWT",
            "If it is an OAuth access token of a service account, it opens all that its role does, on every phone.",
            remedy,
        ),
    }];
    findings.extend(CLAIMED[1..].iter().map(|check| check.skipped("the token is opaque").because(&[Check::Jwt])));
    findings
}

/// The same token twice although the clock has moved on: RS256 gives the same token to the same claims, so within one second
/// it proves nothing.
fn cached(replies: &[Exchange]) -> Finding {
    let check = Check::ServerCached;
    let tokens: Vec<_> = replies.iter().filter_map(|exchange| Some((exchange, exchange.token()?))).collect();
    let (Some((first, _)), Some((last, _))) = (tokens.first(), tokens.last()) else {
        return check.wanting("no token came");
    };
    let apart = |one: &Exchange, other: &Exchange| other.sent.duration_since(one.sent).unwrap_or_default().as_millis();
    if apart(first, last) <= 1000 {
        return check.skipped("only one token came, or all within a second");
    }
    let pairs = tokens.iter().flat_map(|one| tokens.iter().map(move |other| (one, other)));
    let same = pairs.filter(|((one, token), (other, again))| token == again && apart(one, other) > 1000);
    let Some(((first, _), (last, again))) = same.max_by_key(|((one, _), (other, _))| apart(one, other)) else {
        return check.fine("each request got a token of its own");
    };
    let apart = apart(first, last);
    let left = Jwt::read(again).and_then(|jwt| seconds(&jwt.claims, "exp")).map(|exp| exp - server_now(last));
    let shown = left.map_or_else(String::new, |left| {
        let left = std::time::Duration::from_secs(u64::try_from(left).unwrap_or(0));
        format!(", with {} left", rounded(left))
    });
    let saw = format!("the same token again after {} s{shown}", apart / 1000);
    let means = if left.is_some_and(|left| left < LITTLE) {
        "The backend hands out tokens of its own cache until little is left. Clients with a margin of ten minutes, as \
         Google's sample has, fetch at every call now."
    } else {
        "The backend, or a cache before it, keeps tokens. A client that takes each for a whole hour uses it after its end."
    };
    check.warning(
        saw,
        means,
        "Mint a token for each request; apps keep it themselves. Or keep none with less than 30 minutes left.",
    )
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use fleet_token::HttpResponse;

    use super::*;
    use crate::finding::Level::{Error, Fine, NotChecked, Warning};

    fn at(ms: u64, token: &str) -> Exchange {
        let body = format!(r#"{{"token":"{token}"}}"#).into_bytes();
        Exchange {
            sent: SystemTime::UNIX_EPOCH + Duration::from_millis(ms),
            first_byte: Duration::ZERO,
            outcome: Ok(HttpResponse::new(200, fleet_token::http::HeaderMap::new(), body)),
            hops: Vec::new(),
        }
    }

    #[test]
    fn whatever_the_token_is_the_checks_are_the_same() {
        let context = AuthTokenContext::vehicle("v1");
        // {"alg":"RS256"} and {"exp":1}.
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.x";
        for reply in [None, Some(&at(0, "opaque")), Some(&at(0, jwt))] {
            let checks: Vec<_> = of_reply(reply, &context).iter().map(|finding| finding.check).collect();
            assert_eq!(checks, CLAIMED);
        }
    }

    #[test]
    fn a_token_of_googles_own_is_named() {
        let levels = ["ya29.x", "1//x", "opaque"].map(|token| opaque(token)[0].level);
        assert_eq!(levels, [Error, Error, Warning]);
    }

    #[test]
    fn the_same_token_within_a_second_proves_nothing() {
        assert_eq!(cached(&[at(0, "a"), at(1000, "a")]).level, NotChecked);
        assert_eq!(cached(&[at(0, "a"), at(300, "a"), at(1100, "a")]).level, Warning);
        assert_eq!(cached(&[at(0, "a"), at(300, "a"), at(1100, "b")]).level, Fine);
        assert_eq!(cached(&[at(0, "b"), at(300, "a"), at(1500, "a"), at(1800, "c")]).level, Warning);
        assert_eq!(cached(&[at(0, "a")]).level, NotChecked);
        assert_eq!(cached(&[]).level, NotChecked);
    }
}
