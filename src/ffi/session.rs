//! The app's own login, asked for at each attempt.

use async_trait::async_trait;
use thiserror::Error;
use zeroize::Zeroizing;

use super::context::FfiTokenContext;
use super::engine::Caller;
use super::lent::Lent;
use super::transport::FfiHeader;
use crate::context::AuthTokenContext;
use crate::error::SessionError;
use crate::fetch::session::{SessionHeaderProvider, SessionHeaders};

/// Supplies the headers that show the app's backend who is asking. Called at each attempt, bounded by its time-out,
/// never aborted.
#[uniffi::export(foreign)]
#[async_trait]
pub trait FfiSessionHeaderProvider: Send + Sync + 'static {
    /// The headers for one request.
    async fn headers(&self, context: FfiTokenContext) -> Result<Vec<FfiHeader>, FfiSessionError>;
}

/// Why the app's own login could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, uniffi::Error)]
pub enum FfiSessionError {
    /// Nobody is signed in. Not retried.
    #[error("nobody is signed in")]
    SignedOut,
    /// The session could not be read or renewed just now. Also what an exception that is not declared comes to.
    #[error("the session is not available just now")]
    Unavailable,
}

impl From<uniffi::UnexpectedUniFFICallbackError> for FfiSessionError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Unavailable
    }
}

impl From<FfiSessionError> for SessionError {
    fn from(error: FfiSessionError) -> Self {
        match error {
            FfiSessionError::SignedOut => Self::SignedOut,
            FfiSessionError::Unavailable => Self::Unavailable,
        }
    }
}

/// The app's provider, called so that whoever waits for it may leave.
pub(super) struct ForeignSession {
    pub(super) provider: Lent<dyn FfiSessionHeaderProvider>,
    pub(super) caller: Caller,
}

#[async_trait]
impl SessionHeaderProvider for ForeignSession {
    async fn headers(&self, context: &AuthTokenContext) -> Result<SessionHeaders, SessionError> {
        let provider = self.provider.get().ok_or(SessionError::Unavailable)?;
        let context = FfiTokenContext::from(context);
        // Sealed inside, so that also an answer which nobody waits for any more is wiped.
        let answered = self.caller.call(async move { sealed(provider.headers(context).await?) });
        answered.await.ok_or(SessionError::Unavailable)?
    }
}

fn sealed(headers: Vec<FfiHeader>) -> Result<SessionHeaders, SessionError> {
    headers
        .into_iter()
        .try_fold(SessionHeaders::new(), |all, header| all.with(&header.name, &Zeroizing::new(header.value)))
}
