//! Finds the token and its expiry in a reply's body, in any of the shapes that backends answer with. Pure.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use crate::error::ResponseError;
use crate::lifetime::UnixTime;
use crate::token::is_header_safe;

/// Which fields of the reply are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseFormat {
    /// Every shape that Google's samples, their users and OAuth 2.0 answer with:
    ///
    /// | shape | token | expiry |
    /// |---|---|---|
    /// | on-demand stub provider | `jwt` | `expirationTimestamp` |
    /// | last-mile backend | `token` | `expiration_timestamp_ms` |
    /// | Driver SDK guide | `VehicleServiceToken` | `TokenExpiryMs` |
    /// | Consumer SDK guide | `ServiceToken` | `TokenExpiryMs` |
    /// | JavaScript `AuthToken` | `token` | `expiresInSeconds`, relative |
    /// | fleet tracking guide | `Token` | `ExpiresInSeconds`, relative |
    /// | others seen | `token` | `expiration`, RFC 3339; or none, then the JWT's `exp` |
    /// | OAuth 2.0 (RFC 6749 §5.1) | `access_token` | `expires_in`, relative |
    ///
    /// Absolute times are in milliseconds above 10¹¹ and in seconds below; numbers may be strings or floats.
    #[default]
    Auto,
    /// Fields of your own names.
    Fields {
        /// The token.
        token: String,
        /// A point in time, as a number or in RFC 3339.
        expires_at: Option<String>,
        /// A number of seconds.
        expires_in: Option<String>,
    },
}

const TOKEN_FIELDS: [&str; 6] = ["jwt", "token", "VehicleServiceToken", "ServiceToken", "Token", "access_token"];
const AT_FIELDS: [&str; 4] = ["expirationTimestamp", "expiration_timestamp_ms", "TokenExpiryMs", "expiration"];
const IN_FIELDS: [&str; 3] = ["expiresInSeconds", "ExpiresInSeconds", "expires_in"];

enum Role {
    Token,
    ExpiresAt,
    ExpiresIn,
    Error,
    Other,
}

impl ResponseFormat {
    fn role(&self, field: &str) -> Role {
        let (token, at, within) = match self {
            Self::Auto => (TOKEN_FIELDS.contains(&field), AT_FIELDS.contains(&field), IN_FIELDS.contains(&field)),
            Self::Fields { token, expires_at, expires_in } => {
                (token == field, expires_at.as_deref() == Some(field), expires_in.as_deref() == Some(field))
            }
        };
        match (token, at, within, field) {
            (true, ..) => Role::Token,
            (_, true, ..) => Role::ExpiresAt,
            (_, _, true, _) => Role::ExpiresIn,
            (.., "error") => Role::Error,
            _ => Role::Other,
        }
    }
}

/// A reply that was understood.
pub(crate) struct Parsed {
    /// `None` when the backend says `null`: switched off here.
    pub(crate) token: Option<Zeroizing<String>>,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) expires_in: Option<Duration>,
}

/// Reads the body of a successful reply.
#[inline(never)] // `cargo xtask cost` counts its instructions by its name.
pub(crate) fn parse(body: &[u8], content_type: Option<&str>, format: &ResponseFormat) -> Result<Parsed, ResponseError> {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii();
    if text.is_empty() {
        return Err(ResponseError::Empty);
    }
    let says_html = content_type.is_some_and(|t| t.trim_start().to_ascii_lowercase().starts_with("text/html"));
    if text[0] == b'<' || (says_html && text[0] != b'{') {
        return Err(ResponseError::Html);
    }
    let mut json = serde_json::Deserializer::from_slice(text);
    let fields = json
        .deserialize_map(Body(format))
        .and_then(|fields| json.end().map(|()| fields))
        .map_err(|_| ResponseError::NotJson)?;

    let token = match fields.token {
        Some(Text::Secret(token)) if token.is_empty() => return Err(missing(fields.error)),
        Some(Text::Secret(token)) if !is_header_safe(&token) => return Err(ResponseError::MalformedToken),
        Some(Text::Secret(token)) => token,
        Some(Text::Null) if fields.error => return Err(ResponseError::ErrorInBody),
        Some(Text::Null) => return Ok(Parsed { token: None, expires_at: None, expires_in: None }),
        Some(Text::Other) => return Err(ResponseError::MalformedToken),
        None => return Err(missing(fields.error)),
    };
    let at = fields.expires_at.map(|(name, value)| absolute(&value).ok_or(ResponseError::BadExpiry { field: name }));
    let within =
        fields.expires_in.map(|(name, value)| relative(&value).ok_or(ResponseError::BadExpiry { field: name }));
    Ok(Parsed { token: Some(token), expires_at: at.transpose()?.flatten(), expires_in: within.transpose()?.flatten() })
}

