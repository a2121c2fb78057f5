//! What Fleet Engine accepts as an id, and what can be put into a URL.

use thiserror::Error;

use super::IdField;

/// Fleet Engine's limit on the length of an id, in characters after NFC
/// (`google/maps/fleetengine/v1/trip_api.proto`, `vehicle_api.proto`).
const MAX_ID_CHARACTERS: usize = 64;

/// Characters that Fleet Engine forbids in an id (same protos).
pub(super) const FORBIDDEN: [char; 5] = ['/', ':', '?', ',', '#'];

/// Why no token can be had for a context. Found before any request is made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ContextError {
    /// No id and no service.
    #[error("the context names no id and no service; an empty id counts as absent")]
    Empty,
    /// Ids that no one token is for, such as a tracking id with anything else.
    #[error("no kind of token is for this combination of ids")]
    Combination,
    /// Over 64 characters.
    #[error("{field} has {characters} characters; Fleet Engine allows {MAX_ID_CHARACTERS}")]
    TooLong {
        /// The id.
        field: IdField,
        /// Its length after NFC.
        characters: usize,
    },
    /// One of `/ : ? , #`.
    #[error("{field} holds {character:?}, which Fleet Engine does not allow in an id")]
    ForbiddenCharacter {
        /// The id.
        field: IdField,
        /// The character.
        character: char,
    },
    /// A bare `*`, which would ask the backend for a token for everything.
    #[error("{field} is \"*\": that asks for a token for all of them; use a fleet context on a backend that allows it")]
    Wildcard {
        /// The id.
        field: IdField,
    },
    /// `.` or `..`, which URLs treat as steps in the path, encoded or not (WHATWG URL, "double-dot path segment").
    #[error("{field} is \".\" or \"..\", which cannot be put into a URL safely")]
    DotSegment {
        /// The id.
        field: IdField,
    },
}

pub(super) fn check_id(field: IdField, id: &str) -> Result<(), ContextError> {
    let characters = id.chars().count();
    if characters > MAX_ID_CHARACTERS {
        return Err(ContextError::TooLong { field, characters });
    }
    if let Some(character) = id.chars().find(|c| FORBIDDEN.contains(c)) {
        return Err(ContextError::ForbiddenCharacter { field, character });
    }
    match id {
        "*" => Err(ContextError::Wildcard { field }),
        "." | ".." => Err(ContextError::DotSegment { field }),
        _ => Ok(()),
    }
}
