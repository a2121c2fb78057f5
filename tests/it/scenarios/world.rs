//! The world around the factory under test: a scripted transport, a scripted login, a clock that stands still.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fleet_token::{
    AuthToken, AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, BootTime, Clock, ConfigError, ContextKind,
    Endpoint, HttpRequest, HttpResponse, HttpTransport, ManualClock, ResponseFormat, ScopeCheck, SessionError,
    SessionHeaderProvider, SessionHeaders, TokenError, TokenEvents, TokenHandle, TransportError, UnknownLifetime,
    async_trait,
};
use tokio::task::JoinHandle;

use super::body::{self, Labels};
use super::format::{self, Config, Reply, Scenario, Session, WireError};
use super::step::Context;

/// 2026-01-01T00:00:00Z, where every scenario's server starts.
const START: Duration = Duration::from_secs(1_767_225_600);

/// Where a runner asks for tokens unless the scenario says otherwise.
const ENDPOINTS: [(ContextKind, &str); 8] = [
    (ContextKind::Vehicle, "https://backend.test/vehicle/{vehicleId}"),
    (ContextKind::Trip, "https://backend.test/trip/{tripId}"),
    (ContextKind::DeliveryVehicle, "https://backend.test/delivery_vehicle/{deliveryVehicleId}"),
    (ContextKind::DeliveryVehicleTask, "https://backend.test/delivery_vehicle/{deliveryVehicleId}/task/{taskId}"),
    (ContextKind::Task, "https://backend.test/task/{taskId}"),
    (ContextKind::Tracking, "https://backend.test/tracking/{trackingId}"),
    (ContextKind::VehicleService, "https://backend.test/vehicle_service"),
    (ContextKind::Fleet, "https://backend.test/fleet"),
];

/// What a call came to.
#[derive(Debug)]
pub(super) enum Answer {
    Token(AuthToken),
    Error(TokenError),
    None,
}

pub(super) struct Call {
    pub(super) id: Option<String>,
    /// Empty once the call has ended and its answer was taken.
    pub(super) task: Option<JoinHandle<Answer>>,
    pub(super) answer: Option<Answer>,
    pub(super) checked: bool,
}

pub(super) struct World {
    pub(super) factory: AuthTokenFactory,
    pub(super) clock: ManualClock,
    pub(super) wire: Wire,
    pub(super) login: Login,
    pub(super) events: TokenEvents,
    pub(super) calls: Vec<Call>,
    pub(super) handles: HashMap<Context, Arc<TokenHandle>>,
    /// The newest token of each label that a call has brought.
    pub(super) tokens: BTreeMap<String, AuthToken>,
}

impl World {
    pub(super) fn build(scenario: &Scenario) -> Result<Self, ConfigError> {
        let clock = ManualClock::new(
            body::moved(UNIX_EPOCH + START, scenario.clock.device_ahead_of_server_ms)
                .unwrap_or_else(|error| panic!("{error}")),
        );
        let wire = Wire {
            script: Arc::new(Mutex::new(Script {
                replies: scenario.replies.iter().cloned().map(Some).collect(),
                ..Script::default()
            })),
            booted: clock.now(),
            clock: clock.clone(),
        };
        let login = Login(Arc::new(Mutex::new(scenario.config.session.iter().cloned().collect())));
        let mut builder = configured(&scenario.config).transport(wire.clone()).clock(clock.clone());
        if scenario.config.session.is_some() {
            builder = builder.header_provider(login.clone());
        }
        let factory = builder.build()?;
        let events = factory.events();
        Ok(Self {
            factory,
            clock,
            wire,
            login,
            events,
            calls: Vec::new(),
            handles: HashMap::new(),
            tokens: BTreeMap::new(),
        })
    }

    /// Lets everything run that is ready to.
    pub(super) async fn settle(&self) {
        for _ in 0..64 {
            tokio::task::yield_now().await;
        }
    }
}

type Setter = fn(AuthTokenFactoryBuilder, Duration) -> AuthTokenFactoryBuilder;

fn configured(config: &Config) -> AuthTokenFactoryBuilder {
    let ms = Duration::from_millis;
    let mut builder = AuthTokenFactory::builder().fixed_jitter(config.jitter);
    match &config.endpoints {
        None => {
            for (kind, template) in ENDPOINTS {
                builder = builder.endpoint(kind, template);
            }
        }
        Some(endpoints) => {
            for (name, endpoint) in endpoints {
                let endpoint = match endpoint {
                    format::Endpoint::Get(template) => Endpoint::get(template),
                    format::Endpoint::Post(endpoint) => Endpoint::post(&endpoint.post),
                };
                let kind = ContextKind::ALL.into_iter().find(|kind| snake(*kind) == *name);
                assert!(kind.is_some() || name == "default", "no kind of context is called {name:?}");
                builder = match kind {
                    Some(kind) => builder.endpoint(kind, endpoint),
                    None => builder.default_endpoint(endpoint),
                };
            }
        }
    }
    if config.allow_http_loopback {
        builder = builder.allow_http_loopback();
    }
    if let Some(fields) = &config.response_fields {
        builder = builder.response_format(ResponseFormat::Fields {
            token: fields.token.clone(),
            expires_at: fields.expires_at.clone(),
            expires_in: fields.expires_in.clone(),
        });
    }
    let durations: [(Option<u64>, Setter); 6] = [
        (config.safety_margin_ms, AuthTokenFactoryBuilder::safety_margin),
        (config.refresh_ahead_ms, AuthTokenFactoryBuilder::refresh_ahead),
        (config.min_validity_ms, AuthTokenFactoryBuilder::min_validity),
        (config.fetch_deadline_ms, AuthTokenFactoryBuilder::fetch_deadline),
        (config.attempt_timeout_ms, AuthTokenFactoryBuilder::attempt_timeout),
        (config.max_lifetime_ms, AuthTokenFactoryBuilder::max_lifetime),
    ];
    for (value, set) in durations {
        if let Some(value) = value {
            builder = set(builder, ms(value));
        }
    }
    if let Some(attempts) = config.max_attempts {
        builder = builder.max_attempts(attempts);
    }
    if let Some(entries) = config.max_entries {
        builder = builder.max_entries(entries);
    }
    if let Some(unknown) = &config.unknown_lifetime {
        builder = builder.unknown_lifetime(match unknown {
            format::UnknownLifetime::DoNotCache => UnknownLifetime::DoNotCache,
            format::UnknownLifetime::AssumeMs(value) => UnknownLifetime::Assume(ms(*value)),
        });
    }
    if let Some(check) = &config.scope_check {
        builder = builder.scope_check(match check {
            format::ScopeCheck::Warn => ScopeCheck::Warn,
            format::ScopeCheck::Strict => ScopeCheck::Strict,
        });
    }
    builder
}