fn missing(error: bool) -> ResponseError {
    if error { ResponseError::ErrorInBody } else { ResponseError::MissingToken }
}

/// `Some(None)` is an expiry that is explicitly null, `None` one that cannot be read.
#[allow(clippy::option_option, reason = "absent, null and unreadable are three things")]
fn absolute(value: &Scalar) -> Option<Option<SystemTime>> {
    let time = match value {
        Scalar::Null => return Some(None),
        Scalar::Number(number) => UnixTime::from_number(*number)?,
        Scalar::Text(text) => match number(text) {
            Some(number) => UnixTime::from_number(number)?,
            None => UnixTime::from_seconds(OffsetDateTime::parse(text.trim(), &Rfc3339).ok()?.unix_timestamp()),
        },
        Scalar::Other => return None,
    };
    Some(Some(time.to_system_time()))
}

#[allow(clippy::option_option, reason = "absent, null and unreadable are three things")]
fn relative(value: &Scalar) -> Option<Option<Duration>> {
    let seconds = match value {
        Scalar::Null => return Some(None),
        Scalar::Number(number) => *number,
        Scalar::Text(text) => number(text)?,
        Scalar::Other => return None,
    };
    // Already over is a lifetime of zero, which is expired on arrival; beyond all reason is clamped later.
    (!seconds.is_nan()).then(|| Some(Duration::from_secs_f64(seconds.clamp(0.0, 1e12))))
}

/// A number as JSON writes it, with a sign or zeros before it at most. The standard library reads more spellings, `inf` among
/// them, but brings tables of 17 KB (docs/size.md) that nothing else here needs.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let mut text = text.strip_prefix('+').unwrap_or(text);
    while let Some(rest) = text.strip_prefix('0')
        && rest.starts_with(|next: char| next.is_ascii_digit())
    {
        text = rest;
    }
    serde_json::from_str(text).ok()
}

/// The fields that matter, taken out of the body in one pass, so that no second copy of the secret is made.
#[derive(Default)]
struct Fields {
    token: Option<Text>,
    expires_at: Option<(String, Scalar)>,
    expires_in: Option<(String, Scalar)>,
    error: bool,
}

enum Text {
    Secret(Zeroizing<String>),
    Null,
    Other,
}

enum Scalar {
    Number(f64),
    Text(String),
    Null,
    Other,
}

struct Body<'a>(&'a ResponseFormat);

impl<'de> Visitor<'de> for Body<'_> {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<String>()? {
            match self.0.role(&name) {
                Role::Token => {
                    let text = text(map.next_value()?);
                    // A null beside a real token, in another field, is not "switched off".
                    if !matches!((&fields.token, &text), (Some(Text::Secret(_)), _)) {
                        fields.token = Some(text);
                    }
                }
                Role::ExpiresAt => fields.expires_at = Some((name, map.next_value().map(scalar)?)),
                Role::ExpiresIn => fields.expires_in = Some((name, map.next_value().map(scalar)?)),
                Role::Error => fields.error = map.next_value::<Option<IgnoredAny>>()?.is_some(),
                Role::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(fields)
    }
}

/// Reads the string itself, since whatever else would read it (a `Value`, serde_json's own scratch) is not wiped.
fn text(value: &RawValue) -> Text {
    match value.get() {
        "null" => Text::Null,
        json => match json.strip_prefix('"').and_then(|json| json.strip_suffix('"')) {
            Some(json) => unescaped(json).map_or(Text::Other, Text::Secret),
            None => Text::Other,
        },
    }
}

/// What stands between the quotes of a string that is valid JSON (RFC 8259 §7). `None` if it has a pair of surrogates, or
/// half of one, which no token has.
fn unescaped(json: &str) -> Option<Zeroizing<String>> {
    // Never too small, so that it is not moved: an escape is longer than what it stands for.
    let mut text = Zeroizing::new(String::with_capacity(json.len()));
    let mut rest = json;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let letter = escape.chars().next()?;
        rest = &escape[letter.len_utf8()..];
        text.push(match letter {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (digits, after) = rest.split_at_checked(4)?;
                rest = after;
                char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
            }
            itself => itself,
        });
    }
    text.push_str(rest);
    Some(text)
}

fn scalar(value: serde_json::Value) -> Scalar {
    match value {
        serde_json::Value::Number(number) => number.as_f64().map_or(Scalar::Other, Scalar::Number),
        serde_json::Value::String(text) => Scalar::Text(text),
        serde_json::Value::Null => Scalar::Null,
        _ => Scalar::Other,
    }
}

#[cfg(test)]
mod tests;
