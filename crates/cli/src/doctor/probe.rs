//! Sends requests as the SDK makes them, one at a time, follows where the SDK follows, and keeps what came back.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fleet_token::{HttpRequest, HttpResponse, HttpTransport, Method, TransportError, async_trait};
use parking_lot::Mutex;
use reqwest::{Client, Url, redirect};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;
use zeroize::Zeroizing;

use super::seen::Exchange;
use crate::clock::{self, Stopwatch};

/// A transport that remembers its last exchange. Clones share it.
#[derive(Clone)]
pub(crate) struct Probe {
    client: Client,
    /// How long one exchange may take.
    within: Duration,
    last: Arc<Mutex<Option<(HttpRequest, Exchange)>>>,
    /// A redirect led nowhere: the next ones are not followed.
    is_lost: Arc<AtomicBool>,
}

/// How many redirects within a server are followed for one request: the SDK's own number.
const MAX_REDIRECTS: usize = 5;

impl Probe {
    /// Trusts what the system trusts; proxies as the environment says, but none to this machine.
    pub(crate) fn new(is_https: bool, within: Duration) -> Result<Self, TransportError> {
        let failed = |error: &dyn std::error::Error| TransportError::Tls { detail: error.to_string() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| failed(&error))?;
        // Plain http needs no trust store, and must not fail for want of one.
        let tls = if is_https {
            builder.with_platform_verifier().map_err(|error| failed(&error))?.with_no_client_auth()
        } else {
            builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
        };
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("fleet-token-doctor/", env!("CARGO_PKG_VERSION")));
        let client = if is_https { client } else { client.no_proxy() };
        let client = client.build().map_err(|error| failed(&error))?;
        Ok(Self { client, within, last: Arc::default(), is_lost: Arc::default() })
    }

    /// The request that was sent last and what came of it; once.
    pub(crate) fn take(&self) -> Option<(HttpRequest, Exchange)> {
        self.last.lock().take()
    }

    /// Sends a request, and follows as the SDK's transport does: within the server.
    pub(crate) async fn exchange(&self, request: &HttpRequest) -> Exchange {
        let mut exchange = self.once(request).await;
        let mut request = Cow::Borrowed(request);
        let mut hops = Vec::new();
        while hops.len() < MAX_REDIRECTS
            && !self.is_lost.load(Ordering::Relaxed)
            && let Some(next) = exchange.reply().and_then(|reply| next(&request, reply))
        {
            let (sent, before) = (exchange.sent, exchange.first_byte);
            let followed = self.once(&next).await;
            request = Cow::Owned(next);
            hops.extend(std::mem::replace(&mut exchange, followed).outcome.ok());
            (exchange.sent, exchange.first_byte) = (sent, before + exchange.first_byte);
        }
        if exchange.status().is_some_and(|status| (300..400).contains(&status)) {
            self.is_lost.store(true, Ordering::Relaxed);
        }
        exchange.hops = hops;
        exchange
    }

    async fn once(&self, request: &HttpRequest) -> Exchange {
        let (sent, watch) = (clock::wall(), Stopwatch::start());
        let builder = match request.method {
            Method::Post => self.client.post(&request.url),
            _ => self.client.get(&request.url),
        };
        let builder = builder.headers(request.headers.clone()).timeout(self.within);
        let builder = match &request.body {
            Some(body) => builder.body(body.clone()),
            None => builder,
        };
        let mut first_byte = Duration::ZERO;
        let outcome = async {
            let mut reply = builder.send().await?;
            first_byte = watch.elapsed();
            let (status, headers) = (reply.status().as_u16(), std::mem::take(reply.headers_mut()));
            let mut body = Zeroizing::new(Vec::with_capacity(request.max_body + 1));
            while body.len() <= request.max_body
                && let Some(chunk) = reply.chunk().await?
            {
                let room = request.max_body + 1 - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            Ok(HttpResponse::new(status, headers, std::mem::take(&mut *body)))
        }
        .await
        .map_err(|error: reqwest::Error| classify(&error));
        Exchange { sent, first_byte, outcome, hops: Vec::new() }
    }
}

#[async_trait]
impl HttpTransport for Probe {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let exchange = self.exchange(&request).await;
        let outcome = exchange.outcome.clone();
        *self.last.lock() = Some((request, exchange));
        outcome
    }
}

/// The request that a redirect within the server asks for (RFC 9110 §15.4).
fn next(request: &HttpRequest, reply: &HttpResponse) -> Option<HttpRequest> {
    if !matches!(reply.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let from = Url::parse(&request.url).ok()?;
    let to = from.join(reply.headers.get("location")?.to_str().ok()?).ok()?;
    if from.origin() != to.origin() {
        return None;
    }
    let mut next = request.clone();
    next.url = to.into();
    if matches!(reply.status, 301..=303) && next.method == Method::Post {
        (next.method, next.body) = (Method::Get, None);
        next.headers.remove("content-type");
    }
    Some(next)
}

fn classify(error: &reqwest::Error) -> TransportError {
    let cause = || {
        let chain = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
        chain.last().map_or_else(|| "no details".to_owned(), ToString::to_string)
    };
    if error.is_timeout() {
        TransportError::Timeout
    } else if error.is_connect() {
        TransportError::Connect { detail: cause() }
    } else if error.is_builder() {
        TransportError::Request { detail: cause() }
    } else if error.is_request() || error.is_body() || error.is_decode() {
        TransportError::Interrupted
    } else {
        TransportError::Other { detail: cause() }
    }
}
