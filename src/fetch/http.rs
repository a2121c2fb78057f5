//! A token over HTTP: the request, the status, the headers. The wire itself is an [`HttpTransport`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{ACCEPT, AGE, CACHE_CONTROL, CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::endpoint::{Endpoints, Method};
use super::response::ResponseFormat;
use super::session::SessionHeaderProvider;
use super::{FetchRequest, FetchedToken, TokenFetcher, response};
use crate::backoff::parse_retry_after;
use crate::error::{ResponseError, TokenError, TransportError};

/// The longest reply that is read. A token's is around two kilobytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// No token is older than that, whatever a cache says.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Sends one request and reads one reply: the platform's HTTP stack, or a script in a test.
///
/// A transport must:
/// - verify the server's certificate against the platform's trust store;
/// - follow redirects within the same origin only, or none at all, and hand back the 3xx reply of any other;
/// - give up after [`HttpRequest::timeout`] and read no more than [`HttpRequest::max_body`] bytes of a body;
/// - log neither headers nor bodies.
///
/// The returned future may be dropped at any moment.
///
/// ```
/// use fleet_token::{HttpRequest, HttpResponse, HttpTransport, TransportError, async_trait, http};
///
/// /// In a test of an app: a backend that always answers the same.
/// struct Always(&'static str);
///
/// #[async_trait]
/// impl HttpTransport for Always {
///     async fn send(&self, _request: HttpRequest) -> Result<HttpResponse, TransportError> {
///         Ok(HttpResponse::new(200, http::HeaderMap::new(), self.0.into()))
///     }
/// }
/// # let factory = fleet_token::AuthTokenFactory::builder()
/// #     .vehicle_endpoint("https://backend.example.com/{vehicleId}")
/// #     .transport(Always(r#"{"token": "abc", "expiresInSeconds": 3600}"#))
/// #     .build()?;
/// # assert!(factory.blocking_token(&fleet_token::AuthTokenContext::vehicle("v1")).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[async_trait]
pub trait HttpTransport: Send + Sync + 'static {
    /// Sends `request` and reads the whole reply, whatever its status.
    ///
    /// # Errors
    ///
    /// A [`TransportError`] when no whole reply came.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;
}

#[async_trait]
impl<T: HttpTransport + ?Sized> HttpTransport for Arc<T> {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        (**self).send(request).await
    }
}

/// What is sent. Header values are secrets: `Debug` prints their names only.
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpRequest {
    /// `GET` or `POST`.
    pub method: Method,
    /// An absolute URL whose ids are percent-encoded already.
    pub url: String,
    /// The headers, the app's own login among them.
    pub headers: HeaderMap,
    /// A JSON body, for `POST`.
    pub body: Option<Vec<u8>>,
    /// How long the exchange may take, connecting and reading included.
    pub timeout: Duration,
    /// How much of a body may be read. A longer one may be cut after one byte more: it is refused either way.
    pub max_body: usize,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &self.url)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// What came back. The body holds a token: it is never printed, and wiped when dropped.
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers; looked at are `Date`, `Age`, `Retry-After` and `Content-Type`.
    pub headers: HeaderMap,
    /// The body, up to [`HttpRequest::max_body`] bytes, or a little more as a sign that it was longer.
    pub body: Zeroizing<Vec<u8>>,
}

impl HttpResponse {
    /// A reply.
    pub fn new(status: u16, headers: HeaderMap, body: Vec<u8>) -> Self {
        Self { status, headers, body: Zeroizing::new(body) }
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body", &format_args!("[{} bytes]", self.body.len()))
            .finish()
    }
}

/// The [`TokenFetcher`] that most apps use: an endpoint, a login, a transport, a shape.
pub(crate) struct HttpFetcher {
    pub(crate) endpoints: Endpoints,
    pub(crate) session: Option<Arc<dyn SessionHeaderProvider>>,
    pub(crate) transport: Arc<dyn HttpTransport>,
    pub(crate) format: ResponseFormat,
}

#[async_trait]
impl TokenFetcher for HttpFetcher {
    async fn fetch(&self, request: FetchRequest<'_>) -> Result<FetchedToken, TokenError> {
        let target = self.endpoints.target(request.context)?;
        let mut headers = match &self.session {
            Some(session) => session.headers(request.context).await?.into_map(),
            None => HeaderMap::new(),
        };
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        // A token must neither come out of an HTTP cache on the way nor go into one (RFC 9111 §5.2.1.4, §5.2.1.5).
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache, no-store"));
        if target.body.is_some() {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        }
        let request = HttpRequest {
            method: target.method,
            url: target.url,
            headers,
            body: target.body,
            timeout: request.timeout,
            max_body: MAX_BODY,
        };
        let reply = self.transport.send(request).await?;
        read(&reply, &self.format)
    }
}

