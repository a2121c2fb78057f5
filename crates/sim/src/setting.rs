//! What a seed chooses once: the factory's configuration, the keys, the weather.

use std::time::Duration;

use fleet_token::{
    AuthTokenContext, AuthTokenFactory, AuthTokenFactoryBuilder, ContextKind, ScopeCheck, UnknownLifetime,
};

/// A key, by its number in the list of contexts.
pub(crate) type Key = usize;

/// The configuration, as plain numbers that the model can read.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) safety_margin: Duration,
    pub(crate) refresh_ahead: Duration,
    pub(crate) min_validity: Duration,
    pub(crate) deadline: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) attempts: u32,
    pub(crate) max_lifetime: Duration,
    /// `None`: tokens of unknown lifetime are not kept.
    pub(crate) assumed: Option<Duration>,
    pub(crate) strict: bool,
    pub(crate) max_entries: usize,
    pub(crate) lines: usize,
    /// `None`: random, from the seed.
    pub(crate) jitter: Option<f64>,
}

/// Everything that is chosen before the first step.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) rules: Rules,
    /// The last one is refused by every factory, the one before has no endpoint.
    pub(crate) contexts: Vec<AuthTokenContext>,
    /// How long the backend's tokens live, longest; the shortest is a quarter of it.
    pub(crate) life: Duration,
    /// How far the device's wall clock is ahead of the server's at the start.
    pub(crate) device_ahead_s: i64,
    /// One in so many things that happen is what it is for; 0 is never.
    pub(crate) weights: Weights,
}

/// How often what happens, relative to each other.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    pub(crate) poll: u32,
    pub(crate) call: u32,
    pub(crate) try_token: u32,
    pub(crate) handle: u32,
    pub(crate) cancel: u32,
    pub(crate) invalidate: u32,
    pub(crate) clear: u32,
    pub(crate) prefetch: u32,
    pub(crate) advance: u32,
    pub(crate) suspend: u32,
    pub(crate) step_wall: u32,
    pub(crate) network: u32,
    pub(crate) login: u32,
    pub(crate) weather: u32,
}

fn one_of<T: Copy>(rng: &mut fastrand::Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())]
}

impl Setting {
    pub(crate) fn choose(rng: &mut fastrand::Rng) -> Self {
        let (s, ms) = (Duration::from_secs, Duration::from_millis);
        let rules = Rules {
            safety_margin: one_of(rng, &[ms(0), s(1), s(10), s(30), s(300), s(300), s(600), s(7200)]),
            refresh_ahead: one_of(rng, &[ms(0), s(5), s(30), s(30), s(120)]),
            min_validity: one_of(rng, &[ms(0), s(5), s(30), s(30), s(300)]),
            deadline: one_of(rng, &[s(1), s(5), s(30), s(30)]),
            attempt_timeout: one_of(rng, &[ms(500), s(3), s(10), s(60)]),
            attempts: one_of(rng, &[1, 2, 3, 3, 5]),
            max_lifetime: one_of(rng, &[s(600), s(4200), s(4200)]),
            assumed: one_of(rng, &[None, None, Some(s(300)), Some(s(10_000))]),
            strict: rng.bool(),
            max_entries: one_of(rng, &[1, 2, 4, 16, 33, 1000]),
            lines: one_of(rng, &[1, 2, 64]),
            jitter: rng.bool().then(|| one_of(rng, &[0.0, 0.5, 1.0])),
        };
        let keys = one_of(rng, &[1, 2, 3, 8, 20, 40]);
        let mut contexts: Vec<_> = (0..keys).map(context).collect();
        contexts.push(AuthTokenContext::task("nowhere"));
        contexts.push(AuthTokenContext::vehicle("not/an/id"));
        Self {
            rules,
            contexts,
            life: one_of(rng, &[s(8), s(60), s(600), s(3600), s(3600)]),
            device_ahead_s: one_of(rng, &[0, 0, 0, 86_400, -86_400, 600, -600]),
            weights: Weights::choose(rng),
        }
    }

