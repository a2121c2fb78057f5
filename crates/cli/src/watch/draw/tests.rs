use std::time::Duration;

use fleet_token::{AuthTokenContext, Stats, TokenAge, TokenEvent, TransportError};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::watch::model::{Life, Seen};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A bit of everything that can be seen.
fn model() -> Model {
    let mut model = Model::new("demo backend".into(), true);
    let vehicle = |n: u32| AuthTokenContext::vehicle(format!("vehicle_{n}"));
    let trip = AuthTokenContext::trip("trip_42");
    for (n, context) in [vehicle(1), vehicle(2), vehicle(3), trip.clone()].into_iter().enumerate() {
        let at = ms(300 + 150 * n as u64);
        model.note(at, &TokenEvent::FetchStarted { context: context.clone(), background: false });
        let fetched = TokenEvent::Fetched { context, lifetime: Some(ms(20_000)), generation: n as u64, attempts: 1 };
        model.note(at + ms(20), &fetched);
    }
    let error = || TransportError::Connect { detail: "connection refused".into() }.into();
    model.note(ms(9_000), &TokenEvent::FetchStarted { context: vehicle(2), background: true });
    let failed = TokenEvent::AttemptFailed { context: vehicle(2), attempt: 1, error: error(), next_in: ms(400) };
    model.note(ms(9_040), &failed);
    model.note(ms(9_500), &TokenEvent::FetchFailed { context: vehicle(2), error: error(), retry_in: ms(4_100) });
    for n in 0..3 {
        model.note(ms(9_600 + 200 * n), &TokenEvent::StaleServed { context: vehicle(2), left: ms(5_000 - 200 * n) });
    }
    model.note(ms(10_100), &TokenEvent::ClockSkew { context: trip.clone(), by: ms(90_000), device_ahead: true });
    model.note(ms(11_000), &TokenEvent::NetworkAvailable { ended_backoffs: 2 });
    model.say(ms(11_900), "you", "switched the backend off");
    for n in 0..431 {
        model.served(&vehicle(1), n / 100);
    }
    let life = |left, age| Some(Life { whole: ms(20_000), left: ms(left), margin: ms(8_000), age });
    let seen = |context, life, fetching, wait| Seen { context, life, fetching, wait: ms(wait), refused: false };
    let refused = Seen { refused: true, ..seen(vehicle(9), None, false, 4_200) };
    let mut stats = Stats::default();
    (stats.calls, stats.hits, stats.waits, stats.refusals) = (1204, 1190, 9, 5);
    (stats.stale_served, stats.fetches, stats.failures, stats.flights) = (3, 14, 1, 12);
    (stats.background_flights, stats.rejections, stats.entries) = (10, 1, 6);
    model.look(
        ms(12_300),
        stats,
        [
            seen(vehicle(1), life(14_200, TokenAge::Fresh), false, 0),
            seen(vehicle(2), life(5_100, TokenAge::Spent), false, 3_400),
            seen(vehicle(3), life(9_100, TokenAge::Due), true, 0),
            seen(vehicle(4), None, false, 12_600),
            seen(trip, life(0, TokenAge::Expired), false, 0),
            refused,
            seen(AuthTokenContext::vehicle_service(), None, false, 0),
        ],
    );
    // vehicle_2, for its error.
    model.selected = 2;
    model.paused = true;
    model.outage = Some(true);
    model
}

