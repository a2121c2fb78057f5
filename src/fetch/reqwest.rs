//! The transport for desktops and servers: reqwest on rustls, with the operating system's trust store.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, ClientBuilder, redirect};
use rustls::client::WantsClientCert;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::endpoint::Method;
use super::http::{HttpRequest, HttpResponse, HttpTransport};
use crate::error::TransportError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_REDIRECTS: usize = 5;

/// [`HttpTransport`] on [`reqwest`]. HTTP/1.1 with keep-alive, no compression, no cookies; proxies as the environment
/// says (`HTTPS_PROXY`, `NO_PROXY`), but never for plain http, which only ever goes to loopback.
#[derive(Clone, Debug)]
pub struct ReqwestTransport {
    /// Made with the first https request: reading the system's trust store takes milliseconds.
    https: Arc<OnceCell<Client>>,
    loopback: Client,
}

impl ReqwestTransport {
    /// Trusts what the operating system trusts (rustls-platform-verifier), with ring's cryptography.
    ///
    /// The trust store is read with the first https request; if there is none, that request fails with
    /// [`TransportError::Tls`].
    ///
    /// # Errors
    ///
    /// [`TransportError::Tls`] when reqwest cannot be set up.
    pub fn new() -> Result<Self, TransportError> {
        Ok(Self { https: Arc::default(), loopback: loopback()? })
    }

    /// Trusts what `tls` says: a pinned certificate, a company's own root, a client certificate.
    ///
    /// # Errors
    ///
    /// [`TransportError::Tls`] when reqwest cannot use it.
    pub fn with_tls(tls: ClientConfig) -> Result<Self, TransportError> {
        let https = client(Client::builder(), tls)?;
        Ok(Self { https: Arc::new(OnceCell::from(https)), loopback: loopback()? })
    }

    async fn client(&self, url: &str) -> Result<&Client, TransportError> {
        if !url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:")) {
            return Ok(&self.loopback);
        }
        self.https
            .get_or_try_init(|| async {
                let made = tokio::task::spawn_blocking(|| client(Client::builder(), system_trust()?)).await;
                made.map_err(|_| TransportError::Interrupted)?
            })
            .await
    }
}

fn client(builder: ClientBuilder, tls: ClientConfig) -> Result<Client, TransportError> {
    builder
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::custom(follow_within_origin))
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("fleet-token/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| TransportError::Tls { detail: cause(&error) })
}

/// Plain http speaks no TLS, so this one trusts nobody.
fn loopback() -> Result<Client, TransportError> {
    let tls = configure_tls(|builder| Ok(builder.with_root_certificates(RootCertStore::empty())))?;
    client(Client::builder().no_proxy(), tls)
}

fn system_trust() -> Result<ClientConfig, TransportError> {
    configure_tls(BuilderVerifierExt::with_platform_verifier)
}

fn configure_tls(
    trust: impl FnOnce(
        ConfigBuilder<ClientConfig, WantsVerifier>,
    ) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, rustls::Error>,
) -> Result<ClientConfig, TransportError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.and_then(trust).map_err(|error| TransportError::Tls { detail: error.to_string() })?;
    Ok(config.with_no_client_auth())
}

/// The login must not follow a redirect to another origin; its 3xx reply is handed back instead.
fn follow_within_origin(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let within = attempt.previous().last().is_some_and(|from| from.origin() == attempt.url().origin());
    if within && attempt.previous().len() <= MAX_REDIRECTS { attempt.follow() } else { attempt.stop() }
}

#[async_trait]
impl HttpTransport for ReqwestTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let client = self.client(&request.url).await?;
        let builder = match request.method {
            Method::Get => client.get(&request.url),
            Method::Post => client.post(&request.url),
        };
        let builder = builder.headers(request.headers).timeout(request.timeout);
        let builder = match request.body {
            Some(body) => builder.body(body),
            None => builder,
        };
        let mut reply = builder.send().await.map_err(|error| classify(&error))?;
        let (status, headers) = (reply.status().as_u16(), std::mem::take(reply.headers_mut()));
        // One allocation that never grows, so that no half of a token is left behind in freed memory.
        let mut body = Zeroizing::new(Vec::with_capacity(request.max_body + 1));
        loop {
            match reply.chunk().await {
                Ok(Some(chunk)) => {
                    let room = request.max_body + 1 - body.len();
                    body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                    if body.len() > request.max_body {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => return Err(classify(&error)),
            }
        }
        Ok(HttpResponse { status, headers, body })
    }
}

fn classify(error: &reqwest::Error) -> TransportError {
    if error.is_timeout() {
        TransportError::Timeout
    } else if is_tls(error) {
        TransportError::Tls { detail: cause(error) }
    } else if error.is_connect() {
        TransportError::Connect { detail: cause(error) }
    } else if error.is_builder() {
        TransportError::Request { detail: cause(error) }
    } else if error.is_request() || error.is_body() || error.is_decode() {
        TransportError::Interrupted
    } else {
        TransportError::Other { detail: cause(error) }
    }
}

fn is_tls(error: &reqwest::Error) -> bool {
    chain(error).any(is_tls_cause)
}

/// An `io::Error` hides what it wraps from the chain of sources: it has to be opened, more than once if need be.
fn is_tls_cause(cause: &(dyn std::error::Error + 'static)) -> bool {
    let inner = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    cause.is::<rustls::Error>() || inner.is_some_and(|inner| is_tls_cause(inner))
}

/// The innermost cause: what the operating system or TLS said. It names no URL and holds no header.
fn cause(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(|| "no details".to_owned(), ToString::to_string)
}

fn chain<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
