//! Puts tokens on the calls that the app itself makes to Fleet Engine, and replaces one that is refused.
//!
//! | your client | feature | take |
//! |---|---|---|
//! | tonic | `tonic` | [`GrpcTokenLayer`] around its channel |
//! | hyper, or another tower service of `http::Request`s | `tower` | [`HttpTokenLayer`] |
//! | reqwest | `reqwest-middleware` | [`TokenMiddleware`] |
//!
//! What all three do:
//!
//! - A call carries its [`AuthTokenContext`] in its extensions. It gets that context's token, in a header marked sensitive.
//!   A call without a context passes as it is, and so does one that has an `Authorization` of its own.
//! - No other origin (scheme, host and port) than the configured one sees a token. A call with a context that goes elsewhere
//!   fails with [`AttachError::OriginNotAllowed`] before anything is sent. Https only, but for this machine's loopback.
//! - Refused as unauthenticated (HTTP 401, gRPC code 16), that token is never served again
//!   ([`invalidate`](AuthTokenFactory::invalidate)), and the call is sent once more with the next one. However many calls were
//!   refused with one token, one fetch replaces it. A second refusal is the caller's.
//! - A call is sent again only if its body is at hand: what the body yields at once is kept, up to a mebibyte; what streams is
//!   sent as it comes, and once.
//! - Refused as forbidden (403, `PERMISSION_DENIED`), nothing is fetched: another token would be refused just so.
//! - Without a token nothing is sent, and the caller gets the [`TokenError`], as [`AttachError::NoToken`].
//!
//! Retries, time-outs and limits belong outside of it: a call that is tried again asks for its token again.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::{AuthToken, AuthTokenContext, AuthTokenFactory, TokenError};

#[cfg(feature = "tonic")]
mod grpc;
#[cfg(feature = "tower")]
mod http_layer;
mod origin;
#[cfg(any(feature = "tower", feature = "tonic"))]
mod replay;
#[cfg(feature = "reqwest-middleware")]
mod reqwest;

#[cfg(feature = "tonic")]
pub use self::grpc::{GrpcTokenLayer, GrpcTokens};
#[cfg(feature = "tower")]
pub use self::http_layer::{HttpTokenLayer, HttpTokens};
pub use self::origin::OriginError;
#[cfg(any(feature = "tower", feature = "tonic"))]
pub use self::replay::ReplayBody;
#[cfg(feature = "reqwest-middleware")]
pub use self::reqwest::TokenMiddleware;

/// For `layer.layer(channel)`.
#[cfg(any(feature = "tower", feature = "tonic"))]
pub use tower_layer::Layer;

use self::origin::Origin;

/// Google's Fleet Engine, the origin of every call unless another is named.
pub const FLEET_ENGINE: &str = "https://fleetengine.googleapis.com";

/// Why a call was not sent, or not sent again. Holds no secret.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// There is no token for it.
    #[error("no token for this call: {0}")]
    NoToken(#[from] TokenError),
    /// It goes where no token may go. Name the origin where the client is made, or leave the context off the call.
    #[error("{origin} is none of the origins that tokens are for")]
    OriginNotAllowed {
        /// Where to: scheme, host and, if it is not the scheme's, port.
        origin: String,
    },
}

/// What the three faces share: which calls get a token, and whose.
#[derive(Clone)]
struct Tokens {
    factory: AuthTokenFactory,
    origins: Arc<[Origin]>,
}

impl Tokens {
    /// For these origins only.
    fn of(factory: AuthTokenFactory, origins: impl IntoIterator<Item = Origin>) -> Self {
        Self { factory, origins: origins.into_iter().collect() }
    }

    #[cfg(any(feature = "tower", feature = "reqwest-middleware"))]
    fn new<O: AsRef<str>>(
        factory: AuthTokenFactory,
        origins: impl IntoIterator<Item = O>,
    ) -> Result<Self, OriginError> {
        let origins = origins.into_iter().map(|origin| Origin::configured(origin.as_ref()));
        Ok(Self::of(factory, origins.collect::<Result<Vec<_>, _>>()?))
    }

    #[cfg(any(feature = "tower", feature = "reqwest-middleware"))]
    fn for_fleet_engine(factory: AuthTokenFactory) -> Self {
        Self::of(factory, [Origin::fleet_engine()])
    }

    /// The call with its token; `None` if it is to pass as it is.
    async fn begin(
        &self,
        context: Option<AuthTokenContext>,
        headers: &HeaderMap,
        to: Option<Origin>,
    ) -> Result<Option<Call>, AttachError> {
        let Some(context) = context.filter(|_| !headers.contains_key(AUTHORIZATION)) else { return Ok(None) };
        match to {
            Some(to) if self.origins.contains(&to) => {}
            elsewhere => {
                let origin = elsewhere.map_or_else(|| "a URL without an origin".to_owned(), |to| to.to_string());
                return Err(AttachError::OriginNotAllowed { origin });
            }
        }
        let token = token(&self.factory, &context).await?;
        Ok(Some(Call { factory: self.factory.clone(), context, token }))
    }
}

/// Only what was configured: a factory's clients need not know what is in it.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.origins.iter().map(ToString::to_string)).finish()
    }
}

/// A call under way, with the token that it has.
struct Call {
    factory: AuthTokenFactory,
    context: AuthTokenContext,
    token: AuthToken,
}

impl Call {
    fn authorize(&self, headers: &mut HeaderMap) {
        headers.insert(AUTHORIZATION, self.token.authorization_header());
    }

    /// Fleet Engine does not take this token.
    fn refused(&self) {
        self.factory.invalidate(&self.context, &self.token);
    }

    /// After a refusal: the next token.
    async fn renew(&mut self) -> Result<(), AttachError> {
        self.token = token(&self.factory, &self.context).await?;
        Ok(())
    }
}

async fn token(factory: &AuthTokenFactory, context: &AuthTokenContext) -> Result<AuthToken, AttachError> {
    // Out of the cache it comes on an account of the thread, which has room for few: not for as long as a call takes.
    Ok(factory.token(context).await?.clone())
}
