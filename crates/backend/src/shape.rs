//! How a token reply looks: every body seen in Google's samples and in the wild. Pure functions of the minted token.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::claims::AUDIENCE;
use crate::mint::Minted;

/// The shape of a reply's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Shape {
    /// Google's on-demand stub: `jwt`, `creationTimestamp`, `expirationTimestamp` in milliseconds, pretty-printed, extra keys.
    A,
    /// Google's last mile sample: `token`, `creation_timestamp_ms`, `expiration_timestamp_ms`.
    B,
    /// The Driver SDK's documentation: `VehicleServiceToken`, `TokenExpiryMs`.
    C,
    /// The Consumer SDK's documentation: `ServiceToken`, `TokenExpiryMs`.
    D,
    /// The JavaScript SDK's `AuthToken`: `token`, `expiresInSeconds`, relative.
    E,
    /// An app in the wild: `token`, `expiration` in RFC 3339.
    F,
    /// A ride-hailing backend in the wild: `token`, `vehicleId`, `providerId`, no expiry.
    G,
    /// The JavaScript fleet tracking documentation: `Token`, `ExpiresInSeconds`, relative.
    H,
    /// OAuth 2.0 (RFC 6749 §5.1): `access_token`, `token_type`, `expires_in`.
    OAuth,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 9] = [Self::A, Self::B, Self::C, Self::D, Self::E, Self::F, Self::G, Self::H, Self::OAuth];
}

/// The name is no shape: neither a letter from A to H nor `oauth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such shape: A to H, or oauth")]
pub struct UnknownShape;

impl FromStr for Shape {
    type Err = UnknownShape;