const fn snake(kind: ContextKind) -> &'static str {
    match kind {
        ContextKind::Vehicle => "vehicle",
        ContextKind::Trip => "trip",
        ContextKind::DeliveryVehicle => "delivery_vehicle",
        ContextKind::DeliveryVehicleTask => "delivery_vehicle_task",
        ContextKind::Task => "task",
        ContextKind::Tracking => "tracking",
        ContextKind::VehicleService => "vehicle_service",
        ContextKind::Fleet => "fleet",
        _ => "a kind this runner does not know",
    }
}

/// The wire: answers requests from the list, in the order in which they arrive.
#[derive(Clone)]
pub(super) struct Wire {
    script: Arc<Mutex<Script>>,
    clock: ManualClock,
    booted: BootTime,
}

#[derive(Default)]
pub(super) struct Script {
    /// Each taken once.
    pub(super) replies: Vec<Option<Reply>>,
    pub(super) requests: Vec<HttpRequest>,
    pub(super) labels: Labels,
    /// What went wrong with the scenario itself.
    pub(super) complaints: Vec<String>,
}

impl Wire {
    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        locked(&self.script)
    }

    fn server_now(&self) -> SystemTime {
        UNIX_EPOCH + START + self.clock.now().saturating_since(self.booted)
    }

    fn next_reply(&self, request: HttpRequest) -> Option<Reply> {
        let mut script = self.script();
        let matches = |reply: &Reply| reply.r#for.as_ref().is_none_or(|end| request.url.ends_with(end.as_str()));
        let reply = script.replies.iter_mut().find(|reply| reply.as_ref().is_some_and(matches)).and_then(Option::take);
        if reply.is_none() {
            let complaint = format!("request {} to {} has no reply", script.requests.len() + 1, request.url);
            script.complaints.push(complaint);
        }
        script.requests.push(request);
        reply
    }
}

#[async_trait]
impl HttpTransport for Wire {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let reply = match self.next_reply(request) {
            Some(reply) if reply.hang.is_none() => reply,
            _ => std::future::pending().await,
        };
        if reply.delay_ms > 0 {
            self.clock.sleep(Duration::from_millis(reply.delay_ms)).await;
        }
        let detail = "scripted".to_owned();
        match reply.error {
            Some(WireError::Connect) => return Err(TransportError::Connect { detail }),
            Some(WireError::Tls) => return Err(TransportError::Tls { detail }),
            Some(WireError::Timeout) => return Err(TransportError::Timeout),
            Some(WireError::Interrupted) => return Err(TransportError::Interrupted),
            None => {}
        }
        let now = self.server_now();
        let mut script = self.script();
        body::render(&reply, now, &mut script.labels).map_err(|complaint| {
            script.complaints.push(complaint);
            TransportError::Other { detail }
        })
    }
}

/// The app's own login, as the scenario sets it: the newest counts, the older ones are still secret.
#[derive(Clone)]
pub(super) struct Login(Arc<Mutex<Vec<Session>>>);

impl Login {
    pub(super) fn set(&self, session: &Session) {
        locked(&self.0).push(session.clone());
    }

    /// Every login there was, without the word before it.
    pub(super) fn secrets(&self) -> Vec<String> {
        let headers = |session: &Session| match session {
            Session::Headers(headers) => headers.values().cloned().collect(),
            Session::SignedOut | Session::Unavailable => Vec::new(),
        };
        let values = locked(&self.0).iter().flat_map(headers).collect::<Vec<_>>();
        values.iter().map(|value| value.strip_prefix("Bearer ").unwrap_or(value).to_owned()).collect()
    }
}

#[async_trait]
impl SessionHeaderProvider for Login {
    async fn headers(&self, _context: &AuthTokenContext) -> Result<SessionHeaders, SessionError> {
        match locked(&self.0).last() {
            None | Some(Session::SignedOut) => Err(SessionError::SignedOut),
            Some(Session::Unavailable) => Err(SessionError::Unavailable),
            Some(Session::Headers(headers)) => {
                headers.iter().try_fold(SessionHeaders::new(), |all, (name, value)| all.with(name, value))
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
