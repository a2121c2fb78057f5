//! What the keys mean, and the thread that waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;

/// How soon the thread sees that nobody listens any more.
const PATIENCE: Duration = Duration::from_millis(100);

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Select {
        down: bool,
    },
    Invalidate,
    Clear,
    Network,
    Session,
    Pause,
    Outage,
    Legend,
    /// Closes the legend, or quits where there is none to close.
    Back,
    Redraw,
    Quit,
}

fn action(key: KeyEvent) -> Option<Action> {
    if key.kind != KeyEventKind::Press {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return (key.code == KeyCode::Char('c')).then_some(Action::Quit);
    }
    Some(match key.code {
        KeyCode::Up | KeyCode::Char('k') => Action::Select { down: false },
        KeyCode::Down | KeyCode::Char('j') => Action::Select { down: true },
        KeyCode::Char('i') => Action::Invalidate,
        KeyCode::Char('c') => Action::Clear,
        KeyCode::Char('n') => Action::Network,
        KeyCode::Char('s') => Action::Session,
        KeyCode::Char('p' | ' ') => Action::Pause,
        KeyCode::Char('o') => Action::Outage,
        KeyCode::Char('?' | 'h') => Action::Legend,
        KeyCode::Esc => Action::Back,
        KeyCode::Char('q') => Action::Quit,
        _ => return None,
    })
}

/// The keys of the terminal, as long as this is held.
pub(crate) struct Keys {
    actions: mpsc::UnboundedReceiver<Action>,
    over: Arc<AtomicBool>,
}

impl Keys {
    pub(crate) fn listen() -> Self {
        let (sender, actions) = mpsc::unbounded_channel();
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        // A thread, for the terminal can only be waited for.
        std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                let action = match event::poll(PATIENCE) {
                    Ok(false) => continue,
                    Ok(true) => event::read().ok().and_then(|event| match event {
                        Event::Key(key) => action(key),
                        Event::Resize(..) => Some(Action::Redraw),
                        _ => None,
                    }),
                    // The terminal is gone.
                    Err(_) => Some(Action::Quit),
                };
                if action.is_some_and(|action| sender.send(action).is_err() || action == Action::Quit) {
                    return;
                }
            }
        });
        Self { actions, over }
    }

    pub(crate) async fn next(&mut self) -> Action {
        self.actions.recv().await.unwrap_or(Action::Quit)
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_clears_and_ctrl_c_quits_and_no_key_acts_when_it_is_let_go() {
        let key = |code, modifiers| KeyEvent::new(code, modifiers);
        assert_eq!(action(key(KeyCode::Char('c'), KeyModifiers::NONE)), Some(Action::Clear));
        assert_eq!(action(key(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Action::Quit));
        assert_eq!(action(key(KeyCode::Char('i'), KeyModifiers::CONTROL)), None);
        assert_eq!(action(key(KeyCode::Char('x'), KeyModifiers::NONE)), None);
        assert_eq!(action(key(KeyCode::Esc, KeyModifiers::NONE)), Some(Action::Back));
        assert_eq!(action(key(KeyCode::Char('?'), KeyModifiers::SHIFT)), Some(Action::Legend));
        let let_go = KeyEvent { kind: KeyEventKind::Release, ..key(KeyCode::Char('q'), KeyModifiers::NONE) };
        assert_eq!(action(let_go), None);
    }
}