    /// How many of the contexts can have a token.
    pub(crate) fn good_keys(&self) -> usize {
        self.contexts.len() - 2
    }

    /// A factory without its surroundings.
    pub(crate) fn builder(&self, seed: u64) -> AuthTokenFactoryBuilder {
        let rules = &self.rules;
        let mut builder = AuthTokenFactory::builder()
            .safety_margin(rules.safety_margin)
            .refresh_ahead(rules.refresh_ahead)
            .min_validity(rules.min_validity)
            .fetch_deadline(rules.deadline)
            .attempt_timeout(rules.attempt_timeout)
            .max_attempts(rules.attempts)
            .max_lifetime(rules.max_lifetime)
            .unknown_lifetime(rules.assumed.map_or(UnknownLifetime::DoNotCache, UnknownLifetime::Assume))
            .scope_check(if rules.strict { ScopeCheck::Strict } else { ScopeCheck::Warn })
            .max_entries(rules.max_entries)
            .max_concurrent_fetches(rules.lines);
        for (kind, template) in ENDPOINTS {
            builder = builder.endpoint(kind, template);
        }
        match rules.jitter {
            Some(share) => builder.fixed_jitter(share),
            None => builder.seeded_jitter(seed),
        }
    }
}

const ENDPOINTS: [(ContextKind, &str); 5] = [
    (ContextKind::Vehicle, "https://sim.test/vehicle/{vehicleId}"),
    (ContextKind::Trip, "https://sim.test/trip/{tripId}"),
    (ContextKind::DeliveryVehicleTask, "https://sim.test/delivery/{deliveryVehicleId}/{taskId}"),
    (ContextKind::Tracking, "https://sim.test/tracking/{trackingId}"),
    (ContextKind::Fleet, "https://sim.test/fleet"),
];

/// Contexts of every shape, some with ids that look alike.
fn context(n: usize) -> AuthTokenContext {
    match n % 5 {
        0 => AuthTokenContext::vehicle(format!("x{n}")),
        1 => AuthTokenContext::trip(format!("x{}", n - 1)),
        2 => AuthTokenContext::delivery_vehicle_task(format!("x{}", n - 2), format!("k{n}")),
        3 => AuthTokenContext::tracking(format!("x{}", n - 3)),
        _ if n == 4 => AuthTokenContext::fleet(),
        _ => AuthTokenContext::vehicle(format!("y{n}")),
    }
}

/// Where the backend is asked for the context's token.
pub(crate) fn url(context: &AuthTokenContext) -> String {
    let id = |id: Option<&str>| id.unwrap_or_default().to_owned();
    match (context.vehicle_id(), context.trip_id(), context.delivery_vehicle_id(), context.tracking_id()) {
        (Some(vehicle), ..) => format!("https://sim.test/vehicle/{vehicle}"),
        (_, Some(trip), ..) => format!("https://sim.test/trip/{trip}"),
        (.., Some(vehicle), _) => format!("https://sim.test/delivery/{vehicle}/{}", id(context.task_id())),
        (.., Some(tracking)) => format!("https://sim.test/tracking/{tracking}"),
        _ if context.task_id().is_some() => "there is none".to_owned(),
        _ => "https://sim.test/fleet".to_owned(),
    }
}

impl Weights {
    /// Each thing is common, rare or never: what hides from a uniform mixture shows up when something is left out.
    fn choose(rng: &mut fastrand::Rng) -> Self {
        let mut some = |common: u32| one_of(rng, &[0, 1, common, common]);
        Self {
            poll: 0,
            call: some(20) + 2,
            try_token: some(10),
            handle: some(4),
            cancel: some(6),
            invalidate: some(6),
            clear: some(1),
            prefetch: some(3),
            advance: some(20) + 4,
            suspend: some(3),
            step_wall: some(3),
            network: some(3),
            login: some(3),
            weather: some(2) + 1,
        }
        .with_poll(one_of(rng, &[20, 60, 200]))
    }

    fn with_poll(self, poll: u32) -> Self {
        Self { poll, ..self }
    }
}
