//! `fleet-token doctor` and certificates: what is trusted is told by `SSL_CERT_FILE`, which Linux's trust store obeys.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fleet_token_backend::{Grant, World};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::doctor::Found;
use super::{Ran, command};

/// A throw-away authority, and the file by which a process is told to trust it and nobody else.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: PathBuf,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}.pem", std::process::id()));
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { issuer, file }
    }

    fn server(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let (key, mut params) = (KeyPair::generate().unwrap(), CertificateParams::new([name.to_owned()]).unwrap());
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        acceptor(certificate.der().clone(), &key)
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

fn self_signed(name: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
    let (key, mut params) = (KeyPair::generate().unwrap(), CertificateParams::new([name.to_owned()]).unwrap());
    change(&mut params);
    let certificate = params.self_signed(&key).unwrap();
    acceptor(certificate.der().clone(), &key)
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Passes what comes over TLS on to `backend`. Counts the connections over which something was sent.
async fn tunnel(acceptor: TlsAcceptor, backend: String) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let told = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&told);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, backend, counter) = (acceptor.clone(), backend.clone(), Arc::clone(&counter));
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut first = [0; 1];
                if stream.read_exact(&mut first).await.is_err() {
                    return;
                }
                counter.fetch_add(1, Ordering::SeqCst);
                let mut onward = TcpStream::connect(backend).await.unwrap();
                onward.write_all(&first).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
            });
        }
    });
    (port, told)
}

async fn examine(port: u16, host: &str, trusting: &Authority) -> Ran {
    let endpoint = format!("https://{host}:{port}/token/driver/{{vehicleId}}");
    let login = "Authorization: Bearer SECRET-SESSION-tls";
    let args =
        ["doctor", "--json", "--requests", "1", "--endpoint", &endpoint, "--vehicle-id", "v1", "--header", login];
    let mut command = command(&args);
    command.env("SSL_CERT_FILE", &trusting.file).env_remove("SSL_CERT_DIR");
    for proxy in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(proxy);
    }
    tokio::task::spawn_blocking(move || Ran::of(command.output().unwrap())).await.unwrap()
}

async fn world() -> World {
    let world = World::builder().start().await.unwrap();
    world.sessions().allow("somebody", "SECRET-SESSION-tls", Grant::driver("v1"));
    world.minter().mint(fleet_token_backend::TokenKind::Driver { vehicle_id: "v1".into() }).unwrap();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_certificate_is_found_and_nothing_is_sent() {
    let (trusted, unknown) = (Authority::new("trusted"), Authority::new("unknown"));
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    };
    let future = |params: &mut CertificateParams| params.not_before = date_time_ymd(4000, 1, 1);
    let world = world().await;
    let backend = world.backend_url().replace("http://", "");
    // As openssl req -x509 makes them.
    let authority = |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let nameless = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.subject_alt_names.clear();
    };
    for (acceptor, errors, saw) in [
        (trusted.server("localhost", expired), &["tls-days"][..], "expired on 2021-01-01 00:00:00 UTC"),
        (trusted.server("localhost", future), &["tls-days"], "not valid before 4000-01-01 00:00:00 UTC"),
        (
            trusted.server("backend.example", |_| {}),
            &["tls-host"],
            "the certificate is for backend.example, not for localhost",
        ),
        (
            trusted.server("localhost", authority),
            &["tls-trust"],
            "the certificate is an authority's (CA:TRUE), not a server's",
        ),
        (unknown.server("localhost", |_| {}), &["tls-trust"], "issued by CN=unknown, whom this machine does not know"),
        (self_signed("localhost", |_| {}), &["tls-trust"], "the certificate is signed by itself"),
        (self_signed("localhost", authority), &["tls-trust"], "the certificate is signed by itself"),
        (self_signed("localhost", nameless), &["tls-trust", "tls-host"], "the certificate is signed by itself"),
        (self_signed("other.example", authority), &["tls-trust", "tls-host"], "the certificate is signed by itself"),
    ] {
        let (port, told) = tunnel(acceptor, backend.clone()).await;
        let found = Found::of(&examine(port, "localhost", &trusted).await);
        assert!(found.is(errors, &[]) && found.code == 2, "{saw}: {found:#?}");
        assert_eq!(found.saw(errors[0]), saw);
        let all = found.json.to_string();
        assert!(!all.contains("OtherError") && !all.contains("UsedAs"), "rustls' own words: {all}");
        assert_eq!(told.load(Ordering::SeqCst), 0, "{saw}: something was sent");
    }
    assert!(world.stats().requests.is_empty());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_backend_is_examined_over_tls() {
    let authority = Authority::new("good");
    let world = world().await;
    let backend = world.backend_url().replace("http://", "");
    let (port, told) = tunnel(authority.server("localhost", |_| {}), backend.clone()).await;
    let found = Found::of(&examine(port, "localhost", &authority).await);
    assert!(found.is(&[], &[]), "{found:#?}");
    assert_eq!(found.saw("tls-trust"), "TLS 1.3, by CN=good");
    assert_eq!(found.saw("tls-host"), "the certificate is for localhost");
    assert!(found.saw("tls-days").ends_with("days left") && told.load(Ordering::SeqCst) > 0);
    // A certificate that ends in a week.
    let week = |params: &mut CertificateParams| {
        params.not_after = (std::time::UNIX_EPOCH
            + std::time::Duration::from_secs(world.clock().unix_secs().unsigned_abs() + 7 * 86_400 + 60))
        .into();
    };
    let (port, _) = tunnel(authority.server("localhost", week), backend).await;
    let found = Found::of(&examine(port, "localhost", &authority).await);
    assert!(found.is(&[], &["tls-days"]) && found.saw("tls-days").starts_with("7 days left"), "{found:#?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_speaks_http_is_said_so() {
    let authority = Authority::new("http");
    let world = world().await;
    let port: u16 = world.backend_url().rsplit(':').next().unwrap().parse().unwrap();
    let found = Found::of(&examine(port, "127.0.0.1", &authority).await);
    assert!(found.is(&["tls-trust"], &[]), "{found:#?}");
    assert!(found.saw("tls-trust").contains("does not speak TLS"), "{found:#?}");
    world.stop().await;
}
