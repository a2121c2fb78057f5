//! What the reply says about the token's end: in which unit, and whether the token agrees.

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::time::server_now;
use crate::body::{Declared, Token, Unit};
use crate::claims::{MAX_LIFETIME, SKEW, seconds};
use crate::doctor::seen::Exchange;
use crate::finding::{Check, Finding, Level};
use crate::jwt::Jwt;
use crate::when::{rounded, unix};

/// By how much a declared expiry may be off, in seconds: both are rounded, and a relative one is as old as the reply took.
const ROUNDED: i64 = 5;

pub(super) fn judge(reply: Option<&Exchange>) -> [Finding; 2] {
    let (Some(exchange), Some(fields)) = (reply, reply.and_then(Exchange::fields)) else {
        return [Check::ExpiryUnit, Check::DeclaredExpiry].map(|check| check.wanting("no token came"));
    };
    let Token::Secret(token) = &fields.token else {
        return [Check::ExpiryUnit, Check::DeclaredExpiry].map(|check| check.wanting("no token came"));
    };
    let now = server_now(exchange);
    let expires = Jwt::read(token).and_then(|jwt| seconds(&jwt.claims, "exp"));
    let Some(declared) = &fields.expiry else {
        return [
            Check::ExpiryUnit.skipped("the reply has no expiry").because(&[Check::DeclaredExpiry]),
            silent(expires),
        ];
    };
    let unit = unit(declared, expires.map(|exp| exp - now));
    let agrees = match (read(declared, now), expires) {
        _ if unit.level == Level::Error => {
            Check::DeclaredExpiry.skipped("its unit is wrong").because(&[Check::ExpiryUnit])
        }
        (None, _) => Check::DeclaredExpiry.skipped("it cannot be read").because(&[Check::ExpiryUnit]),
        (Some(end), None) => alone(end, now),
        (Some(end), Some(exp)) => against(end, exp),
    };
    [unit, agrees]
}

/// A number, or a text that holds one.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number: &f64| number.is_finite())
}

/// The end that is meant, in seconds since 1970, if the unit is the right one.
#[allow(clippy::cast_possible_truncation, reason = "what is beyond all reason is cut off first")]
fn read(declared: &Declared, now: i64) -> Option<i64> {
    let capped = |number: f64| number.clamp(-1e12, 1e12) as i64;
    match declared.unit {
        Unit::Seconds => Some(now.saturating_add(capped(number(&declared.value)?))),
        Unit::EpochMillis | Unit::Rfc3339 => match number(&declared.value) {
            Some(number) if number > 1e11 => Some(capped(number / 1000.0)),
            Some(number) => Some(capped(number)),
            None => Some(OffsetDateTime::parse(declared.value.as_str()?.trim(), &Rfc3339).ok()?.unix_timestamp()),
        },
    }
}

/// `left` is what the token itself says that it still lives.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "seconds of an hour")]
fn unit(declared: &Declared, left: Option<i64>) -> Finding {
    let check = Check::ExpiryUnit;
    let Declared { field, value, .. } = declared;
    let shown = Jwt::brief(&Jwt::line(value));
    let Some(number) = number(value) else {
        return not_a_number(declared);
    };
    let longest = (MAX_LIFETIME + SKEW) as f64;
    // Whether so many seconds are what the token says, or, if that says nothing, what a token may live.
    let fits = |seconds: f64| match left {
        Some(left) => (seconds - left as f64).abs() <= 120.0,
        None => (60.0..=longest).contains(&seconds),
    };
    let lives = |seconds: f64| rounded(Duration::from_secs_f64(seconds.clamp(0.0, 1e10)));
    let never =
        "Clients keep the token long after its end: every call fails after an hour, and no new token is asked for.";
    match declared.unit {
        Unit::Seconds if number > 1e11 => check.error(
            format!("{field} is {shown}: a point in time in milliseconds, where seconds from now belong"),
            never,
            "Answer the seconds that are left: (expiry in ms − now in ms) / 1000.",
        ),
        Unit::Seconds if number > 1e9 => check.error(
            format!("{field} is {shown}: a point in time, where seconds from now belong"),
            never,
            "Answer the seconds that are left: expiry − now.",
        ),
        Unit::Seconds if number > longest && fits(number / 1000.0) => check.error(
            format!("{field} is {shown}: milliseconds, where seconds belong. It says {}", lives(number)),
            never,
            "Divide by 1000. Google's own web samples have this bug.",
        ),
        Unit::Seconds if number > longest && !(left.is_some() && fits(number)) => check.error(
            format!("{field} is {shown}, which is {}", lives(number)),
            "No Fleet Engine token lives for more than an hour. Clients keep it long after its end.",
            "Answer the seconds that are left until the JWT's exp.",
        ),
        Unit::Seconds if number > 0.0 && !fits(number) && left.is_some() && fits(number * 60.0) => check.error(
            format!("{field} is {shown}: minutes, where seconds belong"),
            "Clients ask for a new token all the time.",
            "Multiply by 60.",
        ),
        Unit::Seconds if number > 0.0 && !fits(number) && left.is_some() && fits(number * 1000.0) => check.error(
            format!("{field} is {shown}: seconds / 1000, where seconds belong"),
            "Clients ask for a new token all the time.",
            "Do not divide.",
        ),
        Unit::EpochMillis if (1e8..=1e11).contains(&number) => check.error(
            format!("{field} is {shown}: seconds, where milliseconds belong"),
            "Google's samples take it for a day in January 1970 and fetch a new token at every call. fleet-token reads both.",
            "Multiply by 1000.",
        ),
        Unit::EpochMillis | Unit::Rfc3339 if number < 1e8 => check.error(
            format!("{field} is {shown}: so long from now, where a point in time belongs"),
            "Clients take it for a day in 1970 and fetch a new token at every call.",
            "Answer when it ends, or call the field expiresInSeconds.",
        ),
        Unit::Rfc3339 => check.warning(
            format!("{field} is a number, where others have a text in RFC 3339"),
            "Clients that were written against such a backend read dates there. fleet-token reads both.",
            "Answer such as \"2026-01-01T01:00:00Z\", or use expirationTimestamp, in milliseconds.",
        ),
        _ if value.is_string() => check.warning(
            format!("{field} is a number in quotes"),
            "Clients in Swift, Kotlin and Java whose field is a number fail to read it. fleet-token reads both.",
            "Leave the quotes away.",
        ),
        Unit::Seconds => check.fine(format!("{field}: seconds from now")),
        Unit::EpochMillis => check.fine(format!("{field}: milliseconds since 1970")),
    }
}

