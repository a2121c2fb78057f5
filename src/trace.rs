//! What happens inside, as `tracing` sees it. Names, fields and levels are an API: docs/events.md lists them.

use std::time::Duration;

use tracing::field::Empty;
use tracing::{Span, debug, debug_span, warn};

use crate::context::{AuthTokenContext, ContextKind};
use crate::error::TokenError;
use crate::event::TokenEvent;

/// One event of `tracing` for each of ours: the message is its name, the fields are its own, times in milliseconds.
pub(crate) fn event(event: &TokenEvent) {
    macro_rules! say {
        ($level:ident $(, $field:ident $(= $value:expr)?)*) => {
            $level!(target: "fleet_token", $($field $(= $value)?,)* "{}", event.name())
        };
        ($level:ident of $context:ident $(, $field:ident $(= $value:expr)?)*) => {
            say!($level, kind = kind($context), context = tracing::field::debug($context) $(, $field $(= $value)?)*)
        };
    }
    match event {
        TokenEvent::FetchStarted { context, background } => say!(debug of context, background),
        TokenEvent::AttemptFailed { context, attempt, error, next_in } => {
            say!(debug of context, attempt, error_kind = error_kind(error), error = tracing::field::display(error), next_in_ms = ms(*next_in));
        }
        TokenEvent::Fetched { context, lifetime, generation, attempts } => {
            say!(debug of context, lifetime_ms = lifetime.map(ms), generation, attempts);
        }
        TokenEvent::FetchFailed { context, error, retry_in } => {
            say!(warn of context, error_kind = error_kind(error), error = tracing::field::display(error), retry_in_ms = ms(*retry_in));
        }
        TokenEvent::StaleServed { context, left } => say!(debug of context, left_ms = ms(*left)),
        TokenEvent::Rejected { context } => say!(debug of context),
        TokenEvent::BreakerTripped { context } => say!(warn of context),
        TokenEvent::LifetimeClamped { context, claimed, used } => {
            say!(warn of context, claimed_ms = ms(*claimed), used_ms = ms(*used));
        }
        TokenEvent::ScopeWarning { context, mismatch } => {
            say!(warn of context, mismatch = tracing::field::display(mismatch));
        }
        TokenEvent::ClockSkew { context, by, device_ahead } => say!(debug of context, by_ms = ms(*by), device_ahead),
        TokenEvent::Evicted { context, was_valid: true } => say!(warn of context, was_valid = true),
        TokenEvent::Evicted { context, was_valid: false } => say!(debug of context, was_valid = false),
        TokenEvent::Cleared | TokenEvent::ShutDown => say!(debug),
        TokenEvent::NetworkAvailable { ended_backoffs } => say!(debug, ended_backoffs),
        TokenEvent::SessionChanged { ended_refusals } => say!(debug, ended_refusals),
        // Made for one reader of the stream, and never sent.
        TokenEvent::Missed { .. } => {}
    }
}

/// A flight. No part of the span that asked for it, which may be over long before: it only follows from that.
pub(crate) fn fetch(context: &AuthTokenContext, background: bool) -> Span {
    let span = debug_span!(
        target: "fleet_token",

        parent: None,
        "fetch",
        kind = kind(context),
        context = tracing::field::debug(context),
        background,
        outcome = Empty,
    );
    if !span.is_disabled() {
        span.follows_from(Span::current());
    }
    span
}

/// One request to the backend, within a flight's span.
pub(crate) fn attempt(attempt: u32) -> Span {
    debug_span!(target: "fleet_token", "attempt", attempt, outcome = Empty)
}

/// `token`, or the kind of error that came instead.
pub(crate) fn outcome<T>(landing: &Result<T, TokenError>) -> &'static str {
    landing.as_ref().map_or_else(error_kind, |_| "token")
}

/// What a context is for, in one word without its ids.
pub(crate) fn kind(context: &AuthTokenContext) -> &'static str {
    context.kind().map_or("invalid", ContextKind::name)
}

