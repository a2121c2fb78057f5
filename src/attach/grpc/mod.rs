//! For tonic.

mod reply;
mod timeout;

use std::error::Error;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::Body;
use tonic::body::Body as TonicBody;
use tonic::{Code, Status, TimeoutExpired};
use tower_layer::Layer;
use tower_service::Service;

use self::reply::{Opened, watched};
use super::origin::Origin;
use super::replay::ReplayBody;
use super::{AttachError, OriginError, Tokens};
use crate::{AuthTokenContext, AuthTokenFactory, TokenErrorKind};

type BoxError = Box<dyn Error + Send + Sync>;

/// Puts tokens on the calls of tonic clients whose request carries an [`AuthTokenContext`] in its extensions; see
/// [`attach`](super).
///
/// A client names only the method; where it goes is the channel's to know. So the layer goes around the channel of the endpoint
/// that it was made with. A client with an origin of its own has to have that one.
///
/// Without a token a call ends with a [`Status`] whose source is the [`AttachError`]: `UNAVAILABLE` where trying
/// again later can help, `INVALID_ARGUMENT` for a bad context, `FAILED_PRECONDITION` where the app is set up so that there can
/// be none, else `UNAUTHENTICATED`. What Fleet Engine itself refused has no such source.
///
/// A reply is handed on when its first message, or its end, is there: a server may put the code behind the headers. Until
/// then the timeout of a call (`Request::set_timeout`) holds, for the wait for a token and both sendings together.
///
/// ```no_run
/// # use fleet_engine_proto::v1::{GetTripRequest, trip_service_client::TripServiceClient};
/// use fleet_token::attach::{FLEET_ENGINE, GrpcTokenLayer, Layer as _};
/// use fleet_token::{AuthTokenContext, AuthTokenFactory};
/// use tonic::transport::{Channel, ClientTlsConfig};
///
/// # async fn example(factory: AuthTokenFactory) -> Result<(), Box<dyn std::error::Error>> {
/// let endpoint = Channel::from_static(FLEET_ENGINE).tls_config(ClientTlsConfig::new().with_native_roots())?;
/// let channel = GrpcTokenLayer::new(factory, endpoint.uri())?.layer(endpoint.connect_lazy());
/// let mut trips = TripServiceClient::new(channel);
///
/// let name = "providers/p/trips/t1".to_owned();
/// let mut request = tonic::Request::new(GetTripRequest { name, ..Default::default() });
/// request.extensions_mut().insert(AuthTokenContext::trip("t1"));
/// let trip = trips.get_trip(request).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct GrpcTokenLayer {
    tokens: Tokens,
    endpoint: Origin,
}

impl GrpcTokenLayer {
    /// For the channel of the endpoint with this URI: `endpoint.uri()`.
    ///
    /// # Errors
    ///
    /// [`OriginError`] if it is no origin, or is neither https nor on this machine.
    pub fn new(factory: AuthTokenFactory, endpoint: &Uri) -> Result<Self, OriginError> {
        let endpoint = Origin::configured(&endpoint.to_string())?;
        Ok(Self { tokens: Tokens::of(factory, [endpoint.clone()]), endpoint })
    }
}

impl<S> Layer<S> for GrpcTokenLayer {
    type Service = GrpcTokens<S>;

    fn layer(&self, inner: S) -> GrpcTokens<S> {
        GrpcTokens { layer: self.clone(), inner }
    }
}

/// What [`GrpcTokenLayer`] makes of a channel.
#[derive(Clone, Debug)]
pub struct GrpcTokens<S> {
    layer: GrpcTokenLayer,
    inner: S,
}

impl<S, R> Service<Request<TonicBody>> for GrpcTokens<S>
where
    S: Service<Request<TonicBody>, Response = Response<R>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError> + Send,
{
    type Response = Response<TonicBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<TonicBody>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<TonicBody>) -> Self::Future {
        // The one that was asked whether it is ready is the one that is called.
        let clone = self.inner.clone();
        let inner = mem::replace(&mut self.inner, clone);
        let (timeout, factory) = (timeout::of(request.headers()), self.layer.tokens.factory.clone());
        Box::pin(in_time(timeout, factory, send(self.layer.clone(), inner, request)))
    }
}