/// Status first, body second: an error's body is not looked at, whatever it holds.
fn read(reply: &HttpResponse, format: &ResponseFormat) -> Result<FetchedToken, TokenError> {
    let header = |name| reply.headers.get(name).and_then(|value| value.to_str().ok());
    let date = header(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    // A cache that answers all the same says for how long it had the reply (RFC 9111 §5.1): its `Date` is that old.
    let age = header(AGE).and_then(|age| age.trim().parse().ok()).map_or(Duration::ZERO, Duration::from_secs);
    let server_time = date.map(|date| date.checked_add(age.min(MAX_AGE)).unwrap_or(date));
    match reply.status {
        200..=299 => {}
        status @ 300..=399 => return Err(TokenError::Redirected { status }),
        status @ (401 | 403) => return Err(TokenError::SessionRejected { status }),
        404 => return Err(TokenError::NotFound),
        status @ (408 | 425 | 429 | 500..=599) => {
            let retry_after = header(RETRY_AFTER).and_then(|value| parse_retry_after(value, server_time));
            return Err(TokenError::Unavailable { status, retry_after });
        }
        status => return Err(TokenError::Rejected { status }),
    }
    if reply.body.len() > MAX_BODY {
        return Err(ResponseError::TooLarge { limit: MAX_BODY }.into());
    }
    let parsed = response::parse(&reply.body, header(CONTENT_TYPE), format)?;
    let secret = parsed.token.ok_or(TokenError::Disabled)?;
    Ok(FetchedToken { secret, expires_at: parsed.expires_at, expires_in: parsed.expires_in, server_time })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, headers: &[(&'static str, &str)], body: &str) -> HttpResponse {
        let headers = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
        HttpResponse::new(status, headers, body.as_bytes().to_vec())
    }

    fn kind(status: u16) -> TokenError {
        read(&reply(status, &[], r#"{"token":"SECRET-TOKEN-1"}"#), &ResponseFormat::Auto).unwrap_err()
    }

    #[test]
    fn the_status_counts_before_the_body() {
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert!(matches!(kind(status), TokenError::Unavailable { status: s, .. } if s == status));
        }
        for status in [401, 403] {
            assert!(matches!(kind(status), TokenError::SessionRejected { status: s } if s == status));
        }
        assert!(matches!(kind(404), TokenError::NotFound));
        assert!(matches!(kind(302), TokenError::Redirected { status: 302 }));
        for status in [100, 400, 409, 418, 422] {
            assert!(matches!(kind(status), TokenError::Rejected { status: s } if s == status));
        }
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let date = [("date", "Thu, 01 Jan 2026 00:00:00 GMT")];
        for (value, seconds) in [("7", 7), ("Thu, 01 Jan 2026 00:00:09 GMT", 9)] {
            let headers = [date[0], ("retry-after", value)];
            let error = read(&reply(503, &headers, ""), &ResponseFormat::Auto).unwrap_err();
            assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)));
        }
    }

    #[test]
    fn the_server_s_date_comes_with_the_token() {
        let headers = [("date", "Thu, 01 Jan 2026 00:00:00 GMT")];
        let token = read(&reply(200, &headers, r#"{"token":"SECRET-TOKEN-1"}"#), &ResponseFormat::Auto).unwrap();
        assert_eq!(token.server_time, httpdate::parse_http_date(headers[0].1).ok());
        assert!(!format!("{token:?}").contains("SECRET-TOKEN"));
    }

    #[test]
    fn a_reply_out_of_a_cache_is_as_old_as_it_says() {
        for (age, now) in [
            ("2400", "Thu, 01 Jan 2026 00:40:00 GMT"),
            ("86399", "Thu, 01 Jan 2026 23:59:59 GMT"),
            // No token is that old.
            ("864000", "Fri, 02 Jan 2026 00:00:00 GMT"),
        ] {
            let headers = [("date", "Thu, 01 Jan 2026 00:00:00 GMT"), ("age", age)];
            let token = read(&reply(200, &headers, r#"{"token":"SECRET-TOKEN-1"}"#), &ResponseFormat::Auto).unwrap();
            assert_eq!(token.server_time, httpdate::parse_http_date(now).ok());
        }
    }

    #[test]
    fn a_null_token_is_disabled_and_a_huge_body_is_refused() {
        let error = read(&reply(200, &[], r#"{"token":null,"vehicleId":null}"#), &ResponseFormat::Auto).unwrap_err();
        assert!(matches!(error, TokenError::Disabled));
        let error = read(&reply(200, &[], &" ".repeat(MAX_BODY + 1)), &ResponseFormat::Auto).unwrap_err();
        assert!(matches!(error, TokenError::BadResponse(ResponseError::TooLarge { .. })));
    }

    #[test]
    fn requests_and_replies_never_print_secrets() {
        let reply = reply(200, &[("set-cookie", "SECRET-SESSION-1")], "SECRET-TOKEN-1");
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("SECRET-SESSION-1"));
        let request = HttpRequest {
            method: Method::Get,
            url: "https://b.example/".to_owned(),
            headers,
            body: None,
            timeout: Duration::ZERO,
            max_body: 0,
        };
        let printed = format!("{reply:?} {request:?}");
        assert!(!printed.contains("SECRET"));
        assert!(["14 bytes", "set-cookie", "b.example", "authorization"].iter().all(|part| printed.contains(part)));
    }
}
