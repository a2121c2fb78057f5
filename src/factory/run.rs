//! One flight from take-off to landing: attempts, pauses, the look at what came, the commit.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::SemaphorePermit;
use tracing::{Instrument as _, Span};

use super::core::Core;
use crate::attempts::Attempts;
use crate::boot_time::BootTime;
use crate::cache::answer::Commit;
use crate::cache::flight::Flight;
use crate::cache::slot::Slot;
use crate::claims::{self, Scope};
use crate::config::{ScopeCheck, UnknownLifetime};
use crate::error::{Interruption, ResponseError, TokenError, TransportError};
use crate::event::TokenEvent;
use crate::fetch::{FetchRequest, FetchedToken};
use crate::lifetime::{self, Evidence, Verdict};
use crate::policy::Schedule;
use crate::token::{AuthToken, Fingerprint, is_header_safe};
use crate::trace;

/// From here on a wrong device clock is worth an event.
const NOTABLE_SKEW: Duration = Duration::from_secs(60);

/// A flight's task. However it ends, the flight lands: dropping it unfinished is an answer too.
pub(super) struct Run {
    core: Arc<Core>,
    slot: Arc<Slot>,
    flight: Arc<Flight>,
    most_attempts: u32,
    #[cfg(feature = "metrics")]
    began: BootTime,
}

impl Run {
    pub(super) fn new(core: Arc<Core>, slot: Arc<Slot>, flight: Arc<Flight>) -> Self {
        let now = core.now();
        let most_attempts = slot.attempts(&core.settings.retry, now);
        Self {
            core,
            slot,
            flight,
            most_attempts,
            #[cfg(feature = "metrics")]
            began: now,
        }
    }

    /// In a span of its own.
    pub(super) fn run(self, background: bool) -> impl Future<Output = ()> {
        let span = trace::fetch(&self.slot.context, background);
        self.fly(span.clone()).instrument(span)
    }

    async fn fly(self, span: Span) {
        let ended = tokio::select! {
            biased;
            // Cleared, shut down or given up: nobody wants the result.
            _ = self.flight.wait() => Ok(()),
            ended = self.attempts() => ended,
        };
        if let Err(error) = ended {
            self.core.fail(&self.slot, &self.flight, error);
        }
        // If it was no longer the key's, whoever took it is about to say why.
        let landing = self.flight.wait().await;
        // Not the current one: where ours is not wanted that is the app's.
        span.record("outcome", trace::outcome(&landing));
        #[cfg(feature = "metrics")]
        self.core.measured(&self.slot.context, self.began, &landing);
    }

    async fn attempts(&self) -> Result<(), TokenError> {
        let settings = &self.core.settings;
        let mut attempts = Attempts::new(self.most_attempts);
        loop {
            attempts.begin();
            let Some(line) = self.line().await.filter(|_| !self.left().is_zero()) else {
                if attempts.have_failed() {
                    return Err(self.core.timeout());
                }
                // The backend has given no reason to leave it alone.
                self.core.give_up(&self.slot, &self.flight);
                return Ok(());
            };
            // After the wait: a rejection before the request does not make its token worthless.
            let generation = self.slot.generation();
            let span = trace::attempt(attempts.made());
            let fetched = self.attempt_examined(&span).instrument(span.clone()).await;
            // A pause must not keep the place from others.
            drop(line);
            let error = match fetched {
                Ok(ready) => match self.commit(&ready, generation) {
                    Commit::Landed(token) => {
                        self.landed(token, &ready, attempts.made());
                        return Ok(());
                    }
                    // The token was rejected while its successor was fetched: fetch one from after the rejection.
                    Commit::Outdated => {
                        attempts.overtaken();
                        continue;
                    }
                    Commit::Refused(error) => error,
                    Commit::Cleared => {
                        self.flight.land(Err(self.core.why_cleared()));
                        return Ok(());
                    }
                    Commit::Disowned => return Ok(()),
                },
                Err(error) => error,
            };
            let Some(pause) = attempts.failed(&error, &settings.retry, self.left(), settings.jitter.next()) else {
                return Err(error);
            };
            let (context, attempt) = (self.slot.context.clone(), attempts.made());
            self.core.events.send(TokenEvent::AttemptFailed { context, attempt, error, next_in: pause });
            settings.clock.sleep(pause).await;
        }
    }

