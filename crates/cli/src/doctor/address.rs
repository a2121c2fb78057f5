//! The endpoint's URL, taken apart: what can be shown of it, and what must not stand in it.

use std::net::IpAddr;

use reqwest::Url;

use super::seen::Address;

/// Words in the name of a query parameter that say: here stands a secret.
const SECRETS: [&str; 11] =
    ["token", "jwt", "auth", "session", "password", "passwd", "secret", "apikey", "api_key", "signature", "credential"];

impl Address {
    /// `None` if it is no absolute http(s) URL.
    pub(crate) fn of(template: &str) -> Option<Self> {
        let url = Url::parse(template).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let host = url.host_str().filter(|host| !host.is_empty())?.to_owned();
        let is_place = |value: &str| value.starts_with('{') && value.ends_with('}');
        let is_secret = |name: &str| {
            let name = name.to_ascii_lowercase();
            name == "key" || SECRETS.iter().any(|word| name.contains(word))
        };
        let secret_parameters = url.query_pairs().filter(|(name, value)| is_secret(name) && !is_place(value));
        let secret_parameters = secret_parameters.map(|(name, _)| name.into_owned()).collect();
        let query: Vec<_> = url
            .query_pairs()
            .map(|(name, value)| format!("{name}={}", if is_place(&value) { &*value } else { "…" }))
            .collect();
        let path = url.path().replace("%7B", "{").replace("%7D", "}");
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        Some(Self {
            shown: format!("{}{path}{query}", url.origin().ascii_serialization()),
            is_this_machine: is_this_machine(&host),
            host,
            port: url.port_or_known_default()?,
            is_https: url.scheme() == "https",
            has_user: !url.username().is_empty() || url.password().is_some(),
            secret_parameters,
        })
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        let url = Url::parse(&self.shown);
        url.map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
    }

    /// The origin of a redirect's target; `None` if it cannot be read.
    pub(crate) fn origin_of(&self, location: &str) -> Option<String> {
        let base = Url::parse(&self.origin()).ok()?;
        base.join(location).ok().map(|url| url.origin().ascii_serialization())
    }
}

/// As the SDK has it: names are believed only if they are reserved for it (RFC 6761 §6.3).
fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_url_holds_no_secret() {
        let shown = |url: &str| Address::of(url).unwrap().shown;
        assert_eq!(shown("https://b.example/t/{vehicleId}"), "https://b.example/t/{vehicleId}");
        assert_eq!(
            shown("https://u:SECRET-SESSION-1@b.example:8443/t?key=SECRET-SESSION-2&v={vehicleId}#SECRET-SESSION-3"),
            "https://b.example:8443/t?key=…&v={vehicleId}"
        );
    }

    #[test]
    fn a_secret_in_the_query_is_found_by_its_name() {
        let found = |url: &str| Address::of(url).unwrap().secret_parameters;
        for url in [
            "https://b.example/?access_token=x",
            "https://b.example/?v={vehicleId}&apiKey=x",
            "https://b.example/?KEY=x",
        ] {
            assert_eq!(found(url).len(), 1, "{url}");
        }
        for url in
            ["https://b.example/?vehicle={vehicleId}", "https://b.example/?monkey=x", "https://b.example/token/x"]
        {
            assert!(found(url).is_empty(), "{url}");
        }
        assert!(Address::of("https://u@b.example/").unwrap().has_user);
    }

    #[test]
    fn a_redirect_is_within_an_origin_or_leaves_it() {
        let address = Address::of("https://b.example/t").unwrap();
        for (location, origin) in [
            ("/login?x=1", "https://b.example"),
            ("https://b.example:443/t/", "https://b.example"),
            ("http://b.example/t", "http://b.example"),
            ("//evil.example/", "https://evil.example"),
        ] {
            assert_eq!(address.origin_of(location).as_deref(), Some(origin), "{location}");
        }
        assert_eq!(address.origin_of("http://[x"), None);
    }

    #[test]
    fn only_loopback_is_this_machine() {
        for (host, is) in
            [("localhost", true), ("127.0.0.1", true), ("[::1]", true), ("b.example", false), ("10.0.2.2", false)]
        {
            assert_eq!(Address::of(&format!("http://{host}/")).unwrap().is_this_machine, is, "{host}");
        }
        for url in ["", "b.example/t", "ftp://b.example/", "https://"] {
            assert!(Address::of(url).is_none(), "{url}");
        }
    }
}
