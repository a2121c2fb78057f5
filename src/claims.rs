//! What a JWT says of itself, read without verifying it: the backend signs, Fleet Engine verifies, the app in between
//! only needs to know how long the token lives and what it is for.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::context::{AuthTokenContext, IdField, nfc};
use crate::error::ScopeMismatch;
use crate::lifetime::UnixTime;

/// The claims this crate looks at.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Claims {
    pub(crate) issued_at: Option<UnixTime>,
    pub(crate) expires_at: Option<UnixTime>,
    /// The ids under each key: one, or the several of the array that `taskids` must be.
    authorization: Option<BTreeMap<String, Vec<String>>>,
}

/// Reads a token's claims, or `None` for an opaque token: anything that is not three base64url parts with a JSON object
/// in the middle (RFC 7519 §7.2). A claim of an unexpected type is read as if it were not there, but an `authorization`
/// of one authorizes nothing.
#[inline(never)] // `cargo xtask cost` counts its instructions by its name.
pub(crate) fn read(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (Some(_header), Some(payload), Some(_signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let json = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?);
    let payload: Map<String, Value> = serde_json::from_slice(&json).ok()?;
    let time = |claim| payload.get(claim).and_then(Value::as_f64).and_then(UnixTime::from_number);
    Some(Claims {
        issued_at: time("iat"),
        expires_at: time("exp"),
        authorization: payload.get("authorization").map(|claim| {
            let keys = claim.as_object().into_iter().flatten();
            keys.map(|(key, ids)| (key.clone(), strings(ids))).collect()
        }),
    })
}

fn strings(ids: &Value) -> Vec<String> {
    let one_or_many = ids.as_array().map_or(std::slice::from_ref(ids), Vec::as_slice);
    one_or_many.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect()
}

/// What the `authorization` claim means for a context.
#[derive(Debug, PartialEq)]
pub(crate) enum Scope {
    /// It names what was asked.
    Exact,
    /// It is usable, but wider or vaguer than asked: fine by default, refused in strict mode.
    Loose(ScopeMismatch),
    /// It is for something else.
    Other(ScopeMismatch),
}

impl Claims {
    /// Compares the `authorization` claim with what was asked for.
    ///
    /// A delivery driver's context may come with its delivery vehicle in `vehicleId`, as Google's Driver SDK hands it
    /// over, so a token for a delivery vehicle answers for a vehicle of the same id.
    pub(crate) fn scope(&self, context: &AuthTokenContext) -> Scope {
        let asked = || IdField::ALL.into_iter().filter_map(|field| Some((field, context.id(field)?)));
        if asked().next().is_none() {
            return Scope::Exact;
        }
        let Some(authorization) = &self.authorization else {
            return Scope::Loose(ScopeMismatch::NoAuthorization);
        };
        // The id that the kind of context is named after must be in the token; a companion may be missing.
        let main = context.kind().ok().and_then(|kind| kind.ids().first().copied());
        let mut loose = None;
        for (field, id) in asked() {
            let Some((claim, ids)) = claims_for(field).iter().find_map(|c| Some((*c, authorization.get(*c)?))) else {
                let missing = ScopeMismatch::MissingId { field };
                if Some(field) == main {
                    return Scope::Other(missing);
                }
                loose.get_or_insert(missing);
                continue;
            };
            if ids.iter().any(|named| same_id(named, id)) {
                continue;
            }
            if ids.iter().any(|named| named == "*") {
                loose.get_or_insert(ScopeMismatch::Wildcard);
                continue;
            }
            return Scope::Other(ScopeMismatch::OtherId { claim, context: context.clone() });
        }
        loose.map_or(Scope::Exact, Scope::Loose)
    }
}

const fn claims_for(field: IdField) -> &'static [&'static str] {
    match field {
        IdField::Vehicle => &["vehicleid", "deliveryvehicleid"],
        IdField::Task => &["taskid", "taskids"],
        IdField::Trip => &["tripid"],
        IdField::DeliveryVehicle => &["deliveryvehicleid"],
        IdField::Tracking => &["trackingid"],
    }
}

