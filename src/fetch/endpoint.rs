//! Where a token for a context is asked for: URL templates, and the rules that keep a login off the wrong wire. Pure.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use http::Uri;
use http::uri::Authority;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;

use crate::context::{AuthTokenContext, ContextKind, IdField};
use crate::error::TokenError;

/// Everything but RFC 3986's unreserved characters: right in a path segment and in a query value alike.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How the backend is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// `GET`, with the ids in the URL: what every backend that Google publishes speaks.
    #[default]
    Get,
    /// `POST` with a JSON body `{"context": {"vehicleId": …}, "serviceType": …}`, Google's JavaScript
    /// `AuthTokenFetcherOptions`.
    Post,
}

/// Where a token is asked for: a URL with a place for each id, such as
/// `https://backend.example.com/token/driver/{vehicleId}` or `…/token?trip={tripId}`.
///
/// The names are [`IdField::name`]'s. Each id is percent-encoded where it is put in (RFC 3986 §2.1). A template without
/// any is right for a backend that knows from the login which id is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    template: String,
    method: Method,
}

impl Endpoint {
    /// Asked with `GET`.
    pub fn get(template: impl Into<String>) -> Self {
        Self { template: template.into(), method: Method::Get }
    }

    /// Asked with `POST`.
    pub fn post(template: impl Into<String>) -> Self {
        Self { template: template.into(), method: Method::Post }
    }
}

impl<T: Into<String>> From<T> for Endpoint {
    fn from(template: T) -> Self {
        Self::get(template)
    }
}

/// Why a template cannot be used. Found when the factory is built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// Not an absolute `http` or `https` URL, or one with a `%` that begins no percent-encoded byte, or with a `.` or `..`
    /// among its steps: those are taken out before a request is sent (RFC 3986 §5.2.4), with the step before them.
    #[error("{template:?} is not an absolute http(s) URL")]
    NotAUrl {
        /// The template.
        template: String,
    },
    /// A user name or password in the URL.
    #[error("the endpoint's URL holds a user name or a password; send them as headers")]
    UserInfo,
    /// Plain `http`: the app's login and the token would be readable on the way.
    #[error(
        "{template:?} is not https; http is for this machine only (localhost, 127.0.0.1), and only if that is allowed"
    )]
    NotSecure {
        /// The template.
        template: String,
    },
    /// A `{name}` that is no id, or an unmatched brace.
    #[error(
        "{template:?} has {placeholder:?}, which is no id; known are {{vehicleId}}, {{tripId}}, {{deliveryVehicleId}}, {{taskId}}, {{trackingId}}"
    )]
    UnknownPlaceholder {
        /// The template.
        template: String,
        /// What stands in the braces.
        placeholder: String,
    },
    /// A place for an id before the path: the id could choose the host.
    #[error("{template:?} has an id in its host; ids belong into the path or the query")]
    PlaceholderInHost {
        /// The template.
        template: String,
    },
    /// An id that contexts of this kind do not have.
    #[error("{template:?} asks for {field}, which a {kind} context does not have")]
    AbsentId {
        /// The template.
        template: String,
        /// The id.
        field: IdField,
        /// The kind of context it was set for.
        kind: ContextKind,
    },
}

/// A template that was checked and taken apart.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    method: Method,
    /// Literal text, each but the last followed by an id.
    parts: Vec<(String, Option<IdField>)>,
}

impl Template {
    /// Checks a template. `kind` is what it was set for, `None` for a fallback that must serve any kind.
    pub(crate) fn parse(
        endpoint: &Endpoint,
        kind: Option<ContextKind>,
        allow_http_loopback: bool,
    ) -> Result<Self, EndpointError> {
        // First of all, since the other errors show the template.
        let authority = endpoint.template.split_once("://").map_or("", |(_, rest)| rest);
        if authority.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
            return Err(EndpointError::UserInfo);
        }
        let template = || endpoint.template.clone();
        let mut parts = Vec::new();
        let mut rest = endpoint.template.as_str();
        while let Some((literal, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or(("", after));
            let Some(field) = IdField::ALL.into_iter().find(|f| f.name() == name) else {
                return Err(EndpointError::UnknownPlaceholder { template: template(), placeholder: name.to_owned() });
            };
            if let Some(kind) = kind
                && !kind.ids().contains(&field)
            {
                return Err(EndpointError::AbsentId { template: template(), field, kind });
            }
            if literal.contains('}') {
                return Err(EndpointError::UnknownPlaceholder { template: template(), placeholder: "}".to_owned() });
            }
            parts.push((literal.to_owned(), Some(field)));
            rest = after;
        }
        if rest.contains('}') {
            return Err(EndpointError::UnknownPlaceholder { template: template(), placeholder: "}".to_owned() });
        }
        parts.push((rest.to_owned(), None));

        let uri = check_url(&endpoint.template, &parts, allow_http_loopback)?;
        // The origin must be complete before the first id, so that no id can change it.
        let origin =
            uri.authority().map_or(0, |a| uri.scheme_str().unwrap_or("").len() + "://".len() + a.as_str().len());
        let before_first_id = parts[0].0.as_str();
        if parts.len() > 1 && !before_first_id.get(origin..).is_some_and(|path| path.starts_with(['/', '?'])) {
            return Err(EndpointError::PlaceholderInHost { template: template() });
        }
        Ok(Self { method: endpoint.method, parts })
    }

