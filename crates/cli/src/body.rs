//! A reply's body, read for what it is rather than for what can be made of it: which shape, which fields, which values. For
//! `doctor`, which asked for it, and for `inspect`, which was given it.

use std::fmt;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::jwt::Jwt;

/// The SDK's limit.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// What a body is.
#[derive(Debug)]
pub(crate) enum Body {
    Empty,
    TooLong,
    Html,
    /// No JSON, or JSON that is no object.
    NotAnObject(&'static str),
    Json(Fields),
}

/// The fields of a reply that matter.
#[derive(Debug)]
pub(crate) struct Fields {
    /// The name under which the shape is known.
    pub(crate) shape: Shape,
    pub(crate) token: Token,
    /// The name of the token's field.
    pub(crate) token_field: Option<&'static str>,
    /// The first field that says when the token ends.
    pub(crate) expiry: Option<Declared>,
    /// A field `error` that is not null.
    pub(crate) has_error: bool,
    /// Every field's name.
    pub(crate) names: Vec<String>,
}

/// The token's field.
pub(crate) enum Token {
    Missing,
    Null(&'static str),
    /// Empty, or no text.
    Malformed(&'static str),
    Secret(Zeroizing<String>),
}

impl Token {
    pub(crate) fn secret(&self) -> Option<&str> {
        match self {
            Self::Secret(secret) => Some(secret),
            _ => None,
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("Missing"),
            Self::Null(name) => write!(f, "Null({name})"),
            Self::Malformed(name) => write!(f, "Malformed({name})"),
            Self::Secret(_) => f.write_str("Secret(<redacted>)"),
        }
    }
}

/// When the token ends, in the reply's own words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Declared {
    pub(crate) field: &'static str,
    pub(crate) unit: Unit,
    pub(crate) value: Value,
}

/// What a field's name promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Milliseconds since 1970.
    EpochMillis,
    /// RFC 3339.
    Rfc3339,
    /// Seconds from now.
    Seconds,
}

/// The shapes of `crates/backend`, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Known(&'static str, &'static str),
    /// Fields of several.
    Mixed,
    /// No field that is known.
    Unknown,
}

const TOKENS: [&str; 6] = ["jwt", "token", "VehicleServiceToken", "ServiceToken", "Token", "access_token"];
const EXPIRIES: [(&str, Unit); 7] = [
    ("expirationTimestamp", Unit::EpochMillis),
    ("expiration_timestamp_ms", Unit::EpochMillis),
    ("TokenExpiryMs", Unit::EpochMillis),
    ("expiration", Unit::Rfc3339),
    ("expiresInSeconds", Unit::Seconds),
    ("ExpiresInSeconds", Unit::Seconds),
    ("expires_in", Unit::Seconds),
];

impl Shape {
    fn of(token: Option<&str>, expiry: Option<&str>) -> Self {
        let known = |letter, name| Self::Known(letter, name);
        match (token, expiry) {
            (Some("jwt"), Some("expirationTimestamp") | None) => known("A", "Google's on-demand stub provider"),
            (Some("token"), Some("expiration_timestamp_ms")) => known("B", "Google's last mile sample"),
            (Some("VehicleServiceToken"), Some("TokenExpiryMs") | None) => known("C", "the Driver SDK's guide"),
            (Some("ServiceToken"), Some("TokenExpiryMs") | None) => known("D", "the Consumer SDK's guide"),
            (Some("token"), Some("expiresInSeconds")) => known("E", "the JavaScript SDK's AuthToken"),
            (Some("token"), Some("expiration")) => known("F", "expiration in RFC 3339"),
            (Some("token"), None) => known("G", "a token and no expiry"),
            (Some("Token"), Some("ExpiresInSeconds") | None) => known("H", "the fleet tracking guide"),
            (Some("access_token"), Some("expires_in") | None) => known("oauth", "OAuth 2.0 (RFC 6749)"),
            (Some(_), _) => Self::Mixed,
            (None, _) => Self::Unknown,
        }
    }
}

