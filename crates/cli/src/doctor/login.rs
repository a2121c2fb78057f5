//! A `--header` as it was given: what is odd about it, told without its value. Most logins that a backend does not know are
//! right ones that were pasted wrongly.

use crate::claims::seconds;
use crate::jwt::Jwt;

/// One header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) name: String,
    /// The scheme before the credentials, if it is one that is known.
    pub(crate) scheme: Option<&'static str>,
    /// The worst first.
    pub(crate) flaws: Vec<Flaw>,
}

/// What is odd about a header's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flaw {
    /// Nothing stands there, or nothing after the scheme.
    Empty,
    /// A shell's variable that was not filled in.
    Variable,
    /// The page's placeholder.
    Placeholder,
    /// The header's name once more.
    NameTwice,
    /// `Bearer Bearer`.
    SchemeTwice,
    Quotes,
    /// Credentials alone; whether they look like a JWT.
    NoScheme {
        is_jwt: bool,
    },
    /// A JWT that ended so many seconds ago.
    Expired(i64),
    /// A Fleet Engine token, where the app's own login belongs.
    FleetToken,
    /// Cut off before it was sent.
    TrailingBlank,
}

/// The schemes that are met (IANA's registry, and two that are in none).
const SCHEMES: [&str; 8] = ["Bearer", "Basic", "Digest", "DPoP", "Negotiate", "HOBA", "Token", "ApiKey"];
const QUOTES: [char; 3] = ['"', '\'', '`'];

fn scheme(word: &str) -> Option<&'static str> {
    SCHEMES.into_iter().find(|known| known.eq_ignore_ascii_case(word))
}

/// Whether a word says how, and not who.
pub(crate) fn is_scheme(word: &str) -> bool {
    scheme(word).is_some()
}

impl Login {
    /// Looks at a line `Name: value`, at `now` in seconds since 1970.
    pub(crate) fn of(line: &str, now: i64) -> Option<Self> {
        let (name, given) = line.split_once(':')?;
        let (name, value) = (name.trim(), given.trim());
        let is_login = ["authorization", "proxy-authorization"].contains(&name.to_ascii_lowercase().as_str());
        let mut flaws = Vec::new();
        if given.len() > given.trim_end().len() && !value.is_empty() {
            flaws.push(Flaw::TrailingBlank);
        }
        let is_quoted = |word: &str| word.starts_with(QUOTES) || word.ends_with(QUOTES);
        // A cookie's value may have quotes.
        if if is_login { value.split_whitespace().any(is_quoted) } else { value.starts_with(QUOTES) } {
            flaws.push(Flaw::Quotes);
        }
        let bare = value.trim_matches(QUOTES).trim();
        let (first, rest) = bare.split_once(char::is_whitespace).unwrap_or((bare, ""));
        let scheme = if is_login { scheme(first) } else { None };
        let credentials = if scheme.is_some() { rest.trim() } else { bare };
        let credentials = credentials.trim_matches(QUOTES);
        flaws.extend(flaw_of(name, is_login, scheme, credentials));
        let word = credentials.split_whitespace().last().unwrap_or_default();
        flaws.extend(Jwt::read(word).and_then(|jwt| stale(&jwt, now)));
        flaws.sort_unstable();
        Some(Self { name: Jwt::brief(name), scheme, flaws })
    }
}

fn flaw_of(name: &str, is_login: bool, scheme: Option<&str>, credentials: &str) -> Option<Flaw> {
    if credentials.is_empty() {
        return Some(Flaw::Empty);
    }
    if credentials.starts_with('$') {
        return Some(Flaw::Variable);
    }
    if credentials.starts_with('<') && credentials.ends_with('>') || credentials.chars().all(|c| ".*x".contains(c)) {
        return Some(Flaw::Placeholder);
    }
    let first = credentials.split_whitespace().next().unwrap_or_default();
    if first.strip_suffix(':').is_some_and(|first| first.eq_ignore_ascii_case(name)) {
        return Some(Flaw::NameTwice);
    }
    if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(first)) {
        return Some(Flaw::SchemeTwice);
    }
    let is_alone = !credentials.contains(char::is_whitespace);
    (is_login && scheme.is_none() && is_alone)
        .then(|| Flaw::NoScheme { is_jwt: credentials.starts_with("eyJ") && credentials.contains('.') })
}