/// Within the call's own timeout: the channel's begins only once there is a token, and anew with each sending.
async fn in_time<T>(
    timeout: Option<Duration>,
    factory: AuthTokenFactory,
    sending: impl Future<Output = Result<T, BoxError>>,
) -> Result<T, BoxError> {
    let Some(timeout) = timeout else { return sending.await };
    tokio::select! {
        biased;
        reply = sending => reply,
        () = factory.sleep(timeout) => Err(TimeoutExpired(()).into()),
    }
}

async fn send<S, R>(
    layer: GrpcTokenLayer,
    mut inner: S,
    request: Request<TonicBody>,
) -> Result<Response<TonicBody>, BoxError>
where
    S: Service<Request<TonicBody>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError> + Send,
{
    let (mut head, body) = request.into_parts();
    let context = head.extensions.get::<AuthTokenContext>().cloned();
    let to = if head.uri.authority().is_none() { Some(layer.endpoint) } else { Origin::of(&head.uri) };
    let Some(mut call) = layer.tokens.begin(context, &head.headers, to).await.map_err(status)? else {
        let reply = inner.call(Request::from_parts(head, body)).await.map_err(Into::into)?;
        return Ok(reply.map(TonicBody::new));
    };
    let body = ReplayBody::keeping(body).await;
    let again = body.again().map(|body| (head.clone(), body));
    call.authorize(&mut head.headers);
    let reply = inner.call(Request::from_parts(head, TonicBody::new(body))).await.map_err(Into::into)?;
    // With a request that still streams, a server may wait for more of it before it says anything.
    let Some((mut head, body)) = again else { return Ok(watched(Opened::unread(reply), call)) };
    let reply = Opened::read(reply).await;
    if !reply.is_refused() {
        return Ok(watched(reply, call));
    }
    drop(reply);
    call.refused();
    call.renew().await.map_err(status)?;
    call.authorize(&mut head.headers);
    poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
    let reply = inner.call(Request::from_parts(head, TonicBody::new(body))).await.map_err(Into::into)?;
    Ok(watched(Opened::unread(reply), call))
}

/// What a call ends with that was not sent.
fn status(error: AttachError) -> Status {
    let code = match &error {
        AttachError::OriginNotAllowed { .. } => Code::FailedPrecondition,
        AttachError::NoToken(error) => match error.kind() {
            TokenErrorKind::InvalidContext => Code::InvalidArgument,
            TokenErrorKind::NoEndpoint | TokenErrorKind::Disabled | TokenErrorKind::ShutDown => {
                Code::FailedPrecondition
            }
            _ if error.is_retryable() => Code::Unavailable,
            _ => Code::Unauthenticated,
        },
    };
    let mut status = Status::new(code, error.to_string());
    status.set_source(Arc::new(error));
    status
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::TokenError;

    #[test]
    fn a_status_says_whether_trying_again_can_help_and_keeps_the_error() {
        let busy = TokenError::Unavailable { status: 503, retry_after: None };
        let refused = TokenError::SessionRejected { status: 401 };
        let backing_off = |cause: &TokenError| TokenError::BackingOff {
            retry_in: Duration::from_secs(1),
            cause: Arc::new(cause.clone()),
        };
        let table = [
            (backing_off(&busy), Code::Unavailable),
            (backing_off(&refused), Code::Unauthenticated),
            (busy, Code::Unavailable),
            (refused, Code::Unauthenticated),
            (TokenError::Timeout { deadline: Duration::from_secs(30) }, Code::Unavailable),
            (TokenError::Cleared, Code::Unavailable),
            (TokenError::InvalidContext(crate::ContextError::Empty), Code::InvalidArgument),
            (TokenError::NotFound, Code::Unauthenticated),
            (TokenError::Disabled, Code::FailedPrecondition),
            (TokenError::ShutDown, Code::FailedPrecondition),
        ];
        for (error, code) in table {
            let kind = error.kind();
            let status = status(error.into());
            assert_eq!(status.code(), code, "{kind:?}");
            let source = status.source().and_then(|source| source.downcast_ref::<AttachError>());
            assert!(matches!(source, Some(AttachError::NoToken(error)) if error.kind() == kind));
        }
    }
}
