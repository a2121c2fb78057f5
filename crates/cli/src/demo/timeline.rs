//! The timeline: who did what when, one line each, for people or, as JSON, for machines.

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::clock::Stopwatch;
use crate::screen::Screen;

/// What kind of line it is: its name in JSON, and its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// It goes on.
    Plain,
    /// Something went right that could have gone wrong.
    Good,
    /// Something is wrong, as planned, and is being dealt with.
    Trouble,
    /// The script speaks: what is about to happen, and why.
    Script,
}

impl Mood {
    const fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Trouble => AnsiColor::Yellow.on_default(),
            Self::Script => AnsiColor::Cyan.on_default().bold(),
        }
    }
}

/// The timeline. Clones write to the same one.
#[derive(Clone)]
pub(super) struct Timeline {
    screen: Screen,
    clock: Stopwatch,
    json: bool,
}

impl Timeline {
    pub(super) fn new(screen: &Screen, json: bool) -> Self {
        Self { screen: screen.clone(), clock: Stopwatch::start(), json }
    }

    /// Time since the demo began.
    pub(super) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// One line. `event` is its name for machines, `text` for people, `more` goes to machines as it is.
    pub(super) fn say(&self, who: &str, event: &str, mood: Mood, text: &str, more: &Value) {
        let now = self.now();
        if self.json {
            let mut line = json!({ "at_ms": millis(now), "who": who, "event": event, "text": text });
            if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
                line.extend(more.clone());
            }
            return self.screen.say(&line.to_string());
        }
        let (style, dim) = (mood.style(), Style::new().dimmed());
        let who = if mood == Mood::Script { "────────" } else { who };
        let seconds = now.as_secs_f64();
        self.screen.say(&format!("{dim}{seconds:>5.1} s{dim:#}  {who:<9} {style}{text}{style:#}"));
    }

    /// A line without further figures.
    pub(super) fn tell(&self, who: &str, event: &str, mood: Mood, text: &str) {
        self.say(who, event, mood, text, &Value::Null);
    }

    /// Text between the lines; machines have no use for it.
    pub(super) fn aside(&self, text: &str) {
        if !self.json {
            self.screen.say(text);
        }
    }

    /// The last line for machines.
    pub(super) fn result(&self, result: &Value) {
        if self.json {
            self.screen.say(&result.to_string());
        }
    }
}

/// A duration as JSON has it.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_milliseconds() {
        assert_eq!(millis(Duration::from_micros(2500)), 2);
    }
}