impl Body {
    pub(crate) fn read(body: &[u8], content_type: Option<&str>) -> Self {
        let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
        if body.len() > MAX_BODY {
            return Self::TooLong;
        }
        if text.is_empty() {
            return Self::Empty;
        }
        let says_html = content_type.is_some_and(|of| of.trim_start().to_ascii_lowercase().starts_with("text/html"));
        if text[0] == b'<' || (says_html && text[0] != b'{') {
            return Self::Html;
        }
        match serde_json::from_slice(text) {
            Ok(Value::Object(map)) => Self::Json(Fields::of(&map)),
            Ok(Value::String(text)) if Jwt::read(&text).is_some() => {
                Self::NotAnObject("a JSON text: a token and nothing else")
            }
            Ok(Value::String(_)) => Self::NotAnObject("a JSON text"),
            Ok(_) => Self::NotAnObject("JSON, but no object"),
            Err(_) if std::str::from_utf8(text).is_ok_and(|text| Jwt::read(text).is_some()) => {
                Self::NotAnObject("no JSON: a token and nothing else")
            }
            Err(_) => Self::NotAnObject("no JSON"),
        }
    }
}

impl Fields {
    fn of(map: &Map<String, Value>) -> Self {
        let there = |name: &&str| map.contains_key(*name);
        // A null beside a real token, in another field, is not "switched off".
        let name = TOKENS.into_iter().filter(there).max_by_key(|name| !map[*name].is_null());
        let (expiry, unit) = EXPIRIES.into_iter().find(|(name, _)| there(name)).unzip();
        let token = match name.map(|name| (name, &map[name])) {
            None => Token::Missing,
            Some((name, Value::Null)) => Token::Null(name),
            Some((_, Value::String(text))) if !text.is_empty() => Token::Secret(Zeroizing::new(text.clone())),
            Some((name, _)) => Token::Malformed(name),
        };
        Self {
            shape: Shape::of(name, expiry),
            token_field: name,
            token,
            expiry: expiry.zip(unit).map(|(field, unit)| Declared { field, unit, value: map[field].clone() }),
            has_error: map.get("error").is_some_and(|error| !error.is_null()),
            names: map.keys().cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> Fields {
        match Body::read(json.as_bytes(), Some("application/json")) {
            Body::Json(fields) => fields,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_body_that_is_no_object_is_named() {
        let read = |text: &str, of: &str| Body::read(text.as_bytes(), Some(of));
        assert!(matches!(read(" \n", "application/json"), Body::Empty));
        assert!(matches!(read("<html>", "application/json"), Body::Html));
        assert!(matches!(read("Sign in", "text/html"), Body::Html));
        assert!(matches!(read("\"abc\"", "application/json"), Body::NotAnObject("a JSON text")));
        // {"alg":"RS256"} and {"exp":1}, unsigned.
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.x";
        let bare = "no JSON: a token and nothing else";
        assert!(matches!(read(jwt, "text/plain"), Body::NotAnObject(what) if what == bare));
        let quoted = "a JSON text: a token and nothing else";
        assert!(matches!(read(&format!("\"{jwt}\""), "application/json"), Body::NotAnObject(what) if what == quoted));
        assert!(matches!(read("[1]", "application/json"), Body::NotAnObject("JSON, but no object")));
        assert!(matches!(read("{\"token\":", "application/json"), Body::NotAnObject("no JSON")));
        assert!(matches!(read(&" ".repeat(MAX_BODY + 1), "application/json"), Body::TooLong));
    }

    #[test]
    fn a_null_beside_a_token_is_not_switched_off() {
        assert_eq!(fields(r#"{"jwt":null,"token":"SECRET-TOKEN-1"}"#).token.secret(), Some("SECRET-TOKEN-1"));
        assert!(matches!(fields(r#"{"token":null}"#).token, Token::Null("token")));
        assert!(matches!(fields(r#"{"token":""}"#).token, Token::Malformed("token")));
        assert!(matches!(fields(r#"{"x":1}"#).token, Token::Missing));
    }

    #[test]
    fn fields_of_two_shapes_are_mixed() {
        assert_eq!(fields(r#"{"jwt":"x","expires_in":3600}"#).shape, Shape::Mixed);
        assert_eq!(fields(r#"{"expires_in":3600}"#).shape, Shape::Unknown);
    }

    #[test]
    fn debug_of_a_body_shows_no_token() {
        let printed = format!("{:?}", fields(r#"{"token":"SECRET-TOKEN-1"}"#));
        assert!(printed.contains("redacted") && !printed.contains("SECRET-TOKEN"));
    }
}
