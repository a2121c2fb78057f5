//! What HTTP says: whether replies came, with which status and headers, and how fast.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reply;
use crate::doctor::seen::{Anonymous, Exchange, Seen, Step};
use crate::finding::{Check, Finding};
use crate::jwt::Jwt;

/// A token is fetched while a driver's location waits for it.
const SLOW: Duration = Duration::from_secs(1);

pub(super) fn judge(seen: &Seen) -> Vec<Finding> {
    let checks = [
        Check::Reply,
        Check::Status,
        Check::Redirect,
        Check::ContentType,
        Check::CacheControl,
        Check::HeaderToken,
        Check::FirstByte,
    ];
    let replies = match &seen.replies {
        Step::Done(replies) => replies,
        Step::Failed(why) => {
            let mut findings = vec![Check::Reply.error(
                why.clone(),
                "This machine, or this command, is at fault rather than the backend.",
                "Run again with RUST_LOG=debug to see more.",
            )];
            findings.extend(checks[1..].iter().map(|check| check.wanting("no request was made")));
            return findings;
        }
        Step::Skipped(why) => return checks.map(|check| check.wanting(*why)).into(),
    };
    let others: Vec<_> = seen.others().collect();
    let mut findings = vec![reply::judge(replies, &others, seen.requests)];
    if replies.iter().all(|exchange| exchange.reply().is_none()) {
        findings.extend(checks[1..].iter().map(|check| check.wanting("no reply came")));
        return findings;
    }
    findings.extend([status(replies, matches!(seen.no_session, Anonymous::WasOne)), redirect(replies, seen)]);
    let none = "there was no success (2xx)";
    findings.push(worst(seen, content_type).unwrap_or_else(|| Check::ContentType.wanting(none)));
    findings.push(worst(seen, cache_control).unwrap_or_else(|| Check::CacheControl.wanting(none)));
    findings.extend([header_token(seen), first_byte(replies)]);
    findings
}

/// Of all successes: behind a load balancer not every reply is like the first.
fn worst(seen: &Seen, check: impl Fn(&Exchange) -> Finding) -> Option<Finding> {
    seen.successes().map(check).reduce(Finding::or_worse)
}

fn status(replies: &[Exchange], is_anonymous: bool) -> Finding {
    let check = Check::Status;
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for status in replies.iter().filter_map(Exchange::status) {
        *counts.entry(status).or_default() += 1;
    }
    let shown: Vec<_> = counts
        .iter()
        .map(|(status, count)| if counts.len() > 1 { format!("{status} ({count}×)") } else { status.to_string() })
        .collect();
    let shown = shown.join(", ");
    let Some(worst) = counts.keys().copied().filter(|status| !(200..300).contains(status)).max() else {
        return check.fine(shown);
    };
    let (means, remedy) = match (worst, is_anonymous) {
        (401, true) => (
            "The backend wants a login, and no --header was given.",
            "Send your app's login, as in --header 'Authorization: Bearer …'.",
        ),
        _ => words(worst),
    };
    if (300..400).contains(&worst) {
        return check.skipped(format!("{shown}, a redirect")).because(&[Check::Redirect]);
    }
    let shown = match replies.iter().find(|e| e.status() == Some(worst)).and_then(|e| e.header("retry-after")) {
        Some(after) => format!("{shown}, Retry-After: {}", Jwt::brief(after)),
        None => shown,
    };
    let is_success = |status: &u16| (200..300).contains(status);
    let failed: usize = counts.iter().filter(|(status, _)| !is_success(status)).map(|(_, count)| count).sum();
    if counts.keys().any(is_success) {
        return check.warning(
            format!("{failed} of {} requests failed: {shown}", replies.len()),
            &format!("Not every request is answered alike: a bad machine behind a load balancer, or a limit. {means}"),
            remedy,
        );
    }
    // A login that was given wrongly is the likelier reason than one that is not known.
    let may_be_login = [400, 401, 403].contains(&worst);
    check.error(shown, means, remedy).because(if may_be_login { &[Check::Login] } else { &[] })
}

fn words(status: u16) -> (&'static str, &'static str) {
    match status {
        401 => (
            "The backend does not know this login.",
            "Check that --header is the login that the backend expects, and still valid.",
        ),
        403 => (
            "The backend knows the login and does not give it this id.",
            "Check that this user may have a token for that id. Some backends also answer 403 to a bad login.",
        ),
        404 => ("There is no such route, or no such id.", "Check the path of --endpoint and the id."),
        405 => ("The route wants another method.", "Try with --post, or without it."),
        408 | 425 | 429 => (
            "The backend asks for fewer requests. fleet-token waits as Retry-After says, or backs off by itself.",
            "A token is asked for once an hour and id: let the limit allow that, also at the start of a shift.",
        ),
        502..=504 => (
            "The backend, or what stands before it, is overloaded or down. Fleet apps keep working until their token ends.",
            "Try again later; then look whether the backend runs, and what it waits for.",
        ),
        500..=599 => (
            "The backend failed. Often it may not sign: the service account needs the role Service Account Token Creator.",
            "Look into the backend's log. Fleet apps keep working until their token ends.",
        ),
        _ => ("The backend does not understand this request.", "Check --endpoint, --post and the id."),
    }
}

