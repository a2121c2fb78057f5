//! The model as a picture. Pure: the same model and size, the same picture.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row, Table, TableState, Wrap};

use super::bar;
use super::legend;
use super::line::{self, Mood, clock};
use super::model::{self, Model, State};
use crate::when::short;

/// From here on there is room for kinds, a longer bar and whole errors.
const WIDE: u16 = 120;

/// Less cannot show a row and what happens to it.
const LEAST: (u16, u16) = (40, 8);

/// As wide as `vehicle service`, from the beginning: rows that come later must not push the others aside.
const NAME: usize = 15;

/// What is pressed, and what it does; the last is for a backend of our own. The first are seen at any width.
const KEYS: [(&str, &str); 8] = [
    ("q", "quit"),
    ("?", "help"),
    ("i", "invalidate"),
    ("c", "clear"),
    ("n", "network"),
    ("s", "session"),
    ("p", "pause"),
    ("o", "outage"),
];

/// Colours, or, where none are wanted, weight alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Palette {
    pub(crate) colour: bool,
}

impl Palette {
    fn of(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    fn good(self) -> Style {
        self.of(Color::Green)
    }

    fn trouble(self) -> Style {
        self.of(Color::Yellow)
    }

    fn bad(self) -> Style {
        self.of(Color::Red).add_modifier(Modifier::BOLD)
    }

    fn deed(self) -> Style {
        self.of(Color::Cyan)
    }

    /// For what is there to be found, not to be seen.
    fn quiet() -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    fn mood(self, mood: Mood) -> Style {
        match mood {
            Mood::Plain => Style::new(),
            Mood::Good => self.good(),
            Mood::Trouble => self.trouble(),
            Mood::Deed => self.deed(),
        }
    }

    fn state(self, state: State) -> Style {
        match state {
            State::Fresh => self.good(),
            State::Due | State::Fetching | State::Renewing => self.deed(),
            State::Spent | State::Resting(_) => self.trouble(),
            State::Expired | State::BackingOff(_) | State::Refused(_) => self.bad(),
            State::None => Self::quiet(),
        }
    }
}

/// Draws all of it.
pub(crate) fn draw(frame: &mut Frame<'_>, model: &Model, palette: Palette) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let says = format!("q quits; too small: {}x{} at least", LEAST.0, LEAST.1);
        frame.render_widget(Paragraph::new(says).wrap(Wrap { trim: true }), area);
        return;
    }
    // The table as high as it is long, if the log keeps a third; the header of the table is a line, and its border two.
    let wanted = u16::try_from(model.rows.len()).unwrap_or(u16::MAX).saturating_add(3);
    let most = area.height.saturating_sub(3) * 2 / 3;
    let [head, table, log, keys] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(wanted.clamp(4, most.max(4))),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(heading(model, palette, area.width)), head);
    draw_table(frame, table, model, palette);
    draw_log(frame, log, model, palette);
    frame.render_widget(Paragraph::new(keys_of(model)), keys);
    if model.legend {
        legend::draw(frame, Rect { height: area.height - 1, ..area });
    }
}

fn heading(model: &Model, palette: Palette, width: u16) -> Vec<Line<'static>> {
    let mut first = vec![
        Span::styled("fleet-token watch", Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!("  {}  {}", model.source, clock(model.now))),
    ];
    if let Some((by, device_ahead)) = model.skew {
        first.push(Span::styled(
            format!("  clock {}{}", if device_ahead { '+' } else { '-' }, short(by)),
            palette.trouble(),
        ));
    }
    for (on, word, style) in
        [(model.paused, " PAUSED ", palette.deed()), (model.outage == Some(true), " OUTAGE ", palette.bad())]
    {
        if on {
            first.push(Span::raw("  "));
            first.push(Span::styled(word, style.add_modifier(Modifier::REVERSED)));
        }
    }
    let stats = &model.stats;
    let mut totals = vec![
        ("calls", stats.calls),
        ("hits", stats.hits),
        ("waits", stats.waits),
        ("refusals", stats.refusals),
        ("stale", stats.stale_served),
        ("fetches", stats.fetches),
        ("failures", stats.failures),
    ];
    if width >= WIDE {
        totals.extend([
            ("flights", stats.flights),
            ("in the background", stats.background_flights),
            ("rejections", stats.rejections),
            ("evictions", stats.evictions),
            ("contexts", stats.entries),
        ]);
    }
    let second = totals.into_iter().flat_map(|(name, count)| {
        let weight = Style::new().add_modifier(Modifier::BOLD);
        [Span::styled(format!("{name} "), Palette::quiet()), Span::styled(format!("{count}  "), weight)]
    });
    vec![Line::from(first), second.collect()]
}

