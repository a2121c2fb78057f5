//! The spans of `tracing` around a fetch: which is inside which, and how each ended.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use fleet_token::{AuthTokenContext, ManualClock, TokenError};
use tracing::Instrument as _;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use crate::support::{HOUR, SECOND, Script, factory, settle, token};

/// Each span with its parents, and how it ended.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<String>>);

struct Outcome(Option<String>);

impl Visit for Outcome {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "outcome" {
            self.0 = Some(format!("{value:?}").replace('"', ""));
        }
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Told {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let names: Vec<_> = context.span_scope(id).unwrap().from_root().map(|span| span.name()).collect();
        let _ = writeln!(self.0.lock().unwrap(), "+ {}", names.join("/"));
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let name = |id| context.span(id).unwrap().name();
        let _ = writeln!(self.0.lock().unwrap(), "{} follows from {}", name(id), name(follows));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut outcome = Outcome(None);
        values.record(&mut outcome);
        if let Some(outcome) = outcome.0 {
            let _ = writeln!(self.0.lock().unwrap(), "{}: {outcome}", context.span(id).unwrap().name());
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let within = context
            .event_scope(event)
            .map_or(String::new(), |scope| scope.from_root().map(|span| span.name()).collect::<Vec<_>>().join("/"));
        if event.metadata().target() == "fleet_token" {
            let _ = writeln!(self.0.lock().unwrap(), "event in {within}");
        }
    }
}

#[test]
fn an_attempt_is_inside_its_fetch_which_follows_from_who_asked() {
    let told = Told::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(told.clone()), || {
        runtime.block_on(async {
            let clock = ManualClock::default();
            let script = Script::new(|n, _| async move {
                if n == 1 {
                    Err(TokenError::Unavailable { status: 503, retry_after: None })
                } else {
                    Ok(token(n, HOUR))
                }
            });
            let factory = factory(&clock, &script);
            let app = tracing::info_span!("app");
            let context = AuthTokenContext::vehicle("v");
            let waiting = tokio::spawn(async move { factory.token(&context).await }.instrument(app));
            settle().await;
            clock.advance(2 * SECOND);
            waiting.await.unwrap().unwrap();
            settle().await;
        });
    });
    // The events: started, attempt failed, fetched, and shut down with the app's task, which held the factory.
    let expected = "\
+ app
event in app
+ fetch
fetch follows from app
+ fetch/attempt
attempt: unavailable
event in fetch
+ fetch/attempt
attempt: token
event in fetch
fetch: token
event in app
";
    assert_eq!(*told.0.lock().unwrap(), expected);
}

/// With our spans filtered out, a span of the app's may be the current one while a flight is polled.
#[test]
fn an_app_s_own_span_is_left_alone() {
    let told = Told::default();
    let ours_out = tracing_subscriber::filter::filter_fn(|metadata| metadata.target() != "fleet_token");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(ours_out).with(told.clone()), || {
        let _in_app = tracing::info_span!("app", outcome = tracing::field::Empty).entered();
        runtime.block_on(async {
            let factory = factory(&ManualClock::default(), &Script::tokens(HOUR));
            factory.token(&AuthTokenContext::vehicle("v")).await.unwrap();
            settle().await;
        });
    });
    assert_eq!(*told.0.lock().unwrap(), "+ app\n");
}
