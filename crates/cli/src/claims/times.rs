//! When it was issued and when it ends: `iat`, `exp`, and the hour that Fleet Engine allows.

use std::time::Duration;

use serde_json::Value;

use crate::finding::{Check, Finding};
use crate::when::{rounded, unix};

/// What a token may live, in seconds ("the request fails if the timestamp is more than 1 hour in the future").
pub(crate) const MAX_LIFETIME: i64 = 3600;
/// By how much clocks may differ, in seconds ("allow 10 minutes of skew").
pub(crate) const SKEW: i64 = 600;
/// What Google's iOS SDKs ask of a token ("a minimum lifetime of 5 minutes to allow for requests to complete").
const SHORT: i64 = 300;
/// Above this a number is milliseconds: 10¹¹ s is the year 5138.
const MILLISECONDS: f64 = 1e11;

/// A claim that is a time, in seconds since 1970.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked first")]
pub(crate) fn seconds(claims: &Value, name: &str) -> Option<i64> {
    let number = claims.get(name)?.as_f64()?;
    let seconds = if number > MILLISECONDS { number / 1000.0 } else { number };
    (0.0..1e11).contains(&seconds).then_some(seconds as i64)
}

pub(super) fn judge(claims: &Value, now: i64) -> Vec<Finding> {
    vec![issued_at(claims, now), expires_at(claims, now), lifetime(claims, now)]
}

/// What is wrong with the way a time is written, if anything.
fn miswritten(check: Check, claims: &Value, name: &str) -> Option<Finding> {
    let remedy = "Write whole seconds since 1970 (RFC 7519, NumericDate), as a number.";
    let refused = "Fleet Engine does not read the token's times and refuses it.";
    match claims.get(name) {
        None => Some(check.error(format!("{name} is missing"), "Fleet Engine refuses a token without it.", remedy)),
        Some(Value::Number(number)) if number.as_f64().is_some_and(|n| n > MILLISECONDS) => {
            Some(check.error(format!("{name} is {number}: milliseconds, where JWTs have seconds"), refused, remedy))
        }
        Some(Value::Number(_)) if seconds(claims, name).is_some() => None,
        Some(_) => Some(check.error(format!("{name} is no point in time"), refused, remedy)),
    }
}

fn issued_at(claims: &Value, now: i64) -> Finding {
    let check = Check::IssuedAt;
    if let Some(finding) = miswritten(check, claims, "iat") {
        return finding;
    }
    let iat = seconds(claims, "iat").unwrap_or(now);
    let clock = "Mend the clock of the machine that signs (NTP), or the way it computes iat.";
    match now - iat {
        ahead if ahead < -SKEW => check.error(
            format!("{}, which is {} ahead", unix(iat), span(-ahead)),
            "Fleet Engine allows ten minutes of skew and refuses tokens from further in the future.",
            clock,
        ),
        ahead if ahead < -5 => check.warning(
            format!("{}, which is {} ahead", unix(iat), span(-ahead)),
            "The machine that signs and this one disagree. Fleet Engine forgives ten minutes.",
            clock,
        ),
        // Of one that has expired, that is what there is to say.
        old if old > MAX_LIFETIME + SKEW && seconds(claims, "exp").is_none_or(|exp| exp > now) => check.error(
            format!("{}, {} ago", unix(iat), span(old)),
            "Fleet Engine may refuse tokens that were issued longer ago than any may live.",
            "Sign a new token; if this one came out of a cache, let that forget earlier.",
        ),
        old => check.fine(format!("{}, {} ago", unix(iat), span(old.max(0)))),
    }
}

fn expires_at(claims: &Value, now: i64) -> Finding {
    let check = Check::ExpiresAt;
    if let Some(finding) = miswritten(check, claims, "exp") {
        return finding;
    }
    let exp = seconds(claims, "exp").unwrap_or(now);
    if exp > now {
        return check.fine(format!("{}, in {}", unix(exp), span(exp - now)));
    }
    check.error(
        format!("{}: expired {} ago", unix(exp), span(now - exp)),
        "Fleet Engine answers UNAUTHENTICATED to every call with it.",
        "Get a new one. If a backend just handed it out: its clock is wrong, or its own cache keeps tokens too long.",
    )
}

