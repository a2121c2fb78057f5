//! Beside and below the map: the trip, who has driven how far, and how the tokens stand.

use std::time::SystemTime;

use fleet_token::{AuthTokenFactory, IdField, TokenAge};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Wrap};
use time::OffsetDateTime;

use super::map::COLOURS;
use crate::Args;
use crate::scene::Scene;

pub(super) fn trip(frame: &mut Frame<'_>, area: Rect, args: &Args, scene: &Scene) {
    let mut lines = Vec::new();
    if let Some(trip) = &scene.trip {
        lines.push(Line::styled(trip.status.replace('_', " "), Style::new().bold()));
        lines.push(Line::raw(format!("driven by {}", trip.vehicle)));
        let left = trip.metres_left.map(|metres| format!("{metres} m left"));
        let arrives = trip.arrives.map(|at| format!("there in {} s", (at - now()).whole_seconds().max(0)));
        lines.push(Line::raw([left, arrives].into_iter().flatten().collect::<Vec<_>>().join(", ")));
    }
    lines.push(Line::raw(""));
    for (id, colour) in scene.trails.keys().zip(COLOURS.into_iter().cycle()) {
        let driven = format!("{id:<14} {:>6.0} m", scene.driven(id));
        lines.push(Line::from_iter([Span::styled("● ", Style::new().fg(colour)), Span::raw(driven)]));
    }
    for (what, error) in &scene.failing {
        lines.push(Line::raw(""));
        lines.push(Line::styled(format!("{what}: {error}"), Style::new().fg(Color::Red)));
    }
    let block = Block::bordered().title(format!(" {} ", args.trip)).title_bottom(" q quits ");
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }).block(block), area);
}

/// One span a context: how long its token lives yet, in the colour of its age.
pub(super) fn tokens(frame: &mut Frame<'_>, area: Rect, factory: &AuthTokenFactory) {
    let mut contexts = factory.contexts();
    let name = |context: &fleet_token::AuthTokenContext| {
        let ids: Vec<_> = IdField::ALL.into_iter().filter_map(|field| context.id(field)).collect();
        ids.join("/")
    };
    contexts.sort_by_key(|status| name(&status.context));
    let spans = contexts.iter().flat_map(|status| {
        let (text, colour) = match &status.token {
            Some(token) => (format!("{} s  ", token.left.as_secs()), colour_of(token.age)),
            None => ("none  ".to_owned(), Color::Red),
        };
        [Span::raw(format!("{} ", name(&status.context))), Span::styled(text, Style::new().fg(colour))]
    });
    let stats = factory.stats();
    let counts = format!(
        "{} calls, {} of them hits; {} fetches; {} refused tokens replaced",
        stats.calls, stats.hits, stats.fetches, stats.rejections
    );
    let lines = vec![spans.collect(), Line::raw(counts)];
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" tokens ")), area);
}

fn colour_of(age: TokenAge) -> Color {
    match age {
        TokenAge::Fresh => Color::Green,
        TokenAge::Due => Color::Cyan,
        TokenAge::Spent => Color::Yellow,
        TokenAge::Expired => Color::Red,
    }
}

/// By this machine's clock: only for showing. The tokens' lives are counted on another.
#[allow(clippy::disallowed_methods, reason = "an arrival is shown by the clock on the wall")]
fn now() -> OffsetDateTime {
    SystemTime::now().into()
}