/// What is no number is not shown: it may be anything, a token too.
fn not_a_number(declared: &Declared) -> Finding {
    let (check, field) = (Check::ExpiryUnit, declared.field);
    let is_date = declared.value.as_str().is_some_and(|text| OffsetDateTime::parse(text.trim(), &Rfc3339).is_ok());
    match declared.unit {
        Unit::Rfc3339 if is_date => check.fine(format!("{field}: RFC 3339")),
        Unit::EpochMillis if is_date => check.warning(
            format!("{field} is a date in a text, where milliseconds belong"),
            "Google's samples cannot read it. fleet-token reads both.",
            "Answer milliseconds since 1970.",
        ),
        _ if declared.value.as_str().is_some_and(is_zoneless) => check.error(
            format!("{field} is a date without a time zone"),
            "Each client takes it for another zone's, hours off; fleet-token refuses the reply.",
            "Put the zone at its end: Z for UTC, as in \"2026-01-01T01:00:00Z\" (RFC 3339).",
        ),
        _ if declared.value.is_null() => check.skipped(format!("{field} is null")),
        _ => check.error(
            format!("{field} is {}, and no time", if declared.value.is_string() { "a text" } else { "no number" }),
            "Clients cannot tell when the token ends; fleet-token refuses the reply.",
            "Answer milliseconds since 1970 in expirationTimestamp, or seconds from now in expiresInSeconds.",
        ),
    }
}

/// Whether nothing is missing in a date and time but the zone.
fn is_zoneless(text: &str) -> bool {
    let zoned = format!("{}Z", text.trim().replacen(' ', "T", 1));
    OffsetDateTime::parse(&zoned, &Rfc3339).is_ok()
}

/// No expiry in the reply.
fn silent(expires: Option<i64>) -> Finding {
    let remedy = "Add expiresInSeconds: the seconds that are left.";
    match expires {
        Some(_) => Check::DeclaredExpiry.warning(
            "none; only the token's own exp says when it ends",
            "fleet-token reads that. A client that does not look into the token cannot know, and Google's guide asks for it.",
            remedy,
        ),
        None => Check::DeclaredExpiry.error(
            "neither the reply nor the token says when it ends",
            "No client can keep such a token: each call is a fetch.",
            remedy,
        ),
    }
}

/// An expiry beside a token that cannot be read.
fn alone(end: i64, now: i64) -> Finding {
    let left = end - now;
    let remedy = "Check the backend's clock, and how long it keeps tokens itself.";
    if left <= 0 {
        return Check::DeclaredExpiry.error(
            format!("{}, which is over", unix(end)),
            "The token is expired on arrival, by the reply's own word.",
            remedy,
        );
    }
    Check::DeclaredExpiry.fine(format!("{}, in {}", unix(end), span(left)))
}

