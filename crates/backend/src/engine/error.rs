//! What the engine answers when it refuses: the HTTP code, Google's status name, and the reason for the counters.

/// A refused call, in the terms of Google's APIs; a REST and a gRPC face both read it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {message}")]
#[non_exhaustive]
pub struct EngineError {
    /// The HTTP status.
    pub code: u16,
    /// The name in `google.rpc.Code`, like `UNAUTHENTICATED`.
    pub status: &'static str,
    /// For people. Never holds a token.
    pub message: String,
    /// Why, in one word of snake_case, as the counters name it.
    pub reason: &'static str,
}

impl EngineError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, status: crate::reply::status_name(code), message: message.into(), reason }
    }

    pub(crate) fn unauthenticated(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(401, reason, message)
    }

    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::new(403, "permission_denied", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "not_found", message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_argument", message)
    }

    pub(crate) fn exists(message: impl Into<String>) -> Self {
        Self::new(409, "already_exists", message)
    }

    pub(crate) fn unimplemented(message: impl Into<String>) -> Self {
        Self::new(501, "unimplemented", message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "internal", message)
    }
}
