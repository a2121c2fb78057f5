//! Servers on real sockets for tests of the wire: raw, HTTP, and TLS with a throw-away authority.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) const GOOD: &str = r#"{"token":"SECRET-TOKEN-1","expiresInSeconds":3600}"#;

pub(crate) fn reply(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

/// Reads one request's head; `None` when the client has gone.
pub(crate) async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// Answers every request with a good token until the client goes.
pub(crate) async fn answer_well(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    while read_head(&mut stream).await.is_some() {
        if stream.write_all(reply("200 OK", "", GOOD).as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A server on loopback that lets `serve` handle each connection. Counts connections.
pub(crate) async fn server<F, S>(serve: F) -> (String, Arc<AtomicUsize>)
where
    F: Fn(TcpStream) -> S + Send + 'static,
    S: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = listener.local_addr().unwrap().to_string();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream));
        }
    });
    (origin, connections)
}

/// A server that answers every request on a connection with what `answer` makes of its head.
pub(crate) async fn http(
    answer: impl Fn(&str) -> String + Clone + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    server(move |mut stream| {
        let answer = answer.clone();
        async move {
            while let Some(head) = read_head(&mut stream).await {
                if stream.write_all(answer(&head).as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

/// A throw-away certificate authority.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Two of one name would be taken for each other, and found out by their signatures only.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// A server with a certificate for `name`, changed as `change` says.
    pub(crate) fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    /// A client that trusts this authority and no other.
    pub(crate) fn client(&self) -> rustls::ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A certificate for `name` by an authority of its own, as a TLS server and as the client that trusts it.
pub(crate) fn tls(name: &str) -> (TlsAcceptor, rustls::ClientConfig) {
    let authority = Authority::new("an authority of the test's");
    (authority.server(name, |_| {}), authority.client())
}

/// A server that speaks TLS, as `localhost`, and answers well.
pub(crate) async fn https(acceptor: TlsAcceptor) -> String {
    let (origin, _) = server(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                answer_well(stream).await;
            }
        }
    })
    .await;
    origin.replace("127.0.0.1", "localhost")
}
