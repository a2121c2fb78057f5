//! What went wrong where it went wrong: the causes that a [`TokenError`](super::TokenError) wraps.

use thiserror::Error;

use crate::context::{AuthTokenContext, IdField};

/// Why the app's own login could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Nobody is signed in. Not retried.
    #[error("nobody is signed in")]
    SignedOut,
    /// The session could not be read or renewed just now, for example because its own refresh found no network.
    #[error("the session is not available just now")]
    Unavailable,
    /// A header's name or value cannot be sent (RFC 9110 §5.1, §5.5). Not retried.
    #[error("a session header cannot be sent as it is")]
    InvalidHeader,
}

/// What broke between the app and its backend.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection: refused, no route, no DNS.
    #[error("no connection ({detail})")]
    Connect {
        /// The cause in words that hold no secret.
        detail: String,
    },
    /// The certificate or the TLS handshake failed. Not retried within a call.
    #[error("TLS failed ({detail})")]
    Tls {
        /// The cause in words that hold no secret.
        detail: String,
    },
    /// One attempt took too long.
    #[error("the attempt timed out")]
    Timeout,
    /// The connection broke before the whole reply had come.
    #[error("the connection broke before the whole reply had come")]
    Interrupted,
    /// The transport could not send the request as it is. Not retried within a call.
    #[error("the request could not be sent ({detail})")]
    Request {
        /// The cause in words that hold no secret.
        detail: String,
    },
    /// Anything else.
    #[error("{detail}")]
    Other {
        /// The cause in words that hold no secret.
        detail: String,
    },
}

impl TransportError {
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Tls { .. } | Self::Request { .. })
    }
}

/// Why a reply with status 200 was no token.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ResponseError {
    /// No body.
    #[error("the body is empty")]
    Empty,
    /// An HTML page, as captive portals and proxies send.
    #[error("the body is an HTML page, perhaps from a captive portal or a proxy")]
    Html,
    /// More than 64 KiB.
    #[error("the body is over {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// Not a JSON object.
    #[error("the body is not a JSON object")]
    NotJson,
    /// JSON without a token in any field that is looked at.
    #[error("the body has no token in a field that is known; set a response format with your field names")]
    MissingToken,
    /// A JSON error in place of a token.
    #[error("the body holds an error in place of a token")]
    ErrorInBody,
    /// A token that could not stand in a header: control characters, spaces, not ASCII.
    #[error("the token has characters that no bearer token can have")]
    MalformedToken,
    /// An expiry that is neither a number nor RFC 3339.
    #[error("the expiry in field {field:?} is neither a time nor a duration")]
    BadExpiry {
        /// The field's name.
        field: String,
    },
}

/// A token for something else.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ScopeMismatch {
    /// The JWT names another id.
    #[error("the token's {claim:?} is not what was asked for: {context}")]
    OtherId {
        /// The key in the `authorization` claim.
        claim: &'static str,
        /// What was asked.
        context: AuthTokenContext,
    },
    /// The JWT names none of the ids asked for.
    #[error("the token has no claim for {field} in its authorization")]
    MissingId {
        /// The id asked for.
        field: IdField,
    },
    /// The JWT is for all ids (`*`) where one was asked; an error in [`ScopeCheck::Strict`](crate::ScopeCheck::Strict)
    /// only.
    #[error("the token is for all ids (\"*\") where one was asked")]
    Wildcard,
    /// The JWT has no `authorization` claim, which Fleet Engine refuses; an error in
    /// [`ScopeCheck::Strict`](crate::ScopeCheck::Strict) only.
    #[error("the token has no authorization claim")]
    NoAuthorization,
}

/// What cut a fetch short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Interruption {
    /// The tokio runtime it ran on was shut down. The next call fetches on a runtime of the factory's own.
    #[error("its runtime was shut down")]
    RuntimeGone,
    /// The fetcher, the transport or the header provider panicked.
    #[error("the fetcher panicked")]
    Panicked,
}