    fn url(&self, context: &AuthTokenContext, kind: ContextKind) -> Result<String, TokenError> {
        let mut url = String::new();
        for (literal, field) in &self.parts {
            url.push_str(literal);
            if let Some(field) = field {
                // Only a fallback template can ask for an id that this kind of context lacks.
                let id = context.id(*field).ok_or(TokenError::NoEndpoint(kind))?;
                // Writing to a String does not fail.
                let _ = write!(url, "{}", utf8_percent_encode(id, ENCODED));
            }
        }
        Ok(url)
    }
}

/// Parses the template with its placeholders filled, as the URL that it will be.
fn check_url(
    template: &str,
    parts: &[(String, Option<IdField>)],
    allow_http_loopback: bool,
) -> Result<Uri, EndpointError> {
    let sample: String =
        parts.iter().flat_map(|(literal, id)| [literal.as_str(), if id.is_some() { "id" } else { "" }]).collect();
    let not_a_url = || EndpointError::NotAUrl { template: template.to_owned() };
    let uri: Uri = sample.parse().map_err(|_| not_a_url())?;
    let authority = uri.authority().ok_or_else(not_a_url)?;
    if authority.host().is_empty() || sample.contains('#') {
        return Err(not_a_url());
    }
    if !parts.iter().all(|(literal, _)| has_whole_escapes(literal)) {
        return Err(not_a_url());
    }
    if !is_host_and_port(authority) || uri.path().split(['/', '\\']).any(is_dot_segment) {
        return Err(not_a_url());
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if allow_http_loopback && is_loopback(authority.host()) => Ok(uri),
        Some("http") => Err(EndpointError::NotSecure { template: template.to_owned() }),
        _ => Err(not_a_url()),
    }
}

/// Each `%` is followed by two hexadecimal digits (RFC 3986 §2.1); an id that came after a bare one would become part of
/// it: `%` and `2e` are a dot.
fn has_whole_escapes(literal: &str) -> bool {
    let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    literal.as_bytes().split(|b| *b == b'%').skip(1).all(|after| after.get(..2).is_some_and(is_hex))
}

/// `.` or `..`, or one that is written with `%2e`, which means the same.
fn is_dot_segment(step: &str) -> bool {
    matches!(step.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

/// `http::Uri` is laxer than what will send the request.
fn is_host_and_port(authority: &Authority) -> bool {
    let host = authority.host();
    let port = authority.as_str().strip_prefix(host);
    let is_port = |port: &str| port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None if host.bytes().all(|b| b.is_ascii_digit() || b == b'.') => host.parse::<Ipv4Addr>().is_ok(),
        None => !host.is_empty(),
    };
    is_host && port.is_some_and(|port| port.is_empty() || is_port(port))
}

pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The endpoints of one backend: one for each kind of context, and perhaps one for all others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Endpoints {
    of_kind: Vec<(ContextKind, Template)>,
    fallback: Option<Template>,
}

/// A request's method, URL and body.
#[derive(Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) body: Option<Vec<u8>>,
}

impl Endpoints {
    pub(crate) fn set(&mut self, kind: ContextKind, template: Template) {
        self.of_kind.retain(|(known, _)| *known != kind);
        self.of_kind.push((kind, template));
    }

    pub(crate) fn set_fallback(&mut self, template: Template) {
        self.fallback = Some(template);
    }

    /// Where and how to ask for `context`.
    pub(crate) fn target(&self, context: &AuthTokenContext) -> Result<Target, TokenError> {
        let kind = context.kind()?;
        let template = self.of_kind.iter().find(|(known, _)| *known == kind).map(|(_, template)| template);
        let template = template.or(self.fallback.as_ref()).ok_or(TokenError::NoEndpoint(kind))?;
        let body = match template.method {
            Method::Get => None,
            Method::Post => Some(post_body(context)),
        };
        Ok(Target { method: template.method, url: template.url(context, kind)?, body })
    }
}

fn post_body(context: &AuthTokenContext) -> Vec<u8> {
    let ids: serde_json::Map<String, serde_json::Value> =
        IdField::ALL.into_iter().filter_map(|f| Some((f.name().to_owned(), context.id(f)?.into()))).collect();
    let service = context.service_type().map_or("UNKNOWN_SERVICE", crate::ServiceType::as_str);
    serde_json::json!({ "context": ids, "serviceType": service }).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
