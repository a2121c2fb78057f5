//! One app: a token factory, a login, calls to Fleet Engine. [`Phone::call`] is all that an app has to do about tokens.

use std::sync::Arc;
use std::time::Duration;

use fleet_token::{
    AuthToken, AuthTokenContext, AuthTokenFactory, ReqwestTransport, SessionHeaders, Stats, TokenError, TokenHandle,
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

use super::engine::{Call, EngineClient, Reply};
use super::narrator::Narrator;
use super::secrets::{Secrets, Witness};
use super::timeline::{Mood, Timeline};
use super::world::session;
use crate::clock::Stopwatch;
use crate::when::short;

/// What became of a phone's calls to Fleet Engine.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) accepted: u64,
    pub(super) refused: u64,
    /// Calls that were not even sent, or not answered: no token, or no connection.
    pub(super) lost: u64,
    /// From the moment a call was refused for its token to the moment the same call was accepted with another.
    pub(super) recovered_in: Option<Duration>,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("no token: {0}")]
    Token(#[from] TokenError),
    #[error("Fleet Engine could not be reached: {0}")]
    Wire(#[from] reqwest::Error),
    #[error("Fleet Engine refused with {status}: {message}")]
    Refused { status: u16, message: String },
}

/// An app on somebody's phone, or on a server.
pub(super) struct Phone {
    pub(super) name: &'static str,
    pub(super) factory: AuthTokenFactory,
    engine: EngineClient,
    timeline: Timeline,
    narrator: Mutex<Narrator>,
    tally: Mutex<Tally>,
}

impl Phone {
    /// An app whose user is `name`, with the backend's endpoints as Google's on-demand sample has them.
    pub(super) fn new(
        name: &'static str,
        backend: &str,
        engine: &EngineClient,
        secrets: &Secrets,
        timeline: &Timeline,
    ) -> Result<Arc<Self>, String> {
        let login = SessionHeaders::bearer(&session(name)).map_err(|error| error.to_string())?;
        let wire = ReqwestTransport::new().map_err(|error| format!("{name} cannot reach a backend: {error}"))?;
        let factory = AuthTokenFactory::builder()
            .transport(Witness::new(wire, secrets))
            .on_demand_stub_provider(backend)
            .vehicle_service_endpoint(format!("{backend}/token/consumer"))
            .header_provider(login)
            .allow_http_loopback()
            .build()
            .map_err(|error| format!("{name} has no token factory: {error}"))?;
        Ok(Arc::new(Self {
            name,
            engine: engine.clone(),
            timeline: timeline.clone(),
            narrator: Mutex::new(Narrator::new(name, factory.events())),
            tally: Mutex::default(),
            factory,
        }))
    }

    /// A call to Fleet Engine with a valid token: refused as unauthenticated, it is made once more with a new one.
    pub(super) async fn call(&self, handle: &TokenHandle, call: &Call) -> Result<Value, Trouble> {
        let outcome = self.attempt(handle, call).await;
        if let Err(trouble @ (Trouble::Token(_) | Trouble::Wire(_))) = &outcome {
            self.tally.lock().lost += 1;
            self.say("call_lost", Mood::Trouble, &format!("a call was lost: {trouble}"));
        }
        outcome
    }

    async fn attempt(&self, handle: &TokenHandle, call: &Call) -> Result<Value, Trouble> {
        let mut refused_at: Option<Stopwatch> = None;
        loop {
            let token = handle.token().await?;
            let reply = self.send(&token, call).await?;
            if reply.is_ok() {
                if let Some(since) = refused_at {
                    let took = since.elapsed();
                    self.tally.lock().recovered_in = Some(took);
                    let text = format!("the same call again with the new token: accepted, {} later", short(took));
                    self.say("recovered", Mood::Good, &text);
                }
                return Ok(reply.body);
            }
            // 401 is about the token: report it and try another, once. 403 is about the id or the role: no token helps.
            if reply.status != 401 || refused_at.is_some() {
                return Err(Trouble::Refused { status: reply.status, message: reply.message().to_owned() });
            }
            refused_at = Some(Stopwatch::start());
            let text = format!("Fleet Engine answered 401 {}: {}", reply.refusal(), reply.message());
            self.say("unauthenticated", Mood::Trouble, &text);
            handle.invalidate(&token);
        }
    }

    /// One request to Fleet Engine with this token, counted by how it ended.
    pub(super) async fn send(&self, token: &AuthToken, call: &Call) -> Result<Reply, reqwest::Error> {
        let reply = self.engine.send(token, call).await?;
        let mut tally = self.tally.lock();
        *if reply.is_ok() { &mut tally.accepted } else { &mut tally.refused } += 1;
        Ok(reply)
    }

    /// A line of this phone's, after all that happened in its factory before.
    pub(super) fn say(&self, event: &str, mood: Mood, text: &str) {
        self.narrate();
        self.timeline.tell(self.name, event, mood, text);
    }

    /// Tells what has happened in the factory since it was told last.
    pub(super) fn narrate(&self) {
        self.narrator.lock().tell(&self.timeline);
    }

    /// Tells when this phone gets tokens.
    pub(super) fn tokens(&self) -> watch::Receiver<u64> {
        self.narrator.lock().tokens()
    }

    pub(super) fn handle(&self, context: &AuthTokenContext) -> Result<TokenHandle, String> {
        self.factory.handle(context).map_err(|error| format!("{} cannot ask for tokens: {error}", self.name))
    }

    pub(super) fn stats(&self) -> Stats {
        self.factory.stats()
    }

    pub(super) fn tally(&self) -> Tally {
        *self.tally.lock()
    }

    /// Failed requests for a token that cost no call.
    pub(super) fn survived(&self) -> u64 {
        self.narrator.lock().failures()
    }

    /// Tokens that came in the background.
    pub(super) fn renewals(&self) -> u64 {
        self.narrator.lock().renewals()
    }
}
