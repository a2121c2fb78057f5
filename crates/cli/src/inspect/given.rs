//! What was pasted, and the token in it: alone, as a header, in quotes, or in the whole reply of a backend, read as `doctor`
//! reads one.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::body::{Body, Shape, Token};
use crate::jwt::Jwt;

/// A text that reads as a JWT's, and where it was.
pub(super) struct Given {
    pub(super) token: Zeroizing<String>,
    pub(super) jwt: Jwt,
    pub(super) field: Option<Field>,
    /// What stood before or after it, and was cut off.
    pub(super) cut: Vec<&'static str>,
}

/// The field of a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    /// The reply's shape by letter and name; `None` for one that no client knows.
    pub(super) shape: Option<(&'static str, &'static str)>,
    /// Whether clients look for a token under this name.
    pub(super) is_known: bool,
}

/// Why there is no token, and what to do. Never repeats what was pasted.
pub(super) type Problem = (String, &'static str);

/// Finds the token.
pub(super) fn read(text: &str) -> Result<Given, Problem> {
    let (text, head) = without_head(text.trim().trim_start_matches('\u{feff}'));
    let mut given = if text.starts_with('{') {
        object(text)?
    } else if text.starts_with('[') {
        let value = serde_json::from_str(text).map_err(|_| torn())?;
        anywhere(&value).ok_or_else(|| no_token(&[]))?
    } else {
        alone(text)?
    };
    given.cut.extend(head.then_some("the reply's status and headers"));
    Ok(given)
}

/// The body of what curl -i prints.
fn without_head(text: &str) -> (&str, bool) {
    if !text.starts_with("HTTP/") {
        return (text, false);
    }
    let body = text.split_once("\r\n\r\n").or_else(|| text.split_once("\n\n"));
    body.map_or((text, false), |(_, body)| (body.trim(), true))
}

fn object(text: &str) -> Result<Given, Problem> {
    let Body::Json(fields) = Body::read(text.as_bytes(), None) else { return Err(torn()) };
    let name = fields.token_field.unwrap_or_default();
    match &fields.token {
        Token::Secret(secret) => {
            let shape = match fields.shape {
                Shape::Known(letter, name) => Some((letter, name)),
                Shape::Mixed | Shape::Unknown => None,
            };
            let mut given = alone(secret)?;
            given.field = Some(Field { name: name.to_owned(), shape, is_known: true });
            Ok(given)
        }
        Token::Null(_) => Err((
            format!("the reply's field {name} is null"),
            "By custom that says: Fleet Engine is switched off for this user. There is no token to look at.",
        )),
        Token::Malformed(_) => Err((
            format!("the reply's field {name} is empty, or no text"),
            "Some backends answer so when signing has failed: look into the backend's log.",
        )),
        Token::Missing => {
            let value = serde_json::from_str(text).map_err(|_| torn())?;
            anywhere(&value).ok_or_else(|| no_token(&fields.names))
        }
    }
}

fn torn() -> Problem {
    ("that begins like JSON, and is none".to_owned(), "Copy the whole reply, or the value of its token's field alone.")
}

fn no_token(names: &[String]) -> Problem {
    let shown: Vec<_> = names.iter().filter(|name| name.len() <= 32).take(8).map(|name| Jwt::brief(name)).collect();
    let there = if shown.is_empty() { "none that is known".to_owned() } else { shown.join(", ") };
    (
        format!("the reply holds no JWT; its fields: {there}"),
        "Is it the reply of the token's route, and a success? fleet-token doctor asks for one and looks.",
    )
}

/// The first text in a JSON document that is a JWT, under whatever name.
fn anywhere(value: &Value) -> Option<Given> {
    fn walk(value: &Value, path: &str) -> Option<(String, Given)> {
        let inner = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let within = |map: &Map<String, Value>| map.iter().find_map(|(name, value)| walk(value, &inner(name)));
        match value {
            Value::String(text) => alone(text).ok().map(|given| (path.to_owned(), given)),
            Value::Object(map) => within(map),
            Value::Array(all) => all.iter().enumerate().find_map(|(at, value)| walk(value, &inner(&at.to_string()))),
            _ => None,
        }
    }
    let (path, mut given) = walk(value, "")?;
    given.field = Some(Field { name: Jwt::brief(&path), shape: None, is_known: false });
    Some(given)
}

/// A token without what it is often copied with: white space, quotes, the header's name and scheme.
fn alone(text: &str) -> Result<Given, Problem> {
    let quotes: &[char] = &['"', '\'', '`', ',', ';'];
    let mut cut = Vec::new();
    let mut rest = text.trim();
    let unquoted = |rest: &mut &str, cut: &mut Vec<&'static str>| {
        let bare = rest.trim_matches(quotes).trim();
        if bare.len() < rest.len() && !cut.contains(&"quotes") {
            cut.push("quotes");
        }
        *rest = bare;
    };
    unquoted(&mut rest, &mut cut);
    if let Some((_, value)) = rest.split_once(':') {
        cut.push("the header's name");
        rest = value.trim();
        unquoted(&mut rest, &mut cut);
    }
    while let Some(token) = crate::jwt::without_scheme(rest) {
        cut.push(if cut.contains(&"Bearer") { "Bearer once more" } else { "Bearer" });
        rest = token;
        unquoted(&mut rest, &mut cut);
    }
    if rest.is_empty() {
        return Err(("there is no token".to_owned(), "Give it on standard input, or as the argument."));
    }
    // Terminals and mails break long lines; a token has no blanks.
    let whole: Zeroizing<String> = Zeroizing::new(rest.split_whitespace().collect());
    if whole.len() < rest.len() && Jwt::read(&whole).is_some() {
        cut.push("line breaks or blanks in its middle");
    }
    match Jwt::read(&whole) {
        Some(jwt) => Ok(Given { token: whole, jwt, field: None, cut }),
        None => Err(near_miss(&whole)),
    }
}

