//! The app's own transport or login asks the very factory that is calling it: nothing wedges, every caller has an answer
//! by the deadline, and the factory goes on. What the other languages do of this is in their own tests.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use fleet_token::http::HeaderMap;
use fleet_token::{
    AuthTokenContext, AuthTokenFactory, HttpRequest, HttpResponse, HttpTransport, ManualClock, SessionError,
    SessionHeaderProvider, SessionHeaders, TokenError, TokenErrorKind, TransportError, async_trait,
};

use crate::support::{SECOND, ask, settle, trace};

/// How a call from inside ended, if with an error.
type Inner = Option<TokenErrorKind>;
type Call = fn(AuthTokenFactory) -> Pin<Box<dyn Future<Output = Inner> + Send>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Transport,
    Login,
}

/// The app's code, which makes `call` from inside the fetch for v1.
#[derive(Clone)]
struct App {
    place: Place,
    call: Call,
    factory: Arc<OnceLock<AuthTokenFactory>>,
    begun: Arc<AtomicUsize>,
    /// How the calls ended; one that is not among them was dropped.
    ended: Arc<Mutex<Vec<Inner>>>,
    sent: Arc<AtomicUsize>,
}

impl App {
    async fn call_back(&self, from: Place, is_outer: bool) {
        if from == self.place && is_outer {
            self.begun.fetch_add(1, Ordering::SeqCst);
            let ended = (self.call)(self.factory.get().unwrap().clone()).await;
            self.ended.lock().unwrap().push(ended);
        }
    }
}

#[async_trait]
impl HttpTransport for App {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.call_back(Place::Transport, request.url.ends_with("/v1")).await;
        let number = self.sent.fetch_add(1, Ordering::SeqCst) + 1;
        let body = format!(r#"{{"token":"SECRET-TOKEN-{number}","expiresInSeconds":3600}}"#);
        Ok(HttpResponse::new(200, HeaderMap::new(), body.into_bytes()))
    }
}

#[async_trait]
impl SessionHeaderProvider for App {
    async fn headers(&self, context: &AuthTokenContext) -> Result<SessionHeaders, SessionError> {
        self.call_back(Place::Login, *context == v1()).await;
        SessionHeaders::bearer("SECRET-SESSION-1")
    }
}

fn v1() -> AuthTokenContext {
    AuthTokenContext::vehicle("v1")
}

fn v2() -> AuthTokenContext {
    AuthTokenContext::vehicle("v2")
}

struct World {
    clock: ManualClock,
    app: App,
    factory: AuthTokenFactory,
}

fn world(place: Place, call: Call, places: usize) -> World {
    trace();
    let clock = ManualClock::default();
    let app = App {
        place,
        call,
        factory: Arc::default(),
        begun: Arc::default(),
        ended: Arc::default(),
        sent: Arc::default(),
    };
    let factory = AuthTokenFactory::builder()
        .clock(clock.clone())
        .fixed_jitter(0.0)
        .max_concurrent_fetches(places)
        .vehicle_endpoint("https://backend.test/{vehicleId}")
        .transport(app.clone())
        .header_provider(app.clone())
        .build()
        .unwrap();
    assert!(app.factory.set(factory.clone()).is_ok());
    World { clock, app, factory }
}

impl World {
    /// Asks for v1's token, and lets time pass until it is answered: at most the deadline of 30 s, and a second.
    async fn asked(&self) -> Result<(), TokenError> {
        let call = ask(&self.factory, &v1());
        for _ in 0..=31 {
            settle().await;
            if call.is_finished() {
                return call.await.unwrap().map(drop);
            }
            self.clock.advance(SECOND);
        }
        panic!("no answer by the deadline");
    }

    /// The factory knows its own transport, and so itself: ending it is the app's business.
    async fn goes_on(self) {
        assert!(self.factory.token(&v2()).await.is_ok(), "another key is served");
        self.factory.shutdown().await;
    }
}

fn kind<T>(answer: Result<T, TokenError>) -> Inner {
    answer.err().map(|error| error.kind())
}

const OTHERS: [(&str, Call); 10] = [
    ("token", |factory| Box::pin(async move { kind(factory.token(&v2()).await) })),
    ("token_valid_for", |factory| Box::pin(async move { kind(factory.token_valid_for(&v2(), SECOND).await) })),
    ("a handle's token", |factory| Box::pin(async move { kind(factory.handle(&v2()).unwrap().token().await) })),
    ("try_token", |factory| {
        Box::pin(async move {
            drop(factory.try_token(&v1()));
            None
        })
    }),
    ("prefetch", |factory| {
        Box::pin(async move {
            factory.prefetch(&[v1(), v2()]);
            None
        })
    }),
    ("stats", |factory| {
        Box::pin(async move {
            assert_eq!(factory.stats().calls, 1);
            None
        })
    }),
    ("handle", |factory| Box::pin(async move { kind(factory.handle(&v1())) })),
    ("network_available", |factory| {
        Box::pin(async move {
            factory.network_available();
            None
        })
    }),
    ("session_changed", |factory| {
        Box::pin(async move {
            factory.session_changed();
            None
        })
    }),
    ("invalidate", |factory| {
        Box::pin(async move {
            let token = factory.token(&v2()).await.unwrap();
            assert!(!factory.invalidate(&v1(), &token), "it is not that context's");
            factory.invalidate(&v2(), &token);
            None
        })
    }),
];

