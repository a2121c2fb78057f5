//! For hyper and every other tower service of HTTP requests.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use super::origin::Origin;
use super::replay::ReplayBody;
use super::{OriginError, Tokens};
use crate::{AuthTokenContext, AuthTokenFactory};

type BoxError = Box<dyn Error + Send + Sync>;

/// Puts tokens on HTTP requests that carry an [`AuthTokenContext`] in their extensions; see [`attach`](super).
///
/// The service under it gets a [`ReplayBody`] around the request's own body. Its errors, and the
/// [`AttachError`](super::AttachError) of this layer, come as boxes, as from tower's own layers: `downcast_ref` tells them apart.
///
/// A request's URI has to be absolute, as hyper-util's client takes it: one without a host goes nowhere that could be checked.
/// A service under it that follows redirects must not take the header along to another origin.
///
/// ```
/// use fleet_token::attach::{HttpTokenLayer, Layer as _};
/// use fleet_token::http::Request;
/// use fleet_token::{AuthTokenContext, AuthTokenFactory};
///
/// # fn example<C>(factory: AuthTokenFactory, client: C) -> Result<(), Box<dyn std::error::Error>> {
/// let client = HttpTokenLayer::new(factory).layer(client);
///
/// let request = Request::get("https://fleetengine.googleapis.com/v1/providers/p/trips/t1")
///     .extension(AuthTokenContext::trip("t1"))
///     .body(String::new())?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct HttpTokenLayer {
    tokens: Tokens,
}

impl HttpTokenLayer {
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

impl<S> Layer<S> for HttpTokenLayer {
    type Service = HttpTokens<S>;

    fn layer(&self, inner: S) -> HttpTokens<S> {
        HttpTokens { tokens: self.tokens.clone(), inner }
    }
}

/// What [`HttpTokenLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct HttpTokens<S> {
    tokens: Tokens,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for HttpTokens<S>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Send,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was asked whether it is ready is the one that is called.
        let clone = self.inner.clone();
        let inner = mem::replace(&mut self.inner, clone);
        Box::pin(send(self.tokens.clone(), inner, request))
    }
}

async fn send<S, B, R>(tokens: Tokens, mut inner: S, request: Request<B>) -> Result<Response<R>, BoxError>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes>,
{
    let (mut head, body) = request.into_parts();
    let context = head.extensions.get::<AuthTokenContext>().cloned();
    let Some(mut call) = tokens.begin(context, &head.headers, Origin::of(&head.uri)).await? else {
        return inner.call(Request::from_parts(head, ReplayBody::once(body))).await.map_err(Into::into);
    };
    let body = ReplayBody::keeping(body).await;
    let again = body.again().map(|body| (head.clone(), body));
    call.authorize(&mut head.headers);
    let reply = inner.call(Request::from_parts(head, body)).await.map_err(Into::into)?;
    if reply.status() != StatusCode::UNAUTHORIZED {
        return Ok(reply);
    }
    call.refused();
    let Some((mut head, body)) = again else { return Ok(reply) };
    drop(reply);
    call.renew().await?;
    call.authorize(&mut head.headers);
    poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
    let reply = inner.call(Request::from_parts(head, body)).await.map_err(Into::into)?;
    if reply.status() == StatusCode::UNAUTHORIZED {
        call.refused();
    }
    Ok(reply)
}
