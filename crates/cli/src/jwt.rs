//! A token's header and claims for people to read. Display only: nothing is verified and nothing depends on it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// What a JWT says of itself.
#[derive(Debug, PartialEq)]
pub(crate) struct Jwt {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

impl Jwt {
    /// Reads a token; `None` for an opaque one.
    pub(crate) fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(_signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let object = |part: &str| {
            let json = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
            serde_json::from_slice::<Value>(&json).ok().filter(Value::is_object)
        };
        Some(Self { header: object(header)?, claims: object(claims)? })
    }

    /// A claim in one line: a string without its quotes, anything else as JSON.
    pub(crate) fn line(value: &Value) -> String {
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// What somebody else wrote, made fit for a terminal: no control characters.
    pub(crate) fn legible(text: &str) -> String {
        text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    }

    /// The same of what may have any length, within a finding: beyond reason it says how much more there is.
    pub(crate) fn brief(text: &str) -> String {
        const LONGEST: usize = 600;
        let shown: String = Self::legible(text).chars().take(LONGEST).collect();
        match text.chars().count().saturating_sub(LONGEST) {
            0 => shown,
            more => format!("{shown}… ({more} more characters)"),
        }
    }
}

/// What an opaque token is, as far as its beginning tells: Google's begin with these.
pub(crate) fn of_google(token: &str) -> Option<&'static str> {
    match token {
        _ if token.starts_with("ya29.") => Some("an OAuth access token of Google's"),
        _ if token.starts_with("1//") => Some("an OAuth refresh token of Google's"),
        _ if token.starts_with("AIza") => Some("an API key of Google's"),
        _ => None,
    }
}

/// A token without the word Bearer before it; `None` if that does not stand there.
pub(crate) fn without_scheme(token: &str) -> Option<&str> {
    let (scheme, rest) = token.trim_start().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn part(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    #[test]
    fn header_and_claims_are_read() {
        let (header, claims) = (json!({"alg": "RS256", "kid": "k"}), json!({"authorization": {"tripid": "t"}}));
        let token = format!("{}.{}.sig", part(&header), part(&claims));
        assert_eq!(Jwt::read(&token), Some(Jwt { header, claims }));
    }

    #[test]
    fn the_scheme_before_a_token_is_seen() {
        assert_eq!(without_scheme("Bearer a.b.c"), Some("a.b.c"));
        assert_eq!(without_scheme("bearer  a.b.c "), Some("a.b.c"));
        assert_eq!((without_scheme("a.b.c"), without_scheme("Bearer"), without_scheme("Basic x")), (None, None, None));
    }

    #[test]
    fn nothing_that_steers_a_terminal_is_shown() {
        assert_eq!(Jwt::brief("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
        assert_eq!(Jwt::brief(&"x".repeat(600)), "x".repeat(600));
        assert_eq!(Jwt::brief(&"x".repeat(700)), "x".repeat(600) + "… (100 more characters)");
    }

    #[test]
    fn googles_own_tokens_are_known_by_their_beginning() {
        let known = ["ya29.a0x.y", "1//0x", "AIzaSy", "eyJ.eyJ.x", "ya30"].map(|token| of_google(token).is_some());
        assert_eq!(known, [true, true, true, false, false]);
    }

    #[test]
    fn an_opaque_token_is_no_jwt() {
        for opaque in ["", "abc", "a.b.c", "a.b", &format!("{}.{}", part(&json!({})), part(&json!({})))] {
            assert_eq!(Jwt::read(opaque), None, "{opaque}");
        }
    }
}
