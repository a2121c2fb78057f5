//! Clocks: this machine's, the backend's, and what else there is of witnesses: the token's issuer, the certificate, the
//! other replies.

use std::time::Duration;

use crate::claims::seconds;
use crate::doctor::seen::{Exchange, Seen};
use crate::finding::{Check, Finding};
use crate::jwt::Jwt;
use crate::when::{rounded, unix_secs};

/// `Date` has whole seconds, and clocks that are set over the network are not the same to the millisecond.
const NOTHING: i64 = 5;
/// What Fleet Engine forgives.
const MUCH: i64 = 600;

pub(super) fn judge(seen: &Seen) -> [Finding; 1] {
    let offs: Vec<Off<'_>> = seen.exchanges().iter().filter_map(Off::of).collect();
    let check = Check::ClockSkew;
    let Some(worst) = offs.iter().max_by_key(|off| off.ahead.abs()) else {
        return [if seen.exchanges().iter().any(|exchange| exchange.reply().is_some()) {
            check.warning(
                "no reply has a Date",
                "Apps on phones whose clock is wrong cannot tell how long a token lives.",
                "Send Date (RFC 9110 §6.6.1). Most servers do by themselves.",
            )
        } else {
            check.wanting("no reply came")
        }];
    };
    if worst.is_nothing() {
        return [check.fine("this machine and the backend agree")];
    }
    let certificate = seen.tls.done().and_then(|tls| tls.certificate.as_ref());
    let validity = certificate.map(|certificate| (certificate.not_before, certificate.not_after));
    let wrong = Wrong::of(worst, &offs, validity);
    let bad = offs.iter().filter(|off| !off.is_nothing()).count();
    let of = if bad < offs.len() { format!(" in {bad} of {} replies", offs.len()) } else { String::new() };
    let saw = format!(
        "this machine's clock is {} {} the backend's Date{of}; {}",
        rounded(Duration::from_secs(worst.ahead.unsigned_abs())),
        if worst.ahead > 0 { "ahead of" } else { "behind" },
        wrong.verdict()
    );
    let (means, remedy) = wrong.words();
    [if worst.ahead.abs() > MUCH { check.error(saw, means, remedy) } else { check.warning(saw, means, remedy) }]
}

/// One reply's `Date` beside this machine's clock.
struct Off<'a> {
    exchange: &'a Exchange,
    /// By how much this machine is ahead, in seconds.
    ahead: i64,
    /// The `Date`, in seconds since 1970.
    date: i64,
}

impl<'a> Off<'a> {
    fn of(exchange: &'a Exchange) -> Option<Self> {
        let date = unix_secs(exchange.date()?);
        Some(Self { exchange, ahead: apart(exchange, date), date })
    }

    const fn is_nothing(&self) -> bool {
        self.ahead.abs() <= NOTHING
    }
}

/// By how much this machine was ahead of a moment that lay between request and reply; nothing if it may have been then.
fn apart(exchange: &Exchange, moment: i64) -> i64 {
    let sent = unix_secs(exchange.sent);
    let came = unix_secs(exchange.sent + exchange.first_byte);
    if moment < sent { sent - moment } else { came.min(moment) - moment }
}

/// Which clock is wrong, and by which witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    /// The reply came out of a cache, as old as its `Age`.
    Cache,
    /// Other replies agree with this machine.
    SomeDates,
    /// The token was issued at this machine's now.
    DateByToken,
    /// By its `Date` the backend's own certificate is not valid.
    DateByCertificate,
    /// The replies contradict each other, and there is one clock here.
    DatesDiffer,
    /// The token was issued at the backend's now.
    MachineByToken,
    /// There is no witness.
    Either,
}

