//! No token and no login in any output: everything that real flows log, at trace level, is captured and searched.

use std::io::Write;
use std::sync::{Arc, Mutex};

use fleet_token::{AuthTokenContext, SessionHeaders};
use fleet_token_backend::{Fault, FaultKind};
use tracing_subscriber::fmt::MakeWriter;

use crate::end_to_end::{SESSION, builder, vehicle, world};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

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
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(captured.clone()).finish();
    // This test's runtime has one thread: everything the flows do is logged here, hyper and reqwest included.
    let _logging = tracing::subscriber::set_default(subscriber);
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
    let text = String::from_utf8_lossy(&captured.0.lock().unwrap()).into_owned();
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
