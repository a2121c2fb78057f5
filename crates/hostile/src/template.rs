//! Endpoint templates, and the ids that are put into them.

use fleet_token::{AuthTokenContext, Endpoint, HttpRequest, HttpResponse};
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization as _;
use url::{Host, Url};

use crate::probe::Probe;

/// An id that changes nothing.
const SAMPLE: &str = "fleet-token-sample";

/// Three lines: a template (asked with `POST` if it starts with `+`), a vehicle id, a trip id.
///
/// Held, against the URL parser that requests are sent with: whatever the ids are, the request goes to the origin that the
/// template names, with as many steps in its path; it is encrypted or stays on this machine; each id arrives as it was.
pub fn template(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (template, vehicle, trip) = (line(), line(), line());
    let endpoint = match template.strip_prefix('+') {
        Some(template) => Endpoint::post(template),
        None => Endpoint::get(template),
    };
    let configure = |endpoint: Endpoint| {
        Probe::new(HttpResponse::new(404, HeaderMap::new(), Vec::new()), |builder| {
            builder.allow_http_loopback().default_endpoint(endpoint)
        })
    };
    let probe = match configure(endpoint) {
        Ok(probe) => probe,
        Err(error) => {
            let _ = format!("{error} {error:?}");
            return;
        }
    };
    for (context, id, placeholder) in
        [(AuthTokenContext::vehicle(vehicle), vehicle, "{vehicleId}"), (AuthTokenContext::trip(trip), trip, "{tripId}")]
    {
        let before = probe.sent().len();
        let _ = probe.ask(&context);
        let sent = probe.sent();
        match context.kind() {
            Err(_) => assert_eq!(sent.len(), before, "{id:?} is no id, and was asked for"),
            Ok(_) => {
                for request in &sent[before..] {
                    goes_home(template.trim_start_matches('+'), placeholder, id, request);
                }
            }
        }
    }
}

fn goes_home(template: &str, placeholder: &str, id: &str, request: &HttpRequest) {
    let told = || format!("{template:?} with {id:?} is {:?}", request.url);
    // A template that this parser does not take at all is an error of the transport's: nothing goes anywhere.
    let Ok(url) = Url::parse(&request.url) else { return };
    let Ok(plain) = Url::parse(&template.replace(placeholder, SAMPLE)) else {
        panic!("only the id makes a URL of it: {}", told());
    };
    assert_eq!(url.origin(), plain.origin(), "another origin: {}", told());
    assert!(url.username().is_empty() && url.password().is_none(), "a login: {}", told());
    assert_eq!(url.fragment(), None, "a fragment: {}", told());
    match url.scheme() {
        "https" => {}
        "http" => assert!(is_this_machine(url.host().as_ref()), "unencrypted: {}", told()),
        other => panic!("{other}: {}", told()),
    }
    let steps = |url: &Url| url.path_segments().map_or(0, Iterator::count);
    assert_eq!(steps(&url), steps(&plain), "another path: {}", told());
    assert_eq!(url.query_pairs().count(), plain.query_pairs().count(), "another query: {}", told());
    if template.contains(placeholder) {
        let id: String = id.nfc().collect();
        let whole = percent_decode_str(url.as_str()).decode_utf8_lossy();
        assert!(whole.contains(&id), "the id is not in it: {}", told());
    }
}

fn is_this_machine(host: Option<&Host<&str>>) -> bool {
    match host {
        Some(Host::Domain(name)) => *name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
