//! The factory against the reference backend over real HTTP, judged by the emulated Fleet Engine.

use std::time::Duration;

use fleet_token::{
    AuthToken, AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, ContextKind, Endpoint, ScopeCheck,
    SessionError, SessionHeaderProvider, SessionHeaders, TokenError, TokenErrorKind, TokenEvent, async_trait,
};
use fleet_token_backend::engine::Caller;
use fleet_token_backend::{Fault, FaultKind, Grant, Shape, World};

use crate::support::{HOUR, MINUTE, trace};

pub(crate) const SESSION: &str = "SECRET-SESSION-1";

/// A backend whose one user may have everything that the tests ask for.
pub(crate) async fn world() -> World {
    trace();
    let world = World::builder().start().await.unwrap();
    let all = Grant::server().vehicle("v1").trip("t1").delivery_vehicle("d1").task("k1").tracking("x1");
    world.sessions().allow("everybody", SESSION, all);
    world
}

pub(crate) fn builder(world: &World) -> AuthTokenFactoryBuilder {
    AuthTokenFactory::builder()
        .allow_http_loopback()
        .on_demand_stub_provider(&world.backend_url())
        .header_provider(SessionHeaders::bearer(SESSION).unwrap())
        .max_attempts(1)
}

pub(crate) fn vehicle() -> AuthTokenContext {
    AuthTokenContext::vehicle("v1")
}

fn accepted(world: &World, token: &AuthToken) -> Option<Caller> {
    world.engine().authenticate(Some(token.value())).ok()
}

#[tokio::test]
async fn every_kind_of_context_gets_a_token_that_fleet_engine_accepts() {
    let world = world().await;
    let base = world.backend_url();
    let factory = builder(&world)
        .delivery_vehicle_endpoint(format!("{base}/token/delivery_driver/{{deliveryVehicleId}}"))
        .delivery_vehicle_task_endpoint(format!("{base}/token/delivery_driver/{{deliveryVehicleId}}/{{taskId}}"))
        .task_endpoint(format!("{base}/api/fleet-engine/token?taskId={{taskId}}"))
        .tracking_endpoint(Endpoint::post(format!("{base}/token")))
        .vehicle_service_endpoint(format!("{base}/token/consumer"))
        .build()
        .unwrap();
    for context in [
        AuthTokenContext::vehicle("v1"),
        AuthTokenContext::trip("t1"),
        AuthTokenContext::delivery_vehicle("d1"),
        AuthTokenContext::delivery_vehicle_task("d1", "k1"),
        AuthTokenContext::task("k1"),
        AuthTokenContext::tracking("x1"),
        AuthTokenContext::vehicle_service(),
        AuthTokenContext::fleet(),
    ] {
        let token = factory.token(&context).await.unwrap_or_else(|error| panic!("{context:?}: {error}"));
        assert!(accepted(&world, &token).is_some(), "{context:?}");
        let left = factory.remaining(&token).unwrap();
        assert!(left + MINUTE > HOUR && left <= HOUR, "{context:?} lives {left:?}");
    }
    assert_eq!(factory.stats().fetches, 8);
}

#[tokio::test]
async fn google_s_scheduled_tasks_sample_is_spoken_by_preset() {
    let world = world().await;
    let factory = AuthTokenFactory::builder()
        .allow_http_loopback()
        .last_mile_backend(&world.backend_url())
        .header_provider(SessionHeaders::bearer(SESSION).unwrap())
        .build()
        .unwrap();
    for context in [
        AuthTokenContext::vehicle("d1"),
        AuthTokenContext::delivery_vehicle("d1"),
        AuthTokenContext::delivery_vehicle_task("d1", "k1"),
        AuthTokenContext::tracking("x1"),
        AuthTokenContext::fleet(),
    ] {
        let token = factory.token(&context).await.unwrap_or_else(|error| panic!("{context:?}: {error}"));
        assert!(accepted(&world, &token).is_some(), "{context:?}");
    }
}

#[tokio::test]
async fn every_shape_of_reply_gives_the_same_lifetime() {
    for shape in Shape::ALL {
        let world = world().await;
        let factory = AuthTokenFactory::builder()
            .allow_http_loopback()
            .vehicle_endpoint(format!("{}/token/driver/{{vehicleId}}?shape={shape}", world.backend_url()))
            .header_provider(SessionHeaders::bearer(SESSION).unwrap())
            .build()
            .unwrap();
        let token = factory.token(&vehicle()).await.unwrap_or_else(|error| panic!("{shape}: {error}"));
        let left = factory.remaining(&token).unwrap();
        assert!(left + MINUTE > HOUR && left <= HOUR, "shape {shape} lives {left:?}");
        assert!(factory.try_token(&vehicle()).is_some(), "shape {shape} was not cached");
    }
}

