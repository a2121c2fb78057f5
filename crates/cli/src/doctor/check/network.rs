//! Name, connection, certificate.

use crate::clock;
use crate::doctor::seen::{Certificate, Handshake, Seen, Step, TlsFailure};
use crate::finding::{Check, Finding};
use crate::jwt::Jwt;
use crate::when::{unix, unix_secs};

/// A certificate that ends sooner is worth a word.
const DAYS: i64 = 14;
const DAY: i64 = 24 * 60 * 60;

pub(super) fn judge(seen: &Seen) -> Vec<Finding> {
    let mut findings = vec![dns(seen), tcp(seen)];
    let checks = [Check::TlsTrust, Check::TlsHost, Check::TlsDays];
    findings.extend(match &seen.tls {
        Step::Done(handshake) => tls(handshake, &seen.address.host, unix_secs(clock::wall())),
        Step::Failed(why) => checks.map(|check| check.skipped(why)),
        Step::Skipped(why) if seen.address.is_https => checks.map(|check| check.wanting(*why)),
        Step::Skipped(why) => checks.map(|check| check.skipped(*why)),
    });
    findings
}

fn dns(seen: &Seen) -> Finding {
    let host = Jwt::brief(&seen.address.host);
    match &seen.dns {
        Step::Skipped(why) => Check::Dns.wanting(*why),
        Step::Failed(why) => Check::Dns.error(
            format!("{host} was not found: {}", Jwt::brief(why)),
            "Nothing can be reached under this name from here.",
            "Look for a typing error, a VPN that is off, or a name that only resolves inside the company.",
        ),
        Step::Done(addresses) if addresses.iter().any(|address| address.ip().to_string() == host) => {
            Check::Dns.fine(format!("{host}, an address already"))
        }
        Step::Done(addresses) => {
            let shown: Vec<_> = addresses.iter().take(3).map(|address| address.ip().to_string()).collect();
            let more = if addresses.len() > 3 { format!(" and {} more", addresses.len() - 3) } else { String::new() };
            Check::Dns.fine(format!("{host} is {}{more}", shown.join(", ")))
        }
    }
}

fn tcp(seen: &Seen) -> Finding {
    match &seen.tcp {
        Step::Skipped(why) => Check::Tcp.wanting(*why),
        Step::Failed(why) => Check::Tcp.error(
            Jwt::brief(why),
            "The name is right, and nobody answers there.",
            "Is the backend running, is the port right, does a firewall stand between?",
        ),
        Step::Done(connected) if !connected.dead.is_empty() && !seen.address.is_this_machine => Check::Tcp.warning(
            format!("{} answered, {} before it did not", connected.to, connected.dead.len()),
            "Clients that try that address first wait for it, each time they connect.",
            "Take the address that does not answer out of DNS (often an AAAA record).",
        ),
        Step::Done(connected) => {
            Check::Tcp.fine(format!("{} answered within {} ms", connected.to, connected.took.as_millis().max(1)))
        }
    }
}

fn tls(handshake: &Handshake, host: &str, now: i64) -> [Finding; 3] {
    let certificate = handshake.certificate.as_ref();
    [trust(handshake), name(handshake, host), days(certificate, now)]
}

fn trust(handshake: &Handshake) -> Finding {
    let check = Check::TlsTrust;
    let sent = "Nothing was sent over this connection: apps refuse it too.";
    match (&handshake.error, &handshake.certificate) {
        (None, Some(certificate)) => check.fine(format!(
            "{}, by {}",
            handshake.version.unwrap_or("TLS"),
            Jwt::brief(&certificate.issuer)
        )),
        (None, None) => check.fine(handshake.version.unwrap_or("TLS")),
        (Some(TlsFailure::OtherHost), _) => check.skipped("the name is wrong already").because(&[Check::TlsHost]),
        (Some(TlsFailure::Dates), _) => check.skipped("the dates are wrong already").because(&[Check::TlsDays]),
        (Some(TlsFailure::NotTls), _) => check.error(
            "the server does not speak TLS on this port",
            "It is an http endpoint, or another service.",
            "Use the port that has https. On this machine http is allowed: write http://.",
        ),
        (Some(TlsFailure::UnknownIssuer), Some(certificate)) if certificate.is_self_signed => check.error(
            "the certificate is signed by itself",
            sent,
            "Get one from an authority that phones trust, such as Let's Encrypt. An authority of the company's own has to \
             be installed on each device.",
        ),
        (Some(TlsFailure::UnknownIssuer), Some(certificate)) if certificate.chain == 1 => check.error(
            format!("issued by {}, whom this machine does not know", Jwt::brief(&certificate.issuer)),
            "The server sent its own certificate alone. Browsers fetch a missing intermediate; phones and libraries do not.",
            "Send the whole chain (fullchain.pem, not cert.pem). If the authority is the company's own, install it here.",
        ),
        (Some(TlsFailure::UnknownIssuer), certificate) => check.error(
            format!(
                "issued by {}, whom this machine does not trust",
                certificate.as_ref().map_or_else(|| "somebody".to_owned(), |c| Jwt::brief(&c.issuer))
            ),
            sent,
            "Get a certificate from a public authority, or install the company's own on each device.",
        ),
        (Some(TlsFailure::Certificate(why)), _) => check.error(
            *why,
            sent,
            "Get a server's certificate from a public authority, such as Let's Encrypt.",
        ),
        (Some(TlsFailure::Other(why)), _) => check.error(
            Jwt::brief(why),
            "The TLS handshake failed; nothing was sent.",
            "Look at the server's TLS settings: it must offer TLS 1.2 or 1.3, and a certificate that is meant for servers.",
        ),
    }
}

