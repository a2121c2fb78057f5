//! What it may touch: the `authorization` claim, against the ids that were asked for.

use fleet_token::{AuthTokenContext, ContextKind, IdField};
use serde_json::{Map, Value};

use crate::finding::{Check, Finding, Level};
use crate::jwt::Jwt;

/// The claims that Fleet Engine knows, lower case as it wants them.
const CLAIMS: [&str; 6] = ["vehicleid", "tripid", "deliveryvehicleid", "taskid", "taskids", "trackingid"];

/// The `authorization` claim, as far as it can be read.
pub(crate) struct Authorization<'a>(&'a Map<String, Value>);

impl<'a> Authorization<'a> {
    /// `None` if there is none, or an empty one.
    pub(crate) fn of(claims: &'a Value) -> Option<Self> {
        claims.get("authorization")?.as_object().filter(|map| !map.is_empty()).map(Self)
    }

    /// The ids that a claim names; none if it is absent or malformed.
    pub(crate) fn ids(&self, claim: &str) -> Vec<&'a str> {
        match self.0.get(claim) {
            Some(Value::String(id)) => vec![id],
            Some(Value::Array(ids)) => ids.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Each claim with its ids, in one line.
    pub(crate) fn line(&self) -> String {
        let ids: Vec<_> =
            self.0.iter().map(|(name, id)| format!("{} = {}", Jwt::brief(name), Jwt::brief(&Jwt::line(id)))).collect();
        ids.join(", ")
    }

    /// Whether a claim stands for all of its kind.
    pub(crate) fn is_wild(&self) -> bool {
        !self.wildcards().is_empty()
    }

    fn wildcards(&self) -> Vec<&'a str> {
        let is_wild =
            |value: &Value| value == "*" || value.as_array().is_some_and(|ids| ids.iter().any(|id| id == "*"));
        self.0.iter().filter(|(_, value)| is_wild(value)).map(|(name, _)| name.as_str()).collect()
    }
}

pub(super) fn judge(claims: &Value, context: Option<&AuthTokenContext>) -> Vec<Finding> {
    let mut findings = vec![authorization(claims)];
    let Some(ids) = Authorization::of(claims) else {
        findings.extend(
            [Check::OtherId, Check::Wildcard]
                .map(|check| check.skipped("there is nothing in it").because(&[Check::Authorization])),
        );
        return findings;
    };
    findings.push(match context {
        // Then its names are not what they seem.
        Some(_) if findings[0].level == Level::Error => {
            Check::OtherId.skipped("the claim is wrong").because(&[Check::Authorization])
        }
        Some(context) => other_id(&ids, context),
        None => Check::OtherId.skipped("no id was asked for"),
    });
    findings.push(wildcard(&ids, context));
    findings
}

