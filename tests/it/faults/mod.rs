//! Faults on real sockets, with the real transport on the real clock. Whatever one backend does, its callers get the right
//! error by the deadline, other keys are served meanwhile, the backend is left alone, and one call is enough once it is
//! well again.

mod bodies;
mod cut;
mod late;
#[cfg(target_os = "linux")]
mod link;
mod redirects;
mod reuse;
mod slow;
mod tls;
mod unreachable;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use fleet_token::{
    AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, Clock as _, SystemClock, TokenError, TokenErrorKind,
    TokenEvent, TokenEvents, TransportError,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::sockets::{GOOD, answer_well, http, read_head, reply, server};
use crate::support::{ask, trace};

/// For what hangs: short, so that waiting for it is no waste, and long enough for whoever does not.
const DEADLINE: Duration = Duration::from_secs(1);
/// For what ends by itself, however busy the machine; and what such a machine may add to any bound.
const SLACK: Duration = Duration::from_secs(30);
/// How coarse the clock is: a time that it measures may be so much longer.
const TICK: Duration = Duration::from_millis(10);

/// A backend that is sick until it is cured.
struct Sick {
    /// Host and port.
    origin: String,
    cured: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
}

impl Sick {
    /// Does to each connection what `fault` says.
    async fn connections<F, S>(fault: F) -> Self
    where
        F: Fn(TcpStream) -> S + Clone + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let cured = Arc::new(AtomicBool::new(false));
        let is_cured = Arc::clone(&cured);
        let (origin, connections) = server(move |stream| {
            let (fault, is_cured) = (fault.clone(), is_cured.load(Ordering::SeqCst));
            async move { if is_cured { answer_well(stream).await } else { fault(stream).await } }
        })
        .await;
        Self { origin, cured, connections }
    }

    /// Answers each request with what `fault` makes of its head, and keeps the connection.
    async fn replies(fault: impl Fn(&str) -> String + Clone + Send + Sync + 'static) -> Self {
        let cured = Arc::new(AtomicBool::new(false));
        let is_cured = Arc::clone(&cured);
        let (origin, connections) =
            http(move |head| if is_cured.load(Ordering::SeqCst) { reply("200 OK", "", GOOD) } else { fault(head) })
                .await;
        Self { origin, cured, connections }
    }

    /// Reads a request, sends these bytes and closes.
    async fn sends(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = Arc::new(bytes.into());
        Self::connections(move |mut stream| {
            let bytes = Arc::clone(&bytes);
            async move {
                let _ = read_head(&mut stream).await;
                let _ = stream.write_all(&bytes).await;
            }
        })
        .await
    }

    fn cure(&self) {
        self.cured.store(true, Ordering::SeqCst);
    }

    fn connections_so_far(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// A factory whose vehicles ask this backend, over http.
    fn builder(&self) -> AuthTokenFactoryBuilder {
        builder().vehicle_endpoint(format!("http://{}/token/{{vehicleId}}", self.origin))
    }

    /// Holds a factory to its promises while this backend is sick, and after its cure.
    async fn endured_by(&self, builder: AuthTokenFactoryBuilder, what: &str, expected: impl Fn(&TokenError) -> bool) {
        let factory = endure(builder, what, expected).await;
        self.cure();
        factory.network_available();
        let again = tokio::time::timeout(SLACK, factory.token(&vehicle())).await;
        let again = again.unwrap_or_else(|_| panic!("{what}: no answer after the cure"));
        assert!(again.is_ok(), "{what}: after the cure {again:?}");
        assert_eq!(factory.stats().fetches, 4, "{what}: one request was enough");
    }

    /// The same with a factory that waits for the deadline, which is what must end the call.
    async fn is_endured_up_to_the_deadline(&self, what: &str) {
        self.endured_by(self.builder().fetch_deadline(DEADLINE), what, is_timeout).await;
    }

    /// The same with the builder that most faults need: nothing but the answer ends the call.
    async fn is_endured(&self, what: &str, expected: impl Fn(&TokenError) -> bool) {
        self.endured_by(self.builder(), what, expected).await;
    }
}

fn builder() -> AuthTokenFactoryBuilder {
    trace();
    AuthTokenFactory::builder().allow_http_loopback().fetch_deadline(SLACK).max_attempts(1)
}

fn vehicle() -> AuthTokenContext {
    AuthTokenContext::vehicle("v1")
}

/// Asks for a vehicle's token, which must fail as `expected` by the deadline, while trips are asked for elsewhere. Three
/// requests in all. Returns the factory, whose vehicle backs off.
async fn endure(
    builder: AuthTokenFactoryBuilder,
    what: &str,
    expected: impl Fn(&TokenError) -> bool,
) -> AuthTokenFactory {
    let (well, _) = http(|_| reply("200 OK", "", GOOD)).await;
    let factory = builder.trip_endpoint(format!("http://{well}/token/{{tripId}}")).build().unwrap();
    let held = AuthTokenContext::trip("held");
    let token = factory.token(&held).await.unwrap_or_else(|error| panic!("{what}: another key: {error}"));

    let clock = SystemClock::new();
    let started = clock.now();
    let call = ask(&factory, &vehicle());
    let fresh = AuthTokenContext::trip("fresh");
    let meanwhile = tokio::time::timeout(SLACK, factory.token(&fresh)).await;
    assert!(meanwhile.is_ok_and(|token| token.is_ok()), "{what}: another key was not fetched meanwhile");
    assert!(factory.try_token(&held).is_some_and(|served| served.is_same(&token)), "{what}: nor was one served");
    let answer = tokio::time::timeout(DEADLINE + SLACK, call).await;
    let took = clock.now().saturating_since(started);
    let error = answer.unwrap_or_else(|_| panic!("{what}: no answer by the deadline")).unwrap().unwrap_err();
    assert!(expected(&error), "{what}: {error:?}");
    let took_at_most = took + TICK;
    assert!(error.kind() != TokenErrorKind::Timeout || took_at_most >= DEADLINE, "{what}: a time-out after {took:?}");

    // Left alone, and the reason is said.
    match factory.token(&vehicle()).await.unwrap_err() {
        TokenError::BackingOff { cause, .. } => assert_eq!(cause.kind(), error.kind(), "{what}"),
        other => panic!("{what}: asked again at once: {other}"),
    }
    assert!(factory.try_token(&held).is_some_and(|served| served.is_same(&token)), "{what}: a good token went");
    assert_eq!(factory.stats().fetches, 3, "{what}");
    factory
}

/// The connection broke before the whole reply had come.
fn is_interrupted(error: &TokenError) -> bool {
    matches!(error, TokenError::Transport(TransportError::Interrupted)) && error.is_retryable()
}

/// Waits until an attempt of a call has failed.
async fn an_attempt_fails(events: &mut TokenEvents) {
    let failed = async {
        while let Some(event) = events.next().await {
            if matches!(event, TokenEvent::AttemptFailed { .. }) {
                return;
            }
        }
        panic!("no attempt failed");
    };
    tokio::time::timeout(SLACK, failed).await.expect("no attempt failed");
}

fn is_timeout(error: &TokenError) -> bool {
    matches!(error, TokenError::Timeout { deadline } if *deadline == DEADLINE) && error.is_retryable()
}