const PLACES: [Place; 2] = [Place::Transport, Place::Login];

#[tokio::test]
async fn from_inside_a_fetch_everything_else_may_be_asked() {
    for place in PLACES {
        for (name, call) in OTHERS {
            let world = world(place, call, 64);
            assert!(world.asked().await.is_ok(), "{name} from the {place:?}");
            assert_eq!(*world.app.ended.lock().unwrap(), [None], "{name} from the {place:?}");
            world.goes_on().await;
        }
    }
}

#[tokio::test]
async fn a_fetch_that_waits_for_itself_is_given_up_at_each_attempt_and_at_the_deadline() {
    let waiting: [(&str, Call); 3] = [
        ("token", |factory| Box::pin(async move { kind(factory.token(&v1()).await) })),
        ("token_valid_for", |factory| Box::pin(async move { kind(factory.token_valid_for(&v1(), SECOND).await) })),
        ("a handle's token", |factory| Box::pin(async move { kind(factory.handle(&v1()).unwrap().token().await) })),
    ];
    for place in PLACES {
        for (name, call) in waiting {
            let world = world(place, call, 64);
            let error = world.asked().await.unwrap_err();
            assert_eq!(error.kind(), TokenErrorKind::Timeout, "{name} from the {place:?}");
            // What waits inside goes with its attempt: nobody is left to answer it.
            assert!(world.app.ended.lock().unwrap().is_empty(), "{name} from the {place:?}");
            assert_eq!(world.app.begun.load(Ordering::SeqCst), 3, "{name} from the {place:?}");
            world.goes_on().await;
        }
    }
}

#[tokio::test]
async fn a_blocking_question_inside_a_fetch_is_refused_instead_of_holding_up_the_runtime() {
    let blocking: Call = |factory| Box::pin(async move { kind(factory.blocking_token(&v2())) });
    for place in PLACES {
        let world = world(place, blocking, 64);
        assert!(world.asked().await.is_ok());
        assert_eq!(*world.app.ended.lock().unwrap(), [Some(TokenErrorKind::BlockingInAsync)]);
        world.goes_on().await;
    }
}

#[tokio::test]
async fn a_fetch_within_a_fetch_that_takes_the_only_place_is_served_at_the_next_attempt() {
    let world = world(Place::Transport, OTHERS[0].1, 1);
    // The first attempt is given up, and leaves its place to the fetch that it waited for.
    assert!(world.asked().await.is_ok());
    assert_eq!(world.app.begun.load(Ordering::SeqCst), 2);
    world.goes_on().await;
}

#[tokio::test]
async fn a_fetch_that_clears_or_ends_its_own_factory_is_over() {
    let clear: Call = |factory| {
        Box::pin(async move {
            factory.clear();
            None
        })
    };
    let shutdown: Call = |factory| {
        Box::pin(async move {
            factory.shutdown().await;
            None
        })
    };
    for place in PLACES {
        let cleared = world(place, clear, 64);
        assert_eq!(cleared.asked().await.unwrap_err().kind(), TokenErrorKind::Cleared);
        cleared.goes_on().await;
        let ended = world(place, shutdown, 64);
        assert_eq!(ended.asked().await.unwrap_err().kind(), TokenErrorKind::ShutDown);
        assert_eq!(ended.factory.token(&v2()).await.unwrap_err().kind(), TokenErrorKind::ShutDown);
    }
}

#[tokio::test]
async fn code_of_the_app_s_that_panics_is_an_error_that_repeats_nothing() {
    const SAID: &str = "what the app said as it fell";
    let panics: Call = |_| Box::pin(async { panic!("{SAID}") });
    for place in PLACES {
        let world = world(place, panics, 64);
        let mut events = world.factory.events();
        let error = world.asked().await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Interrupted, "the {place:?}");
        let mut told = format!("{error} {error:#?} {:?}", world.factory);
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            told = format!("{told} {error} {error:?}");
            cause = error.source();
        }
        while let Some(event) = events.try_next() {
            told = format!("{told} {event:?}");
        }
        assert!(told.contains("FetchFailed") && !told.contains(SAID), "{told}");
        world.goes_on().await;
    }
}
