//! The app's own login on the way to its backend: headers that are asked for at each fetch and never printed.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::context::AuthTokenContext;
use crate::error::SessionError;

/// Supplies the headers that show the app's backend who is asking.
///
/// Called at each attempt, so that a login which was renewed meanwhile is the one that is sent. It is bounded by the
/// same deadline as the request and never called under a lock. What it returns is marked sensitive and never printed.
///
/// Without it a backend cannot tell one driver from another, and would have to give any token to anybody.
///
/// ```
/// use fleet_token::{AuthTokenContext, SessionError, SessionHeaderProvider, SessionHeaders, async_trait};
///
/// struct AppLogin {
///     session: tokio::sync::RwLock<Option<String>>,
/// }
///
/// #[async_trait]
/// impl SessionHeaderProvider for AppLogin {
///     async fn headers(&self, _context: &AuthTokenContext) -> Result<SessionHeaders, SessionError> {
///         let session = self.session.read().await;
///         SessionHeaders::bearer(session.as_ref().ok_or(SessionError::SignedOut)?)
///     }
/// }
/// ```
#[async_trait]
pub trait SessionHeaderProvider: Send + Sync + 'static {
    /// The headers for one request.
    ///
    /// # Errors
    ///
    /// [`SessionError::SignedOut`] when nobody is signed in, [`SessionError::Unavailable`] when trying again may help.
    async fn headers(&self, context: &AuthTokenContext) -> Result<SessionHeaders, SessionError>;
}

/// Headers that identify the app's user to the app's backend. Never printed, and wiped from memory when the last clone is
/// dropped; what sends them makes copies of its own.
#[derive(Clone, Default)]
pub struct SessionHeaders {
    headers: HeaderMap,
}

impl SessionHeaders {
    /// No headers: a backend that knows its users by other means, such as a client certificate.
    pub fn new() -> Self {
        Self::default()
    }

    /// `Authorization: Bearer …` (RFC 6750 §2.1).
    ///
    /// # Errors
    ///
    /// [`SessionError::InvalidHeader`] when `session` holds characters that no header can.
    pub fn bearer(session: &str) -> Result<Self, SessionError> {
        Self::new().with("authorization", &Zeroizing::new(format!("Bearer {session}")))
    }

    /// These headers and one more.
    ///
    /// # Errors
    ///
    /// [`SessionError::InvalidHeader`] when the name or the value cannot be sent (RFC 9110 §5.1, §5.5).
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, SessionError> {
        let name: HeaderName = name.parse().map_err(|_| SessionError::InvalidHeader)?;
        self.headers.append(name, sealed(value)?);
        Ok(self)
    }

    pub(crate) fn into_map(self) -> HeaderMap {
        self.headers
    }
}

/// A header's value that never prints, on memory that is wiped when the last of its clones goes.
fn sealed(value: &str) -> Result<HeaderValue, SessionError> {
    let bytes = Bytes::from_owner(Zeroizing::new(value.as_bytes().to_vec()));
    // Shared values may hold any byte above ASCII, which few servers read alike.
    let value = HeaderValue::from_maybe_shared(bytes).ok().filter(|_| value.is_ascii());
    let mut value = value.ok_or(SessionError::InvalidHeader)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for SessionHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.headers.keys()).finish()
    }
}

/// The same headers for every request: right for a tool or a test, wrong for an app whose login is ever renewed.
#[async_trait]
impl SessionHeaderProvider for SessionHeaders {
    async fn headers(&self, _context: &AuthTokenContext) -> Result<SessionHeaders, SessionError> {
        Ok(self.clone())
    }
}

#[async_trait]
impl<P: SessionHeaderProvider + ?Sized> SessionHeaderProvider for Arc<P> {
    async fn headers(&self, context: &AuthTokenContext) -> Result<SessionHeaders, SessionError> {
        (**self).headers(context).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_headers_never_print_and_are_sensitive() {
        let headers = SessionHeaders::bearer("SECRET-SESSION-1").unwrap().with("x-app", "SECRET-SESSION-2").unwrap();
        let printed = format!("{headers:?} {headers:#?}");
        assert!(!printed.contains("SECRET-SESSION"));
        assert!(printed.contains("authorization"));
        assert!(headers.into_map().values().all(HeaderValue::is_sensitive));
    }

    #[test]
    fn what_cannot_be_sent_is_refused() {
        assert_eq!(SessionHeaders::bearer("a\r\nx: y").unwrap_err(), SessionError::InvalidHeader);
        assert_eq!(SessionHeaders::bearer("\u{e9}").unwrap_err(), SessionError::InvalidHeader);
        assert_eq!(SessionHeaders::bearer("a\u{7f}").unwrap_err(), SessionError::InvalidHeader);
        assert_eq!(SessionHeaders::new().with("bad name", "x").unwrap_err(), SessionError::InvalidHeader);
    }
}
