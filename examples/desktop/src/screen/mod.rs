//! The terminal: a map, the trip beside it, and how the tokens stand below.

mod map;
mod panel;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use fleet_token::AuthTokenFactory;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use tokio::time::interval;

use crate::follow::Followed;
use crate::scene::Scene;
use crate::{Args, Result};

/// How often it is drawn.
const FRAME: Duration = Duration::from_millis(200);

/// Gives the terminal back, whatever happens.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

pub(crate) async fn run(args: &Args, factory: &AuthTokenFactory, mut followed: Followed) -> Result<()> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err("there is no terminal to draw on: --headless follows without one".into());
    }
    let mut terminal = ratatui::try_init()?;
    let _restore = Restore;
    let mut scene = Scene::default();
    let mut frame = interval(FRAME);
    loop {
        while let Ok(news) = followed.news.try_recv() {
            scene.note(news);
        }
        draw(&mut terminal, args, &scene, factory)?;
        if is_over()? {
            return Ok(());
        }
        frame.tick().await;
    }
}

fn draw(terminal: &mut DefaultTerminal, args: &Args, scene: &Scene, factory: &AuthTokenFactory) -> Result<()> {
    terminal.draw(|frame| {
        let [above, tokens] = Layout::vertical([Constraint::Fill(1), Constraint::Length(4)]).areas(frame.area());
        let [map, panel] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(34)]).areas(above);
        map::draw(frame, map, scene);
        panel::trip(frame, panel, args, scene);
        panel::tokens(frame, tokens, factory);
    })?;
    Ok(())
}

/// q, Esc or Ctrl-C.
fn is_over() -> Result<bool> {
    while event::poll(Duration::ZERO)? {
        if let Event::Key(key) = event::read()? {
            let ctrl_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
            if ctrl_c || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
