//! What the words and signs of the table mean, over the table.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

/// A word or sign, and its meaning.
const MEANINGS: [(&str, &str); 20] = [
    ("fresh", "callers get the token"),
    ("due", "the same; the next call has it renewed in the background"),
    ("renewing", "a fetch is under way, the token serves meanwhile"),
    ("spent", "its margin has begun: callers wait for the next one"),
    ("resting", "spent, but a renewal failed: served, no fetch for so long"),
    ("expired", "callers wait for the next one"),
    ("none", "there is no token: callers wait for one"),
    ("fetching", "callers wait for the fetch under way"),
    ("backoff", "the backend failed: an error at once, no fetch for so long"),
    ("refused", "the backend said no: an error at once, no fetch for so long"),
    ("█ ▓ │", "left of the life; its margin; where the margin begins"),
    ("fetch, hits", "fetches begun; calls that found the token there"),
    ("last error", "status and kind as in docs/events.md; dim: over"),
    ("↑↓ j k", "select a context: its last error is under the table"),
    ("i", "drop the selected token, as an app does after a 401"),
    ("c", "forget everything; the totals above count on"),
    ("n", "network is back: ends waits after failures"),
    ("s", "new login: ends refusals"),
    ("p, space", "callers pause"),
    ("? h Esc", "close this"),
];

/// As much of it as there is room for.
pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect) {
    let lines = MEANINGS.map(|(word, meaning)| {
        let word = Span::styled(format!(" {word:<12}"), Style::new().add_modifier(Modifier::BOLD));
        Line::from_iter([word, Span::raw(meaning)])
    });
    let (width, height) = (area.width.min(78), area.height.min(22));
    let at = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    frame.render_widget(Clear, at);
    frame.render_widget(Paragraph::new(lines.to_vec()).block(Block::bordered().title(" help ")), at);
}
