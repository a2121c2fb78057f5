//! The platform's HTTP stack as the core's wire.

use std::fmt;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;
use zeroize::Zeroizing;

use super::engine::Caller;
use super::lent::Lent;
use super::millis;
use crate::error::TransportError;
use crate::fetch::endpoint::Method;
use crate::fetch::http::{HttpRequest, HttpResponse, HttpTransport};

/// Sends one request and reads one reply: the platform's HTTP stack.
///
/// It must verify the server's certificate, follow no redirect to another origin but hand back its 3xx reply, give up
/// after the request's time-out, read no more of a body than asked, and log neither headers nor bodies. It is never
/// aborted: an answer that comes after its caller has left is dropped.
#[uniffi::export(foreign)]
#[async_trait]
pub trait FfiHttpTransport: Send + Sync + 'static {
    /// Sends the request and reads the whole reply, whatever its status.
    async fn send(&self, request: FfiHttpRequest) -> Result<FfiHttpResponse, FfiTransportError>;
}

/// How the backend is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum FfiHttpMethod {
    /// GET, with the ids in the URL.
    Get,
    /// POST, with a JSON body.
    Post,
}

/// One header. Its value may be a login: it is never printed.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct FfiHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// What is sent. Headers and body are never printed.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct FfiHttpRequest {
    /// How.
    pub method: FfiHttpMethod,
    /// An absolute URL whose ids are percent-encoded already.
    pub url: String,
    /// The headers, the app's own login among them. A name may come twice.
    pub headers: Vec<FfiHeader>,
    /// A JSON body, for POST.
    pub body: Option<Vec<u8>>,
    /// How long the exchange may take.
    pub timeout_ms: u64,
    /// How many bytes of a body may be read; a longer one may be cut after one byte more.
    pub max_body: u64,
}

/// What came back. The body is never printed.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
#[uniffi::export(Debug, Display)]
pub struct FfiHttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers; looked at are Date, Retry-After and Content-Type.
    pub headers: Vec<FfiHeader>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why no whole reply came. No text may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, Error, uniffi::Error)]
pub enum FfiTransportError {
    /// No connection: refused, no route, no DNS.
    #[error("no connection")]
    Connect {
        /// The cause.
        detail: String,
    },
    /// The certificate or the TLS handshake failed.
    #[error("TLS failed")]
    Tls {
        /// The cause.
        detail: String,
    },
    /// It took too long.
    #[error("timed out")]
    Timeout,
    /// The connection broke before the whole reply had come.
    #[error("interrupted")]
    Interrupted,
    /// The request could not be sent as it is.
    #[error("not sent")]
    Request {
        /// The cause.
        detail: String,
    },
    /// Anything else.
    #[error("failed")]
    Other {
        /// The cause.
        detail: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for FfiTransportError {
    /// What was thrown is not repeated: an exception's text may hold the URL, a header or a body.
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Other { detail: "the app's transport threw an exception that it does not declare".to_owned() }
    }
}

impl From<FfiTransportError> for TransportError {
    fn from(error: FfiTransportError) -> Self {
        match error {
            FfiTransportError::Connect { detail } => Self::Connect { detail },
            FfiTransportError::Tls { detail } => Self::Tls { detail },
            FfiTransportError::Timeout => Self::Timeout,
            FfiTransportError::Interrupted => Self::Interrupted,
            FfiTransportError::Request { detail } => Self::Request { detail },
            FfiTransportError::Other { detail } => Self::Other { detail },
        }
    }
}

/// The app's transport, called so that whoever waits for it may leave.
pub(super) struct ForeignTransport {
    pub(super) transport: Lent<dyn FfiHttpTransport>,
    pub(super) caller: Caller,
}

#[async_trait]
impl HttpTransport for ForeignTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let unanswered = || TransportError::Other { detail: "the app's transport gave no answer".to_owned() };
        let transport = self.transport.get().ok_or_else(unanswered)?;
        let request = FfiHttpRequest::from(request);
        // The body is sealed inside, so that also a reply which nobody waits for any more is wiped.
        let sent = self.caller.call(async move { transport.send(request).await.map(HttpResponse::from) });
        sent.await.ok_or_else(unanswered)?.map_err(TransportError::from)
    }
}

impl From<HttpRequest> for FfiHttpRequest {
    fn from(request: HttpRequest) -> Self {
        let header = |(name, value): (&HeaderName, &HeaderValue)| FfiHeader {
            name: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        };
        Self {
            method: match request.method {
                Method::Get => FfiHttpMethod::Get,
                Method::Post => FfiHttpMethod::Post,
            },
            headers: request.headers.iter().map(header).collect(),
            url: request.url,
            body: request.body,
            timeout_ms: millis(request.timeout).max(1),
            max_body: request.max_body as u64,
        }
    }
}

impl From<FfiHttpResponse> for HttpResponse {
    /// A header that HTTP does not know is left out: nothing depends on it.
    fn from(reply: FfiHttpResponse) -> Self {
        let body = Zeroizing::new(reply.body);
        let mut headers = HeaderMap::new();
        for header in reply.headers {
            if let (Ok(name), Ok(value)) = (header.name.parse::<HeaderName>(), header.value.parse::<HeaderValue>()) {
                headers.append(name, value);
            }
        }
        Self { status: reply.status, headers, body }
    }
}

impl fmt::Debug for FfiHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FfiHeader").field("name", &self.name).field("value", &"[redacted]").finish()
    }
}

impl fmt::Debug for FfiHttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FfiHttpRequest")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &self.headers)
            .field("timeout_ms", &self.timeout_ms)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FfiHttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FfiHttpResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &format_args!("[{} bytes]", self.body.len()))
            .finish()
    }
}

macro_rules! display_as_debug {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self, f)
            }
        }
    )*};
}

display_as_debug!(FfiHeader FfiHttpRequest FfiHttpResponse);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_crosses_never_prints_a_secret() {
        let header = FfiHeader { name: "authorization".to_owned(), value: "SECRET-SESSION-1".to_owned() };
        let request = FfiHttpRequest {
            method: FfiHttpMethod::Post,
            url: "https://b.example/".to_owned(),
            headers: vec![header.clone()],
            body: Some(b"SECRET-SESSION-2".to_vec()),
            timeout_ms: 1,
            max_body: 1,
        };
        let reply = FfiHttpResponse { status: 200, headers: vec![header.clone()], body: b"SECRET-TOKEN-1".to_vec() };
        let printed = format!("{header} {header:?} {request} {request:#?} {reply} {reply:?}");
        assert!(!printed.contains("SECRET") && !printed.contains("83, 69"));
        assert!(printed.contains("authorization"));
    }

    #[test]
    fn an_exception_s_own_text_is_not_repeated() {
        let thrown = uniffi::UnexpectedUniFFICallbackError { reason: "SECRET-SESSION-1".to_owned() };
        assert!(!format!("{:?}", FfiTransportError::from(thrown)).contains("SECRET"));
    }

    #[test]
    fn a_header_that_http_does_not_know_is_left_out() {
        let header = |name: &str, value: &str| FfiHeader { name: name.to_owned(), value: value.to_owned() };
        let headers = vec![header("Retry-After", "7"), header("no name", "x"), header("x", "a\r\nb")];
        let reply = HttpResponse::from(FfiHttpResponse { status: 503, headers, body: Vec::new() });
        assert_eq!(reply.headers.len(), 1);
        assert_eq!(reply.headers["retry-after"], "7");
    }
}
