//! Lines that could not be read: counted, and the first few shown.

use std::path::Path;

use serde::Serialize;

use crate::input;

/// Lines that are shown.
const MAX_SHOWN: usize = 5;

/// Characters of a line that are shown.
const MAX_CHARACTERS: usize = 120;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    pub(super) count: u64,
    pub(super) first: Vec<Fault>,
    /// Logs that end early, in words.
    pub(super) cuts: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Fault {
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) expected: &'static str,
    pub(super) found: String,
}

impl Faults {
    /// A packed log that ends before its end.
    pub(super) fn cut(&mut self, file: &Path, lines: u64, why: &str) {
        let file = input::name(file);
        self.cuts.push(format!(
            "{file} ends early ({why}): the {lines} lines before that were read"
        ));
    }

    pub(super) fn add(&mut self, file: &Path, line: u64, expected: &'static str, found: &str) {
        self.count += 1;
        if self.first.len() < MAX_SHOWN {
            // Control characters of a log do not reach a terminal.
            let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
            self.first.push(Fault {
                file: input::name(file),
                line,
                expected,
                found: found.chars().take(MAX_CHARACTERS).map(shown).collect(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Faults, MAX_SHOWN};

    #[test]
    fn all_are_counted_and_the_first_are_shown() {
        let mut faults = Faults::default();
        for line in 1..=1000 {
            faults.add(Path::new("a.log"), line, "a time", &"\u{1b}[31mx".repeat(100));
        }
        assert_eq!((faults.count, faults.first.len()), (1000, MAX_SHOWN));
        assert!(
            faults
                .first
                .iter()
                .all(|fault| fault.found.len() < 500 && !fault.found.contains('\u{1b}'))
        );
    }
}
