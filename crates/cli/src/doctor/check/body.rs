//! The reply's body: is it JSON, is there a token, whose shape is it?

use crate::body::{Body, Fields, MAX_BODY, Shape, Token};
use crate::doctor::seen::Exchange;
use crate::finding::{Check, Finding};
use crate::jwt::Jwt;

pub(super) fn judge(reply: Option<&Exchange>) -> [Finding; 3] {
    let Some(body) = reply.and_then(Exchange::body) else {
        return [Check::Body, Check::Token, Check::Shape].map(|check| check.wanting("there was no success (2xx)"));
    };
    let remedy = "Answer with one JSON object, such as {\"token\": \"…\", \"expiresInSeconds\": 3600}.";
    let error = |saw: String, means: &str| {
        let none = |check: Check| check.wanting("the body is no JSON object");
        [Check::Body.error(saw, means, remedy), none(Check::Token), none(Check::Shape)]
    };
    match body {
        Body::Json(fields) => [Check::Body.fine("a JSON object"), token(&fields), shape(&fields)],
        Body::Empty => {
            error("empty, with a status that says success".to_owned(), "There is nothing to read a token from.")
        }
        Body::TooLong => error(
            format!("longer than {} KiB", MAX_BODY / 1024),
            "A token's reply has two or three. This is something else, and fleet-token does not read on.",
        ),
        Body::Html => {
            let [body, token, shape] = error(
                "an HTML page".to_owned(),
                "A captive portal, a login page or an error page answers instead of the backend, and with success.",
            );
            // A page that says that it is one is found by that already.
            [body.because(&[Check::ContentType]), token, shape]
        }
        Body::NotAnObject(what) => error(what.to_owned(), "Clients look for fields of an object."),
    }
}

fn token(fields: &Fields) -> Finding {
    let check = Check::Token;
    let names: Vec<_> = fields.names.iter().take(8).map(|name| field_name(name)).collect();
    let names = if names.is_empty() { "no field at all".to_owned() } else { names.join(", ") };
    match &fields.token {
        Token::Secret(token) if crate::jwt::without_scheme(token).is_some() => check.error(
            "begins with the word Bearer",
            "Apps put that word before the token themselves: Fleet Engine gets it twice and refuses the call.",
            "Answer with the token alone.",
        ),
        Token::Secret(_) => check.fine("there is one; it is not shown"),
        Token::Null(field) if !fields.has_error => check.warning(
            format!("{field} is null"),
            "By custom that says: Fleet Engine is switched off for this user. fleet-token reports Disabled and asks again later.",
            "If that is not what was meant, answer an error with its status.",
        ),
        Token::Missing | Token::Null(_) if fields.has_error => check.error(
            "none, and a field error, with a status that says success",
            "Clients that look at the status alone take this for a token.",
            "Answer errors with 4xx or 5xx.",
        ),
        Token::Null(_) | Token::Missing => check.error(
            format!("no field that is known to hold one; there is {names}"),
            "No client of Google's samples finds the token.",
            "Call the field token or jwt. fleet-token also reads a name of your own (ResponseFormat::Fields).",
        ),
        Token::Malformed(field) => check.error(
            format!("{field} is empty, or no text"),
            "Some backends answer so when signing has failed.",
            "Let a failure be a 5xx.",
        ),
    }
}

/// A name that is as long as a token may be one.
fn field_name(name: &str) -> String {
    if name.len() > 32 { "…".to_owned() } else { Jwt::brief(name) }
}

fn shape(fields: &Fields) -> Finding {
    let check = Check::Shape;
    match fields.shape {
        Shape::Known(letter, name) => check.fine(format!("{letter}: {name}")),
        Shape::Mixed => {
            let known = fields.expiry.as_ref().map_or("no expiry", |declared| declared.field);
            check.warning(
                format!("a token of one shape with {known} of another"),
                "fleet-token reads it; Google's sample clients look for one pair of names.",
                "Use the names of one shape: docs/doctor.md lists them.",
            )
        }
        Shape::Unknown => check.skipped("no field is known").because(&[Check::Token]),
    }
}

#[cfg(test)]
mod tests {
    use fleet_token::HttpResponse;

    use super::*;
    use crate::finding::Level::{Error, Fine};

    #[test]
    fn a_token_with_its_scheme_before_it_is_wrong() {
        for (text, level) in [("Bearer SECRET-TOKEN-1", Error), ("SECRET-TOKEN-1", Fine)] {
            let body = format!(r#"{{"token":"{text}"}}"#).into_bytes();
            let reply = Exchange {
                sent: std::time::SystemTime::UNIX_EPOCH,
                first_byte: std::time::Duration::ZERO,
                outcome: Ok(HttpResponse::new(200, fleet_token::http::HeaderMap::new(), body)),
                hops: Vec::new(),
            };
            let [_, token, _] = judge(Some(&reply));
            assert!(token.level == level && !token.saw.contains("SECRET-TOKEN"), "{token:?}");
        }
    }
}
