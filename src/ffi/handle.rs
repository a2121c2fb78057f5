//! A context that must not be evicted.

use std::sync::Arc;

use super::context::FfiTokenContext;
use super::factory::FfiTokenFactory;
use super::failure::FfiTokenError;
use crate::TokenHandle;

/// While it exists, its context's entry is never evicted. It keeps the core's factory alive: let go of it first.
///
/// It asks nothing itself. A wrapper's handle keeps one copy beside it, which it finds without a lookup, and asks the
/// factory when that is due, so that copies and epochs have one rule.
#[derive(uniffi::Object)]
pub struct FfiTokenHandle {
    _held: TokenHandle,
}

#[uniffi::export]
impl FfiTokenFactory {
    /// Holds the context's entry in the cache. Fails as asking for its token would before any fetch.
    pub fn handle(&self, context: FfiTokenContext) -> Result<Arc<FfiTokenHandle>, FfiTokenError> {
        let held = self.held(&context.into())?;
        Ok(Arc::new(FfiTokenHandle { _held: held }))
    }
}
