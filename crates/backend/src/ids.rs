//! What an id may look like, for both sides: the token routes refuse bad ids before minting, the engine before looking up.
//!
//! Source: `google/maps/fleetengine/v1/vehicle_api.proto` and its siblings: valid Unicode, at most 64 characters, NFC
//! normalised, none of `/ : ? , #`. That an id must not be the wildcard `*` is this backend's own rule: a client that
//! may ask for `*` gets the whole fleet, as Google's on-demand stub really does.

use unicode_normalization::UnicodeNormalization;

/// The most characters an id may have.
pub const MAX_ID_CHARS: usize = 64;

/// Why an id was refused. The text never repeats the id: it goes into logs and error bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Nothing was given where an id is needed.
    #[error("the id is empty")]
    Empty,
    /// Longer than [`MAX_ID_CHARS`] after normalisation.
    #[error("the id has more than 64 characters")]
    TooLong,
    /// Holds one of `/ : ? , #` or a control character.
    #[error("the id holds one of / : ? , # or a control character")]
    BadCharacter,
    /// The wildcard, which only the backend itself may put in a claim.
    #[error("the wildcard * is not an id")]
    Wildcard,
}

/// The id in NFC, if it is one.
///
/// # Errors
///
/// [`IdError`] says which rule it breaks.
pub fn checked_id(raw: &str) -> Result<String, IdError> {
    let id: String = raw.nfc().collect();
    if id.is_empty() {
        return Err(IdError::Empty);
    }
    if id == "*" {
        return Err(IdError::Wildcard);
    }
    if id.chars().count() > MAX_ID_CHARS {
        return Err(IdError::TooLong);
    }
    if id.chars().any(|c| matches!(c, '/' | ':' | '?' | ',' | '#') || c.is_control()) {
        return Err(IdError::BadCharacter);
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_fleet_engines_rules() {
        assert_eq!(checked_id("driver_12345").as_deref(), Ok("driver_12345"));
        assert_eq!(checked_id(""), Err(IdError::Empty));
        assert_eq!(checked_id("*"), Err(IdError::Wildcard));
        for bad in ["a/b", "a:b", "a?b", "a,b", "a#b", "a\nb", "a\0b"] {
            assert_eq!(checked_id(bad), Err(IdError::BadCharacter), "{bad:?}");
        }
    }

    #[test]
    fn what_only_looks_dangerous_is_an_id() {
        for id in ["..", "%2F", "a b", "a*", "日本"] {
            assert_eq!(checked_id(id).as_deref(), Ok(id));
        }
    }

    #[test]
    fn length_is_counted_in_characters_after_nfc() {
        assert!(checked_id(&"é".repeat(64)).is_ok());
        assert!(checked_id(&"e\u{301}".repeat(64)).is_ok());
        assert_eq!(checked_id(&"x".repeat(65)), Err(IdError::TooLong));
    }

    #[test]
    fn both_spellings_of_one_id_are_one_id() {
        assert_eq!(checked_id("caf\u{e9}"), checked_id("cafe\u{301}"));
    }
}
