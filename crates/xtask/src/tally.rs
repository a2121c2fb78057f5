//! How many tests ran, read from the `test result:` lines that libtest prints, one for each test binary.

use std::fmt;
use std::ops::AddAssign;

/// Tests counted by outcome. Displays as the one line that CI reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Reads one line of output; `None` when it is not a result line with all its counts.
    pub(crate) fn of_line(line: &str) -> Option<Self> {
        let counts = line.trim_start().strip_prefix("test result: ")?;
        let count = |word: &str| {
            counts.split(['.', ';']).find_map(|part| {
                let (number, what) = part.trim().split_once(' ')?;
                (what == word).then(|| number.parse::<u64>().ok())?
            })
        };
        Some(Self { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.skipped += more.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    const GREEN: &str =
        "test result: ok. 12 passed; 0 failed; 3 ignored; 0 measured; 7 filtered out; finished in 0.05s";
    const RED: &str =
        "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s";

    #[test]
    fn a_result_line_gives_its_three_counts() {
        assert_eq!(Tally::of_line(GREEN), Some(Tally { passed: 12, failed: 0, skipped: 3 }));
        assert_eq!(Tally::of_line(RED), Some(Tally { passed: 4, failed: 2, skipped: 0 }));
    }

    #[test]
    fn other_lines_and_half_lines_count_nothing() {
        for line in ["", "test result: ", "test result: ok. 5 passed;", "test cache::hit ... ok", "5 passed; 0 failed"]
        {
            assert_eq!(Tally::of_line(line), None, "{line:?}");
        }
    }

    #[test]
    fn binaries_add_up_to_the_line_that_ci_reads() {
        let mut total = Tally::default();
        for line in ["running 12 tests", RED, GREEN, "noise", RED] {
            if let Some(counts) = Tally::of_line(line) {
                total += counts;
            }
        }
        assert_eq!(total.to_string(), "20 passed, 4 failed, 3 skipped");
    }
}