fn redirect(replies: &[Exchange], seen: &Seen) -> Finding {
    let check = Check::Redirect;
    let is_redirect = |e: &&Exchange| e.status().is_some_and(|status| (300..400).contains(&status));
    let Some(exchange) = replies.iter().find(is_redirect) else {
        let followed = replies.iter().find(|exchange| !exchange.hops.is_empty());
        return followed.map_or_else(
            || check.fine("none"),
            |_| {
                check.warning(
                    "to another path of the same server; followed, as fleet-token does",
                    "Each fetch takes two requests; some clients do not follow at all.",
                    "Give the final address as --endpoint. Often a slash at the end is what is missing.",
                )
            },
        );
    };
    let origin = exchange.header("location").map(|location| seen.address.origin_of(location));
    match origin {
        Some(Some(origin)) if origin != seen.address.origin() => check.error(
            format!("to another server: {}", Jwt::brief(&origin)),
            "A login must not follow to another server; fleet-token, and every careful client, stops here. Often it is a \
             login page: then the session is over.",
            "Give the final address as --endpoint, and let the backend answer 401 where it wants to say \"log in\".",
        ),
        Some(Some(_)) => check.error(
            "from path to path of the same server, without an end",
            "No client gets there: each stops after a few redirects.",
            "Look at the rules of the route and of the proxy before it: two of them undo each other.",
        ),
        _ => check.error(
            "without a Location that can be read",
            "No client knows where to go.",
            "Let the route answer 200 with the token, or 401 where it wants to say \"log in\".",
        ),
    }
}

fn content_type(good: &Exchange) -> Finding {
    let check = Check::ContentType;
    let remedy = "Answer with Content-Type: application/json.";
    match good.header("content-type") {
        None => check.warning("none", "Some clients read only what says that it is JSON.", remedy),
        Some(of) => {
            let essence = of.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let shown = Jwt::brief(&essence);
            if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
                check.fine(shown)
            } else if essence == "text/html" {
                check.error(
                    shown,
                    "That is a page for people: a captive portal, a login page, an error page, or the wrong route.",
                    "Check --endpoint and the network. Answer errors with their status, not with a page and 200.",
                )
            } else {
                check.warning(shown, "Some clients read only what says that it is JSON.", remedy)
            }
        }
    }
}

fn cache_control(good: &Exchange) -> Finding {
    let check = Check::CacheControl;
    let remedy = "Answer with Cache-Control: no-store (RFC 9111 §5.2.2.5).";
    let kept = "A cache on the way may keep the token and hand it to whoever asks next, with another login too.";
    if let Some(age) = good.header("age") {
        return check.error(format!("the reply came out of a cache: Age: {}", Jwt::brief(age)), kept, remedy);
    }
    let Some(control) = good.header("cache-control") else {
        return check.warning(
            "none",
            "Caches may then guess. Most keep nothing that was asked for with Authorization, and not every login is that.",
            remedy,
        );
    };
    let lower = control.to_ascii_lowercase();
    let has = |word: &str| lower.split(',').any(|part| part.trim().split('=').next() == Some(word));
    let shown = Jwt::brief(control);
    if has("no-store") {
        check.fine(shown)
    } else if has("public") || has("s-maxage") {
        check.error(shown, kept, remedy)
    } else if has("private") || has("no-cache") {
        check.warning(shown, "The phone's own HTTP cache may write the token to its disk.", remedy)
    } else {
        check.warning(shown, kept, remedy)
    }
}

/// A token where logs will hold it: in a header of a reply, above all in one that holds a URL.
fn header_token(seen: &Seen) -> Finding {
    let check = Check::HeaderToken;
    let token = seen.good().and_then(Exchange::token);
    for exchange in seen.exchanges() {
        let replies = exchange.hops.iter().chain(exchange.reply());
        for (name, value) in replies.flat_map(|reply| &reply.headers) {
            let Ok(value) = value.to_str() else { continue };
            let is_token = token.as_deref().is_some_and(|token| token.len() > 20 && value.contains(token));
            let lower = value.to_ascii_lowercase();
            let names_one = ["location", "content-location", "refresh", "link"].contains(&name.as_str())
                && ["token=", "jwt=", "session="].iter().any(|word| lower.contains(word));
            if is_token || names_one || value.contains("eyJ") && value.matches('.').count() >= 2 {
                return check.error(
                    format!("the header {name} holds a token"),
                    "Headers and URLs are logged by proxies, load balancers and debugging tools; bodies mostly are not.",
                    "Hand the token over in the body alone.",
                );
            }
        }
    }
    check.fine("no token in a header or a URL of the reply")
}