fn lifetime(claims: &Value, now: i64) -> Finding {
    let check = Check::Lifetime;
    let (Some(iat), Some(exp)) = (seconds(claims, "iat"), seconds(claims, "exp")) else {
        return check.skipped("iat or exp cannot be read").because(&[Check::IssuedAt, Check::ExpiresAt]);
    };
    if ["iat", "exp"].iter().any(|name| miswritten(check, claims, name).is_some()) {
        return check.skipped("iat or exp is no number of seconds").because(&[Check::IssuedAt, Check::ExpiresAt]);
    }
    let (left, whole) = (exp - now, exp - iat);
    let remedy = "Set exp to at most an hour after now, in seconds: iat + 3600.";
    if left > MAX_LIFETIME + SKEW || whole > MAX_LIFETIME + SKEW {
        let which = if whole > MAX_LIFETIME + SKEW { whole } else { left };
        return check.error(
            format!("{}, more than Fleet Engine allows", span(which)),
            "Fleet Engine refuses a token whose exp is more than an hour ahead; only ten minutes of skew are forgiven.",
            remedy,
        );
    }
    if whole > MAX_LIFETIME || left > MAX_LIFETIME + 5 {
        return check.warning(
            format!("{}, more than the hour that Fleet Engine allows", span(whole.max(left))),
            "It passes for as long as the ten minutes that are meant for clock skew are not needed for clock skew.",
            remedy,
        );
    }
    if left <= 0 {
        return check.skipped("none is left").because(&[Check::ExpiresAt]);
    }
    if left < SHORT {
        return check.warning(
            format!("{} left of {}", span(left), span(whole)),
            "Google's SDKs want at least five minutes. Clients will ask again at once, and again.",
            "Let the backend mint a new token, or let its cache hand out none with less than ten minutes left.",
        );
    }
    check.fine(format!("{} left of {}", span(left), span(whole)))
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

    #[test]
    fn each_time_is_judged_on_its_own() {
        for (iat, exp, levels) in [
            (-1, 3599, [Fine, Fine, Fine]),
            (-300, 3300, [Fine, Fine, Fine]),
            (-3300, 300, [Fine, Fine, Fine]),
            (-3400, 200, [Fine, Fine, Warning]),
            (-3700, -100, [Fine, Error, NotChecked]),
            (0, 3900, [Fine, Fine, Warning]),
            (0, 4300, [Fine, Fine, Error]),
            (60, 3660, [Warning, Fine, Warning]),
            (700, 4300, [Error, Fine, Error]),
            (-7200, -3600, [Fine, Error, NotChecked]),
            (-7200, 60, [Error, Fine, Error]),
        ] {
            let found = judge(&json!({ "iat": NOW + iat, "exp": NOW + exp }), NOW);
            let found: Vec<_> = found.iter().map(|finding| finding.level).collect();
            assert_eq!(found, levels, "iat {iat}, exp {exp}");
        }
    }

    #[test]
    fn milliseconds_and_texts_are_no_times() {
        let found = judge(&json!({ "iat": NOW * 1000, "exp": "soon" }), NOW);
        assert!(found[0].level == Error && found[0].saw.contains("milliseconds"), "{found:?}");
        assert_eq!((found[1].level, found[2].level), (Error, NotChecked));
        let found = judge(&json!({ "iat": NOW * 1000, "exp": (NOW + 3600) * 1000 }), NOW);
        assert_eq!(found[2].level, NotChecked, "nothing is fine about a token that is refused: {found:?}");
        assert!(judge(&json!({}), NOW).iter().take(2).all(|finding| finding.level == Error));
    }
}
