//! What the `metrics` facade is told: the listed names and labels, and no more often than things happen.

use std::collections::BTreeSet;
use std::time::Duration;

use fleet_token::{AuthTokenContext, ManualClock, TokenError};
use metrics_util::MetricKind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use crate::support::{HOUR, SECOND, Script, factory, settle, token};

/// Runs `app` on one thread, where a recorder of its own hears it.
fn recorded(app: impl AsyncFnOnce(&Snapshotter)) {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(app(&snapshotter)));
}

/// What was told since the last look, as `counter name label=value …` and its value. Counters and gauges begin anew with each look.
fn told(snapshotter: &Snapshotter) -> Vec<(String, DebugValue)> {
    let all = snapshotter.snapshot().into_vec().into_iter();
    let named = all.map(|(key, _, described, value)| {
        assert!(described.is_some(), "{key:?} is not described");
        let (kind, key) = key.into_parts();
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let labels: Vec<_> = key.labels().flat_map(|label| [" ", label.key(), "=", label.value()]).collect();
        (format!("{kind} {}{}", key.name(), labels.concat()), value)
    });
    let mut told: Vec<_> = named.collect();
    told.sort_by(|(one, _), (other, _)| one.cmp(other));
    told
}

fn counted(told: &[(String, DebugValue)], name: &str) -> u64 {
    match told.iter().find(|(told, _)| told == name) {
        Some((_, DebugValue::Counter(count))) => *count,
        other => panic!("{name}: {other:?} in {told:?}"),
    }
}

/// Two failed attempts two seconds apart in all, then tokens; nothing for anybody else.
fn script(clock: &ManualClock) -> Script {
    let clock = clock.clone();
    Script::new(move |n, context| {
        let clock = clock.clone();
        async move {
            clock.advance(SECOND);
            match (context.vehicle_id(), n) {
                (None, _) => Err(TokenError::NotFound),
                (_, 1) => Err(TokenError::Unavailable { status: 503, retry_after: None }),
                _ => Ok(token(n, HOUR)),
            }
        }
    })
}

#[test]
fn the_metrics_are_those_that_are_listed() {
    recorded(async |snapshotter| {
        let clock = ManualClock::default();
        let factory = factory(&clock, &script(&clock));
        let context = AuthTokenContext::vehicle("v");
        let first = crate::support::ask(&factory, &context);
        settle().await;
        // The pause before the second attempt.
        clock.advance(Duration::from_secs(2));
        first.await.unwrap().unwrap();
        let token = factory.token(&context).await.unwrap();
        assert!(factory.token(&AuthTokenContext::trip("t")).await.is_err());
        factory.invalidate(&context, &token);
        factory.network_available();
        factory.publish_metrics();

        let told = told(snapshotter);
        let without_values =
            |line: &str| line.split(' ').map(|word| word.split('=').next().unwrap()).collect::<Vec<_>>().join(" ");
        let names: BTreeSet<_> = told.iter().map(|(name, _)| without_values(name)).collect();
        let listed: BTreeSet<_> = include_str!("../names/metrics.txt").lines().map(str::to_owned).collect();
        assert_eq!(names, listed);

        let events = "counter fleet_token_events_total event";
        assert_eq!(counted(&told, &format!("{events}=attempt_failed kind=vehicle error=unavailable")), 1);
        assert_eq!(counted(&told, &format!("{events}=fetched kind=vehicle")), 1);
        assert_eq!(counted(&told, &format!("{events}=fetch_failed kind=trip error=not_found")), 1);
        assert_eq!(counted(&told, &format!("{events}=rejected kind=vehicle")), 1);
        assert_eq!(counted(&told, "counter fleet_token_calls_total answer=hit"), 1);
        assert_eq!(counted(&told, "counter fleet_token_calls_total answer=wait"), 2);
        let duration = told.iter().find(|(name, _)| name.ends_with("kind=vehicle outcome=token"));
        let Some((_, DebugValue::Histogram(seconds))) = duration else { panic!("{told:?}") };
        // Two requests of a second each, and the pause between them.
        assert!(seconds.len() == 1 && (3.0..=5.0).contains(&seconds[0].into_inner()), "{seconds:?}");
    });
}

#[test]
fn calls_are_told_once_and_factories_add_up() {
    recorded(async |snapshotter| {
        let clock = ManualClock::default();
        let context = AuthTokenContext::vehicle("v");
        let factories = [(); 2].map(|()| factory(&clock, &Script::tokens(HOUR)));
        for factory in &factories {
            for _ in 0..5 {
                factory.token(&context).await.unwrap();
            }
            factory.publish_metrics();
            factory.publish_metrics();
        }
        let hits = |told: &[(String, DebugValue)]| counted(told, "counter fleet_token_calls_total answer=hit");
        let entries = |told: &[(String, DebugValue)]| {
            told.iter().find_map(|(name, value)| match value {
                DebugValue::Gauge(entries) if name == "gauge fleet_token_entries" => Some(entries.into_inner()),
                _ => None,
            })
        };
        let seen = told(snapshotter);
        assert_eq!((hits(&seen), entries(&seen)), (8, Some(2.0)));
        drop(factories);
        let seen = told(snapshotter);
        assert_eq!((hits(&seen), entries(&seen)), (0, Some(-2.0)), "a factory that is gone keeps nothing");
    });
}
