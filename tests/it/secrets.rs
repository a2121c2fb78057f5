//! No token and no login in any output: everything that real flows log, at trace level, is captured and searched.

use std::io::Write;
use std::sync::{Arc, Mutex};

use fleet_token::{
    AuthTokenContext, HttpRequest, HttpResponse, HttpTransport, ReqwestTransport, SessionHeaders, TransportError,
    async_trait,
};
use fleet_token_backend::{Fault, FaultKind};
use tracing_subscriber::fmt::MakeWriter;

use crate::end_to_end::{SESSION, builder, vehicle, world};
use crate::sockets::{http, reply};

#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// Logs everything that this thread does in here, until what is answered is dropped.
    pub(crate) fn everything(&self) -> tracing::subscriber::DefaultGuard {
        let lines = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(self.clone());
        tracing::subscriber::set_default(lines.finish())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn what_tests_print_is_searched() {
    println!("SECRET-CANARY-rust");
}

#[tokio::test]
async fn no_output_holds_a_token_or_a_login() {
    let captured = Captured::default();
    // This test's runtime has one thread: everything the flows do is logged here, hyper and reqwest included.
    let _logging = captured.everything();
    tracing::trace!("a line that must be there");

    let mut out = captured.clone();
    let mut tokens = Vec::new();
    for fault in [
        None,
        Some(Fault::status(503).with_body(r#"{"token":"SECRET-TOKEN-503"}"#)),
        Some(Fault::status(401)),
        Some(Fault::kind(FaultKind::Truncated)),
        Some(Fault::kind(FaultKind::WrongId)),
        Some(Fault::kind(FaultKind::Wildcard)),
        Some(Fault::kind(FaultKind::WrongUnit)),
        Some(Fault::kind(FaultKind::Expired)),
        Some(Fault::kind(FaultKind::HugeBody)),
        Some(Fault::kind(FaultKind::Html)),
        Some(Fault::redirect("/token/driver/v1?again")),
    ] {
        let world = world().await;
        if let Some(fault) = fault {
            world.faults().push("/token/", fault);
        }
        let building = builder(&world);
        write!(out, "{building:?}").unwrap();
        let factory = building.build().unwrap();
        let mut events = factory.events();
        let contexts = [vehicle(), AuthTokenContext::trip("t1"), AuthTokenContext::fleet()];
        for context in &contexts {
            match factory.token(context).await {
                Ok(token) => {
                    write!(out, "{token} {token:?} {:?}", token.authorization_header()).unwrap();
                    factory.invalidate(context, &token);
                    tokens.push(token.value().to_owned());
                }
                Err(error) => {
                    write!(out, "{error} {error:?} {error:#?}").unwrap();
                    let mut cause = std::error::Error::source(&error);
                    while let Some(error) = cause {
                        write!(out, "caused by {error} {error:?}").unwrap();
                        cause = error.source();
                    }
                }
            }
        }
        let handle = factory.handle(&vehicle()).unwrap();
        write!(out, "{factory:?} {handle:?} {:?}", factory.stats()).unwrap();
        while let Some(event) = events.try_next() {
            write!(out, "{event:?} {event:#?}").unwrap();
        }
    }
    write!(out, "{:?}", SessionHeaders::bearer(SESSION)).unwrap();

    assert!(tokens.len() > 15, "the flows brought {} tokens", tokens.len());
    let text = captured.text();
    for line in ["a line that must be there", "hyper", "fetch_failed", "scope_warning", "vehicleId", "caused by"] {
        assert!(text.contains(line), "nothing was captured: {line:?} is missing");
    }
    let signatures = tokens.iter().map(|token| token.rsplit('.').next().unwrap());
    let payloads = tokens.iter().map(|token| token.split('.').nth(1).unwrap());
    let logged = signatures.chain(payloads).filter(|part| text.contains(part)).count();
    assert_eq!(logged, 0, "parts of tokens in the output");
    for secret in ["SECRET-SESSION", "SECRET-TOKEN", "eyJ"] {
        let at = text.find(secret).map(|at| text[at.saturating_sub(200)..at].to_owned());
        assert!(at.is_none(), "{secret} in the output after {at:?}");
    }
}

/// The transport, and what is handed to it: names of headers that hold the login, with whether they would be printed.
#[derive(Clone)]
struct Watched {
    transport: ReqwestTransport,
    seen: Arc<Mutex<Vec<(String, bool)>>>,
}

#[async_trait]
impl HttpTransport for Watched {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        for (name, value) in &request.headers {
            if value.to_str().is_ok_and(|value| value.contains("SECRET-SESSION")) {
                let printed = format!("{value:?}").contains("SECRET") || !value.is_sensitive();
                self.seen.lock().unwrap().push((name.to_string(), printed));
            }
        }
        self.transport.send(request).await
    }
}

/// HTTP libraries print and compress what is not marked (RFC 7541 §7.1.3).
#[tokio::test]
async fn every_header_with_the_login_is_marked_sensitive_where_the_http_library_takes_it() {
    // The second request is the library's own: it follows with the same values.
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    let (origin, _) = http(move |head| {
        kept.lock().unwrap().push(head.matches("SECRET-SESSION").count());
        if head.contains("/again") {
            reply("200 OK", "", crate::sockets::GOOD)
        } else {
            reply("307 Temporary Redirect", "location: /again\r\n", "")
        }
    })
    .await;
    let watched = Watched { transport: ReqwestTransport::new().unwrap(), seen: Arc::default() };
    let login = SessionHeaders::bearer(SESSION).unwrap().with("cookie", "id=SECRET-SESSION-2").unwrap();
    for endpoint in [fleet_token::Endpoint::get, fleet_token::Endpoint::post] {
        let factory = fleet_token::AuthTokenFactory::builder()
            .allow_http_loopback()
            .vehicle_endpoint(endpoint(format!("http://{origin}/{{vehicleId}}")))
            .transport(watched.clone())
            .header_provider(login.clone())
            .build()
            .unwrap();
        assert!(factory.token(&vehicle()).await.is_ok());
    }
    assert_eq!(*heads.lock().unwrap(), [2; 4], "headers with the login in each request");
    let mut seen = watched.seen.lock().unwrap().clone();
    seen.sort();
    let expected = ["authorization", "authorization", "cookie", "cookie"].map(|name| (name.to_owned(), false));
    assert_eq!(seen, expected, "headers, and whether they would be printed");
}