fn authorization(claims: &Value) -> Finding {
    let check = Check::Authorization;
    let refused = "Fleet Engine refuses it: \"JWT does not contain any scopes.\"";
    let remedy = "Add a private claim authorization, an object such as {\"vehicleid\": \"…\"}.";
    let map = match claims.get("authorization") {
        None => return check.error("the token has no authorization claim", refused, remedy),
        Some(Value::Object(map)) if map.is_empty() => return check.error("it is empty", refused, remedy),
        Some(Value::Object(map)) => map,
        Some(_) => return check.error("authorization is no JSON object", refused, remedy),
    };
    let malformed = "Fleet Engine refuses a token whose claims it cannot read.";
    for (claim, value) in map {
        let name = Jwt::brief(claim);
        if !CLAIMS.contains(&claim.as_str()) {
            let lower = claim.to_ascii_lowercase().replace('_', "");
            let meant = CLAIMS.iter().find(|known| **known == lower);
            return match meant {
                Some(meant) => check.error(
                    format!("{name} is no claim; {meant} is"),
                    "Names are lower case, without underscores. Fleet Engine does not see this one.",
                    &format!("Call it {meant}."),
                ),
                None => check.warning(
                    format!("{name} is no claim that Fleet Engine knows"),
                    "It opens nothing.",
                    "Leave it out; claims of your own belong beside authorization, not into it.",
                ),
            };
        }
        match (claim.as_str(), value) {
            ("taskids", Value::Array(ids)) => {
                if ids.is_empty() || !ids.iter().all(Value::is_string) {
                    return check.error(
                        "taskids is not a list of ids",
                        malformed,
                        "Write [\"id1\", \"id2\"] or [\"*\"].",
                    );
                }
                if ids.len() > 1 && ids.iter().any(|id| id == "*") {
                    let remedy = "Write [\"*\"] alone, or the ids alone.";
                    return check.error("taskids has * beside other ids", malformed, remedy);
                }
            }
            ("taskids", _) => {
                let remedy = "Write [\"id\"], with the brackets, or use taskid.";
                return check.error("taskids is not a list", malformed, remedy);
            }
            (_, Value::String(id)) if id.is_empty() => {
                return check.error(format!("{name} is empty"), "It names nothing.", "Put the id there.");
            }
            (_, Value::String(_)) => {}
            _ => return check.error(format!("{name} is no text"), malformed, "Write ids as texts, numbers too."),
        }
    }
    if map.contains_key("trackingid") && map.len() > 1 && !map.values().all(|id| id == "*") {
        return check.warning(
            "trackingid stands beside other claims",
            "GetTaskTrackingInfo wants it alone.",
            "Mint one token for the parcel's recipient, and another for the rest.",
        );
    }
    check.fine(Authorization(map).line())
}

/// The claims in which an id may stand.
const fn claims_for(field: IdField) -> &'static [&'static str] {
    match field {
        IdField::Vehicle => &["vehicleid", "deliveryvehicleid"],
        IdField::Trip => &["tripid"],
        IdField::DeliveryVehicle => &["deliveryvehicleid"],
        IdField::Task => &["taskid", "taskids"],
        IdField::Tracking => &["trackingid"],
        // A field that the SDK gains has its claim named after it.
        _ => &[],
    }
}

fn other_id(ids: &Authorization<'_>, context: &AuthTokenContext) -> Finding {
    let check = Check::OtherId;
    let denied = "Fleet Engine answers PERMISSION_DENIED, and no new token will mend it.";
    let mixed = "The backend mixed up ids, or takes the id from the login. If it caches tokens: is the id in its key?";
    for (field, asked) in IdField::ALL.into_iter().filter_map(|field| Some((field, context.id(field)?))) {
        let named: Vec<&str> = claims_for(field).iter().flat_map(|claim| ids.ids(claim)).collect();
        if named.is_empty() {
            return check.error(
                format!("asked for {field} {asked}, and the token names {}", ids.line()),
                denied,
                "Put the id that is asked for into the claim of its kind.",
            );
        }
        // Ids are compared after NFC, which a context has.
        let same = |id: &&str| *id == "*" || AuthTokenContext::new().with_id(field, id).id(field) == Some(asked);
        if !named.iter().any(same) {
            return check.error(
                format!("asked for {field} {asked}, and the token is for {}", Jwt::brief(&named.join(", "))),
                denied,
                mixed,
            );
        }
    }
    check.fine("the token is for what was asked")
}