    fn from_str(name: &str) -> Result<Self, UnknownShape> {
        let all = Self::ALL.into_iter();
        all.into_iter().find(|shape| shape.to_string().eq_ignore_ascii_case(name)).ok_or(UnknownShape)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What a scripted fault makes of the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Distortion {
    #[default]
    None,
    /// Seconds where milliseconds belong, and the other way round.
    WrongUnit,
    /// Every value `null`: the feature is switched off.
    NullToken,
    /// The token, without a word on its expiry.
    NoExpiry,
    /// The expiry, without the token.
    MissingToken,
    /// An expiry five minutes after the token's.
    LateExpiry,
}

const LATE_MS: i64 = 5 * 60 * 1000;

/// The reply's body.
pub(crate) fn body(shape: Shape, minted: &Minted, provider_id: &str, now_ms: i64, distortion: Distortion) -> String {
    let unit = |correct: i64, wrong: i64| if distortion == Distortion::WrongUnit { wrong } else { correct };
    let absolute = |ms: i64| unit(ms, ms.div_euclid(1000));
    let end_ms = minted.expires_ms() + if distortion == Distortion::LateExpiry { LATE_MS } else { 0 };
    let left_ms = end_ms - now_ms;
    let relative = unit(left_ms.div_euclid(1000), left_ms);
    let (created, expires) = (absolute(minted.issued_ms()), absolute(end_ms));
    let jwt = &minted.jwt;
    let (mut value, token_key, expiry_key) = match shape {
        Shape::A => (stub_body(minted, created, expires), "jwt", "expirationTimestamp"),
        Shape::B => (
            json!({ "creation_timestamp_ms": created, "expiration_timestamp_ms": expires, "token": jwt }),
            "token",
            "expiration_timestamp_ms",
        ),
        Shape::C => {
            (json!({ "VehicleServiceToken": jwt, "TokenExpiryMs": expires }), "VehicleServiceToken", "TokenExpiryMs")
        }
        Shape::D => (json!({ "ServiceToken": jwt, "TokenExpiryMs": expires }), "ServiceToken", "TokenExpiryMs"),
        Shape::E => (json!({ "token": jwt, "expiresInSeconds": relative }), "token", "expiresInSeconds"),
        Shape::F => {
            let expiration = unit_free_date(end_ms, distortion);
            (json!({ "token": jwt, "expiration": expiration }), "token", "expiration")
        }
        Shape::G => {
            let vehicle = minted.kind.vehicle_id();
            (json!({ "token": jwt, "vehicleId": vehicle, "providerId": provider_id }), "token", "")
        }
        Shape::H => (json!({ "Token": jwt, "ExpiresInSeconds": relative }), "Token", "ExpiresInSeconds"),
        Shape::OAuth => (
            json!({ "access_token": jwt, "token_type": "Bearer", "expires_in": relative }),
            "access_token",
            "expires_in",
        ),
    };
    if let Value::Object(fields) = &mut value {
        match distortion {
            Distortion::NullToken => fields.values_mut().for_each(|value| *value = Value::Null),
            Distortion::NoExpiry => drop(fields.remove(expiry_key)),
            Distortion::MissingToken => drop(fields.remove(token_key)),
            Distortion::None | Distortion::WrongUnit | Distortion::LateExpiry => {}
        }
    }
    if shape == Shape::A { format!("{value:#}") } else { value.to_string() }
}

/// The on-demand stub's body with the extra keys that it really sends.
fn stub_body(minted: &Minted, created: i64, expires: i64) -> Value {
    json!({
        "creationTimestamp": created,
        "expirationTimestamp": expires,
        "jwt": minted.jwt,
        "audience": AUDIENCE,
        "tokenType": minted.kind.type_name(),
        "authorizationClaims": {
            "isWildcard": minted.kind.is_wildcard(),
            "map": minted.kind.authorization(),
        },
    })
}

/// RFC 3339, or, as a wrong unit, the seconds as text.
fn unit_free_date(ms: i64, distortion: Distortion) -> String {
    let seconds = ms.div_euclid(1000);
    if distortion == Distortion::WrongUnit {
        return seconds.to_string();
    }
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|date| date.format(&Rfc3339).ok())
        .unwrap_or_else(|| seconds.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::claims::TokenKind;

    const ISSUED: i64 = 1_700_000_000_123;
    const EXPIRES: i64 = ISSUED + 3_600_000;

    fn minted() -> Minted {
        let at = |ms: i64| UNIX_EPOCH + Duration::from_millis(ms.unsigned_abs());
        Minted {
            jwt: "h.p.s".into(),
            kind: TokenKind::Driver { vehicle_id: "v1".into() },
            issued_at: at(ISSUED),
            expires_at: at(EXPIRES),
        }
    }

    fn value(shape: Shape, distortion: Distortion) -> Value {
        serde_json::from_str(&body(shape, &minted(), "p1", ISSUED + 1_000, distortion)).unwrap()
    }

    #[test]
    fn each_shape_has_its_names_and_its_units() {
        let table = [
            (
                Shape::A,
                json!({
                    "jwt": "h.p.s", "creationTimestamp": ISSUED, "expirationTimestamp": EXPIRES,
                    "audience": AUDIENCE, "tokenType": "DRIVER",
                    "authorizationClaims": { "isWildcard": false, "map": { "vehicleid": "v1" } },
                }),
            ),
            (
                Shape::B,
                json!({ "token": "h.p.s", "creation_timestamp_ms": ISSUED, "expiration_timestamp_ms": EXPIRES }),
            ),
            (Shape::C, json!({ "VehicleServiceToken": "h.p.s", "TokenExpiryMs": EXPIRES })),
            (Shape::D, json!({ "ServiceToken": "h.p.s", "TokenExpiryMs": EXPIRES })),
            (Shape::E, json!({ "token": "h.p.s", "expiresInSeconds": 3599 })),
            (Shape::F, json!({ "token": "h.p.s", "expiration": "2023-11-14T23:13:20.123Z" })),
            (Shape::G, json!({ "token": "h.p.s", "vehicleId": "v1", "providerId": "p1" })),
            (Shape::H, json!({ "Token": "h.p.s", "ExpiresInSeconds": 3599 })),
            (Shape::OAuth, json!({ "access_token": "h.p.s", "token_type": "Bearer", "expires_in": 3599 })),
        ];
        for (shape, expected) in table {
            assert_eq!(value(shape, Distortion::None), expected, "shape {shape}");
            assert_eq!(shape.to_string().to_lowercase().parse(), Ok(shape));
        }
        assert_eq!("Z".parse::<Shape>(), Err(UnknownShape));
    }

    #[test]
    fn only_the_stubs_body_is_pretty_printed() {
        for shape in Shape::ALL {
            let lines = body(shape, &minted(), "p1", ISSUED, Distortion::None).lines().count();
            assert_eq!(lines > 1, shape == Shape::A, "shape {shape}");
        }
    }

    #[test]
    fn a_wrong_unit_is_off_by_a_thousand() {
        assert_eq!(value(Shape::B, Distortion::WrongUnit)["expiration_timestamp_ms"], EXPIRES / 1000);
        assert_eq!(value(Shape::E, Distortion::WrongUnit)["expiresInSeconds"], 3_599_000);
    }

    #[test]
    fn distortions_take_away_what_they_say() {
        let fields = |shape, distortion| value(shape, distortion).as_object().unwrap().clone();
        assert!(!fields(Shape::A, Distortion::NoExpiry).contains_key("expirationTimestamp"));
        assert!(!fields(Shape::E, Distortion::MissingToken).contains_key("token"));
        assert!(fields(Shape::G, Distortion::NullToken).values().all(Value::is_null));
    }

    #[test]
    fn debug_of_a_minted_token_shows_no_token() {
        assert!(!format!("{:?}", minted()).contains("h.p.s"));
    }
}