fn stale(jwt: &Jwt, now: i64) -> Option<Flaw> {
    if jwt
        .claims
        .get("aud")
        .and_then(serde_json::Value::as_str)
        .is_some_and(|aud| aud.contains("fleetengine.googleapis"))
    {
        return Some(Flaw::FleetToken);
    }
    seconds(&jwt.claims, "exp").filter(|exp| *exp <= now).map(|exp| Flaw::Expired(now - exp))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_225_600;
    // {"alg":"RS256"}, and {"exp":1767222000} or {"aud":"https://fleetengine.googleapis.com/"}, unsigned.
    const OVER: &str = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3NjcyMjIwMDB9.x";
    const FLEET: &str = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwczovL2ZsZWV0ZW5naW5lLmdvb2dsZWFwaXMuY29tLyJ9.x";

    #[test]
    fn what_is_odd_about_a_login_is_named() {
        let over = format!("Authorization: Bearer {OVER}");
        let fleet = format!("Authorization: Bearer {FLEET}");
        for (line, flaws) in [
            ("Authorization: Bearer SECRET-SESSION-1", &[][..]),
            ("authorization:bearer SECRET-SESSION-1", &[]),
            ("Authorization: Basic dTpw", &[]),
            ("Authorization: AWS4-HMAC-SHA256 Credential=x, Signature=y", &[]),
            ("X-Session: SECRET-SESSION-1", &[]),
            ("Cookie: session=\"SECRET-SESSION-1\"", &[]),
            ("X-Session: \"SECRET-SESSION-1\"", &[Flaw::Quotes]),
            ("Authorization: SECRET-SESSION-1", &[Flaw::NoScheme { is_jwt: false }]),
            ("Authorization: eyJh.eyJi.c", &[Flaw::NoScheme { is_jwt: true }]),
            ("Authorization: Bearer Bearer SECRET-SESSION-1", &[Flaw::SchemeTwice]),
            ("Authorization: Bearer bearer SECRET-SESSION-1", &[Flaw::SchemeTwice]),
            ("Authorization: Authorization: Bearer SECRET-SESSION-1", &[Flaw::NameTwice]),
            ("Authorization: Bearer \"SECRET-SESSION-1\"", &[Flaw::Quotes]),
            ("Authorization: 'Bearer SECRET-SESSION-1'", &[Flaw::Quotes]),
            ("Authorization: Bearer SECRET-SESSION-1\r\n", &[Flaw::TrailingBlank]),
            ("Authorization: Bearer SECRET-SESSION-1 ", &[Flaw::TrailingBlank]),
            ("Authorization: Bearer ", &[Flaw::TrailingBlank, Flaw::Empty]),
            ("Authorization:", &[Flaw::Empty]),
            ("X-Session: ", &[Flaw::Empty]),
            ("Authorization: Bearer $TOKEN", &[Flaw::Variable]),
            ("Authorization: Bearer <your login>", &[Flaw::Placeholder]),
            ("Authorization: Bearer ...", &[Flaw::Placeholder]),
            (&over, &[Flaw::Expired(3600)]),
            (&fleet, &[Flaw::FleetToken]),
            (
                "Authorization: \"SECRET-SESSION-1\" ",
                &[Flaw::TrailingBlank, Flaw::Quotes, Flaw::NoScheme { is_jwt: false }],
            ),
        ] {
            let login = Login::of(line, NOW).unwrap();
            let mut flaws = flaws.to_vec();
            flaws.sort_unstable();
            assert_eq!(login.flaws, flaws, "{line:?}");
            assert!(!format!("{login:?}").contains("SECRET-SESSION"));
        }
        assert_eq!(Login::of("no colon", NOW), None);
    }
}
