//! One context's token without the lookup.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::AuthTokenFactory;
use crate::cache::answer::Need;
use crate::cache::slot::Slot;
use crate::context::AuthTokenContext;
use crate::error::TokenError;
use crate::token::AuthToken;

/// A factory and one context: for a loop that asks for the same token again and again.
///
/// While a handle exists, its context's entry is never evicted. It keeps the factory alive.
pub struct TokenHandle {
    factory: AuthTokenFactory,
    slot: Arc<Slot>,
}

impl TokenHandle {
    pub(super) fn new(factory: AuthTokenFactory, context: &AuthTokenContext) -> Result<Self, TokenError> {
        let slot = factory.core().pinned_slot(context)?;
        Ok(Self { factory, slot })
    }

    /// What the handle is for.
    pub fn context(&self) -> &AuthTokenContext {
        &self.slot.context
    }

    /// As [`AuthTokenFactory::token`].
    ///
    /// # Errors
    ///
    /// As [`AuthTokenFactory::token`].
    pub async fn token(&self) -> Result<AuthToken, TokenError> {
        match self.factory.core().hit_slot(&self.slot) {
            Some(token) => Ok(token),
            None => self.factory.core().get(self.context(), Need::Usual).await,
        }
    }

    /// As [`AuthTokenFactory::token_valid_for`].
    ///
    /// # Errors
    ///
    /// As [`AuthTokenFactory::token_valid_for`].
    pub async fn token_valid_for(&self, valid_for: Duration) -> Result<AuthToken, TokenError> {
        self.factory.token_valid_for(self.context(), valid_for).await
    }

    /// As [`AuthTokenFactory::try_token`].
    pub fn try_token(&self) -> Option<AuthToken> {
        let core = self.factory.core();
        core.hit_slot(&self.slot).or_else(|| core.try_get(self.context()))
    }

    /// As [`AuthTokenFactory::blocking_token`].
    ///
    /// # Errors
    ///
    /// As [`AuthTokenFactory::blocking_token`].
    pub fn blocking_token(&self) -> Result<AuthToken, TokenError> {
        self.factory.blocking_token(self.context())
    }

    /// As [`AuthTokenFactory::invalidate`].
    pub fn invalidate(&self, token: &AuthToken) -> bool {
        self.factory.invalidate(self.context(), token)
    }
}

impl Drop for TokenHandle {
    fn drop(&mut self) {
        self.slot.unpin();
    }
}

impl fmt::Debug for TokenHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenHandle").field("context", self.context()).finish_non_exhaustive()
    }
}
