//! A request's body that can be sent again, if it was at hand when the request was made.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// What is kept of a body for a second sending.
const MOST_KEPT: usize = 1024 * 1024;

/// A request's body as the service under the layer gets it: what `B` yielded at once, then the rest of it as it comes.
pub struct ReplayBody<B: Body<Data = Bytes>> {
    kept: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    then: Then<B>,
}

enum Then<B: Body> {
    End,
    Failure(Option<B::Error>),
    /// In a box, so that bodies that may not be moved can be sent.
    Rest(Pin<Box<B>>),
}

impl<B: Body<Data = Bytes>> ReplayBody<B> {
    /// A body that is sent as it comes.
    #[cfg(feature = "tower")]
    pub(super) fn once(body: B) -> Self {
        Self { kept: VecDeque::new(), trailers: None, then: Then::Rest(Box::pin(body)) }
    }

    /// Takes from the body what it yields without waiting.
    pub(super) async fn keeping(body: B) -> Self {
        let mut this = Self { kept: VecDeque::new(), trailers: None, then: Then::End };
        let mut body = Box::pin(body);
        let mut length = 0;
        this.then = loop {
            if length > MOST_KEPT {
                break Then::Rest(body);
            }
            match poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx))).await {
                Poll::Pending => break Then::Rest(body),
                Poll::Ready(None) => break Then::End,
                Poll::Ready(Some(Err(error))) => break Then::Failure(Some(error)),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        // An empty frame counts, too: there could be any number of them.
                        length += data.len().max(1);
                        this.kept.push_back(data);
                    }
                    Err(frame) => this.trailers = frame.into_trailers().ok(),
                },
            }
        };
        this
    }

    /// The same body for another sending; `None` if it was not all there.
    pub(super) fn again(&self) -> Option<Self> {
        let whole = matches!(self.then, Then::End);
        whole.then(|| Self { kept: self.kept.clone(), trailers: self.trailers.clone(), then: Then::End })
    }
}

/// Nothing in it is pinned by place: the rest is in a box.
impl<B: Body<Data = Bytes>> Unpin for ReplayBody<B> {}

impl<B: Body<Data = Bytes>> Body for ReplayBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if let Some(data) = self.kept.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match &mut self.then {
            Then::End => Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers)))),
            Then::Failure(error) => Poll::Ready(error.take().map(Err)),
            Then::Rest(rest) => rest.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        let over = match &self.then {
            Then::End => self.trailers.is_none(),
            Then::Failure(error) => error.is_none(),
            Then::Rest(rest) => rest.is_end_stream(),
        };
        over && self.kept.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let kept: u64 = self.kept.iter().map(|data| data.len() as u64).sum();
        let rest = match &self.then {
            Then::End => SizeHint::with_exact(0),
            Then::Failure(_) => SizeHint::default(),
            Then::Rest(rest) => rest.size_hint(),
        };
        let mut hint = SizeHint::default();
        hint.set_lower(kept.saturating_add(rest.lower()));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(kept)) {
            hint.set_upper(upper);
        }
        hint
    }
}

/// Nothing of its content.
impl<B: Body<Data = Bytes>> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayBody").field("at_hand", &matches!(self.then, Then::End)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Yields what is in it, frame by frame.
    struct Frames(VecDeque<Poll<Result<Frame<Bytes>, &'static str>>>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            match self.0.pop_front() {
                Some(Poll::Pending) => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Some(Poll::Ready(frame)) => Poll::Ready(Some(frame)),
                None => Poll::Ready(None),
            }
        }

        fn is_end_stream(&self) -> bool {
            self.0.is_empty()
        }

        fn size_hint(&self) -> SizeHint {
            let data = |frame: &Poll<Result<Frame<Bytes>, _>>| match frame {
                Poll::Ready(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                _ => 0,
            };
            SizeHint::with_exact(self.0.iter().map(data).sum::<usize>() as u64)
        }
    }

    fn data(text: impl Into<Bytes>) -> Poll<Result<Frame<Bytes>, &'static str>> {
        Poll::Ready(Ok(Frame::data(text.into())))
    }

    async fn keeping(frames: impl IntoIterator<Item = Poll<Result<Frame<Bytes>, &'static str>>>) -> ReplayBody<Frames> {
        ReplayBody::keeping(Frames(frames.into_iter().collect())).await
    }

    /// Data, trailers, and the error at the end.
    async fn read(mut body: ReplayBody<Frames>) -> (Vec<u8>, Option<HeaderMap>, Option<&'static str>) {
        let (mut all, mut trailers) = (Vec::new(), None);
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) => all.extend_from_slice(&data),
                Ok(Err(frame)) => trailers = frame.into_trailers().ok(),
                Err(error) => return (all, trailers, Some(error)),
            }
        }
        assert!(body.is_end_stream());
        (all, trailers, None)
    }

    #[tokio::test]
    async fn what_is_at_hand_can_be_sent_any_number_of_times() {
        let trailers = HeaderMap::from_iter([(http::header::TE, http::HeaderValue::from_static("x"))]);
        let body = keeping([data("ab"), data("c"), Poll::Ready(Ok(Frame::trailers(trailers.clone())))]).await;
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(3), false));
        for _ in 0..2 {
            assert_eq!(read(body.again().unwrap()).await, (b"abc".to_vec(), Some(trailers.clone()), None));
        }
        assert_eq!(read(body).await.0, b"abc");
        let nothing = keeping([]).await;
        assert!(nothing.is_end_stream() && nothing.again().is_some() && nothing.size_hint().exact() == Some(0));
    }

    #[tokio::test]
    async fn what_streams_is_sent_whole_and_once() {
        let body = keeping([data("ab"), Poll::Pending, data("c")]).await;
        assert!(body.again().is_none());
        assert_eq!(body.size_hint().exact(), Some(3));
        assert_eq!(read(body).await, (b"abc".to_vec(), None, None));
    }

    #[tokio::test]
    async fn more_than_is_kept_is_sent_whole_and_once() {
        // A mebibyte, as promised.
        let big = vec![7; 1 << 20];
        assert!(keeping([data(big.clone())]).await.again().is_some());
        let body = keeping([data(big), data("x"), data("y")]).await;
        assert!(body.again().is_none());
        assert_eq!(read(body).await.0.len(), MOST_KEPT + 2);
        let empty = std::iter::repeat_with(|| data("")).take(MOST_KEPT + 10);
        assert!(keeping(empty).await.again().is_none());
    }

    #[tokio::test]
    async fn a_body_that_fails_fails_where_it_did() {
        let body = keeping([data("ab"), Poll::Ready(Err("disk"))]).await;
        assert!(body.again().is_none() && !body.is_end_stream());
        assert_eq!(read(body).await, (b"ab".to_vec(), None, Some("disk")));
    }
}
