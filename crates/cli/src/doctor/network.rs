//! The way to the backend, step by step: name, connection, TLS. Nothing of the app's is sent here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, ProtocolVersion, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::seen::{Certificate, Connected, Handshake, Step, TlsFailure};
use crate::clock::Stopwatch;

/// The host's addresses.
pub(crate) async fn resolve(host: &str, port: u16, within: Duration) -> Step<Vec<SocketAddr>> {
    // An IPv6 address stands in brackets in a URL, and nowhere else.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match timeout(within, lookup_host((host, port))).await {
        Err(_) => Step::Failed(format!("no answer within {} s", within.as_secs())),
        Ok(Err(error)) => Step::Failed(error.to_string()),
        Ok(Ok(addresses)) => {
            let addresses: Vec<_> = addresses.collect();
            if addresses.is_empty() {
                Step::Failed("the name has no address".to_owned())
            } else {
                Step::Done(addresses)
            }
        }
    }
}

/// A connection to the first address that answers.
pub(crate) async fn connect(addresses: &[SocketAddr], within: Duration) -> (Step<Connected>, Option<TcpStream>) {
    let (mut dead, mut why) = (Vec::new(), "no address to connect to".to_owned());
    for &to in addresses {
        let watch = Stopwatch::start();
        match timeout(within, TcpStream::connect(to)).await {
            Ok(Ok(stream)) => return (Step::Done(Connected { to, took: watch.elapsed(), dead }), Some(stream)),
            Ok(Err(error)) => why = format!("{to}: {error}"),
            Err(_) => why = format!("{to}: no answer within {} s", within.as_secs()),
        }
        dead.push(to);
    }
    (Step::Failed(why), None)
}

/// A TLS handshake on a connection, with what the server showed, whether it is trusted or not.
pub(crate) async fn handshake(stream: TcpStream, host: &str, within: Duration) -> Handshake {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let failed = |error: String| Handshake { error: Some(TlsFailure::Other(error)), ..Handshake::default() };
    let verifier = match Verifier::new(Arc::clone(&provider)) {
        Ok(inner) => Arc::new(Recording { inner, shown: Mutex::default() }),
        Err(error) => return failed(format!("this machine's trust store cannot be read: {error}")),
    };
    let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let Ok(name) = ServerName::try_from(name) else { return failed("the host's name is none".to_owned()) };
    let config = match configured(provider, Arc::clone(&verifier)) {
        Ok(config) => config,
        Err(error) => return failed(error.to_string()),
    };
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let outcome = timeout(within, connector.connect(name, stream)).await;
    let certificate = verifier.shown.lock().take();
    let (error, version) = match outcome {
        Err(_) => (Some(TlsFailure::Other(format!("no answer within {} s", within.as_secs()))), None),
        Ok(Ok(stream)) => (None, stream.get_ref().1.protocol_version()),
        Ok(Err(error)) => (Some(failure(&error, certificate.as_ref().is_some_and(|of| of.is_self_signed))), None),
    };
    let version = version.map(|version| match version {
        ProtocolVersion::TLSv1_3 => "TLS 1.3",
        ProtocolVersion::TLSv1_2 => "TLS 1.2",
        _ => "TLS",
    });
    Handshake { error, version, certificate }
}

fn configured(provider: Arc<CryptoProvider>, verifier: Arc<Recording>) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn failure(error: &std::io::Error, is_self_signed: bool) -> TlsFailure {
    use CertificateError as Bad;
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(bad)) => match bad {
            Bad::UnknownIssuer => TlsFailure::UnknownIssuer,
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => TlsFailure::OtherHost,
            Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                TlsFailure::Dates
            }
            // Whatever else is wrong with it (mostly that it is its own authority's, CA:TRUE), that comes first.
            _ if is_self_signed => TlsFailure::UnknownIssuer,
            bad => TlsFailure::Certificate(in_words(bad)),
        },
        Some(Error::InvalidMessage(_)) => TlsFailure::NotTls,
        Some(Error::AlertReceived(alert)) => TlsFailure::Other(refusal(*alert).to_owned()),
        Some(Error::PeerIncompatible(_)) => {
            TlsFailure::Other("the server offers no version or cipher of TLS that is safe".to_owned())
        }
        Some(_) => TlsFailure::Other("the server's part of the handshake is not what TLS wants".to_owned()),
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            TlsFailure::Other("the server closed the connection in the middle of the handshake".to_owned())
        }
        None => TlsFailure::Other(error.to_string()),
    }
}

/// What is wrong with a certificate, beside its issuer, its name and its dates.
fn in_words(bad: &CertificateError) -> &'static str {
    use CertificateError as Bad;
    match bad {
        Bad::BadSignature => "the certificate's signature is not its issuer's",
        Bad::Revoked => "the certificate was revoked",
        Bad::BadEncoding => "the certificate cannot be read",
        Bad::UnhandledCriticalExtension => "the certificate has a critical extension that nobody knows here",
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => "the certificate is not meant for servers",
        // All that rustls has no name for; this one is the commonest.
        Bad::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "the certificate is an authority's (CA:TRUE), not a server's"
        }
        _ => "the certificate breaks a rule for certificates of servers",
    }
}

fn refusal(alert: rustls::AlertDescription) -> &'static str {
    match alert {
        rustls::AlertDescription::HandshakeFailure => "the server found no cipher in common",
        rustls::AlertDescription::ProtocolVersion => "the server found no version of TLS in common",
        rustls::AlertDescription::UnrecognisedName => "the server has no certificate for this name",
        rustls::AlertDescription::CertificateRequired => "the server wants a certificate of the client's",
        _ => "the server broke the handshake off",
    }
}

/// The system's verifier, with a note of what it was shown.
#[derive(Debug)]
struct Recording {
    inner: Verifier,
    shown: Mutex<Option<Certificate>>,
}

impl ServerCertVerifier for Recording {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.shown.lock() = read(end_entity, intermediates.len() + 1);
        self.inner.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn read(certificate: &CertificateDer<'_>, chain: usize) -> Option<Certificate> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let alternative = certificate.subject_alternative_name().ok().flatten();
    let names = alternative.map(|names| names.value.general_names.iter().filter_map(named).collect());
    Some(Certificate {
        names: names.unwrap_or_default(),
        issuer: certificate.issuer().to_string(),
        is_self_signed: certificate.issuer() == certificate.subject(),
        chain,
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
    })
}

fn named(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => match **octets {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(a, b, c, d).to_string()),
            _ => <[u8; 16]>::try_from(*octets).ok().map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
        },
        _ => None,
    }
}
