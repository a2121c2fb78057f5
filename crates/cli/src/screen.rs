//! The one way out: everything this command writes, log lines included, goes through here and is kept, so that it can
//! be searched for secrets before the command claims that there are none.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Standard output and standard error, with a copy of all that was written. Clones share it.
#[derive(Clone)]
pub(crate) struct Screen {
    kept: Arc<Mutex<Vec<u8>>>,
    /// How much is kept at most; beyond it nothing can be claimed.
    limit: usize,
    /// A picture is on the terminal, which log lines would spoil.
    hushed: Arc<AtomicBool>,
}

/// What a traced demo of the greatest length writes, several times over.
const LIMIT: usize = 512 * 1024 * 1024;

impl Screen {
    pub(crate) fn new() -> Self {
        Self { kept: Arc::default(), limit: LIMIT, hushed: Arc::default() }
    }

    /// A line on standard output. Colours go to terminals that want them (`NO_COLOR` is respected).
    pub(crate) fn say(&self, line: &str) {
        self.keep(line);
        Self::pass(line);
    }

    /// The same without a copy, for commands that go on for days and claim nothing.
    pub(crate) fn pass(line: &str) {
        let mut out = anstream::stdout().lock();
        // Who reads us may go away; that is no failure of ours.
        let _ = writeln!(out, "{line}");
        let _ = out.flush();
    }

    /// Keeps log lines off a terminal until what this returns is dropped. Into a file they go on.
    pub(crate) fn hushed(&self) -> Hushed {
        self.hushed.store(io::stderr().is_terminal(), Ordering::Relaxed);
        Hushed(Arc::clone(&self.hushed))
    }

    /// How many columns a line may have: the terminal's, if standard output is one, and no more than the eye follows.
    pub(crate) fn width() -> usize {
        const USUAL: usize = 80;
        const WIDEST: usize = 120;
        if !io::stdout().is_terminal() {
            return USUAL;
        }
        let columns = ratatui::crossterm::terminal::size().map_or(0, |(columns, _)| usize::from(columns));
        if columns == 0 { USUAL } else { columns.min(WIDEST) }
    }

    /// A line on standard error.
    pub(crate) fn complain(&self, line: &str) {
        self.keep(line);
        let _ = writeln!(anstream::stderr().lock(), "{line}");
    }

    /// A secret that was asked for, alone on standard output. The one thing that is not kept.
    pub(crate) fn reveal(secret: &str) {
        let _ = writeln!(io::stdout().lock(), "{secret}");
    }

    /// How many bytes were written so far.
    pub(crate) fn written(&self) -> usize {
        self.kept.lock().len()
    }

    /// How many of `secrets` stand in what was written; `None` if too much was written to tell.
    pub(crate) fn leaked<'a>(&self, secrets: impl IntoIterator<Item = &'a str>) -> Option<usize> {
        let kept = self.kept.lock();
        if kept.len() >= self.limit {
            return None;
        }
        let text = String::from_utf8_lossy(&kept);
        Some(secrets.into_iter().filter(|secret| text.contains(secret)).count())
    }

    fn keep(&self, line: &str) {
        let mut kept = self.kept.lock();
        if kept.len() < self.limit {
            kept.extend_from_slice(line.as_bytes());
            kept.push(b'\n');
        }
    }
}

/// See [`Screen::hushed`].
pub(crate) struct Hushed(Arc<AtomicBool>);

impl Drop for Hushed {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Sends log lines, as `RUST_LOG` wants them, to standard error. Without it, none.
pub(crate) fn trace(screen: &Screen) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(screen.clone()).init();
}

impl<'a> MakeWriter<'a> for Screen {
    type Writer = Log<'a>;

    fn make_writer(&'a self) -> Log<'a> {
        Log(self)
    }
}

/// Standard error for log lines, which come whole.
pub(crate) struct Log<'a>(&'a Screen);

impl Write for Log<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.hushed.load(Ordering::Relaxed) {
            return Ok(bytes.len());
        }
        {
            let mut kept = self.0.kept.lock();
            if kept.len() < self.0.limit {
                kept.extend_from_slice(bytes);
            }
        }
        io::stderr().lock().write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_any_line_or_log_is_found() {
        let screen = Screen::new();
        screen.keep("nothing to see");
        screen.make_writer().write_all(b"log: x=abc.def\n").unwrap();
        assert_eq!(screen.leaked(["abc.def", "see", "absent"]), Some(2));
        assert_eq!(screen.written(), 30);
    }

    #[test]
    fn what_was_not_kept_is_not_vouched_for() {
        let screen = Screen { limit: 4, ..Screen::new() };
        screen.keep("12345");
        assert_eq!(screen.leaked(["x"]), None);
    }
}
