//! How many tests ran, read from what libtest, Maven's surefire and Swift Testing print.

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
    /// libtest's line for one test binary; `None` when it is not a result line with all its counts.
    pub(crate) fn of_libtest(line: &str) -> Option<Self> {
        let counts = line.trim_start().strip_prefix("test result: ")?;
        let count = |word: &str| {
            counts.split(['.', ';']).find_map(|part| {
                let (number, what) = part.trim().split_once(' ')?;
                (what == word).then(|| number.parse::<u64>().ok())?
            })
        };
        Some(Self { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
    }

    /// surefire's line for one module: the one without a time, which stands below those of the module's classes.
    pub(crate) fn of_surefire(line: &str) -> Option<Self> {
        let counts = &line[line.find("Tests run: ")?..];
        let count = |word: &str| {
            counts
                .split(", ")
                .find_map(|part| part.split_once(": ").filter(|(what, _)| *what == word)?.1.trim().parse().ok())
        };
        let (run, skipped) = (count("Tests run")?, count("Skipped")?);
        let failed = count("Failures")? + count("Errors")?;
        if counts.contains("Time elapsed") {
            return None;
        }
        Some(Self { passed: u64::saturating_sub(run, failed + skipped), failed, skipped })
    }

    /// Swift Testing's line for one test.
    pub(crate) fn of_swift(line: &str) -> Option<Self> {
        // A sign comes first, which is another one on each system.
        let text = line.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        let one = text.strip_prefix("Test ").filter(|rest| !rest.starts_with("run ") && !rest.starts_with("case "))?;
        if one.contains(" passed after ") {
            Some(Self { passed: 1, ..Self::default() })
        } else if one.contains(" failed after ") {
            Some(Self { failed: 1, ..Self::default() })
        } else if one.ends_with(" skipped.") || one.contains(" skipped: ") {
            Some(Self { skipped: 1, ..Self::default() })
        } else {
            None
        }
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
        assert_eq!(Tally::of_libtest(GREEN), Some(Tally { passed: 12, failed: 0, skipped: 3 }));
        assert_eq!(Tally::of_libtest(RED), Some(Tally { passed: 4, failed: 2, skipped: 0 }));
    }

    #[test]
    fn other_lines_and_half_lines_count_nothing() {
        for line in ["", "test result: ", "test result: ok. 5 passed;", "test cache::hit ... ok", "5 passed; 0 failed"]
        {
            assert_eq!(Tally::of_libtest(line), None, "{line:?}");
        }
    }

    #[test]
    fn surefire_counts_once_a_module() {
        let green = "[INFO] Tests run: 31, Failures: 0, Errors: 0, Skipped: 0";
        let red = "[ERROR] Tests run: 31, Failures: 2, Errors: 1, Skipped: 4";
        let class = "[INFO] Tests run: 5, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.5 s -- in dev.A";
        assert_eq!(Tally::of_surefire(green), Some(Tally { passed: 31, failed: 0, skipped: 0 }));
        assert_eq!(Tally::of_surefire(red), Some(Tally { passed: 24, failed: 3, skipped: 4 }));
        assert_eq!(Tally::of_surefire(class), None);
        assert_eq!(Tally::of_surefire("[INFO] Tests run: many"), None);
    }

    #[test]
    fn swift_counts_each_test() {
        let one = |line| Tally::of_swift(line).map(|tally| (tally.passed, tally.failed, tally.skipped));
        assert_eq!(one("✔ Test \"a token is served\" passed after 0.003 seconds."), Some((1, 0, 0)));
        assert_eq!(one("✘ Test late() failed after 0.003 seconds with 1 issue."), Some((0, 1, 0)));
        assert_eq!(one("➜ Test late() skipped."), Some((0, 0, 1)));
        assert_eq!(one("➜ Test late() skipped: \"no server\""), Some((0, 0, 1)));
        for other in [
            "✔ Test run with 35 tests passed after 2.3 seconds.",
            "◇ Test late() started.",
            "✔ Suite A passed after 1 s.",
        ] {
            assert_eq!(one(other), None, "{other}");
        }
    }

    #[test]
    fn binaries_add_up_to_the_line_that_ci_reads() {
        let mut total = Tally::default();
        for line in ["running 12 tests", RED, GREEN, "noise", RED] {
            if let Some(counts) = Tally::of_libtest(line) {
                total += counts;
            }
        }
        assert_eq!(total.to_string(), "20 passed, 4 failed, 3 skipped");
    }
}
