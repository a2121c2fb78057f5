//! What was seen of a backend. Probes fill it in, checks read it; between the two there is no network.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use fleet_token::{AuthTokenContext, HttpResponse, TokenErrorKind, TransportError};

use super::login::Login;
use crate::body::{Body, Fields};
use crate::finding::Check;

/// A step that came off, failed, or was not taken.
#[derive(Debug)]
pub(crate) enum Step<T> {
    Done(T),
    /// In words.
    Failed(String),
    /// Why not.
    Skipped(&'static str),
}

impl<T> Step<T> {
    pub(crate) fn done(&self) -> Option<&T> {
        match self {
            Self::Done(done) => Some(done),
            _ => None,
        }
    }
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) context: AuthTokenContext,
    pub(crate) address: Address,
    /// The headers that were given, by what is odd about them.
    pub(crate) logins: Vec<Login>,
    pub(crate) dns: Step<Vec<SocketAddr>>,
    pub(crate) tcp: Step<Connected>,
    pub(crate) tls: Step<Handshake>,
    /// How often the token was to be asked for.
    pub(crate) requests: usize,
    /// The same request, as often, or until too many were in vain.
    pub(crate) replies: Step<Vec<Exchange>>,
    /// The same for an id that nobody has.
    pub(crate) unknown_id: Step<Exchange>,
    /// The same for `*`.
    pub(crate) wildcard_id: Step<Exchange>,
    /// The same without the login.
    pub(crate) no_session: Anonymous,
    /// What the SDK made of the first reply.
    pub(crate) sdk: Step<SdkVerdict>,
}

/// What the endpoint's URL says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Address {
    /// Without user, query values and fragment, to be shown.
    pub(crate) shown: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_https: bool,
    pub(crate) is_this_machine: bool,
    pub(crate) has_user: bool,
    /// Query parameters whose names say that they hold a secret.
    pub(crate) secret_parameters: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) to: SocketAddr,
    pub(crate) took: Duration,
    /// Addresses that were tried before and did not answer.
    pub(crate) dead: Vec<SocketAddr>,
}

/// A TLS handshake, good or bad.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handshake {
    /// What went wrong, in rustls' words.
    pub(crate) error: Option<TlsFailure>,
    pub(crate) version: Option<&'static str>,
    /// The server's certificate, as far as it came to one.
    pub(crate) certificate: Option<Certificate>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TlsFailure {
    /// Not by anybody whom this machine trusts.
    UnknownIssuer,
    /// For another name.
    OtherHost,
    /// Over, or not begun.
    Dates,
    /// The certificate itself is not one for a server that can be trusted, in words.
    Certificate(&'static str),
    /// The other side speaks something else.
    NotTls,
    Other(String),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Certificate {
    pub(crate) names: Vec<String>,
    pub(crate) issuer: String,
    pub(crate) is_self_signed: bool,
    /// How many certificates the server sent.
    pub(crate) chain: usize,
    /// Seconds since 1970.
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

/// One request and what came of it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) sent: SystemTime,
    /// Until the reply's head was here.
    pub(crate) first_byte: Duration,
    pub(crate) outcome: Result<HttpResponse, TransportError>,
    /// Redirects within the server that were followed on the way, as the SDK does.
    pub(crate) hops: Vec<HttpResponse>,
}

/// What a request without the login got.
#[derive(Debug)]
pub(crate) enum Anonymous {
    /// No login was given: the requests above were without one.
    WasOne,
    Asked(Exchange),
    Skipped(&'static str),
}

/// The SDK's own judgement of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SdkVerdict {
    /// Used for so long; `None`: used once and not kept.
    Uses(Option<Duration>, Vec<Remark>),
    /// Refused, with this error, in its words.
    Refuses(TokenErrorKind, String),
}

/// What the SDK remarks on a token that it uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// More life is claimed than is believed.
    Clamped(String),
    /// The token is for something else than was asked for.
    Scope(String),
    /// This machine's clock and the backend's differ.
    Skew(String),
}

impl Exchange {
    pub(crate) fn reply(&self) -> Option<&HttpResponse> {
        self.outcome.as_ref().ok()
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.reply().map(|reply| reply.status)
    }

    /// A header's value, if it is there and readable.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.reply()?.headers.get(name)?.to_str().ok()
    }

    /// The server's time, to the second.
    pub(crate) fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.header("date")?).ok()
    }

    /// The body of a success.
    pub(crate) fn body(&self) -> Option<Body> {
        let reply = self.reply().filter(|reply| (200..300).contains(&reply.status))?;
        Some(Body::read(&reply.body, self.header("content-type")))
    }

    /// The token of a success, and what stands beside it.
    pub(crate) fn fields(&self) -> Option<Fields> {
        match self.body()? {
            Body::Json(fields) => Some(fields),
            _ => None,
        }
    }

    pub(crate) fn token(&self) -> Option<String> {
        self.fields()?.token.secret().map(str::to_owned)
    }
}

impl Seen {
    /// What was asked besides, and under which id it is told.
    pub(crate) fn others(&self) -> impl Iterator<Item = (Check, &Exchange)> {
        let anonymous = match &self.no_session {
            Anonymous::Asked(exchange) => Some((Check::NoSession, exchange)),
            _ => None,
        };
        let ids = [(Check::UnknownId, self.unknown_id.done()), (Check::WildcardId, self.wildcard_id.done())];
        ids.into_iter().filter_map(|(check, exchange)| Some((check, exchange?))).chain(anonymous)
    }

    pub(crate) fn exchanges(&self) -> &[Exchange] {
        match &self.replies {
            Step::Done(replies) => replies,
            _ => &[],
        }
    }

    /// The replies that are successes.
    pub(crate) fn successes(&self) -> impl Iterator<Item = &Exchange> {
        let is_success = |exchange: &&Exchange| exchange.status().is_some_and(|status| (200..300).contains(&status));
        self.exchanges().iter().filter(is_success)
    }

    /// The first of them.
    pub(crate) fn good(&self) -> Option<&Exchange> {
        self.successes().next()
    }
}