#[tokio::test]
async fn every_fault_of_a_backend_is_the_right_error() {
    let cases: &[(Fault, TokenErrorKind)] = &[
        (Fault::status(500), TokenErrorKind::Unavailable),
        (Fault::status(429).with_retry_after("7"), TokenErrorKind::Unavailable),
        (Fault::status(503).with_body(r#"{"token":"SECRET-TOKEN-503"}"#), TokenErrorKind::Unavailable),
        (Fault::status(400), TokenErrorKind::Rejected),
        (Fault::status(401), TokenErrorKind::SessionRejected),
        (Fault::status(403), TokenErrorKind::SessionRejected),
        (Fault::status(404), TokenErrorKind::NotFound),
        (Fault::kind(FaultKind::Reset), TokenErrorKind::Transport),
        (Fault::kind(FaultKind::Truncated), TokenErrorKind::Transport),
        (Fault::kind(FaultKind::Hang), TokenErrorKind::Timeout),
        (Fault::kind(FaultKind::Html), TokenErrorKind::BadResponse),
        (Fault::kind(FaultKind::EmptyBody), TokenErrorKind::BadResponse),
        (Fault::kind(FaultKind::HugeBody), TokenErrorKind::BadResponse),
        (Fault::kind(FaultKind::MissingToken), TokenErrorKind::BadResponse),
        (Fault::kind(FaultKind::NullToken), TokenErrorKind::Disabled),
        (Fault::kind(FaultKind::Expired), TokenErrorKind::ExpiredOnArrival),
        (Fault::kind(FaultKind::WrongId), TokenErrorKind::ScopeMismatch),
        (Fault::redirect("https://elsewhere.example/token"), TokenErrorKind::Redirected),
    ];
    for (fault, kind) in cases {
        let world = world().await;
        world.faults().push_forever("/token/", fault.clone());
        let factory = builder(&world).fetch_deadline(Duration::from_millis(400)).build().unwrap();
        let error = factory.token(&vehicle()).await.unwrap_err();
        // A hanging server is cut off by the transport or by the flight, whichever timer comes first.
        let timed_out = *kind == TokenErrorKind::Timeout && error.to_string().contains("timed out");
        assert!(error.kind() == *kind || timed_out, "{}: {error}", fault.name());
    }
}

#[tokio::test]
async fn a_wrong_unit_and_a_wrong_date_do_not_change_how_long_a_token_is_used() {
    let wrong_unit = Fault::kind(FaultKind::WrongUnit);
    for (name, fault, shape) in [
        ("milliseconds as seconds", wrong_unit, "E"),
        ("a day behind", Fault::date_skew_secs(-86_400), "A"),
        ("an hour behind", Fault::date_skew_secs(-3600), "B"),
    ] {
        let world = world().await;
        world.faults().push_forever("/token/", fault);
        let url = format!("{}/token/driver/{{vehicleId}}?shape={shape}", world.backend_url());
        let factory = builder(&world).vehicle_endpoint(url).build().unwrap();
        let mut events = factory.events();
        let token = factory.token(&vehicle()).await.unwrap();
        let left = factory.remaining(&token).unwrap();
        assert!(left <= HOUR && left + MINUTE > HOUR, "{name}: lives {left:?}");
        if shape == "E" {
            let clamped =
                std::iter::from_fn(|| events.try_next()).any(|e| matches!(e, TokenEvent::LifetimeClamped { .. }));
            assert!(clamped, "nobody was told of the unit error");
        }
    }
}

#[tokio::test]
async fn a_wildcard_token_is_used_with_a_warning_or_refused() {
    for strict in [false, true] {
        let world = world().await;
        world.faults().push_forever("/token/", Fault::kind(FaultKind::Wildcard));
        let scope_check = if strict { ScopeCheck::Strict } else { ScopeCheck::Warn };
        let factory = builder(&world).scope_check(scope_check).build().unwrap();
        let mut events = factory.events();
        let token = factory.token(&vehicle()).await;
        if strict {
            assert_eq!(token.unwrap_err().kind(), TokenErrorKind::ScopeMismatch);
        } else {
            token.unwrap();
            assert!(std::iter::from_fn(|| events.try_next()).any(|e| matches!(e, TokenEvent::ScopeWarning { .. })));
        }
    }
}

#[tokio::test]
async fn nobody_gets_another_s_token() {
    let world = world().await;
    world.sessions().allow("driver", "SECRET-SESSION-2", Grant::driver("v2"));
    let login = SessionHeaders::bearer("SECRET-SESSION-2").unwrap();
    let factory = builder(&world).header_provider(login).build().unwrap();
    assert!(factory.token(&AuthTokenContext::vehicle("v2")).await.is_ok());
    for context in [vehicle(), AuthTokenContext::trip("t1"), AuthTokenContext::fleet()] {
        let error = factory.token(&context).await.unwrap_err();
        assert!(matches!(error, TokenError::SessionRejected { status: 403 }), "{context:?}: {error}");
    }
}

#[tokio::test]
async fn a_token_for_one_vehicle_does_nothing_for_another() {
    let world = world().await;
    world.engine().state().put_vehicle("v1", fleet_token_backend::engine::Vehicle::default());
    world.engine().state().put_vehicle("v2", fleet_token_backend::engine::Vehicle::default());
    let factory = builder(&world).build().unwrap();
    let token = factory.token(&vehicle()).await.unwrap();
    let caller = accepted(&world, &token).unwrap();
    assert!(world.engine().get_vehicle(&caller, "demo", "v1").is_ok());
    let refused = world.engine().get_vehicle(&caller, "demo", "v2").unwrap_err();
    assert_eq!(refused.status, "PERMISSION_DENIED");
}

#[tokio::test]
async fn the_login_is_asked_for_at_each_fetch() {
    struct AppSession(std::sync::Mutex<Result<String, SessionError>>);
    #[async_trait]
    impl SessionHeaderProvider for &'static AppSession {
        async fn headers(&self, _: &AuthTokenContext) -> Result<SessionHeaders, SessionError> {
            SessionHeaders::bearer(self.0.lock().unwrap().as_ref().map_err(Clone::clone)?)
        }
    }
    let world = world().await;
    let session: &'static AppSession = Box::leak(Box::new(AppSession(Ok(SESSION.to_owned()).into())));
    let factory = builder(&world).header_provider(session).build().unwrap();
    let first = factory.token(&vehicle()).await.unwrap();

    world.sessions().rotate(SESSION, "SECRET-SESSION-3");
    *session.0.lock().unwrap() = Ok("SECRET-SESSION-3".to_owned());
    factory.invalidate(&vehicle(), &first);
    world.clock().advance(Duration::from_secs(1));
    factory.token(&vehicle()).await.unwrap();

    *session.0.lock().unwrap() = Err(SessionError::SignedOut);
    let error = factory.token(&AuthTokenContext::trip("t1")).await.unwrap_err();
    assert!(matches!(error, TokenError::Session(SessionError::SignedOut)), "{error}");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_rejected_token_is_replaced_once_however_many_report_it() {
    let world = world().await;
    let factory = builder(&world).build().unwrap();
    let token = factory.token(&vehicle()).await.unwrap();
    world.engine().revoke_token(token.value());
    assert!(accepted(&world, &token).is_none());
    let reports = (0..10).filter(|_| factory.invalidate(&vehicle(), &token)).count();
    assert_eq!(reports, 1);
    // The claims have whole seconds: within one, the same signature would come out again.
    world.clock().advance(Duration::from_secs(1));
    let next = factory.token(&vehicle()).await.unwrap();
    assert!(accepted(&world, &next).is_some());
    assert_eq!(factory.stats().fetches, 2);
}

#[tokio::test]
async fn a_backend_that_insists_on_a_rejected_token_is_not_believed() {
    let world = world().await;
    let factory = builder(&world).build().unwrap();
    let token = factory.token(&vehicle()).await.unwrap();
    factory.invalidate(&vehicle(), &token);
    world.faults().push_forever("/token/", Fault::kind(FaultKind::SameTokenAgain));
    let error = factory.token(&vehicle()).await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::RejectedTokenReturned);
}

#[tokio::test]
async fn a_context_without_an_endpoint_is_told_so() {
    let world = world().await;
    let factory = builder(&world).build().unwrap();
    let error = factory.token(&AuthTokenContext::task("k1")).await.unwrap_err();
    assert!(matches!(error, TokenError::NoEndpoint(ContextKind::Task)), "{error}");
    assert_eq!(world.stats().minted_total(), 0);
}