impl Wrong {
    fn of(worst: &Off<'_>, all: &[Off<'_>], validity: Option<(i64, i64)>) -> Self {
        let age = worst.exchange.header("age").and_then(|age| age.trim().parse::<i64>().ok());
        let issued = issued(worst.exchange);
        let (least, most) = (all.iter().map(|off| off.ahead).min(), all.iter().map(|off| off.ahead).max());
        let spread = most.unwrap_or_default() - least.unwrap_or_default();
        if age.is_some_and(|age| (age - worst.ahead).abs() <= NOTHING) {
            Self::Cache
        } else if all.iter().any(Off::is_nothing) {
            Self::SomeDates
        } else if issued.is_some_and(|iat| apart(worst.exchange, iat).abs() <= NOTHING) {
            Self::DateByToken
        } else if validity.is_some_and(|(from, until)| !(from..=until).contains(&worst.date)) {
            Self::DateByCertificate
        } else if spread > NOTHING {
            Self::DatesDiffer
        } else if issued.is_some_and(|iat| (iat - worst.date).abs() <= NOTHING) {
            Self::MachineByToken
        } else {
            Self::Either
        }
    }

    const fn verdict(self) -> &'static str {
        match self {
            Self::Cache => "its Age says why: a cache answered",
            Self::SomeDates | Self::DateByToken | Self::DateByCertificate | Self::DatesDiffer => "the Date is wrong",
            Self::MachineByToken => "this machine's clock is likely the wrong one",
            Self::Either => "which of the two is wrong cannot be told from here",
        }
    }

    /// What it means, and what to do.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Cache => (
                "A cache keeps Date as it was when the reply was made. Clients that measure a token's life from it are wrong \
                 by that age.",
                "Answer with Cache-Control: no-store, and let no cache keep this route.",
            ),
            Self::SomeDates => (
                "Other replies agree with this machine: of the machines behind this address one has a wrong clock. Apps \
                 measure a token's life from Date.",
                "Turn on network time (NTP) on each machine that answers; compare date -u on them.",
            ),
            Self::DateByToken => (
                "The token's iat agrees with this machine's clock: the Date is wrong, or something on the way writes it. \
                 Apps measure a token's life from it.",
                "Turn on network time (NTP) on the machine that writes Date: the backend's, or the proxy or balancer before it.",
            ),
            Self::DateByCertificate => (
                "By that Date the backend's own certificate is not valid, and by this machine's clock it is. Apps measure a \
                 token's life from Date.",
                "Turn on network time (NTP) on the machine that writes Date: the backend's, or the proxy or balancer before it.",
            ),
            Self::DatesDiffer => (
                "The replies contradict each other by more than the time between them, and there is one clock here. Apps \
                 measure a token's life from Date.",
                "Turn on network time (NTP) on each machine that answers; compare date -u on them.",
            ),
            Self::MachineByToken => (
                "The token's iat agrees with the backend's Date. Both may come from one machine, so it is likely and not \
                 certain. fleet-token allows for it; apps that compare exp with the device's clock keep tokens too long, or \
                 not at all.",
                "Turn on network time here: timedatectl set-ntp true on Linux, the settings of date and time elsewhere. If \
                 it is on (compare with https://time.is), the backend's clock is wrong: look there.",
            ),
            Self::Either => (
                "There is no third clock to ask: no token whose iat agrees with either, and no certificate that speaks \
                 against one. Apps that compare exp with the device's clock keep tokens too long, or not at all.",
                "Compare date -u here with https://time.is, and date -u on the backend; then turn on network time (NTP) \
                 where it is off.",
            ),
        }
    }
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

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use fleet_token::HttpResponse;

    use super::*;

    const NOW: u64 = 1_767_225_600;

    /// A reply to a request of `NOW`, which took so long, with a `Date` and an `iat` that are off by so much.
    fn reply(took: u64, date: i64, iat: Option<i64>, age: Option<&'static str>) -> Exchange {
        let at = |off: i64| NOW.checked_add_signed(off).unwrap();
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(at(date));
        let mut headers = fleet_token::http::HeaderMap::new();
        headers.insert("date", httpdate::fmt_http_date(date).parse().unwrap());
        if let Some(age) = age {
            headers.insert("age", age.parse().unwrap());
        }
        let claims = URL_SAFE_NO_PAD.encode(iat.map_or("{}".to_owned(), |iat| format!("{{\"iat\":{}}}", at(iat))));
        let body = format!("{{\"token\":\"eyJhbGciOiJSUzI1NiJ9.{claims}.x\"}}").into_bytes();
        Exchange {
            sent: SystemTime::UNIX_EPOCH + Duration::from_secs(NOW),
            first_byte: Duration::from_secs(took),
            outcome: Ok(HttpResponse::new(200, headers, body)),
            hops: Vec::new(),
        }
    }

    fn wrong(replies: &[Exchange], validity: Option<(i64, i64)>) -> Wrong {
        let offs: Vec<_> = replies.iter().filter_map(Off::of).collect();
        Wrong::of(offs.iter().max_by_key(|off| off.ahead.abs()).unwrap(), &offs, validity)
    }

    #[test]
    fn which_clock_is_wrong_is_told_where_there_is_a_witness() {
        let (now, year) = (NOW.cast_signed(), 365 * 86_400);
        let valid = Some((now - year, now + year));
        for (replies, validity, expected) in [
            (vec![reply(0, -300, Some(0), None)], None, Wrong::DateByToken),
            (vec![reply(0, -300, Some(-300), None)], valid, Wrong::MachineByToken),
            (vec![reply(0, -300, None, None)], valid, Wrong::Either),
            (vec![reply(0, -300, Some(-900), None)], None, Wrong::Either),
            (vec![reply(0, 2 * year, None, None)], valid, Wrong::DateByCertificate),
            (vec![reply(0, 0, None, None), reply(0, 300, None, None)], valid, Wrong::SomeDates),
            (vec![reply(0, 100, None, None), reply(0, 300, None, None)], valid, Wrong::DatesDiffer),
            (vec![reply(0, -300, Some(-300), Some("301"))], None, Wrong::Cache),
        ] {
            assert_eq!(wrong(&replies, validity), expected);
        }
    }

    #[test]
    fn a_slow_reply_is_no_wrong_clock() {
        let ahead = |took, date| Off::of(&reply(took, date, None, None)).unwrap().ahead;
        assert_eq!([ahead(20, 0), ahead(20, 20), ahead(20, 11)], [0, 0, 0]);
        assert_eq!([ahead(20, -7), ahead(20, 28), ahead(0, 9)], [7, -8, -9]);
    }
}