fn name(handshake: &Handshake, host: &str) -> Finding {
    let check = Check::TlsHost;
    let shown = Jwt::brief(host);
    let refused =
        "Clients cannot tell this server from one that somebody put in its place, and refuse it. Nothing was sent.";
    let Some(certificate) = &handshake.certificate else {
        return if handshake.error.is_none() {
            check.fine(format!("the certificate is for {shown}"))
        } else {
            check.skipped("the server showed no certificate").because(&[Check::TlsTrust])
        };
    };
    // Where another fault came first, the names were not compared yet.
    let fits = match &handshake.error {
        None => true,
        Some(TlsFailure::OtherHost) => false,
        Some(_) => certificate.names.iter().any(|name| covers(name, host)),
    };
    if fits {
        return check.fine(format!("the certificate is for {shown}"));
    }
    if certificate.names.is_empty() {
        return check.error(
            format!("the certificate names no host, and so not {shown}"),
            "A name in CN alone is not looked at any more: names stand in subjectAltName. Clients refuse it; nothing was sent.",
            "Get one with this name in subjectAltName (openssl: -addext subjectAltName=DNS:…).",
        );
    }
    check.error(
        format!("the certificate is for {}, not for {shown}", Jwt::brief(&certificate.names.join(", "))),
        refused,
        "Call the backend by a name that is in the certificate, or get one that has this name.",
    )
}

/// Whether a certificate's name stands for a host (RFC 9525 §6.3): the same, or with * for its first label.
fn covers(name: &str, host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let below = |name: &str| host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(name));
    name.eq_ignore_ascii_case(host) || name.strip_prefix("*.").is_some_and(below)
}

fn days(certificate: Option<&Certificate>, now: i64) -> Finding {
    let check = Check::TlsDays;
    let Some(certificate) = certificate else {
        return check.skipped("the server showed no certificate").because(&[Check::TlsTrust]);
    };
    let refused = "Every client refuses it. Nothing was sent.";
    let left = (certificate.not_after - now).div_euclid(DAY);
    if certificate.not_after <= now {
        let saw = format!("expired on {}", unix(certificate.not_after));
        return check.error(saw, refused, "Renew the certificate, and let a job do so from now on.");
    }
    if certificate.not_before > now {
        let saw = format!("not valid before {}", unix(certificate.not_before));
        return check.error(saw, refused, "Is this machine's clock right? Otherwise wait, or issue it anew.");
    }
    if left < DAYS {
        return check.warning(
            format!("{left} days left, until {}", unix(certificate.not_after)),
            "Then every app stops at once.",
            "Renew it now; a job that does so has not run, or begins late.",
        );
    }
    check.fine(format!("{left} days left"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Level::{self, Error, Fine, NotChecked, Warning};

    const NOW: i64 = 1_767_225_600;

    fn levels(error: Option<TlsFailure>, change: impl FnOnce(&mut Certificate)) -> [Level; 3] {
        let mut certificate = Certificate {
            names: vec!["b.example".to_owned()],
            not_before: NOW - 1,
            not_after: NOW + 90 * DAY,
            chain: 2,
            ..Certificate::default()
        };
        change(&mut certificate);
        let handshake = Handshake { error, version: Some("TLS 1.3"), certificate: Some(certificate) };
        tls(&handshake, "b.example", NOW).map(|finding| finding.level)
    }

    #[test]
    fn a_certificate_is_judged_by_issuer_name_and_days() {
        assert_eq!(levels(None, |_| {}), [Fine, Fine, Fine]);
        assert_eq!(levels(None, |c| c.not_after = NOW + 13 * DAY), [Fine, Fine, Warning]);
        assert_eq!(levels(Some(TlsFailure::Dates), |c| c.not_after = NOW), [NotChecked, Fine, Error]);
        assert_eq!(levels(Some(TlsFailure::Dates), |c| c.not_before = NOW + 1), [NotChecked, Fine, Error]);
        assert_eq!(levels(Some(TlsFailure::OtherHost), |_| {}), [NotChecked, Error, Fine]);
        assert_eq!(levels(Some(TlsFailure::UnknownIssuer), |_| {}), [Error, Fine, Fine]);
        assert_eq!(levels(Some(TlsFailure::UnknownIssuer), |c| c.names.clear()), [Error, Error, Fine]);
        assert_eq!(
            levels(Some(TlsFailure::Certificate("x")), |c| c.names = vec!["x".to_owned()]),
            [Error, Error, Fine]
        );
        assert_eq!(levels(Some(TlsFailure::NotTls), |_| {})[0], Error);
    }

    #[test]
    fn a_name_covers_itself_and_one_label() {
        let covered = |name| [covers(name, "api.b.example"), covers(name, "b.example")];
        assert_eq!(covered("API.b.example"), [true, false]);
        assert_eq!(covered("*.b.example"), [true, false]);
        assert_eq!(covered("*.example"), [false, true]);
        assert!(covers("127.0.0.1", "127.0.0.1") && covers("::1", "[::1]"));
    }

    #[test]
    fn why_an_issuer_is_unknown_is_told_apart() {
        let saw = |change: fn(&mut Certificate)| {
            let mut certificate = Certificate { chain: 2, issuer: "CN=x".to_owned(), ..Certificate::default() };
            change(&mut certificate);
            let error = Some(TlsFailure::UnknownIssuer);
            trust(&Handshake { error, version: None, certificate: Some(certificate) }).remedy
        };
        assert!(saw(|c| c.is_self_signed = true).contains("Let's Encrypt"));
        assert!(saw(|c| c.chain = 1).contains("fullchain"));
        assert!(saw(|_| {}).contains("public authority"));
    }
}
