//! How many tests passed, failed and were skipped, read from what the test binaries print.

use std::fmt;
use std::ops::AddAssign;
use std::process::ExitCode;

/// Counts of tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Counts {
    /// One thing that passed or failed.
    pub(crate) fn one(passed: bool) -> Counts {
        Counts {
            passed: usize::from(passed),
            failed: usize::from(!passed),
            skipped: 0,
        }
    }

    /// From one line of a test binary: `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
    pub(crate) fn from_line(line: &str) -> Option<Counts> {
        let rest = line.strip_prefix("test result: ")?;
        let number = |word: &str| {
            let before = rest.split(word).next()?;
            before
                .rsplit(|c: char| !c.is_ascii_digit())
                .find(|s| !s.is_empty())?
                .parse()
                .ok()
        };
        Some(Counts {
            passed: number(" passed")?,
            failed: number(" failed")?,
            skipped: number(" ignored")?,
        })
    }

    /// The same as one line, for a file.
    pub(crate) fn to_words(self) -> String {
        format!("{} {} {}", self.passed, self.failed, self.skipped)
    }

    /// The inverse of [`Counts::to_words`].
    pub(crate) fn from_words(words: &str) -> Option<Counts> {
        let mut numbers = words.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Counts {
            passed: next()?,
            failed: next()?,
            skipped: next()?,
        })
    }

    /// The last line of a task, and its exit code.
    pub(crate) fn conclude(self) -> ExitCode {
        println!("{self}");
        if self.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_line_is_counted() {
        let line = "test result: FAILED. 13 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.10s";
        assert_eq!(
            Counts::from_line(line),
            Some(Counts {
                passed: 13,
                failed: 2,
                skipped: 1
            })
        );
        assert_eq!(Counts::from_line("test lab::tests::ok ... ok"), None);
    }

    #[test]
    fn words_and_back() {
        let counts = Counts {
            passed: 3,
            failed: 0,
            skipped: 7,
        };
        assert_eq!(Counts::from_words(&counts.to_words()), Some(counts));
        assert_eq!(Counts::from_words("1 2"), None);
    }
}
