//! Who signed it, how, and for whom: `alg`, `kid`, `iss`, `sub`, `aud`.

use serde_json::Value;

use crate::finding::{Check, Finding};
use crate::jwt::Jwt;

const AUDIENCE: &str = "https://fleetengine.googleapis.com/";
/// What the e-mail addresses of service accounts end with.
const ACCOUNT: &str = ".gserviceaccount.com";

pub(super) fn judge(jwt: &Jwt) -> Vec<Finding> {
    vec![algorithm(&jwt.header), key_id(&jwt.header), issuer(&jwt.claims), audience(&jwt.claims)]
}

fn algorithm(header: &Value) -> Finding {
    let refused = "Fleet Engine accepts RS256 only, and answers UNAUTHENTICATED to everything else.";
    match header.get("alg").and_then(Value::as_str) {
        Some("RS256") => Check::Algorithm.fine("signed with RS256"),
        Some(alg) if alg.eq_ignore_ascii_case("none") => Check::Algorithm.error(
            "alg is none: the token is not signed",
            "Anybody can write such a token. Fleet Engine refuses it.",
            "Sign with the service account's RSA key (RS256). Look for a test mode or a mocked signer.",
        ),
        Some(alg) => Check::Algorithm.error(
            format!("alg is {}, not RS256", Jwt::brief(alg)),
            refused,
            "Sign with the RSA private key of the service account's JSON file, and RS256.",
        ),
        None => Check::Algorithm.error("the header has no alg", refused, "Let a JWT library write the header."),
    }
}

fn key_id(header: &Value) -> Finding {
    match header.get("kid") {
        Some(Value::String(kid)) if !kid.is_empty() => Check::KeyId.fine(format!("key {}", Jwt::brief(kid))),
        None => {
            Check::KeyId.fine("none, as in tokens that are signed by impersonation; Fleet Engine then tries all keys")
        }
        Some(_) => Check::KeyId.error(
            "kid is empty, or no text",
            "Fleet Engine does not find the key that the signature is to be checked with.",
            "Put the private_key_id of the service account's JSON file there, or leave kid out.",
        ),
    }
}

fn issuer(claims: &Value) -> Finding {
    let text = |name| claims.get(name).and_then(Value::as_str);
    let remedy = "Put the service account's e-mail into both iss and sub.";
    match (text("iss"), text("sub")) {
        (Some(iss), Some(sub)) if iss == sub && iss.ends_with(ACCOUNT) && iss.contains('@') => {
            Check::Issuer.fine(format!("iss = sub = {}", Jwt::brief(iss)))
        }
        (Some(iss), Some(sub)) if iss == sub => Check::Issuer.error(
            format!("iss = sub = {}, which is no service account", Jwt::brief(iss)),
            "Fleet Engine knows the keys of service accounts (…@….gserviceaccount.com) and of nobody else.",
            remedy,
        ),
        (Some(iss), Some(sub)) => Check::Issuer.error(
            format!("iss is {}, sub is {}", Jwt::brief(iss), Jwt::brief(sub)),
            "Fleet Engine wants the service account in both, and refuses the token. Often the user's id stands in sub.",
            remedy,
        ),
        (iss, _) => Check::Issuer.error(
            format!("{} is missing", if iss.is_none() { "iss" } else { "sub" }),
            "Fleet Engine refuses a token that does not say which service account signed it.",
            remedy,
        ),
    }
}

fn audience(claims: &Value) -> Finding {
    let remedy = "Set aud to https://fleetengine.googleapis.com/, with the slash at its end.";
    let refused = "Fleet Engine refuses tokens that are meant for somebody else.";
    match claims.get("aud") {
        Some(Value::String(aud)) if aud == AUDIENCE => Check::Audience.fine(AUDIENCE),
        Some(Value::String(aud)) if format!("{aud}/") == AUDIENCE => {
            Check::Audience.error(format!("{aud}, without the slash at its end"), refused, remedy)
        }
        Some(Value::String(aud)) => Check::Audience.error(Jwt::brief(aud), refused, remedy),
        Some(Value::Array(all)) if all.iter().any(|aud| aud == AUDIENCE) => Check::Audience.warning(
            "a list that holds Fleet Engine's",
            "RFC 7519 allows it; Google's own libraries write one text, and nothing says that a list is accepted.",
            remedy,
        ),
        Some(_) => Check::Audience.error("no text", refused, remedy),
        None => Check::Audience.error("aud is missing", refused, remedy),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Level;

    fn level(finding: &Finding) -> Level {
        finding.level
    }

    #[test]
    fn only_rs256_is_fine() {
        for (alg, expected) in [("RS256", Level::Fine), ("none", Level::Error), ("HS256", Level::Error)] {
            assert_eq!(level(&algorithm(&json!({ "alg": alg }))), expected, "{alg}");
        }
        assert_eq!(level(&algorithm(&json!({}))), Level::Error);
    }

    #[test]
    fn a_token_may_do_without_kid_but_not_with_an_empty_one() {
        assert_eq!(level(&key_id(&json!({}))), Level::Fine);
        assert_eq!(level(&key_id(&json!({ "kid": "abc" }))), Level::Fine);
        assert_eq!(level(&key_id(&json!({ "kid": "" }))), Level::Error);
        assert_eq!(level(&key_id(&json!({ "kid": 7 }))), Level::Error);
    }

    #[test]
    fn issuer_and_subject_are_one_service_account() {
        let account = "driver@p.iam.gserviceaccount.com";
        assert_eq!(level(&issuer(&json!({ "iss": account, "sub": account }))), Level::Fine);
        for claims in [
            json!({ "iss": account, "sub": "user-7" }),
            json!({ "iss": "me", "sub": "me" }),
            json!({ "iss": account }),
            json!({}),
        ] {
            assert_eq!(level(&issuer(&claims)), Level::Error, "{claims}");
        }
    }

    #[test]
    fn the_audience_has_its_slash() {
        assert_eq!(level(&audience(&json!({ "aud": AUDIENCE }))), Level::Fine);
        assert_eq!(level(&audience(&json!({ "aud": [AUDIENCE] }))), Level::Warning);
        for aud in [json!("https://fleetengine.googleapis.com"), json!("https://x.example/"), json!(7), json!(["x"])] {
            assert_eq!(level(&audience(&json!({ "aud": aud }))), Level::Error, "{aud}");
        }
        assert_eq!(level(&audience(&json!({}))), Level::Error);
    }
}