fn wildcard(ids: &Authorization<'_>, context: Option<&AuthTokenContext>) -> Finding {
    let check = Check::Wildcard;
    let wild = ids.wildcards();
    let for_fleet = context.is_some_and(|context| matches!(context.kind(), Ok(ContextKind::Fleet)));
    match (wild.is_empty(), context) {
        (true, _) if for_fleet => check.warning(
            "a token for the fleet that names single ids",
            "Lists and searches over the whole fleet are refused.",
            "Mint fleet readers' tokens with * in the claims that the role reads.",
        ),
        (true, _) => check.fine("none: the token opens what it names, and no more"),
        (false, Some(_)) if for_fleet => check.fine(format!("{} = *, as a fleet reader needs", wild.join(", "))),
        (false, Some(_)) => check.error(
            format!("{} = * where one id was asked for", wild.join(", ")),
            "Whoever takes this token off a phone sees, and with a driver's role moves, every one of them.",
            "Put the id into the claim. Tokens with * are for your own servers.",
        ),
        (false, None) => check.warning(
            format!("{} = *", wild.join(", ")),
            "It opens all of them: right for a server or an operator, dangerous on a phone.",
            "If this came from a phone, let the backend put the id into the claim.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Level::{Error, Fine, NotChecked, Warning};

    fn levels(authorization: &Value, context: Option<&AuthTokenContext>) -> [Level; 3] {
        let found = judge(&json!({ "authorization": authorization }), context);
        std::array::from_fn(|index| found[index].level)
    }

    #[test]
    fn a_token_is_held_against_what_was_asked() {
        let vehicle = AuthTokenContext::vehicle("v1");
        for (context, authorization, expected) in [
            (&vehicle, json!({ "vehicleid": "v1" }), [Fine, Fine, Fine]),
            (&vehicle, json!({ "deliveryvehicleid": "v1" }), [Fine, Fine, Fine]),
            (&vehicle, json!({ "vehicleid": "v2" }), [Fine, Error, Fine]),
            (&vehicle, json!({ "tripid": "v1" }), [Fine, Error, Fine]),
            (&vehicle, json!({ "vehicleId": "v1" }), [Error, NotChecked, Fine]),
            (&vehicle, json!({ "vehicleid": "*" }), [Fine, Fine, Error]),
            (&AuthTokenContext::vehicle("caf\u{e9}"), json!({ "vehicleid": "cafe\u{301}" }), [Fine, Fine, Fine]),
            (&AuthTokenContext::task("k1"), json!({ "taskids": ["k0", "k1"] }), [Fine, Fine, Fine]),
            (
                &AuthTokenContext::delivery_vehicle_task("d", "k"),
                json!({ "deliveryvehicleid": "d" }),
                [Fine, Error, Fine],
            ),
            (&AuthTokenContext::fleet(), json!({ "vehicleid": "*", "tripid": "*" }), [Fine, Fine, Fine]),
            (&AuthTokenContext::fleet(), json!({ "vehicleid": "v1" }), [Fine, Fine, Warning]),
            (&AuthTokenContext::vehicle_service(), json!({ "tripid": "t" }), [Fine, Fine, Fine]),
            (&AuthTokenContext::vehicle_service(), json!({ "tripid": "*" }), [Fine, Fine, Error]),
        ] {
            assert_eq!(levels(&authorization, Some(context)), expected, "{context:?} {authorization}");
        }
    }

    #[test]
    fn without_a_question_a_wildcard_is_a_warning() {
        assert_eq!(levels(&json!({ "vehicleid": "*" }), None), [Fine, NotChecked, Warning]);
        assert_eq!(levels(&json!({ "vehicleid": "v" }), None), [Fine, NotChecked, Fine]);
    }

    #[test]
    fn a_claim_that_fleet_engine_cannot_read_is_found() {
        for (authorization, expected) in [
            (json!({}), Error),
            (json!("vehicleid"), Error),
            (json!({ "vehicleId": "v1" }), Error),
            (json!({ "vehicle_id": "v1" }), Error),
            (json!({ "vehicleid": 7 }), Error),
            (json!({ "vehicleid": "" }), Error),
            (json!({ "taskids": "k" }), Error),
            (json!({ "taskids": [] }), Error),
            (json!({ "taskids": ["*", "k"] }), Error),
            (json!({ "driver": "x", "vehicleid": "v1" }), Warning),
            (json!({ "trackingid": "x", "taskid": "k" }), Warning),
            (json!({ "taskids": ["*"] }), Fine),
            (json!({ "trackingid": "*", "taskid": "*" }), Fine),
        ] {
            assert_eq!(levels(&authorization, None)[0], expected, "{authorization}");
        }
        assert_eq!(judge(&json!({}), None)[0].level, Error);
    }
}
