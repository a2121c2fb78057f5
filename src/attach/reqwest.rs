//! For reqwest, by way of reqwest-middleware.

use http::{Extensions, StatusCode, Uri};
use reqwest_middleware::reqwest::{Request, Response, Url};
use reqwest_middleware::{Error, Middleware, Next};

use super::origin::Origin;
use super::{AttachError, OriginError, Tokens};
use crate::{AuthTokenContext, AuthTokenFactory, async_trait};

/// Puts tokens on requests that carry an [`AuthTokenContext`] as an extension; see [`attach`](super).
///
/// A body from bytes can be sent again, one from a stream cannot. Redirects are reqwest's: it leaves the header off when one
/// leads to another host, and what is answered there says nothing of the token. What was answered with a redirect is sent again
/// only if it just reads.
///
/// Its [`AttachError`] comes as [`Error::Middleware`], from which `downcast_ref` gets it.
///
/// ```
/// use fleet_token::attach::TokenMiddleware;
/// use fleet_token::{AuthTokenContext, AuthTokenFactory};
/// use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, reqwest};
///
/// # fn client(factory: AuthTokenFactory, client: reqwest::Client) -> ClientWithMiddleware {
/// let client = ClientBuilder::new(client).with(TokenMiddleware::new(factory)).build();
/// # client }
///
/// # async fn example(client: ClientWithMiddleware) -> Result<(), reqwest_middleware::Error> {
/// let trip = client
///     .get("https://fleetengine.googleapis.com/v1/providers/p/trips/t1")
///     .with_extension(AuthTokenContext::trip("t1"))
///     .send()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct TokenMiddleware {
    tokens: Tokens,
}

impl TokenMiddleware {
    /// For [Fleet Engine](super::FLEET_ENGINE).
    pub fn new(factory: AuthTokenFactory) -> Self {
        Self { tokens: Tokens::for_fleet_engine(factory) }
    }

    /// For these origins and no other, such as `http://127.0.0.1:8081` of a test.
    ///
    /// # Errors
    ///
    /// [`OriginError`] if one of them is no origin, or is neither https nor on this machine.
    pub fn for_origins<O: AsRef<str>>(
        factory: AuthTokenFactory,
        origins: impl IntoIterator<Item = O>,
    ) -> Result<Self, OriginError> {
        Ok(Self { tokens: Tokens::new(factory, origins)? })
    }
}

#[async_trait]
impl Middleware for TokenMiddleware {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        let (context, to) = (extensions.get::<AuthTokenContext>().cloned(), origin(request.url()));
        let begun = self.tokens.begin(context, request.headers(), to.clone()).await.map_err(failed)?;
        let Some(mut call) = begun else { return next.run(request, extensions).await };
        let again = request.try_clone();
        call.authorize(request.headers_mut());
        let reply = next.clone().run(request, extensions).await?;
        // After a redirect elsewhere nobody has seen the token, so nobody has refused it.
        let is_refused = |reply: &Response| reply.status() == StatusCode::UNAUTHORIZED && origin(reply.url()) == to;
        if !is_refused(&reply) {
            return Ok(reply);
        }
        call.refused();
        let Some(mut again) = again.filter(|again| may_be_repeated(again, &reply)) else { return Ok(reply) };
        drop(reply);
        call.renew().await.map_err(failed)?;
        call.authorize(again.headers_mut());
        let reply = next.run(again, extensions).await?;
        if is_refused(&reply) {
            call.refused();
        }
        Ok(reply)
    }
}

/// Who answers with a redirect may have done what was asked, and refuses only to show what came of it.
fn may_be_repeated(request: &Request, reply: &Response) -> bool {
    let (asked, answered) = (request.url(), reply.url());
    request.method().is_safe() || (asked.path(), asked.query()) == (answered.path(), answered.query())
}

fn origin(url: &Url) -> Option<Origin> {
    Origin::of(&url.as_str().parse::<Uri>().ok()?)
}

fn failed(error: AttachError) -> Error {
    Error::middleware(error)
}
