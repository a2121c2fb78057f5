//! The terminal: taken over, drawn on, given back whatever happens.

use std::io;

use super::draw::{Palette, draw};
use super::keys::{Action, Keys};
use super::{FRAME, Watch};
use crate::screen::Screen;

/// Gives the terminal back, also when something panics on the way.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Shows the model until `end` or until somebody quits.
pub(super) async fn show(watch: &mut Watch, end: impl Future<Output = ()>, screen: &Screen) -> io::Result<()> {
    let palette = Palette { colour: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) };
    // Sets a panic hook as well, for a panic elsewhere must be read on a terminal that is itself again.
    let mut terminal = ratatui::try_init()?;
    let _restore = Restore;
    let _hushed = screen.hushed();
    let mut keys = Keys::listen();
    let mut end = std::pin::pin!(end);
    let mut frame = tokio::time::interval(FRAME);
    loop {
        watch.catch_up(|_| ());
        terminal.draw(|frame| draw(frame, &watch.model, palette))?;
        tokio::select! {
            () = &mut end => return Ok(()),
            _ = frame.tick() => {}
            action = keys.next() => match action {
                Action::Quit => return Ok(()),
                Action::Back if !watch.model.legend => return Ok(()),
                action => act(watch, action),
            },
        }
    }
}

fn act(watch: &mut Watch, action: Action) {
    let (factory, now) = (watch.source.factory.clone(), watch.clock.elapsed());
    match action {
        Action::Select { down } => watch.model.select(down),
        Action::Invalidate => {
            let Some(context) = watch.model.selected().cloned() else { return };
            // As an app does after a 401.
            let dropped = factory.try_token(&context).is_some_and(|token| factory.invalidate(&context, &token));
            if !dropped {
                watch.model.say(now, "you", "invalidate: there is no token to drop");
            }
        }
        Action::Clear => factory.clear(),
        Action::Network => factory.network_available(),
        Action::Session => {
            if let Some(demo) = &watch.source.demo {
                demo.sign_in();
            }
            factory.session_changed();
        }
        Action::Pause => {
            watch.model.paused = !watch.model.paused;
            watch.source.pause(watch.model.paused);
            watch.model.say(now, "you", if watch.model.paused { "nobody asks any more" } else { "callers ask again" });
        }
        Action::Outage => {
            if let Some(demo) = &watch.source.demo {
                let down = !demo.is_down();
                demo.turn(down);
                watch.model.say(now, "you", if down { "the backend is down" } else { "the backend is up again" });
            }
        }
        Action::Legend => watch.model.legend = !watch.model.legend,
        Action::Back => watch.model.legend = false,
        Action::Redraw | Action::Quit => {}
    }
}
