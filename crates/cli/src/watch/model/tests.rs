use fleet_token::TransportError;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn vehicle(id: &str) -> AuthTokenContext {
    AuthTokenContext::vehicle(id)
}

fn seen(id: &str) -> Seen {
    Seen { context: vehicle(id), life: None, fetching: false, wait: Duration::ZERO, refused: false }
}

fn aged(age: TokenAge) -> Life {
    Life { whole: 10 * SECOND, left: 5 * SECOND, margin: 3 * SECOND, age }
}

fn model(contexts: Vec<Seen>) -> Model {
    let mut model = Model::new("test".into(), true);
    model.look(SECOND, Stats::default(), contexts);
    model
}

#[test]
fn a_state_is_what_callers_meet() {
    let state = |life, fetching, wait| Seen { life, fetching, wait, ..seen("v") }.state();
    let (no, wait) = (Duration::ZERO, 4 * SECOND);
    assert_eq!(state(None, false, no), State::None);
    assert_eq!(state(None, false, wait), State::BackingOff(wait));
    assert_eq!(Seen { wait, refused: true, ..seen("v") }.state(), State::Refused(wait));
    assert_eq!(state(None, true, no), State::Fetching);
    assert_eq!(state(Some(aged(TokenAge::Fresh)), false, no), State::Fresh);
    assert_eq!(state(Some(aged(TokenAge::Due)), false, no), State::Due);
    assert_eq!(state(Some(aged(TokenAge::Due)), true, no), State::Renewing);
    assert_eq!(state(Some(aged(TokenAge::Expired)), true, no), State::Fetching);
    assert_eq!(state(Some(aged(TokenAge::Spent)), false, no), State::Spent);
    assert_eq!(state(Some(aged(TokenAge::Spent)), false, wait), State::Resting(wait));
    assert_eq!(state(Some(aged(TokenAge::Expired)), false, no), State::Expired);
    assert_eq!(state(Some(aged(TokenAge::Expired)), false, wait), State::BackingOff(wait));
}

#[test]
fn rows_have_an_order_and_the_selection_stays_with_its_context() {
    let mut model = model(vec![seen("v10"), seen("v2"), seen("v1")]);
    let names = |model: &Model| model.rows.iter().map(|row| name_of(&row.context)).collect::<Vec<_>>();
    assert_eq!(names(&model), ["v1", "v2", "v10"]);
    model.select(false);
    assert_eq!(model.selected(), Some(&vehicle("v1")));
    model.select(true);
    model.look(SECOND, Stats::default(), [seen("v0"), seen("v2"), seen("v1")]);
    assert_eq!((model.selected(), model.selected), (Some(&vehicle("v2")), 2));
    model.look(SECOND, Stats::default(), [seen("v0")]);
    assert_eq!(model.selected(), Some(&vehicle("v0")));
    model.look(SECOND, Stats::default(), []);
    model.select(true);
    assert_eq!(model.selected(), None);
}

#[test]
fn fetches_hits_and_the_last_error_are_counted_by_context() {
    let mut model = model(vec![]);
    let context = vehicle("v1");
    model.note(SECOND, &TokenEvent::FetchStarted { context: context.clone(), background: false });
    let error = TransportError::Timeout.into();
    model.note(2 * SECOND, &TokenEvent::FetchFailed { context: context.clone(), error, retry_in: SECOND });
    // The first answer of a generation is the fetch's own.
    for generation in [1, 1, 1, 2, 2] {
        model.served(&context, generation);
    }
    model.look(SECOND, Stats::default(), [seen("v1"), seen("v2")]);
    let counts = &model.rows[0].counts;
    assert_eq!((counts.fetches, counts.hits), (1, 3));
    let fault = counts.error.as_ref().unwrap();
    assert_eq!((fault.at, fault.kind.as_str(), fault.over), (2 * SECOND, "transport", false));
    assert_eq!(model.rows[1].counts, Counts::default());
    let fetched = TokenEvent::Fetched { context: context.clone(), lifetime: None, generation: 3, attempts: 1 };
    model.note(3 * SECOND, &fetched);
    model.look(SECOND, Stats::default(), [seen("v1")]);
    assert!(model.rows[0].counts.error.as_ref().unwrap().over, "a token has come since");
    model.note(4 * SECOND, &TokenEvent::Cleared);
    model.look(SECOND, Stats::default(), [seen("v1")]);
    assert_eq!(model.rows[0].counts, Counts::default(), "cleared");
}

#[test]
fn a_warning_stands_until_a_token_comes_without_it() {
    let mut model = model(vec![]);
    let context = vehicle("v1");
    let started = || TokenEvent::FetchStarted { context: context.clone(), background: true };
    let fetched = || TokenEvent::Fetched { context: context.clone(), lifetime: None, generation: 1, attempts: 1 };
    let mut is_over = |events: &[TokenEvent]| {
        for event in events {
            model.note(SECOND, event);
        }
        model.look(SECOND, Stats::default(), [seen("v1")]);
        model.rows[0].counts.error.as_ref().unwrap().over
    };
    let mismatch = fleet_token::ScopeMismatch::Wildcard;
    let warning = TokenEvent::ScopeWarning { context: context.clone(), mismatch };
    assert!(!is_over(&[started(), warning, fetched()]), "it came with that token");
    assert!(is_over(&[started(), fetched()]));
}

#[test]
fn what_repeats_itself_is_one_line_with_a_count() {
    let mut model = model(vec![]);
    let stale = |id: &str| TokenEvent::StaleServed { context: vehicle(id), left: SECOND };
    assert!(model.note(SECOND, &stale("v1")).is_some());
    assert!(model.note(SECOND, &stale("v2")).is_some());
    assert!(model.note(2 * SECOND, &stale("v1")).is_none());
    assert_eq!((model.log.len(), model.log[0].times, model.log[0].at), (2, 2, SECOND));
    let started = TokenEvent::FetchStarted { context: vehicle("v1"), background: false };
    assert!(model.note(SECOND, &started).is_some() && model.note(SECOND, &started).is_some());
    assert!(model.note(SECOND, &stale("v1")).is_some(), "it began again");
}

#[test]
fn the_log_is_bounded_and_a_skewed_clock_is_remembered() {
    let mut model = model(vec![]);
    for _ in 0..2 * KEPT {
        model.say(SECOND, "you", "x");
    }
    assert_eq!(model.log.len(), KEPT);
    let skew = TokenEvent::ClockSkew { context: vehicle("v"), by: 90 * SECOND, device_ahead: true };
    model.note(SECOND, &skew);
    assert_eq!(model.skew, Some((90 * SECOND, true)));
}
