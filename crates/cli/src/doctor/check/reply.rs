//! Whether replies came at all: how many requests were lost, and how.

use std::fmt::Write as _;

use fleet_token::TransportError;

use crate::doctor::seen::Exchange;
use crate::finding::{Check, Finding};
use crate::jwt::Jwt;

/// How many requests got a whole reply: those for the token, and those for what nobody should get.
pub(super) fn judge(replies: &[Exchange], others: &[(Check, &Exchange)], wanted: usize) -> Finding {
    let check = Check::Reply;
    let all: Vec<&Exchange> = replies.iter().chain(others.iter().map(|(_, other)| *other)).collect();
    let failures: Vec<&TransportError> = all.iter().filter_map(|exchange| exchange.outcome.as_ref().err()).collect();
    let Some(first) = failures.first() else {
        return check.fine(format!("{} whole replies to {} requests", all.len(), all.len()));
    };
    // Each way to fail once, with its number where there are several.
    let mut ways: Vec<(Loss, usize)> = Vec::new();
    for loss in failures.iter().map(|error| Loss::of(error)) {
        match ways.iter_mut().find(|(known, _)| known.saw == loss.saw) {
            Some((_, count)) => *count += 1,
            None => ways.push((loss, 1)),
        }
    }
    let told = match ways.as_slice() {
        [(loss, _)] => loss.saw.clone(),
        ways => {
            let each: Vec<_> = ways.iter().map(|(loss, count)| format!("{count} {}", loss.saw)).collect();
            format!("were lost: {}", each.join(", "))
        }
    };
    let mut saw = format!("{} of {} requests {told}", failures.len(), all.len());
    let lost: Vec<_> =
        others.iter().filter(|(_, other)| other.reply().is_none()).map(|(check, _)| check.id()).collect();
    if !lost.is_empty() && replies.iter().all(|exchange| exchange.reply().is_some()) {
        let _ = write!(saw, " (that for {})", lost.join(" and "));
    }
    let spared = wanted.saturating_sub(replies.len());
    if spared > 0 {
        let _ = write!(saw, "; after two in a row {spared} more were not sent");
    }
    let Loss { means, remedy, .. } = Loss::of(first);
    if failures.len() == all.len() {
        return check.error(saw, means, remedy);
    }
    let sometimes =
        "It happens to some requests and not to others: one bad machine of several, or a limit, or the network.";
    check.warning(saw, &format!("{sometimes} {means}"), remedy)
}

/// A way in which no reply came.
struct Loss {
    saw: String,
    means: &'static str,
    remedy: &'static str,
}

impl Loss {
    fn of(error: &TransportError) -> Self {
        let (saw, means, remedy) = match error {
            TransportError::Timeout => (
                "got no whole reply in time".to_owned(),
                "Apps wait until their deadline, and a driver's location is not sent meanwhile.",
                "Find what the backend waits for: a database, a key server, a lock. --timeout allows more time here.",
            ),
            TransportError::Connect { detail } => (
                format!("found no connection: {}", Jwt::brief(detail)),
                "The backend, or what stands before it, refuses connections or cannot be reached.",
                "Is it running, and behind the right port?",
            ),
            TransportError::Tls { detail } => (
                format!("failed in TLS: {}", Jwt::brief(detail)),
                "Nothing was sent over these connections.",
                "See tls-trust; a proxy on the way may have a certificate of its own.",
            ),
            _ => (
                "broke off before the reply was whole".to_owned(),
                "Clients have half a token, or nothing, and must ask again.",
                "Look for a crash in the route, a proxy with a short time-out, or a wrong Content-Length.",
            ),
        };
        Self { saw, means, remedy }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use fleet_token::HttpResponse;

    use super::*;
    use crate::finding::Level::{Error, Warning};

    fn exchange(outcome: Result<(), TransportError>) -> Exchange {
        let outcome = outcome.map(|()| HttpResponse::new(200, fleet_token::http::HeaderMap::new(), Vec::new()));
        Exchange { sent: SystemTime::UNIX_EPOCH, first_byte: Duration::ZERO, outcome, hops: Vec::new() }
    }

    fn good() -> Exchange {
        exchange(Ok(()))
    }

    fn lost() -> Exchange {
        exchange(Err(TransportError::Interrupted))
    }

    fn late() -> Exchange {
        exchange(Err(TransportError::Timeout))
    }

    #[test]
    fn a_backend_that_loses_some_is_a_warning_and_one_that_loses_all_an_error() {
        assert_eq!(judge(&[good(), lost()], &[], 2).level, Warning);
        assert_eq!(judge(&[lost(), lost()], &[], 2).level, Error);
    }

    #[test]
    fn how_many_requests_were_lost_and_how_is_said() {
        let (other, gone) = (good(), late());
        let others = [(Check::UnknownId, &other), (Check::NoSession, &gone)];
        for (replies, others, wanted, saw) in [
            (vec![good(), good()], &others[..1], 2, "3 whole replies to 3 requests"),
            (
                vec![good(), lost(), good(), lost(), good()],
                &[],
                5,
                "2 of 5 requests broke off before the reply was whole",
            ),
            (
                vec![late(), good(), lost(), late()],
                &[],
                4,
                "3 of 4 requests were lost: 2 got no whole reply in time, 1 broke off before the reply was whole",
            ),
            (vec![good(), good()], &others, 2, "1 of 4 requests got no whole reply in time (that for no-session)"),
            (
                vec![late(), late()],
                &[],
                5,
                "2 of 2 requests got no whole reply in time; after two in a row 3 more were not sent",
            ),
        ] {
            assert_eq!(judge(&replies, others, wanted).saw, saw);
        }
    }
}
