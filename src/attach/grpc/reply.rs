//! Whether a call was refused for its token: gRPC says so in the headers, or behind the messages in the trailers.

use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tonic::Code;
use tonic::body::Body as TonicBody;

use super::super::Call;

const GRPC_STATUS: &str = "grpc-status";

/// Whether a call that ends with these headers or trailers was refused as unauthenticated.
fn refuses(end: &HeaderMap) -> bool {
    end.get(GRPC_STATUS).is_some_and(|code| Code::from_bytes(code.as_bytes()) == Code::Unauthenticated)
}

/// What a body yields when it is asked; `None` at its end.
type Yield<R> = Option<Result<Frame<<R as Body>::Data>, <R as Body>::Error>>;

/// A reply, and what its body yielded first if that was asked for.
pub(super) struct Opened<R: Body> {
    reply: Response<Pin<Box<R>>>,
    first: Option<Yield<R>>,
}

impl<R: Body> Opened<R> {
    /// As far as the headers go.
    pub(super) fn unread(reply: Response<R>) -> Self {
        Self { reply: reply.map(Box::pin), first: None }
    }

    /// Reads the first frame, unless the headers say how the call ended.
    pub(super) async fn read(reply: Response<R>) -> Self {
        let mut this = Self::unread(reply);
        if this.reply.status() == StatusCode::OK && !this.reply.headers().contains_key(GRPC_STATUS) {
            this.first = Some(poll_fn(|cx| this.reply.body_mut().as_mut().poll_frame(cx)).await);
        }
        this
    }

    /// Whether the call ended here, refused: by Fleet Engine, or by a proxy (401).
    pub(super) fn is_refused(&self) -> bool {
        let frame = self.first.as_ref().and_then(|first| first.as_ref()?.as_ref().ok());
        let trailers = frame.and_then(Frame::trailers_ref);
        self.reply.status() == StatusCode::UNAUTHORIZED
            || refuses(self.reply.headers())
            || trailers.is_some_and(refuses)
    }
}

/// The reply for the caller. If it ends with a refusal after all, the token is reported.
pub(super) fn watched<R>(opened: Opened<R>, call: Call) -> Response<TonicBody>
where
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<Box<dyn Error + Send + Sync>> + Send,
{
    if opened.is_refused() {
        call.refused();
    }
    let Opened { reply, first } = opened;
    reply.map(|rest| TonicBody::new(Watched { first, rest, call }))
}

struct Watched<R: Body> {
    first: Option<Yield<R>>,
    rest: Pin<Box<R>>,
    call: Call,
}

/// Nothing in it is pinned by place: the rest is in a box.
impl<R: Body> Unpin for Watched<R> {}

impl<R: Body> Body for Watched<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(first);
        }
        let frame = ready!(self.rest.as_mut().poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && frame.trailers_ref().is_some_and(refuses)
        {
            self.call.refused();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.first {
            // A body that is over may not be asked again.
            Some(first) => first.is_none(),
            None => self.rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        if self.first.is_some() { SizeHint::default() } else { self.rest.size_hint() }
    }
}