fn against(end: i64, exp: i64) -> Finding {
    let check = Check::DeclaredExpiry;
    match end - exp {
        late if late > ROUNDED => check.error(
            format!("{} later than the token's exp", span(late)),
            "Clients that believe the reply use a token that Fleet Engine refuses, for that long, every time.",
            "Answer the exp of the very token that is handed out. A fixed number beside a cached token does this.",
        ),
        late if late < -MAX_LIFETIME / 2 => check.warning(
            format!("{} before the token's exp", span(-late)),
            "Tokens are thrown away early, and fetched more often than needed.",
            "Answer the token's exp; clients have margins of their own.",
        ),
        late if late < -ROUNDED => check.fine(format!("{} before the token's exp, which is safe", span(-late))),
        _ => check.fine("agrees with the token's exp"),
    }
}

fn span(seconds: i64) -> String {
    rounded(Duration::from_secs(seconds.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::finding::Level::{Error, Fine, NotChecked, Warning};

    const NOW: i64 = 1_767_225_600;

    fn declared(unit: Unit, value: Value) -> Declared {
        Declared { field: "expires", unit, value }
    }

    #[test]
    fn each_wrong_unit_is_called_by_name() {
        let hour_ms = (NOW + 3600) * 1000;
        for (of, value, left, level, word) in [
            (Unit::Seconds, json!(3599), Some(3600), Fine, "seconds from now"),
            (Unit::Seconds, json!(300), Some(300), Fine, "seconds from now"),
            (Unit::Seconds, json!(3_600_000), Some(3600), Error, "milliseconds, where seconds"),
            (Unit::Seconds, json!(3_600_000), None, Error, "milliseconds, where seconds"),
            (Unit::Seconds, json!(hour_ms), Some(3600), Error, "a point in time in milliseconds"),
            (Unit::Seconds, json!(NOW + 3600), Some(3600), Error, "a point in time, where"),
            (Unit::Seconds, json!(86_400), Some(3600), Error, "1 d 0 h"),
            // What is wrong with that is the life itself.
            (Unit::Seconds, json!(86_400), Some(86_400), Fine, "seconds from now"),
            (Unit::Seconds, json!(60), Some(3600), Error, "minutes"),
            (Unit::Seconds, json!(3.6), Some(3600), Error, "seconds / 1000"),
            (Unit::Seconds, json!("3600"), Some(3600), Warning, "in quotes"),
            (Unit::Seconds, json!("soon"), Some(3600), Error, "is a text, and no time"),
            (Unit::Rfc3339, json!("2026-01-01T01:00:00"), Some(3600), Error, "without a time zone"),
            (Unit::Rfc3339, json!("2026-01-01 01:00:00"), None, Error, "without a time zone"),
            (Unit::Seconds, json!(null), Some(3600), NotChecked, "null"),
            (Unit::EpochMillis, json!(hour_ms), Some(3600), Fine, "milliseconds since"),
            (Unit::EpochMillis, json!(NOW + 3600), Some(3600), Error, "seconds, where milliseconds"),
            (Unit::EpochMillis, json!(3600), Some(3600), Error, "a point in time belongs"),
            (Unit::EpochMillis, json!("2026-01-01T01:00:00Z"), Some(3600), Warning, "a date in a text"),
            (Unit::Rfc3339, json!("2026-01-01T01:00:00Z"), Some(3600), Fine, "RFC 3339"),
            (Unit::Rfc3339, json!((NOW + 3600).to_string()), Some(3600), Warning, "a number"),
        ] {
            let found = unit(&declared(of, value.clone()), left);
            assert!(found.level == level && found.saw.contains(word), "{of:?} {value}: {found:?}");
        }
    }

    #[test]
    fn a_declared_end_is_held_against_the_token_s() {
        let exp = NOW + 3600;
        for (end, level) in [(exp, Fine), (exp + 1, Fine), (exp + 6, Error), (exp - 300, Fine), (exp - 2400, Warning)] {
            assert_eq!(against(end, exp).level, level, "{}", end - exp);
        }
        assert_eq!((silent(Some(exp)).level, silent(None).level), (Warning, Error));
        assert_eq!((alone(exp, NOW).level, alone(NOW, NOW).level), (Fine, Error));
    }

    #[test]
    fn every_unit_is_read_as_a_point_in_time() {
        let end = Some(NOW + 3600);
        assert_eq!(read(&declared(Unit::Seconds, json!(3600)), NOW), end);
        assert_eq!(read(&declared(Unit::EpochMillis, json!((NOW + 3600) * 1000 + 999)), NOW), end);
        assert_eq!(read(&declared(Unit::Rfc3339, json!("2026-01-01T01:00:00Z")), NOW), end);
        assert_eq!(read(&declared(Unit::Rfc3339, json!("soon")), NOW), None);
    }
}
