//! Clocks: this machine's, the backend's, and the token's issuer as a witness.

use std::time::Duration;

use crate::claims::seconds;
use crate::doctor::seen::{Exchange, Seen};
use crate::finding::{Check, Finding};
use crate::jwt::Jwt;
use crate::when::{rounded, unix_secs};

/// `Date` has whole seconds, and replies take their time.
const NOTHING: i64 = 5;
/// What Fleet Engine forgives.
const MUCH: i64 = 600;

pub(super) fn judge(seen: &Seen) -> [Finding; 1] {
    let dated = seen.exchanges().iter().find_map(|exchange| Some((exchange, exchange.date()?)));
    let check = Check::ClockSkew;
    let Some((exchange, date)) = dated else {
        return [if seen.exchanges().iter().any(|exchange| exchange.reply().is_some()) {
            check.warning(
                "no reply has a Date",
                "Apps on phones whose clock is wrong cannot tell how long a token lives.",
                "Send Date (RFC 9110 §6.6.1). Most servers do by themselves.",
            )
        } else {
            check.skipped("no reply came")
        }];
    };
    let (device, server) = (unix_secs(exchange.sent), unix_secs(date));
    let ahead = device - server;
    if ahead.abs() <= NOTHING {
        return [check.fine("this machine and the backend agree")];
    }
    let saw = format!(
        "this machine's clock is {} {} the backend's Date",
        rounded(Duration::from_secs(ahead.unsigned_abs())),
        if ahead > 0 { "ahead of" } else { "behind" }
    );
    let means = match issued(exchange) {
        Some(iat) if (iat - device).abs() <= NOTHING => {
            "The token's iat agrees with this machine: the Date is wrong, or a cache on the way answered. Apps measure a \
             token's life from it."
        }
        Some(iat) if (iat - server).abs() <= NOTHING => {
            "The token's iat agrees with the backend: this machine's clock is wrong. fleet-token allows for that; apps \
             that compare exp with the device's clock do not."
        }
        _ => {
            "One of the two is wrong. Apps that compare exp with the device's clock keep tokens too long, or not at all."
        }
    };
    let remedy = "Turn on network time (NTP) on whichever is wrong.";
    [if ahead.abs() > MUCH { check.error(saw, means, remedy) } else { check.warning(saw, means, remedy) }]
}

fn issued(exchange: &Exchange) -> Option<i64> {
    seconds(&Jwt::read(&exchange.token()?)?.claims, "iat")
}

/// What the time was at the backend when it answered, in seconds since 1970: its `Date`; but where this machine disagrees
/// and the token was issued at this machine's now, the `Date` is the one that is wrong.
pub(super) fn server_now(exchange: &Exchange) -> i64 {
    let device = unix_secs(exchange.sent);
    let Some(server) = exchange.date().map(unix_secs) else { return device };
    match issued(exchange) {
        Some(iat) if (iat - device).abs() < (iat - server).abs() => device,
        _ => server,
    }
}
