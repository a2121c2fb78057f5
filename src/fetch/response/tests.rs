use super::*;

const TOKEN: &str = "SECRET-TOKEN-1";
/// 2026-01-01T01:00:00Z
const EXPIRES: u64 = 1_767_229_200;

/// What a reply says: a point in time, or a duration.
type Said = (Option<SystemTime>, Option<Duration>);
const NOTHING: Said = (None, None);

fn at() -> Said {
    (Some(SystemTime::UNIX_EPOCH + Duration::from_secs(EXPIRES)), None)
}

fn within(seconds: u64) -> Said {
    (None, Some(Duration::from_secs(seconds)))
}

fn said(parsed: &Parsed) -> Said {
    (parsed.expires_at, parsed.expires_in)
}

fn auto(body: &str) -> Result<Parsed, ResponseError> {
    parse(body.as_bytes(), Some("application/json"), &ResponseFormat::Auto)
}

fn error(body: &str) -> ResponseError {
    auto(body).err().unwrap()
}

#[test]
fn every_shape_that_was_seen_is_read() {
    let cases = [
        // A: the on-demand stub provider, with the extra keys it really sends.
        (
            "{\n  \"jwt\": \"SECRET-TOKEN-1\",\n  \"creationTimestamp\": 1767225600000,\n  \"expirationTimestamp\": 1767229200000,\n  \"audience\": \"https://fleetengine.googleapis.com/\",\n  \"tokenType\": \"DRIVER\",\n  \"authorizationClaims\": {\"isWildcard\": false, \"map\": {\"vehicleid\": \"v1\"}}\n}",
            at(),
        ),
        // B: the last-mile backend.
        (
            r#"{"creation_timestamp_ms":1767225600000,"expiration_timestamp_ms":1767229200000,"token":"SECRET-TOKEN-1"}"#,
            at(),
        ),
        // C, D: the Driver and Consumer SDK guides.
        (r#"{"VehicleServiceToken":"SECRET-TOKEN-1","TokenExpiryMs":1767229200000}"#, at()),
        (r#"{"ServiceToken":"SECRET-TOKEN-1","TokenExpiryMs":1767229200000}"#, at()),
        // E, H: JavaScript.
        (r#"{"token":"SECRET-TOKEN-1","expiresInSeconds":3600}"#, within(3600)),
        (r#"{"Token":"SECRET-TOKEN-1","ExpiresInSeconds":3600}"#, within(3600)),
        // F: RFC 3339.
        (r#"{"token":"SECRET-TOKEN-1","expiration":"2026-01-01T01:00:00Z"}"#, at()),
        (r#"{"token":"SECRET-TOKEN-1","expiration":"2026-01-01T03:00:00.000+02:00"}"#, at()),
        // G: no expiry.
        (r#"{"token":"SECRET-TOKEN-1","vehicleId":"v1","providerId":"p1"}"#, NOTHING),
        // OAuth 2.0.
        (r#"{"access_token":"SECRET-TOKEN-1","token_type":"Bearer","expires_in":3599}"#, within(3599)),
    ];
    for (body, expiry) in cases {
        let parsed = auto(body).unwrap();
        assert_eq!(said(&parsed), expiry, "{body}");
        assert_eq!(parsed.token.unwrap().as_str(), TOKEN, "{body}");
    }
}

#[test]
fn times_are_read_whatever_their_unit_and_their_type() {
    for value in
        ["1767229200000", "1767229200", "1767229200.0", "\"1767229200000\"", "\" 1767229200 \"", "1.7672292e12"]
    {
        let body = format!(r#"{{"jwt":"SECRET-TOKEN-1","expirationTimestamp":{value}}}"#);
        assert_eq!(said(&auto(&body).unwrap()), at(), "{value}");
    }
    for value in ["3600", "\"3600\"", "3600.0", "\"+3600\"", "\"03600.0\"", "\" 3.6e3 \""] {
        let body = format!(r#"{{"token":"SECRET-TOKEN-1","expiresInSeconds":{value}}}"#);
        assert_eq!(said(&auto(&body).unwrap()), within(3600), "{value}");
    }
}

#[test]
fn a_number_in_a_string_is_read_as_it_is_written_in_json() {
    for (text, value) in [("0", 0.0), ("000", 0.0), ("0.5", 0.5), ("00.5", 0.5), ("-7", -7.0), ("+7", 7.0), ("07", 7.0)]
    {
        assert_eq!(number(text), Some(value), "{text}");
    }
    for text in ["", "+", ".", "inf", "NaN", "-", "++7", "é", "0x10", "7 8", "2026-01-01T01:00:00Z"] {
        assert_eq!(number(text), None, "{text}");
    }
}

#[test]
fn a_token_may_be_written_with_escapes() {
    let escaped = r#"{"token":"\u0053ECRET\u002dTOKEN\/\\\"+\u003D"}"#;
    assert_eq!(auto(escaped).unwrap().token.unwrap().as_str(), r#"SECRET-TOKEN/\"+="#);
    for all in [r"\b\f\n\r\t", r"\u00e9", r"\ud83d\ude97", r"\udc00", "é"] {
        assert_eq!(error(&format!(r#"{{"token":"{all}"}}"#)), ResponseError::MalformedToken, "{all}");
    }
    for broken in [r"\x", r"\u12", r"\u12 4", r"\", r"\u+123"] {
        assert_eq!(error(&format!(r#"{{"token":"{broken}"}}"#)), ResponseError::NotJson, "{broken}");
    }
}

#[test]
fn fields_of_ones_own_names_are_read_and_no_others() {
    let format = ResponseFormat::Fields {
        token: "fleetJwt".to_owned(),
        expires_at: Some("goodUntil".to_owned()),
        expires_in: None,
    };
    let body = br#"{"token":"wrong","fleetJwt":"SECRET-TOKEN-1","goodUntil":1767229200,"expires_in":1}"#;
    let parsed = parse(body, None, &format).unwrap();
    assert_eq!(said(&parsed), at());
    assert_eq!(parsed.token.unwrap().as_str(), TOKEN);
}

#[test]
fn a_null_token_means_switched_off() {
    assert!(auto(r#"{"token":null,"vehicleId":null,"providerId":null}"#).unwrap().token.is_none());
    assert_eq!(auto(r#"{"token":null,"jwt":"SECRET-TOKEN-1"}"#).unwrap().token.unwrap().as_str(), TOKEN);
}

#[test]
fn what_is_no_token_is_a_typed_error() {
    assert_eq!(error(""), ResponseError::Empty);
    assert_eq!(error(" \r\n"), ResponseError::Empty);
    assert_eq!(error("<!DOCTYPE html><title>Sign in</title>"), ResponseError::Html);
    let html = parse(b"Please sign in", Some("text/html; charset=utf-8"), &ResponseFormat::Auto);
    assert_eq!(html.err(), Some(ResponseError::Html));
    for body in ["[]", "\"SECRET-TOKEN-1\"", "nonsense", "{\"token\":\"SECRET-TOK", "{} {}", "null"] {
        assert_eq!(error(body), ResponseError::NotJson, "{body}");
    }
    assert_eq!(error("{}"), ResponseError::MissingToken);
    assert_eq!(error(r#"{"token":""}"#), ResponseError::MissingToken);
    assert_eq!(error(r#"{"error":"no such driver"}"#), ResponseError::ErrorInBody);
    for token in [r#""a b""#, r#""a\r\nX: y""#, r#""\u0000""#, "7", "{}"] {
        assert_eq!(error(&format!(r#"{{"token":{token}}}"#)), ResponseError::MalformedToken, "{token}");
    }
    let body = r#"{"token":"SECRET-TOKEN-1","expiration":"tomorrow"}"#;
    assert_eq!(error(body), ResponseError::BadExpiry { field: "expiration".to_owned() });
}

#[test]
fn an_expiry_beyond_reason_never_panics() {
    // Go's and .NET's zero time, the end of time, and microseconds.
    for value in ["\"0001-01-01T00:00:00Z\"", "\"9999-12-31T23:59:59Z\"", "1767229200000000"] {
        assert!(auto(&format!(r#"{{"token":"SECRET-TOKEN-1","expiration":{value}}}"#)).is_ok(), "{value}");
    }
    for value in ["1e308", "-1", "\"NaN\"", "\"inf\"", "[]", "true", "\"\""] {
        for field in ["expirationTimestamp", "expiresInSeconds"] {
            let _ = auto(&format!(r#"{{"token":"SECRET-TOKEN-1","{field}":{value}}}"#));
        }
    }
    let body = r#"{"token":"SECRET-TOKEN-1","expirationTimestamp":null}"#;
    assert_eq!(said(&auto(body).unwrap()), NOTHING);
}
