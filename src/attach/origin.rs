//! Where a request goes: what has to be the same for a token to go there (RFC 6454 §4).

use std::fmt;

use http::Uri;
use http::uri::{Authority, Scheme};

use crate::fetch::endpoint::is_loopback;

/// Why an origin cannot be one that tokens are for. What was given is not repeated: it may hold a login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// It is no origin.
    #[error("an origin is a scheme, a host and perhaps a port, such as {}, and nothing else", super::FLEET_ENGINE)]
    NotAnOrigin,
    /// Everybody on the way could read the token.
    #[error("{origin} is not https, and not this machine")]
    NotSecure {
        /// The origin.
        origin: String,
    },
}

/// Scheme, host and port. Hosts are compared as they are written, but for case: what is written in two ways is two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    https: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// `None` for a URI that names no host, and for one that is not HTTP.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let (host, port) = (uri.host()?, uri.port_u16());
        let https = match uri.scheme()? {
            scheme if *scheme == Scheme::HTTPS => true,
            scheme if *scheme == Scheme::HTTP => false,
            _ => return None,
        };
        Some(Self { https, host: host.to_ascii_lowercase(), port: port.unwrap_or(default_port(https)) })
    }

    #[cfg(any(feature = "tower", feature = "reqwest-middleware"))]
    pub(super) fn fleet_engine() -> Self {
        let host = super::FLEET_ENGINE.trim_start_matches("https://").to_owned();
        Self { https: true, host, port: default_port(true) }
    }

    /// As an app wrote it: nothing but an origin, and one where nobody else can read the token on the way.
    pub(super) fn configured(text: &str) -> Result<Self, OriginError> {
        let uri: Uri = text.parse().map_err(|_| OriginError::NotAnOrigin)?;
        let origin = Self::of(&uri).ok_or(OriginError::NotAnOrigin)?;
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !text.contains(['@', '#']);
        // A number that is too large for a port is read as no port.
        let whole = uri.port_u16().is_some() || uri.authority().map(Authority::as_str) == uri.host();
        if !bare || !whole || origin.host.is_empty() {
            return Err(OriginError::NotAnOrigin);
        }
        if !origin.https && !is_loopback(&origin.host) {
            return Err(OriginError::NotSecure { origin: origin.to_string() });
        }
        Ok(origin)
    }
}

const fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.https { "https" } else { "http" }, self.host)?;
        if self.port == default_port(self.https) { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str) -> Option<String> {
        Origin::of(&uri.parse().unwrap()).map(|origin| origin.to_string())
    }

    #[test]
    fn a_request_goes_to_its_host_and_to_no_other_part_of_the_url() {
        for same in [
            "https://fleetengine.googleapis.com",
            "https://fleetengine.googleapis.com/v1/x",
            "https://fleetengine.googleapis.com:443/?q=1",
            "HTTPS://FleetEngine.GoogleApis.com/",
            "https://user:pass@fleetengine.googleapis.com/",
        ] {
            assert_eq!(of(same).as_deref(), Some(super::super::FLEET_ENGINE), "{same}");
        }
        for (other, origin) in [
            ("http://fleetengine.googleapis.com/", "http://fleetengine.googleapis.com"),
            ("https://fleetengine.googleapis.com:8443/", "https://fleetengine.googleapis.com:8443"),
            ("https://fleetengine.googleapis.com@evil.example/", "https://evil.example"),
            ("https://fleetengine.googleapis.com.evil.example/", "https://fleetengine.googleapis.com.evil.example"),
            ("https://fleetengine.googleapis.com./", "https://fleetengine.googleapis.com."),
            ("http://[::1]:80/", "http://[::1]"),
        ] {
            assert_eq!(of(other).as_deref(), Some(origin), "{other}");
        }
        for none in ["/v1/x", "ftp://fleetengine.googleapis.com/", "fleetengine.googleapis.com:443"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn only_a_safe_origin_can_be_configured() {
        for good in ["https://e.example", "https://e.example/", "https://e.example:8443", "http://localhost:1"] {
            assert!(Origin::configured(good).is_ok(), "{good}");
        }
        assert!(Origin::configured("http://127.0.0.1:8080").is_ok() && Origin::configured("http://[::1]:80").is_ok());
        for bad in [
            "",
            "e.example",
            "/x",
            "https://",
            "https://e.example/v1",
            "https://e.example?x",
            "ftp://e.example",
            "https://e.example:84430",
        ] {
            assert_eq!(Origin::configured(bad), Err(OriginError::NotAnOrigin), "{bad}");
        }
        for with_more in ["https://SECRET-SESSION-9@e.example", "https://e.example/#SECRET-SESSION-9"] {
            let error = Origin::configured(with_more).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("SECRET-SESSION"), "{with_more}");
        }
        let origin = "http://e.example".to_owned();
        assert_eq!(Origin::configured(&origin), Err(OriginError::NotSecure { origin }));
    }

    #[test]
    #[cfg(any(feature = "tower", feature = "reqwest-middleware"))]
    fn fleet_engine_is_where_it_is() {
        assert_eq!(Origin::configured(super::super::FLEET_ENGINE), Ok(Origin::fleet_engine()));
    }
}