/// What was given instead of a token, as far as it can be told, and what to do.
fn near_miss(token: &str) -> Problem {
    if let Some(what) = crate::jwt::of_google(token) {
        return (
            format!("that is {what}, and no Fleet Engine JWT"),
            "A service account's opens all that its role does: it must not leave the server. Sign a JWT with an authorization \
             claim for each phone instead.",
        );
    }
    let (message, hint) = match token.split('.').count() {
        2 => ("only two of a JWT's three parts are there", "It was cut off, or it is unsigned: copy all of it."),
        3 => (
            "there are three parts, but the first two are not JSON objects in base64url",
            "Copy the token again: something was changed or lost on the way.",
        ),
        _ => (
            "that is no JWT",
            "A JWT has three parts with dots between: eyJ….eyJ….… Fleet Engine's are JWTs; an opaque token cannot be read.",
        ),
    };
    (message.to_owned(), hint)
}

#[cfg(test)]
mod tests {
    use fleet_token_backend::Shape as Reply;

    use super::*;

    // {"alg":"RS256"} and {"exp":1}, unsigned.
    const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.c2ln";

    fn cut(text: &str) -> Vec<&'static str> {
        let given = read(text).unwrap_or_else(|(message, _)| panic!("{message}: {text}"));
        assert_eq!(*given.token, TOKEN, "{text}");
        given.cut
    }

    #[test]
    fn what_a_token_was_copied_with_is_cut_off_and_said() {
        for (before, after, what) in [
            ("", "", &[][..]),
            (" ", "\n", &[]),
            ("\"", "\",", &["quotes"]),
            ("Bearer ", "", &["Bearer"]),
            ("bearer  ", "\n", &["Bearer"]),
            ("'Bearer ", "'", &["quotes", "Bearer"]),
            ("Bearer \"", "\"", &["quotes", "Bearer"]),
            ("Bearer Bearer ", "", &["Bearer", "Bearer once more"]),
            ("Authorization: Bearer ", "", &["the header's name", "Bearer"]),
            ("\"token\": \"", "\",", &["quotes", "the header's name"]),
        ] {
            assert_eq!(cut(&format!("{before}{TOKEN}{after}")), what, "{before:?} {after:?}");
        }
        let (one, other) = TOKEN.split_at(30);
        assert_eq!(cut(&format!("{one}\n{other}")), ["line breaks or blanks in its middle"]);
    }

    #[test]
    fn a_token_is_read_out_of_a_reply_of_every_shape() {
        let field = |json: &str| read(json).ok().and_then(|given| given.field).unwrap_or_else(|| panic!("{json}"));
        for (shape, name, json) in [
            (Reply::A, "jwt", r#"{"jwt":"T","expirationTimestamp":1}"#),
            (Reply::B, "token", r#"{"token":"T","expiration_timestamp_ms":1}"#),
            (Reply::C, "VehicleServiceToken", r#"{"VehicleServiceToken":"T","TokenExpiryMs":1}"#),
            (Reply::D, "ServiceToken", r#"{"ServiceToken":"T","TokenExpiryMs":1}"#),
            (Reply::E, "token", r#"{"token":"T","expiresInSeconds":1}"#),
            (Reply::F, "token", r#"{"token":"T","expiration":"2026-01-01T00:00:00Z"}"#),
            (Reply::G, "token", r#"{"token":"T"}"#),
            (Reply::H, "Token", r#"{"Token":"T","ExpiresInSeconds":1}"#),
            (Reply::OAuth, "access_token", r#"{"access_token":"T","expires_in":1}"#),
        ] {
            let found = field(&json.replace("\"T\"", &format!("\"{TOKEN}\"")));
            let letter = shape.to_string().replace("OAuth", "oauth");
            assert_eq!((found.name.as_str(), found.shape.map(|(letter, _)| letter)), (name, Some(letter.as_str())));
            assert!(found.is_known);
        }
        assert_eq!(Reply::ALL.len(), 9, "a shape without a row");
    }

    #[test]
    fn a_token_where_no_client_looks_is_found_and_its_place_named() {
        let name = |json: &str| {
            let field = read(&json.replace('T', TOKEN)).ok().and_then(|given| given.field).unwrap();
            (field.name, field.is_known)
        };
        assert_eq!(name(r#"{"data":{"tokens":["x","T"]}}"#), ("data.tokens.1".to_owned(), false));
        assert_eq!(name(r#"{"vehicle_token":"Bearer T"}"#), ("vehicle_token".to_owned(), false));
        assert_eq!(name(r#"[{"jwt":"T"}]"#), ("0.jwt".to_owned(), false));
    }

    #[test]
    fn what_curl_prints_with_the_head_is_read() {
        let text = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{{\"token\":\"Bearer {TOKEN}\"}}");
        assert_eq!(cut(&text), ["Bearer", "the reply's status and headers"]);
    }

    #[test]
    fn what_is_nearly_a_token_is_named_and_not_repeated() {
        for (text, message) in [
            ("{\"token\": \"SECRET-TOKEN-1\"}\n", "that is no JWT"),
            ("{\"token\": null}", "token is null"),
            ("{\"jwt\": \"\"}", "jwt is empty"),
            ("{\"error\": \"SECRET-TOKEN-1\"}", "its fields: error"),
            ("{\"token\": \"SECRET-TO", "begins like JSON"),
            (" [1]", "no JWT"),
            ("eyJh.eyJi", "two of a JWT's three parts"),
            ("a.b.c", "not JSON objects"),
            ("SECRET-TOKEN-1", "that is no JWT"),
            ("a.b.c.d.e", "that is no JWT"),
            ("ya29.SECRET-TOKEN-1", "an OAuth access token of Google's"),
            ("{\"access_token\": \"ya29.SECRET-TOKEN-1\", \"expires_in\": 3599}", "an OAuth access token of Google's"),
            ("1//SECRET-TOKEN-1", "an OAuth refresh token"),
            (" \n", "there is no token"),
            ("Bearer ", "no JWT"),
        ] {
            let Err((said, hint)) = read(text) else { panic!("{text}") };
            assert!(said.contains(message) && !format!("{said}{hint}").contains("SECRET-TO"), "{text}: {said}");
        }
    }
}
