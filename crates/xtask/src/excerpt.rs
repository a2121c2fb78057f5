//! The short form of a captured run: the lines worth a screen while it goes well, and what a reader needs when it did not.
//! Nothing leaves here unmasked: a failing test may well have printed what it must not.

use std::collections::VecDeque;
use std::fmt;

use crate::run::Pipe;
use crate::secrets;

/// Lines kept after each panic message: the assertion, its two sides, and a hint.
const PANIC_LINES: usize = 6;
/// Panic lines kept in all, so that one broken fixture does not bury the rest.
const MOST_PANIC_LINES: usize = 120;
/// Last lines of output that a failure shows.
const TAIL: usize = 25;
/// Longer lines are cut: a traced request may be a screen by itself.
const WIDTH: usize = 240;

/// Collects, line by line, what a failure report shows. Holds lines as they came; masks them when displayed.
#[derive(Default)]
pub(crate) struct Excerpt {
    failed: Vec<String>,
    panics: Vec<String>,
    tail: VecDeque<String>,
    in_failures: bool,
    panic_lines_left: usize,
}

impl Excerpt {
    pub(crate) fn note(&mut self, line: &str) {
        if self.in_failures && line.starts_with("    ") {
            self.failed.push(line.trim().to_owned());
        } else {
            self.in_failures = line == "failures:";
        }
        if line.contains("panicked at ") {
            self.panic_lines_left = PANIC_LINES;
        } else if line.starts_with("note: run with") {
            self.panic_lines_left = 0;
        }
        if self.panic_lines_left > 0 && self.panics.len() < MOST_PANIC_LINES {
            self.panic_lines_left -= 1;
            self.panics.push(line.to_owned());
        }
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail: Vec<&String> = self.tail.iter().collect();
        for (title, lines) in [
            ("failed tests", self.failed.iter().collect()),
            ("panics", self.panics.iter().collect()),
            ("last lines", tail),
        ] {
            if !lines.is_empty() {
                writeln!(f, "  --- {title} ---")?;
            }
            for line in lines {
                writeln!(f, "  {}", safe(line))?;
            }
        }
        Ok(())
    }
}

/// What cargo's own errors are about once the tests run. Any other `error: …` is a line that a test wrote.
const CARGO_ERRORS: [&str; 6] =
    ["test failed", "doctest failed", "could not compile", "failed to ", "no test target", "process didn't exit"];

/// Whether the line belongs on the screen of a run that goes well: cargo's own words, which are on standard error
/// among whatever the tests write there, and libtest's verdicts.
pub(crate) fn is_headline(from: Pipe, line: &str) -> bool {
    let text = line.trim_start();
    let verdict = || text.ends_with("FAILED") || text.contains(" ... ignored");
    let cargo = || {
        let error = |rest: &str| {
            let targets =
                rest.split_once(' ').is_some_and(|(_, rest)| rest.contains("target") && rest.ends_with("failed:"));
            targets || CARGO_ERRORS.iter().any(|start| rest.starts_with(start))
        };
        (text.starts_with("Running ") && text.ends_with(')'))
            || text.starts_with("Doc-tests ")
            || line.strip_prefix("error: ").is_some_and(error)
    };
    match from {
        Pipe::Out => text.starts_with("test result: ") || (text.starts_with("test ") && verdict()),
        Pipe::Err => cargo(),
    }
}

/// The line as it may be shown: masked first, then cut.
pub(crate) fn safe(line: &str) -> String {
    let masked = secrets::mask(line);
    match masked.char_indices().nth(WIDTH) {
        Some((cut, _)) => format!("{}…", &masked[..cut]),
        None => masked,
    }
}

#[cfg(test)]
mod tests {
    use super::{Excerpt, Pipe, TAIL, WIDTH, is_headline, safe};

    const RUN: &str = "\
running 2 tests
test good ... ok
thread 'bad' panicked at src/lib.rs:7:5:
assertion `left == right` failed
  left: 1
 right: SECRET-TOKEN-7
FAILED

failures:

failures:
    bad

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";

    fn of(lines: impl Iterator<Item = String>) -> Excerpt {
        let mut excerpt = Excerpt::default();
        lines.for_each(|line| excerpt.note(&line));
        excerpt
    }

    #[test]
    fn a_failure_shows_the_test_its_panic_and_the_end_without_secrets() {
        let excerpt = of(RUN.lines().map(str::to_owned));
        assert_eq!(excerpt.failed, ["bad"]);
        assert_eq!(excerpt.panics[0], "thread 'bad' panicked at src/lib.rs:7:5:");
        let shown = excerpt.to_string();
        assert!(shown.contains(" right: <masked>") && !shown.contains("TOKEN-7"));
    }

    #[test]
    fn a_huge_output_leaves_a_short_excerpt() {
        let excerpt = of((0..10_000).map(|n| format!("thread panicked at {n} {}", "x".repeat(1000))));
        assert_eq!(excerpt.tail.len(), TAIL);
        assert!(excerpt.to_string().len() < 100_000);
    }

    #[test]
    fn headlines_are_cargos_and_libtests_own() {
        for line in [
            "     Running unittests src/lib.rs (target/debug/deps/fleet_token-0)",
            "   Doc-tests fleet_token",
            "error: test failed, to rerun pass `-p fleet-token-cli --test cli`",
            "error: doctest failed, to rerun pass `-p fleet-token --doc`",
            "error: 2 targets failed:",
            "error: 1 target failed:",
            "error: could not compile `syn` (lib) due to 1 previous error",
        ] {
            assert!(is_headline(Pipe::Err, line) && !is_headline(Pipe::Out, line), "{line:?}");
        }
        for line in [
            "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test cache::hit ... FAILED",
            "test soak ... ignored, takes an hour",
        ] {
            assert!(is_headline(Pipe::Out, line) && !is_headline(Pipe::Err, line), "{line:?}");
        }
    }

    #[test]
    fn what_a_test_writes_is_no_headline() {
        for line in [
            "test cache::hit ... ok",
            "2026 TRACE fleet_token: Running late",
            "Running late",
            "   Compiling syn v3",
            "error: the backend answered 404: it knows no such id, or the endpoint is wrong",
            "error: the argument '--fleet' cannot be used with '--vehicle-id <ID>'",
            "error: cannot listen on 127.0.0.1:80",
            "",
        ] {
            assert!(!is_headline(Pipe::Err, line) && !is_headline(Pipe::Out, line), "{line:?}");
        }
    }

    #[test]
    fn a_cut_never_leaves_half_a_secret() {
        let line = format!("{}eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOjF9.c2ln", "é".repeat(WIDTH - 10));
        assert!(!safe(&line).contains("eyJ"));
    }
}
