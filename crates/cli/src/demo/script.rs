//! What happens in the demo, scene by scene. Each scene says what it is about to do, does it, and answers with figures.

use std::sync::Arc;
use std::time::Duration;

use fleet_token::{AuthTokenContext, AuthTokenFactory, TokenErrorKind};
use fleet_token_backend::{Fault, FaultKind, World};
use serde_json::json;
use tokio::sync::{Barrier, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::engine::Call;
use super::phone::Phone;
use super::promises::{Cold, Outage, Rejection, WrongId};
use super::secrets::Secrets;
use super::timeline::{Mood, Timeline, millis};
use super::world::{self, LIFETIME, TRIP, VEHICLES};
use crate::clock::Stopwatch;

/// How many callers ask at once in the first scene.
const CALLERS: usize = 64;
/// How often the wrong id is asked for.
const WRONG_ASKS: u64 = 20;
/// How long the backend cannot be reached. With the point at which it begins it is long enough for a driver's token to
/// get into its safety margin, and short enough that none expires.
const OUTAGE: Duration = Duration::from_secs(3);
/// From a token's arrival to the outage: just before its renewal is due.
const BEFORE_RENEWAL: Duration = Duration::from_millis(2700);
/// Longer than this no scene waits for what must come.
const PATIENCE: Duration = Duration::from_secs(2 * LIFETIME.as_secs());

/// Between two scenes, so that one can be read before the next begins. Short enough for all of them to be over before the
/// first token is due.
const BREATH: Duration = Duration::from_millis(400);

const SCRIPT: &str = "script";

/// Everybody on stage.
pub(super) struct Cast {
    pub(super) world: World,
    pub(super) server: Arc<Phone>,
    pub(super) drivers: [Arc<Phone>; 3],
    pub(super) riders: [Arc<Phone>; 2],
    pub(super) secrets: Secrets,
    pub(super) timeline: Timeline,
}

impl Cast {
    pub(super) fn phones(&self) -> impl Iterator<Item = &Arc<Phone>> {
        self.drivers.iter().chain(&self.riders).chain([&self.server])
    }

    fn announce(&self, text: &str) {
        self.phones().for_each(|phone| phone.narrate());
        self.timeline.tell(SCRIPT, "scene", Mood::Script, text);
    }

    fn updates(&self) -> u64 {
        self.drivers.iter().map(|driver| driver.tally().accepted).sum()
    }

    /// The app's own backend makes the fleet and the trip.
    pub(super) async fn open(&self) -> Result<(), String> {
        let server = &self.server;
        let handle = server.handle(&AuthTokenContext::fleet())?;
        let calls = VEHICLES.map(Call::create_vehicle).into_iter().chain([Call::create_trip(TRIP, VEHICLES[0])]);
        for call in calls {
            server.call(&handle, &call).await.map_err(|error| format!("the fleet could not be made: {error}"))?;
        }
        let text = format!("created 3 vehicles and {TRIP}, which {} drives", VEHICLES[0]);
        server.say("created", Mood::Plain, &text);
        Ok(())
    }

    async fn advance_trip(&self, status: &str) -> Result<(), String> {
        let handle = self.server.handle(&AuthTokenContext::fleet())?;
        let outcome = self.server.call(&handle, &Call::trip_status(TRIP, status)).await;
        outcome.map(drop).map_err(|error| format!("the trip could not be updated: {error}"))
    }

    /// Many callers ask for one token that is not there yet, all at the same moment.
    pub(super) async fn cold_start(&self) -> Result<Cold, String> {
        self.announce(&format!("{CALLERS} callers in driver_1's app want a token at once, and there is none yet"));
        let (driver, context) = (&self.drivers[0], AuthTokenContext::vehicle(VEHICLES[0]));
        let (before, clock) = (driver.stats(), Stopwatch::start());
        let (start, mut callers) = (Arc::new(Barrier::new(CALLERS)), JoinSet::new());
        for _ in 0..CALLERS {
            let (factory, context, start) = (driver.factory.clone(), context.clone(), Arc::clone(&start));
            callers.spawn(async move {
                start.wait().await;
                factory.token(&context).await
            });
        }
        let mut tokens = Vec::new();
        while let Some(outcome) = callers.join_next().await {
            match outcome {
                Ok(Ok(token)) => tokens.push(token),
                Ok(Err(error)) => return Err(format!("a caller got no token: {error}")),
                Err(_) => return Err("a caller was interrupted".to_owned()),
            }
        }
        let took = clock.elapsed();
        let first = tokens.first().cloned().ok_or("nobody called")?;
        let served_the_same = count(tokens.iter().filter(|token| token.is_same(&first)).count());
        let after = driver.stats();
        let cold = Cold {
            callers: count(CALLERS),
            served_the_same,
            fetches: after.fetches - before.fetches,
            at_once: after.hits - before.hits,
        };
        let text = format!(
            "{served_the_same} callers served within {} ms, with the same token, by {} fetch",
            took.as_millis(),
            cold.fetches
        );
        driver.say("cold_start", Mood::Good, &text);
        Ok(cold)
    }

    /// Everything that goes wrong on purpose, one after the other, while the others drive and follow.
    pub(super) async fn play(&self) -> Result<(WrongId, Rejection, Outage), String> {
        self.advance_trip("ENROUTE_TO_PICKUP").await?;
        // JWTs count in seconds: a backend that is asked again within the second signs the very same token again.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let rejection = self.rejection().await?;
        tokio::time::sleep(BREATH).await;
        let wrong_id = self.wrong_id().await?;
        self.advance_trip("ARRIVED_AT_PICKUP").await?;
        let outage = self.outage().await?;
        self.advance_trip("ENROUTE_TO_DROPOFF").await?;
        Ok((wrong_id, rejection, outage))
    }

    /// A driver tries for another's vehicle: once with the backend, once with Fleet Engine.
    async fn wrong_id(&self) -> Result<WrongId, String> {
        let (driver, theirs) = (&self.drivers[2], VEHICLES[0]);
        self.announce(&format!("driver_3's app asks {WRONG_ASKS} times for a token for {theirs}, which is driver_1's"));
        let requests = || {
            let stats = self.world.stats();
            stats.requests.get("GET /token/driver/{vehicleId} 403").copied().unwrap_or(0)
        };
        let before = requests();
        let (mut session_rejected, mut said) = (0, String::new());
        for _ in 0..WRONG_ASKS {
            if let Err(error) = driver.factory.token(&AuthTokenContext::vehicle(theirs)).await {
                session_rejected += u64::from(error.kind() == TokenErrorKind::SessionRejected);
                said = error.to_string();
            }
        }
        let requests = requests() - before;
        let text = format!("{said}: {session_rejected} calls refused, with {}", requests_made(requests));
        driver.say("wrong_id_refused", Mood::Good, &text);
        tokio::time::sleep(BREATH).await;

        self.announce(&format!("driver_3's app uses its own, valid token on {theirs}"));
        let own = AuthTokenContext::vehicle(VEHICLES[2]);
        let ask = async || driver.factory.token(&own).await.map_err(|error| format!("driver_3 has no token: {error}"));
        let token = ask().await?;
        let reply = driver.send(&token, &Call::update_location(theirs, (0.0, 0.0))).await;
        let reply = reply.map_err(|error| format!("Fleet Engine could not be reached: {error}"))?;
        let denied = reply.status == 403 && reply.refusal() == "PERMISSION_DENIED";
        let token_kept = ask().await?.is_same(&token) && driver.stats().rejections == 0;
        let text = format!(
            "Fleet Engine answered {} {}; {}",
            reply.status,
            reply.refusal(),
            if token_kept { "a new token would not help, so none is fetched" } else { "and the token was NOT kept" }
        );
        driver.say("wrong_id_denied", Mood::Good, &text);
        Ok(WrongId { asked: WRONG_ASKS, session_rejected, requests, denied, token_kept })
    }

    /// Fleet Engine stops accepting a token that looks perfectly good.
    async fn rejection(&self) -> Result<Rejection, String> {
        let (driver, context) = (&self.drivers[1], AuthTokenContext::vehicle(VEHICLES[1]));
        let token = driver.factory.try_token(&context).ok_or("driver_2 has no token to be revoked")?;
        self.announce("Fleet Engine revokes driver_2's token, long before it expires");
        let mut tokens = driver.tokens();
        self.world.engine().revoke_token(token.value());
        changed(&mut tokens, "driver_2's token was not replaced").await?;
        // The token is here, the call that it was fetched for is on its way.
        let recovered = async {
            loop {
                if let Some(took) = driver.tally().recovered_in {
                    return took;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let recovered_in = timeout(PATIENCE, recovered).await.ok();
        Ok(Rejection { recovered_in })
    }

    /// The backend goes away just before a token is due, and comes back before any has expired.
    async fn outage(&self) -> Result<Outage, String> {
        next_token(&self.drivers[0]).await?;
        tokio::time::sleep(BEFORE_RENEWAL).await;
        let failures = || self.phones().map(|phone| phone.survived()).sum::<u64>();
        let stale = || self.phones().map(|phone| phone.stats().stale_served).sum::<u64>();
        let before = (failures(), stale(), self.updates());
        self.announce(&format!(
            "OUTAGE: for {} s the token backend drops every connection, just as tokens are due",
            OUTAGE.as_secs()
        ));
        let clock = Stopwatch::start();
        self.world.faults().push_forever("/token/", Fault::kind(FaultKind::Reset));
        tokio::time::sleep(OUTAGE).await;
        let updates = self.updates() - before.2;
        self.announce(&format!(
            "OUTAGE OVER: {updates} location updates were accepted meanwhile; the apps report it (network_available)"
        ));
        self.announce("who waits between two fetches may ask again at once; a retry under way keeps its pause");
        self.world.faults().clear();
        let lasted = clock.elapsed();
        for phone in self.phones() {
            phone.factory.network_available();
        }
        // A flight that began in the outage may have one attempt to go.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        self.phones().for_each(|phone| phone.narrate());
        Ok(Outage { lasted, failures: failures() - before.0, stale_served: stale() - before.1, updates })
    }

    /// The trip ends.
    pub(super) async fn close(&self) -> Result<(), String> {
        self.advance_trip("COMPLETE").await
    }

    /// Tells now and then that nothing happens, which is the point.
    pub(super) async fn heartbeat(&self) {
        let every = Duration::from_secs(3);
        loop {
            tokio::time::sleep(every).await;
            let (accepted, refused) = self.drivers.iter().fold((0, 0), |(accepted, refused), driver| {
                let tally = driver.tally();
                (accepted + tally.accepted, refused + tally.refused)
            });
            let text = format!("still driving: {accepted} location updates accepted, {refused} refused");
            let more = json!({ "accepted": accepted, "refused": refused, "lifetime_ms": millis(world::LIFETIME) });
            self.timeline.say("drivers", "heartbeat", Mood::Plain, &text, &more);
        }
    }

    /// Tells what happens in the factories soon after it did.
    pub(super) async fn narrate(&self) {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.phones().for_each(|phone| phone.narrate());
        }
    }
}

async fn next_token(phone: &Phone) -> Result<(), String> {
    changed(&mut phone.tokens(), &format!("{}'s token was not renewed", phone.name)).await
}

async fn changed(tokens: &mut watch::Receiver<u64>, otherwise: &str) -> Result<(), String> {
    match timeout(PATIENCE, tokens.changed()).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(format!("{otherwise} within {} s", PATIENCE.as_secs())),
    }
}

fn requests_made(requests: u64) -> String {
    if requests == 1 { "1 request to the backend".to_owned() } else { format!("{requests} requests to the backend") }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Whether a factory that was shut down still answers: it must not.
pub(super) async fn is_shut_down(factory: &AuthTokenFactory) -> bool {
    let answer = factory.token(&AuthTokenContext::fleet()).await;
    answer.is_err_and(|error| error.kind() == TokenErrorKind::ShutDown)
}