pub(crate) fn error_kind(error: &TokenError) -> &'static str {
    error.kind().as_str()
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id};
    use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

    use super::*;
    use crate::error::ScopeMismatch;

    /// Writes down the level, the name and the fields of everything.
    #[derive(Clone, Default)]
    struct Names(Arc<Mutex<String>>);

    struct Line(String, String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            if field.name() == "message" {
                self.0 = format!("{value:?}");
            } else {
                let _ = write!(self.1, " {}", field.name());
            }
        }
    }

    impl<S: tracing::Subscriber> Layer<S> for Names {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            let mut line = Line(String::new(), String::new());
            event.record(&mut line);
            assert_eq!(event.metadata().target(), "fleet_token");
            let _ = writeln!(self.0.lock(), "event {} {}{}", event.metadata().level(), line.0, line.1);
        }

        fn on_new_span(&self, span: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
            assert_eq!(span.metadata().target(), "fleet_token");
            let fields: String = span.metadata().fields().iter().flat_map(|field| [" ", field.name()]).collect();
            let _ = writeln!(self.0.lock(), "span {} {}{fields}", span.metadata().level(), span.metadata().name());
        }
    }

    /// Every event, in the order of its declaration.
    fn every_event() -> Vec<TokenEvent> {
        let context = AuthTokenContext::vehicle("v");
        let error = TokenError::NotFound;
        let time = Duration::from_secs(1);
        let mismatch = ScopeMismatch::Wildcard;
        vec![
            TokenEvent::FetchStarted { context: context.clone(), background: false },
            TokenEvent::AttemptFailed { context: context.clone(), attempt: 1, error: error.clone(), next_in: time },
            TokenEvent::Fetched { context: context.clone(), lifetime: Some(time), generation: 1, attempts: 1 },
            TokenEvent::FetchFailed { context: context.clone(), error, retry_in: time },
            TokenEvent::StaleServed { context: context.clone(), left: time },
            TokenEvent::Rejected { context: context.clone() },
            TokenEvent::BreakerTripped { context: context.clone() },
            TokenEvent::LifetimeClamped { context: context.clone(), claimed: time, used: time },
            TokenEvent::ScopeWarning { context: context.clone(), mismatch },
            TokenEvent::ClockSkew { context: context.clone(), by: time, device_ahead: true },
            TokenEvent::Evicted { context: context.clone(), was_valid: true },
            TokenEvent::Evicted { context, was_valid: false },
            TokenEvent::Cleared,
            TokenEvent::NetworkAvailable { ended_backoffs: 1 },
            TokenEvent::SessionChanged { ended_refusals: 1 },
            TokenEvent::ShutDown,
            TokenEvent::Missed { count: 1 },
        ]
    }

    /// The list is what docs/events.md promises: a change of it is a change of the API.
    #[test]
    fn names_levels_and_fields_are_those_that_are_listed() {
        let names = Names::default();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(names.clone()), || {
            drop(fetch(&AuthTokenContext::vehicle("v"), true));
            drop(attempt(1));
            every_event().iter().for_each(event);
        });
        assert_eq!(*names.0.lock(), include_str!("../tests/names/traces.txt"));
    }

    /// Writes down what is said in numbers.
    #[derive(Clone, Default)]
    struct Numbers(Arc<Mutex<Vec<(&'static str, u64)>>>);

    impl Visit for Numbers {
        fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}

        fn record_u64(&mut self, field: &Field, value: u64) {
            self.0.lock().push((field.name(), value));
        }
    }

    impl<S: tracing::Subscriber> Layer<S> for Numbers {
        fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
            event.record(&mut self.clone());
        }
    }

    #[test]
    fn times_are_told_in_milliseconds() {
        let numbers = Numbers::default();
        let context = AuthTokenContext::vehicle("v");
        tracing::subscriber::with_default(tracing_subscriber::registry().with(numbers.clone()), || {
            event(&TokenEvent::StaleServed { context: context.clone(), left: Duration::from_micros(1_500_900) });
            let (claimed, used) = (Duration::MAX, Duration::from_secs(70 * 60));
            event(&TokenEvent::LifetimeClamped { context, claimed, used });
        });
        assert_eq!(*numbers.0.lock(), [("left_ms", 1_500), ("claimed_ms", u64::MAX), ("used_ms", 4_200_000)]);
    }
}