    /// A place among the requests that are made at a time; `None` if none was free before the deadline. A device that has
    /// slept may have one after it.
    async fn line(&self) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            // The semaphore is never closed.
            line = self.core.lines.acquire() => line.ok(),
            () = self.core.settings.clock.sleep(self.left()) => None,
        }
    }

    /// In the attempt's span.
    async fn attempt_examined(&self, span: &Span) -> Result<Ready, TokenError> {
        let ready = self.attempt().await.and_then(|fetched| self.examine(fetched));
        span.record("outcome", trace::outcome(&ready));
        ready
    }

    /// One request, bounded by the attempt's own time and by what is left of the flight's.
    async fn attempt(&self) -> Result<Fetched, TokenError> {
        let settings = &self.core.settings;
        let left = self.left();
        let timeout = settings.attempt_timeout.min(left);
        let (anchor, device) = (self.core.now(), settings.clock.wall());
        self.core.counters.fetches.add();
        let request = FetchRequest::new(&self.slot.context, timeout);
        let fetched = tokio::select! {
            biased;
            fetched = settings.fetcher.fetch(request) => fetched,
            () = settings.clock.sleep(timeout) => {
                let attempt_only = timeout < left;
                return Err(if attempt_only { TransportError::Timeout.into() } else { self.core.timeout() });
            }
        };
        match fetched {
            Ok(token) => Ok(Fetched { token, anchor, device }),
            // The transport's timer and ours are the same one when the deadline is what ends the attempt.
            Err(TokenError::Transport(TransportError::Timeout)) if timeout == left => Err(self.core.timeout()),
            Err(error) => Err(error),
        }
    }

    fn left(&self) -> Duration {
        self.flight.deadline.saturating_since(self.core.now())
    }

    /// Is it a token, for what was asked, and how long does it live?
    fn examine(&self, fetched: Fetched) -> Result<Ready, TokenError> {
        let Fetched { token, anchor, device } = fetched;
        if !is_header_safe(&token.secret) {
            return Err(ResponseError::MalformedToken.into());
        }
        let claims = claims::read(&token.secret);
        if let Some(claims) = &claims {
            self.check_scope(claims.scope(&self.slot.context))?;
        }
        let claims = claims.unwrap_or_default();
        let evidence = Evidence {
            declared_at: token.expires_at.map(Into::into),
            declared_in: token.expires_in,
            jwt_expires_at: claims.expires_at,
            jwt_issued_at: claims.issued_at,
            date: token.server_time.map(Into::into),
            device: Some(device.into()),
        };
        if let Some(server_time) = token.server_time {
            self.note_skew(device, server_time);
        }
        let settings = &self.core.settings;
        let lifetime = match lifetime::judge(&evidence, settings.max_lifetime) {
            Verdict::Lives { lifetime, clamped_from } => {
                if let Some(claimed) = clamped_from {
                    let context = self.slot.context.clone();
                    self.core.events.send(TokenEvent::LifetimeClamped { context, claimed, used: lifetime });
                }
                Some(lifetime)
            }
            Verdict::Expired { by } => return Err(TokenError::ExpiredOnArrival { by }),
            Verdict::Unknown => match settings.unknown_lifetime {
                UnknownLifetime::DoNotCache => None,
                UnknownLifetime::Assume(lifetime) => Some(lifetime.min(settings.max_lifetime)),
            },
        };
        let schedule = lifetime.map(|lifetime| settings.refresh.schedule(anchor, lifetime, settings.jitter.next()));
        // A reply may take longer than its token lives.
        if schedule.is_some_and(|schedule| !schedule.is_good(self.core.now())) {
            return Err(TokenError::ExpiredOnArrival { by: Duration::ZERO });
        }
        Ok(Ready { token, schedule })
    }

    fn check_scope(&self, scope: Scope) -> Result<(), TokenError> {
        match scope {
            Scope::Exact => Ok(()),
            Scope::Loose(mismatch) if self.core.settings.scope_check == ScopeCheck::Warn => {
                self.core.events.send(TokenEvent::ScopeWarning { context: self.slot.context.clone(), mismatch });
                Ok(())
            }
            Scope::Loose(mismatch) | Scope::Other(mismatch) => Err(mismatch.into()),
        }
    }

    fn note_skew(&self, device: SystemTime, server: SystemTime) {
        let (by, device_ahead) = match device.duration_since(server) {
            Ok(ahead) => (ahead, true),
            Err(behind) => (behind.duration(), false),
        };
        if by > NOTABLE_SKEW {
            let context = self.slot.context.clone();
            self.core.events.send(TokenEvent::ClockSkew { context, by, device_ahead });
        }
    }

    fn commit(&self, ready: &Ready, generation: u64) -> Commit {
        let is_over = || self.core.is_over(self.flight.epoch);
        let is_rejected = || self.core.rejected.contains(Fingerprint::of(&ready.token.secret));
        self.slot.commit(&self.flight, generation, is_over, is_rejected, || {
            AuthToken::new(&ready.token.secret, ready.schedule, self.core.next_generation())
        })
    }

    fn landed(&self, token: AuthToken, ready: &Ready, attempts: u32) {
        self.core.counters.successes.add();
        self.core.events.send(TokenEvent::Fetched {
            context: self.slot.context.clone(),
            lifetime: ready.schedule.map(|schedule| schedule.lifetime),
            generation: token.generation(),
            attempts,
        });
        self.flight.land(Ok(token));
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.flight.landed().is_some() {
            return;
        }
        let interruption = if std::thread::panicking() {
            self.core.fail(&self.slot, &self.flight, TokenError::Interrupted(Interruption::Panicked));
            Interruption::Panicked
        } else {
            self.core.abandon(&self.slot, &self.flight);
            Interruption::RuntimeGone
        };
        // Again, in case the flight was no longer the slot's: a panic can have come between commit and landing.
        self.flight.land(Err(TokenError::Interrupted(interruption)));
    }
}

/// A reply, with the times at which it was asked for.
struct Fetched {
    token: FetchedToken,
    anchor: BootTime,
    device: SystemTime,
}

/// A token that may be committed.
struct Ready {
    token: FetchedToken,
    schedule: Option<Schedule>,
}