fn picture(model: &Model, (width, height): (u16, u16)) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model, Palette { colour: true })).unwrap();
    let buffer = terminal.backend().buffer();
    let lines = (0..height).map(|y| {
        let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        line.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

/// Kept beside the sources, to be looked at; `UPDATE_PICTURES=1` draws them anew.
fn is_as_kept(name: &str, picture: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/watch/pictures").join(name);
    if std::env::var_os("UPDATE_PICTURES").is_some() {
        std::fs::write(&path, picture).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(picture == kept, "{name} is another:\n{picture}");
}

#[test]
fn a_small_and_a_large_terminal_show_what_they_have_room_for() {
    is_as_kept("80x24.txt", &picture(&model(), (80, 24)));
    is_as_kept("160x50.txt", &picture(&model(), (160, 50)));
}

/// Real ids are UUIDs, or longer.
#[test]
fn ids_that_begin_alike_are_told_apart_in_table_and_log() {
    let ids = ["3f2504e0-4f89-11d3-9a0c-0305e82c3301", "3f2504e0-4f89-11d3-9a0c-0305e82c3302"];
    let mut model = Model::new("b.example".into(), false);
    let error = || fleet_token::TokenError::SessionRejected { status: 403 };
    let seen = ids.map(|id| {
        let context = AuthTokenContext::vehicle(id);
        model.note(
            ms(1_000),
            &TokenEvent::FetchFailed { context: context.clone(), error: error(), retry_in: ms(5_000) },
        );
        Seen { context, life: None, fetching: false, wait: ms(5_000), refused: true }
    });
    model.look(ms(1_500), Stats::default(), seen);
    let narrow = picture(&model, (80, 24));
    for end in ["…82c3301", "…82c3302"] {
        let lines = narrow.lines().filter(|line| line.contains(end)).count();
        assert_eq!(lines, 2, "a row and a line of the log: {narrow}");
    }
    // What does not fit says so.
    let log: Vec<_> = narrow.lines().filter(|line| line.starts_with("00:01.0")).collect();
    assert!(log.len() == 2 && log.iter().all(|line| line.ends_with('…')), "{narrow}");
    let wide = picture(&model, (160, 50));
    assert!(ids.iter().all(|id| wide.matches(id).count() >= 2), "{wide}");
}

#[test]
fn every_key_fits_and_a_backend_that_is_not_ours_has_no_switch() {
    let mut model = model();
    let last = |model: &Model| picture(model, (80, 24)).lines().last().unwrap().to_owned();
    for (key, does) in KEYS {
        assert!(last(&model).contains(&format!("{key} {does}")), "{}", last(&model));
    }
    model.outage = None;
    assert!(!last(&model).contains("outage") && last(&model).starts_with("q quit"));
}

#[test]
fn the_legend_has_room_and_shows_every_state_and_every_key() {
    let mut model = model();
    model.legend = true;
    let picture = picture(&model, (80, 24));
    for told in ["fresh", "due", "renewing", "spent", "resting", "expired", "none", "fetching", "backoff", "refused"] {
        assert!(picture.contains(&format!("│ {told}")), "{told}: {picture}");
    }
    assert!(picture.contains("margin") && picture.contains("↑↓ j k") && picture.contains("q quit"), "{picture}");
    is_as_kept("legend.txt", &picture);
}

#[test]
fn at_any_width_one_learns_how_to_quit() {
    for size in [(60, 24), (40, 8), (39, 8), (30, 6)] {
        assert!(picture(&model(), size).contains("q quit"), "{size:?}");
    }
    assert!(picture(&model(), (30, 6)).contains("too small"));
}

#[test]
fn an_error_can_be_told_on_eighty_columns_and_is_dim_when_it_is_over() {
    let mut model = model();
    let refused = AuthTokenContext::vehicle("vehicle_1");
    let error = fleet_token::TokenError::SessionRejected { status: 403 };
    model.note(ms(12_000), &TokenEvent::FetchFailed { context: refused.clone(), error, retry_in: ms(5_000) });
    let look = |model: &mut Model| {
        let row = Seen { context: refused.clone(), life: None, fetching: false, wait: ms(0), refused: false };
        model.look(ms(12_300), Stats::default(), [row]);
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| draw(frame, model, Palette { colour: true })).unwrap();
        let cell = terminal.backend().buffer()[(62, 4)].clone();
        assert!(picture(model, (120, 24)).contains("  403 session_rejected"), "{}", picture(model, (120, 24)));
        (picture(model, (80, 24)), cell.modifier.contains(Modifier::DIM))
    };
    let (drawn, dim) = look(&mut model);
    assert!(drawn.lines().nth(4).unwrap().ends_with("403 session_rejected") && !dim, "{drawn}");
    let fetched = TokenEvent::Fetched { context: refused.clone(), lifetime: None, generation: 9, attempts: 1 };
    model.note(ms(12_200), &fetched);
    assert!(look(&mut model).1, "it is over");
}

#[test]
fn any_size_is_drawn() {
    let mut many = model();
    let contexts = (0..200).map(|n| Seen {
        context: AuthTokenContext::vehicle(format!("vehicle_{n}")),
        life: None,
        fetching: false,
        wait: Duration::ZERO,
        refused: false,
    });
    many.look(ms(1), Stats::default(), contexts);
    many.selected = 150;
    for size in [(1, 1), (20, 3), (40, 10), (300, 100)] {
        picture(&many, size);
        picture(&Model::default(), size);
    }
    assert!(picture(&many, (80, 24)).contains("▸vehicle_150"), "the selected one is in sight");
}

#[test]
fn without_colours_nothing_is_coloured_and_the_picture_is_the_same() {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let mut cells = |colour| {
        terminal.draw(|frame| draw(frame, &model(), Palette { colour })).unwrap();
        terminal.backend().buffer().content().to_vec()
    };
    let (with, without) = (cells(true), cells(false));
    assert!(with.iter().any(|cell| cell.fg != Color::Reset));
    assert!(without.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    assert!(with.iter().zip(&without).all(|(one, other)| one.symbol() == other.symbol()));
}
