//! Who gets a token: what an id that nobody has, `*`, and a request without a login come to.

use crate::claims::Authorization;
use crate::doctor::seen::{Anonymous, Exchange, Seen, Step};
use crate::finding::{Check, Finding};
use crate::jwt::Jwt;

pub(super) fn judge(seen: &Seen) -> [Finding; 3] {
    // Where a token came for the id, a check that was left out has a reason of its own.
    let has_token = seen.good().is_some_and(|good| good.token().is_some());
    let own = |finding: Finding| if has_token && finding.saw != UNANSWERED { finding.because(&[]) } else { finding };
    [unknown_id(&seen.unknown_id), wildcard_id(&seen.wildcard_id), no_session(seen)].map(own)
}

/// A request that was lost, which is told with all that were.
const UNANSWERED: &str = "its request got no reply";

/// What a request that should have been refused was answered with.
enum Answer {
    Refused(u16),
    Token(String),
    /// A success without a token.
    Empty(u16),
    Redirect(u16),
    Failure(u16),
    None,
}

fn answer(exchange: &Exchange) -> Answer {
    // Where it leads to no token it was no answer for an app.
    if let Some(hop) = exchange.hops.first().filter(|_| exchange.token().is_none()) {
        return Answer::Redirect(hop.status);
    }
    match exchange.status() {
        None => Answer::None,
        Some(status @ 200..=299) => exchange.token().map_or(Answer::Empty(status), Answer::Token),
        Some(status @ 300..=399) => Answer::Redirect(status),
        Some(status @ 400..=499) => Answer::Refused(status),
        Some(status) => Answer::Failure(status),
    }
}

/// What all three have in common when there was no token and no plain refusal.
fn otherwise(check: Check, answer: &Answer, right: &str) -> Finding {
    match answer {
        Answer::Empty(status) => check.warning(
            format!("{status} without a token"),
            "Clients that look at the status alone take a refusal for a success.",
            right,
        ),
        Answer::Redirect(status) => check.warning(
            format!("a redirect ({status}), as to a login page"),
            "An app cannot log in on a page, and takes the redirect for a fault of the endpoint.",
            right,
        ),
        Answer::Failure(status) => check.warning(
            format!("{status}, as if the backend had failed"),
            "Clients try such an answer again and again; a refusal they would believe.",
            right,
        ),
        Answer::Refused(_) | Answer::Token(_) | Answer::None => check.skipped(UNANSWERED).because(&[Check::Reply]),
    }
}

fn unknown_id(step: &Step<Exchange>) -> Finding {
    let check = Check::UnknownId;
    let exchange = match step {
        Step::Done(exchange) => exchange,
        Step::Failed(why) => return check.wanting(why.clone()),
        Step::Skipped(why) => return check.wanting(*why),
    };
    match answer(exchange) {
        Answer::Refused(status) => check.fine(format!("refused with {status}")),
        Answer::Token(_) => check.warning(
            "a token, for an id that nobody has",
            "The backend does not ask whose id it is: with this login one can act as any vehicle, or follow any trip. Right \
             for an operator's login only.",
            "Compare the id with what the login may have, and answer 403 or 404.",
        ),
        other => otherwise(check, &other, "Answer 403 or 404."),
    }
}

fn wildcard_id(step: &Step<Exchange>) -> Finding {
    let check = Check::WildcardId;
    let exchange = match step {
        Step::Done(exchange) => exchange,
        Step::Failed(why) => return check.wanting(why.clone()),
        Step::Skipped(why) => return check.wanting(*why),
    };
    let remedy = "Refuse * as an id with 400. Google's on-demand sample does not.";
    match answer(exchange) {
        Answer::Refused(status) => check.fine(format!("refused with {status}")),
        Answer::Token(token) => {
            let jwt = Jwt::read(&token);
            let ids = jwt.as_ref().and_then(|jwt| Authorization::of(&jwt.claims));
            if ids.is_some_and(|ids| ids.is_wild()) {
                return check.error(
                    "a token for everything",
                    "Whoever asks for the id * gets every vehicle and every trip of the fleet.",
                    remedy,
                );
            }
            check.warning("a token", "* is no id, and some backends take it for all of them.", remedy)
        }
        other => otherwise(check, &other, remedy),
    }
}

fn no_session(seen: &Seen) -> Finding {
    let check = Check::NoSession;
    let open =
        "Anybody who knows or guesses an id gets a token for it. Google's sample backends are like that, and say so.";
    let remedy = "Ask for your app's own login at this route, and answer 401 without it.";
    let exchange = match &seen.no_session {
        Anonymous::WasOne if seen.good().is_some_and(|good| good.token().is_some()) => {
            return check.error("a token, though no login was sent (no --header was given)", open, remedy);
        }
        Anonymous::WasOne => {
            let refused =
                seen.exchanges().iter().filter_map(Exchange::status).find(|status| [401, 403].contains(status));
            return match refused {
                Some(status) => check.fine(format!("refused with {status}: no --header was given")),
                None => check.wanting("no --header was given, and no token came"),
            };
        }
        Anonymous::Skipped(why) => return check.wanting(*why),
        Anonymous::Asked(exchange) => exchange,
    };
    match answer(exchange) {
        Answer::Refused(status) => check.fine(format!("refused with {status}")),
        Answer::Token(_) => check.error("a token, also without the login", open, remedy),
        other => otherwise(check, &other, "Answer 401."),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use fleet_token::HttpResponse;

    use super::*;
    use crate::finding::Level::{self, Error, Fine, NotChecked, Warning};

    fn got(status: u16, body: &str) -> Step<Exchange> {
        let headers = fleet_token::http::HeaderMap::new();
        let outcome = Ok(HttpResponse::new(status, headers, body.as_bytes().to_vec()));
        Step::Done(Exchange { sent: SystemTime::UNIX_EPOCH, first_byte: Duration::ZERO, outcome, hops: Vec::new() })
    }

    #[test]
    fn what_should_be_refused_is() {
        let token = r#"{"token":"SECRET-TOKEN-1"}"#;
        for (status, body, level) in [
            (404, "", Fine),
            (403, "", Fine),
            (200, token, Warning),
            (200, "{}", Warning),
            (302, "", Warning),
            (500, "", Warning),
        ] {
            let levels: [Level; 2] = [unknown_id(&got(status, body)).level, wildcard_id(&got(status, body)).level];
            assert_eq!(levels, [level; 2], "{status} {body}");
        }
        assert_eq!(unknown_id(&Step::Skipped("x")).level, NotChecked);
    }

    #[test]
    fn a_token_for_everything_is_an_error() {
        // {"alg":"RS256"} and {"authorization":{"vehicleid":"*"}}, unsigned.
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJhdXRob3JpemF0aW9uIjp7InZlaGljbGVpZCI6IioifX0.x";
        assert_eq!(wildcard_id(&got(200, &format!(r#"{{"token":"{jwt}"}}"#))).level, Error);
    }
}