/// Ids are compared after NFC; the context's already is.
fn same_id(claimed: &str, asked: &str) -> bool {
    claimed == asked || nfc(claimed) == asked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(payload: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(payload), part("signature"))
    }

    fn claims(payload: &str) -> Claims {
        read(&jwt(payload)).unwrap()
    }

    #[test]
    fn times_are_read_in_seconds_in_milliseconds_and_as_floats() {
        let expected = UnixTime::from_seconds(1_767_229_200);
        for exp in ["1767229200", "1767229200000", "1767229200.0"] {
            let payload = format!(r#"{{"iat":1,"exp":{exp}}}"#);
            assert_eq!(claims(&payload).expires_at, Some(expected), "{exp}");
        }
    }

    #[test]
    fn an_opaque_token_has_no_claims() {
        for opaque in
            ["ya29.a0AfH6SM", "", "a.b.c", "a.b.c.d", "....", &format!("x.{}.y", URL_SAFE_NO_PAD.encode("[]"))]
        {
            assert_eq!(read(opaque), None, "{opaque}");
        }
    }

    #[test]
    fn the_asked_id_is_exact() {
        let cases = [
            (AuthTokenContext::vehicle("v1"), r#"{"authorization":{"vehicleid":"v1"}}"#),
            (AuthTokenContext::vehicle("v1"), r#"{"authorization":{"deliveryvehicleid":"v1"}}"#),
            (AuthTokenContext::trip("t1"), r#"{"authorization":{"tripid":"t1","vehicleid":"v9"}}"#),
            (AuthTokenContext::task("k1"), r#"{"authorization":{"taskid":"k1"}}"#),
            (AuthTokenContext::task("k1"), r#"{"authorization":{"taskids":["k0","k1"]}}"#),
            (AuthTokenContext::tracking("x1"), r#"{"authorization":{"trackingid":"x1"}}"#),
            (AuthTokenContext::vehicle("caf\u{e9}"), r#"{"authorization":{"vehicleid":"cafe\u0301"}}"#),
            (AuthTokenContext::vehicle_service(), r#"{"authorization":{"tripid":"t1"}}"#),
            (AuthTokenContext::fleet(), r"{}"),
        ];
        for (context, payload) in cases {
            assert_eq!(claims(payload).scope(&context), Scope::Exact, "{context:?} {payload}");
        }
    }

    #[test]
    fn another_id_is_refused() {
        let context = AuthTokenContext::vehicle("v1");
        let scope = claims(r#"{"authorization":{"vehicleid":"v2"}}"#).scope(&context);
        assert_eq!(scope, Scope::Other(ScopeMismatch::OtherId { claim: "vehicleid", context }));
    }

    #[test]
    fn another_kind_of_token_is_refused() {
        let scope = claims(r#"{"authorization":{"tripid":"v1"}}"#).scope(&AuthTokenContext::vehicle("v1"));
        assert_eq!(scope, Scope::Other(ScopeMismatch::MissingId { field: IdField::Vehicle }));
    }

    #[test]
    fn a_companion_s_claim_does_not_answer_for_the_trip() {
        let trip = AuthTokenContext::trip("t1").with_id(IdField::Vehicle, "v1");
        let scope = claims(r#"{"authorization":{"vehicleid":"v1"}}"#).scope(&trip);
        assert_eq!(scope, Scope::Other(ScopeMismatch::MissingId { field: IdField::Trip }));
        let scope = claims(r#"{"authorization":{"tripid":"t1"}}"#).scope(&trip);
        assert_eq!(scope, Scope::Loose(ScopeMismatch::MissingId { field: IdField::Vehicle }));
    }

    #[test]
    fn a_wildcard_and_a_missing_claim_are_loose() {
        let vehicle = AuthTokenContext::vehicle("v1");
        let scope = claims(r#"{"authorization":{"vehicleid":"*"}}"#).scope(&vehicle);
        assert_eq!(scope, Scope::Loose(ScopeMismatch::Wildcard));
        assert_eq!(claims("{}").scope(&vehicle), Scope::Loose(ScopeMismatch::NoAuthorization));
        // An untrusted delivery driver's token, asked with a task.
        let task = AuthTokenContext::delivery_vehicle_task("d1", "k1");
        let scope = claims(r#"{"authorization":{"deliveryvehicleid":"d1"}}"#).scope(&task);
        assert_eq!(scope, Scope::Loose(ScopeMismatch::MissingId { field: IdField::Task }));
    }

    #[test]
    fn nonsense_in_the_claim_never_panics() {
        for payload in [r#"{"authorization":{"vehicleid":7}}"#, r#"{"authorization":{"vehicleid":null}}"#] {
            let scope = claims(payload).scope(&AuthTokenContext::vehicle("v1"));
            assert!(matches!(scope, Scope::Other(_)), "{payload}");
        }
        let scope = claims(r#"{"authorization":"vehicleid","iat":"x"}"#).scope(&AuthTokenContext::vehicle("v1"));
        assert!(matches!(scope, Scope::Other(_)));
        assert_eq!(claims(r#"{"exp":1e300}"#).expires_at, None);
    }
}