fn first_byte(replies: &[Exchange]) -> Finding {
    let check = Check::FirstByte;
    let answered = |all: &[Exchange]| -> Vec<Duration> {
        let mut times: Vec<_> = all.iter().filter(|e| e.reply().is_some()).map(|e| e.first_byte).collect();
        times.sort_unstable();
        times
    };
    let all = answered(replies);
    // The first one connects, too.
    let warm = answered(&replies[1.min(replies.len() - 1)..]);
    let warm = if warm.is_empty() { &all } else { &warm };
    let (Some(&median), Some(&worst)) = (warm.get(warm.len() / 2), all.last()) else {
        return check.wanting("no reply came");
    };
    let saw = format!("median {} ms, worst {} ms, of {}", median.as_millis(), worst.as_millis(), all.len());
    if median < SLOW {
        return check.fine(saw);
    }
    check.warning(
        saw,
        "Whoever has no token waits so long for it; Google's Driver SDK sends no location meanwhile.",
        "Sign locally with the key instead of asking a key server each time, and look at what else the route waits for.",
    )
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use fleet_token::{HttpResponse, TransportError};

    use super::*;
    use crate::finding::Level::{Error, Fine, Warning};

    fn exchange(status: u16, headers: &[(&'static str, &str)], body: &str) -> Exchange {
        let headers = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
        let outcome = Ok(HttpResponse::new(status, headers, body.as_bytes().to_vec()));
        Exchange { sent: SystemTime::UNIX_EPOCH, first_byte: Duration::from_millis(20), outcome, hops: Vec::new() }
    }

    fn broken(error: TransportError) -> Exchange {
        Exchange { outcome: Err(error), ..exchange(200, &[], "") }
    }

    #[test]
    fn a_token_must_not_be_cached_on_the_way() {
        for (control, level) in [
            ("no-store", Fine),
            ("no-cache, no-store", Fine),
            ("private, max-age=3600", Warning),
            ("max-age=60", Warning),
            ("public, max-age=60", Error),
            ("s-maxage=60", Error),
        ] {
            assert_eq!(cache_control(&exchange(200, &[("cache-control", control)], "")).level, level, "{control}");
        }
        assert_eq!(cache_control(&exchange(200, &[], "")).level, Warning);
        let aged = exchange(200, &[("cache-control", "no-store"), ("age", "7")], "");
        assert_eq!(cache_control(&aged).level, Error);
    }

    #[test]
    fn only_json_is_fine() {
        for (of, level) in [
            ("application/json", Fine),
            ("application/json; charset=utf-8", Fine),
            ("application/problem+json", Fine),
            ("text/plain", Warning),
            ("text/html; charset=utf-8", Error),
        ] {
            assert_eq!(content_type(&exchange(200, &[("content-type", of)], "")).level, level, "{of}");
        }
    }

    #[test]
    fn a_backend_that_fails_sometimes_is_a_warning_and_always_is_an_error() {
        let (good, bad) = (|| exchange(200, &[], ""), || exchange(503, &[], ""));
        assert_eq!(status(&[good(), good()], false).level, Fine);
        assert_eq!(status(&[good(), bad()], false).level, Warning);
        assert_eq!(status(&[bad(), bad()], false).level, Error);
        let lost = broken(TransportError::Interrupted);
        let replies = [good(), good(), bad(), lost];
        assert_eq!(status(&replies, false).saw, "1 of 4 requests failed: 200 (2×), 503 (1×)");
        for (worst, word) in [(401, "login"), (405, "--post"), (429, "limit"), (500, "log"), (418, "--endpoint")] {
            assert!(status(&[exchange(worst, &[], "")], false).remedy.contains(word), "{worst}");
        }
    }

    #[test]
    fn a_reply_takes_its_time() {
        let slow = |ms| Exchange { first_byte: Duration::from_millis(ms), ..exchange(200, &[], "") };
        assert_eq!(first_byte(&[slow(4000), slow(10), slow(20)]).level, Fine);
        assert_eq!(first_byte(&[slow(10), slow(1000), slow(2000)]).level, Warning);
        assert_eq!(first_byte(&[slow(1500)]).level, Warning);
    }
}
