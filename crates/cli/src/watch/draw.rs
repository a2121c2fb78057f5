//! The model as a picture. Pure: the same model and size, the same picture.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::line::{self, Mood, clock};
use super::model::{Model, State};
use super::{cut, legend, table};
use crate::when::short;

/// From here on there is room for kinds, a longer bar and whole errors.
pub(super) const WIDE: u16 = 120;

/// Less cannot show a row and what happens to it.
const LEAST: (u16, u16) = (40, 8);

/// As wide as `vehicle service`, from the beginning: rows that come later must not push the others aside.
pub(super) const NAME: usize = 15;

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

    pub(super) fn trouble(self) -> Style {
        self.of(Color::Yellow)
    }

    fn bad(self) -> Style {
        self.of(Color::Red).add_modifier(Modifier::BOLD)
    }

    fn deed(self) -> Style {
        self.of(Color::Cyan)
    }

    /// For what is there to be found, not to be seen.
    pub(super) fn quiet() -> Style {
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

    pub(super) fn state(self, state: State) -> Style {
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
    table::draw(frame, table, model, palette);
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

/// The newest below.
fn draw_log(frame: &mut Frame<'_>, area: Rect, model: &Model, palette: Palette) {
    let shown = model.log.len().saturating_sub(usize::from(area.height));
    let longest = model.log.iter().map(|line| line.who.chars().count()).max().unwrap_or(0);
    let width = longest.clamp(NAME, if area.width >= WIDE { 40 } else { NAME });
    let lines = model.log.iter().skip(shown).map(|line| {
        let (before, times) = (format!("{}  ", clock(line.at)), line::times(line));
        let used = before.chars().count() + width + 2 + times.chars().count();
        let room = area.width.saturating_sub(u16::try_from(used).unwrap_or(u16::MAX));
        Line::from_iter([
            Span::styled(before, Palette::quiet()),
            Span::raw(format!("{:<width$}  ", cut::middle(&line.who, width))),
            Span::styled(cut::end(&line.text, usize::from(room)), palette.mood(line.mood)),
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