fn draw_table(frame: &mut Frame<'_>, area: Rect, model: &Model, palette: Palette) {
    let wide = area.width >= WIDE;
    // On 80 columns, and with the time on 120, the whole of `403 session_rejected` finds room.
    let bar_width = if wide { (area.width / 6).min(40) } else { area.width.saturating_sub(72).clamp(8, 14) };
    let longest = |of: fn(&model::Row) -> usize| model.rows.iter().map(of).max().unwrap_or(0);
    let name_width =
        longest(|row| model::name_of(&row.context).chars().count()).clamp(NAME, if wide { 40 } else { NAME });
    let fixed = usize::from(bar_width) + name_width + 14 + 6 + 5 + 5 + 7 + if wide { 18 } else { 0 };
    let error_width = area.width.saturating_sub(u16::try_from(fixed).unwrap_or(u16::MAX));
    let rows = model.rows.iter().map(|row| {
        let (bar, bar_style) = match row.life {
            Some(life) => (bar::bar(&life, usize::from(bar_width)), palette.state(age_of(row))),
            None => (bar::none(usize::from(bar_width)), Palette::quiet()),
        };
        let left = row.life.map_or_else(String::new, |life| short(life.left));
        let error = match &row.counts.error {
            Some(fault) => {
                let at = if wide { format!("{}  ", clock(fault.at)) } else { String::new() };
                let room = error_width.saturating_sub(u16::try_from(at.len()).unwrap_or(0));
                let what = if wide { format!("{}: {}", fault.kind, fault.text) } else { fault.kind.clone() };
                let style = if fault.over { Palette::quiet() } else { palette.trouble() };
                Cell::from(Line::from_iter([Span::styled(at, Palette::quiet()), Span::styled(cut(&what, room), style)]))
            }
            None => Cell::from(Span::styled("–", Palette::quiet())),
        };
        let mut cells = vec![
            Cell::from(model::name_of(&row.context)),
            Cell::from(Span::styled(state_of(row.state), palette.state(row.state))),
            Cell::from(Span::styled(bar, bar_style)),
            Cell::from(Line::from(left).right_aligned()),
            Cell::from(Line::from(row.counts.fetches.to_string()).right_aligned()),
            Cell::from(Line::from(row.counts.hits.to_string()).right_aligned()),
            error,
        ];
        if wide {
            let (kind, name) = (model::kind_of(&row.context), model::name_of(&row.context));
            cells[0] = Cell::from(if kind == name { "–".to_owned() } else { name });
            cells.insert(0, Cell::from(Span::styled(kind, Palette::quiet())));
        }
        Row::new(cells)
    });
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
        block = block.title_bottom(Line::styled(cut(&whole, area.width), style));
    }
    let table = Table::new(rows, widths)
        .header(titles)
        .highlight_symbol("▸")
        .row_highlight_style(Style::new().add_modifier(Modifier::BOLD))
        .block(block);
    let selected = (!model.rows.is_empty()).then_some(model.selected);
    frame.render_stateful_widget(table, area, &mut TableState::new().with_selected(selected));
}

/// So many cells of a text; what was longer ends in `…`.
fn cut(text: &str, width: u16) -> String {
    let width = usize::from(width);
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
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

/// The newest below.
fn draw_log(frame: &mut Frame<'_>, area: Rect, model: &Model, palette: Palette) {
    let shown = model.log.len().saturating_sub(usize::from(area.height));
    let width = model.log.iter().map(|line| line.who.chars().count()).max().unwrap_or(0).clamp(NAME, 20);
    let lines = model.log.iter().skip(shown).map(|line| {
        let (before, times) = (format!("{}  ", clock(line.at)), line::times(line));
        let used = before.chars().count() + width + 2 + times.chars().count();
        let room = area.width.saturating_sub(u16::try_from(used).unwrap_or(u16::MAX));
        Line::from_iter([
            Span::styled(before, Palette::quiet()),
            Span::raw(format!("{:<width$}  ", line.who)),
            Span::styled(cut(&line.text, room), palette.mood(line.mood)),
            Span::styled(times, Palette::quiet()),
        ])
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), area);
}

fn keys_of(model: &Model) -> Line<'static> {
    let known = if model.outage.is_some() { KEYS.len() } else { KEYS.len() - 1 };
    let shown = KEYS[..known].iter().flat_map(|(key, does)| {
        let key = Span::styled(*key, Style::new().add_modifier(Modifier::BOLD));
        [key, Span::styled(format!(" {does}  "), Palette::quiet())]
    });
    shown.collect()
}

#[cfg(test)]
mod tests;
