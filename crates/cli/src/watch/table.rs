//! The table: a context a row.

use ratatui::Frame;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Cell, Row, Table, TableState};

use super::draw::{NAME, Palette, WIDE};
use super::line::clock;
use super::model::{self, Model, State};
use super::{bar, cut};
use crate::when::short;

/// How many cells there are for what has no width of its own.
struct Sizes {
    wide: bool,
    bar: u16,
    name: usize,
    error: usize,
}

/// A row each; the selected one's last error, whole, stands in the border below.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, palette: Palette) {
    let wide = area.width >= WIDE;
    // On 80 columns, and with the time on 120, the whole of `403 session_rejected` finds room.
    let bar_width = if wide { (area.width / 6).min(40) } else { area.width.saturating_sub(72).clamp(8, 14) };
    let longest = |of: fn(&model::Row) -> usize| model.rows.iter().map(of).max().unwrap_or(0);
    let name_width =
        longest(|row| model::name_of(&row.context).chars().count()).clamp(NAME, if wide { 40 } else { NAME });
    let fixed = usize::from(bar_width) + name_width + 14 + 6 + 5 + 5 + 7 + if wide { 18 } else { 0 };
    let error_width = usize::from(area.width).saturating_sub(fixed);
    let sizes = Sizes { wide, bar: bar_width, name: name_width, error: error_width };
    let rows = model.rows.iter().map(|row| drawn(row, &sizes, palette));
    let mut widths = vec![
        Constraint::Length(u16::try_from(name_width).unwrap_or(16)),
        Constraint::Length(14),
        Constraint::Length(bar_width),
        Constraint::Length(6),
        Constraint::Length(5),
        Constraint::Length(5),
        Constraint::Fill(1),
    ];
    let mut titles = vec![
        "context",
        "state",
        if bar_width < 13 { "life" } else { "life │ margin" },
        "  left",
        "fetch",
        " hits",
        "last error",
    ];
    if wide {
        widths.insert(0, Constraint::Length(17));
        titles.insert(0, "kind");
    }
    let titles = Row::new(titles).style(Style::new().add_modifier(Modifier::UNDERLINED));
    let mut block = Block::new().borders(Borders::TOP | Borders::BOTTOM).border_style(Palette::quiet());
    if let Some((row, fault)) = model.rows.get(model.selected).and_then(|row| Some((row, row.counts.error.as_ref()?))) {
        let (name, at, over) = (model::name_of(&row.context), clock(fault.at), if fault.over { ", over" } else { "" });
        let whole = format!(" {name} at {at}{over}: {}: {} ", fault.kind, fault.text);
        // The border that it stands in is dim.
        let style = if fault.over { Palette::quiet() } else { palette.trouble().remove_modifier(Modifier::DIM) };
        block = block.title_bottom(Line::styled(cut::end(&whole, usize::from(area.width)), style));
    }
    let table = Table::new(rows, widths)
        .header(titles)
        .highlight_symbol("▸")
        .row_highlight_style(Style::new().add_modifier(Modifier::BOLD))
        .block(block);
    let selected = (!model.rows.is_empty()).then_some(model.selected);
    frame.render_stateful_widget(table, area, &mut TableState::new().with_selected(selected));
}

fn drawn(row: &model::Row, sizes: &Sizes, palette: Palette) -> Row<'static> {
    let width = usize::from(sizes.bar);
    let (bar, bar_style) = match row.life {
        Some(life) => (bar::bar(&life, width), palette.state(age_of(row))),
        None => (bar::none(width), Palette::quiet()),
    };
    let left = row.life.map_or_else(String::new, |life| short(life.left));
    let error = match &row.counts.error {
        Some(fault) => {
            let at = if sizes.wide { format!("{}  ", clock(fault.at)) } else { String::new() };
            let room = sizes.error.saturating_sub(at.len());
            let what = if sizes.wide { format!("{}: {}", fault.kind, fault.text) } else { fault.kind.clone() };
            let style = if fault.over { Palette::quiet() } else { palette.trouble() };
            Cell::from(Line::from_iter([
                Span::styled(at, Palette::quiet()),
                Span::styled(cut::end(&what, room), style),
            ]))
        }
        None => Cell::from(Span::styled("–", Palette::quiet())),
    };
    let name = model::name_of(&row.context);
    let mut cells = vec![
        Cell::from(cut::middle(&name, sizes.name)),
        Cell::from(Span::styled(state_of(row.state), palette.state(row.state))),
        Cell::from(Span::styled(bar, bar_style)),
        Cell::from(Line::from(left).right_aligned()),
        Cell::from(Line::from(row.counts.fetches.to_string()).right_aligned()),
        Cell::from(Line::from(row.counts.hits.to_string()).right_aligned()),
        error,
    ];
    if sizes.wide {
        let kind = model::kind_of(&row.context);
        if kind == name {
            cells[0] = Cell::from("–");
        }
        cells.insert(0, Cell::from(Span::styled(kind, Palette::quiet())));
    }
    Row::new(cells)
}

/// A token that is being renewed is as good as it was.
fn age_of(row: &model::Row) -> State {
    use fleet_token::TokenAge::{Due, Expired, Fresh, Spent};
    match row.life.map(|life| life.age) {
        Some(Fresh) => State::Fresh,
        Some(Due) => State::Due,
        Some(Spent) => State::Spent,
        Some(Expired) => State::Expired,
        None => State::None,
    }
}

fn state_of(state: State) -> String {
    match state {
        State::None => "none".to_owned(),
        State::Fetching => "fetching".to_owned(),
        State::Renewing => "renewing".to_owned(),
        State::Fresh => "fresh".to_owned(),
        State::Due => "due".to_owned(),
        State::Spent => "spent".to_owned(),
        State::Expired => "expired".to_owned(),
        State::BackingOff(wait) => format!("backoff {}", short(wait)),
        State::Resting(wait) => format!("resting {}", short(wait)),
        State::Refused(wait) => format!("refused {}", short(wait)),
    }
}
