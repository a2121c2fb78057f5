//! What Rust prints of a public type by itself holds no token and no login: each type that could hold one is made with
//! one, and a new type has to be named here.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleet_token::http::{HeaderMap, HeaderValue};
use fleet_token::{
    AuthTokenContext, AuthTokenFactory, Endpoint, Expiry, FetchRequest, FetchedToken, HttpRequest, HttpResponse,
    HttpTransport, ManualClock, ReqwestTransport, SessionHeaders, TransportError, async_trait,
};

use crate::support::{HOUR, Script, factory};

/// Their fields are numbers, kinds, contexts and settings, which are no secrets; what they say of a reply or of what the
/// app's code threw is looked at as it comes, in `secrets.rs` and in the scenario `nothing-printed-holds-a-secret`.
#[rustfmt::skip]
const PLAIN: [&str; 30] = [
    "AuthTokenContext", "BootTime", "ConfigError", "ContextError", "ContextKind", "ContextStatus", "Endpoint", "EndpointError",
    "Expiry", "FailureStatus", "IdField", "Interruption", "ManualClock", "Method", "ResponseError", "ResponseFormat", "ScopeCheck", "ScopeMismatch",
    "ServiceType", "SessionError", "Sleep", "Stats", "SystemClock", "TokenAge", "TokenError", "TokenErrorKind",
    "TokenEvent", "TokenStatus", "TransportError", "UnknownLifetime",
];
const TRAITS: [&str; 4] = ["Clock", "HttpTransport", "SessionHeaderProvider", "TokenFetcher"];

/// What is exported from the crate's root, as `src/lib.rs` has it.
fn exported() -> BTreeSet<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let uses = text.split("pub use crate::").skip(1).map(|rest| rest.split(';').next().unwrap());
    let names = uses.filter(|path| !path.starts_with("ffi::")).flat_map(|path| {
        let names = path.split_once('{').map_or(path, |(_, names)| names).trim_end_matches('}');
        names.split(',').map(|name| name.rsplit("::").next().unwrap().trim().to_owned()).collect::<Vec<_>>()
    });
    names.filter(|name| !name.is_empty()).collect()
}

fn printed(value: &impl Debug) -> String {
    format!("{value:?} {value:#?} {:?} {:?}", Some(value), [value])
}

fn headers() -> HeaderMap {
    let mut value = HeaderValue::from_static("Bearer SECRET-SESSION-1");
    value.set_sensitive(true);
    HeaderMap::from_iter([(fleet_token::http::header::AUTHORIZATION, value)])
}

/// Answers with a token, and keeps what is printed of the request.
#[derive(Clone, Default)]
struct Printing(Arc<Mutex<String>>);

#[async_trait]
impl HttpTransport for Printing {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        assert!(request.headers["authorization"].as_bytes().ends_with(b"SECRET-SESSION-4") && request.body.is_some());
        *self.0.lock().unwrap() = printed(&request);
        Ok(HttpResponse::new(200, headers(), br#"{"token":"SECRET-TOKEN-4","expiresInSeconds":3600}"#.to_vec()))
    }
}

async fn request_printed() -> String {
    let printing = Printing::default();
    let factory = AuthTokenFactory::builder()
        .vehicle_endpoint(Endpoint::post("https://b.example/token"))
        .header_provider(SessionHeaders::bearer("SECRET-SESSION-4").unwrap())
        .transport(printing.clone())
        .build()
        .unwrap();
    assert!(factory.token(&AuthTokenContext::vehicle("v1")).await.is_ok());
    std::mem::take(&mut *printing.0.lock().unwrap())
}

/// One of each type that holds a secret, or something that does.
async fn samples() -> Vec<(&'static str, String)> {
    let clock = ManualClock::default();
    let script = Script::tokens(HOUR);
    let factory = factory(&clock, &script);
    let context = AuthTokenContext::vehicle("v1");
    let token = factory.token(&context).await.unwrap();
    assert!(token.value().starts_with("SECRET-TOKEN-"));
    let handle = factory.handle(&context).unwrap();
    let events = factory.events();
    factory.clear();
    let reply = HttpResponse::new(200, headers(), b"SECRET-TOKEN-2".to_vec());
    let login = SessionHeaders::bearer("SECRET-SESSION-3").unwrap();
    let builder =
        AuthTokenFactory::builder().vehicle_endpoint("https://b.example/{vehicleId}").header_provider(login.clone());
    let fetched = FetchedToken::new("SECRET-TOKEN-3").with_expiry(Expiry::In(HOUR));
    vec![
        ("AuthToken", format!("{} {token} {:?}", printed(&token), token.authorization_header())),
        ("AuthTokenFactory", printed(&factory)),
        ("AuthTokenFactoryBuilder", printed(&builder)),
        ("FetchRequest", printed(&FetchRequest::new(&context, Duration::ZERO))),
        ("FetchedToken", printed(&fetched)),
        ("HttpRequest", request_printed().await),
        ("HttpResponse", printed(&reply)),
        ("ReqwestTransport", printed(&ReqwestTransport::new().unwrap())),
        ("SessionHeaders", printed(&login)),
        ("TokenEvents", printed(&events)),
        ("TokenHandle", printed(&handle)),
    ]
}

fn holds_secret(text: &str) -> bool {
    // As text, and as the bytes of a buffer.
    ["SECRET", "83, 69, 67, 82, 69, 84", "83,\n"].iter().any(|secret| text.contains(secret))
}

#[tokio::test]
async fn nothing_that_is_printed_of_a_public_type_holds_a_secret() {
    let samples = samples().await;
    let named = PLAIN.iter().chain(&TRAITS).copied().chain(samples.iter().map(|(name, _)| *name));
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    assert_eq!(named, exported(), "name each public type, and make one with a secret if it can hold one");
    for (name, text) in &samples {
        assert!(text.len() > 40 && !holds_secret(text), "a secret is in what is printed of {name}");
    }
}

#[test]
fn a_type_that_prints_its_fields_would_be_found() {
    #[derive(Debug)]
    struct Leaky<T>(T);
    assert!(holds_secret(&printed(&Leaky("SECRET-TOKEN-1"))));
    assert!(holds_secret(&printed(&Leaky(b"SECRET-TOKEN-1"))));
    assert!(holds_secret(&format!("{:#?}", Leaky(b"SECRET-TOKEN-1"))));
    assert!(!holds_secret(&printed(&Leaky("[redacted]"))));
}
