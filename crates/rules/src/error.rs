//! Why an expression was refused, and where.

use std::fmt;
use std::ops::Range;

/// One wrong place of an expression; fits "failed to read the rule: …". `Display` prints the line with `^^^` under
/// the word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// Bytes from the start of the text to the word.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What stands there; empty at the end of the text.
    pub word: String,
    /// What should.
    pub expected: String,
    /// The line that holds the word; of a long one, what is around the word.
    pub excerpt: String,
    /// Characters of the excerpt before the word.
    indent: usize,
}

/// Characters of a line that are shown on either side of where the word starts: two lines of a terminal.
const MAX_EXCERPT_SIDE: usize = 80;

impl RuleError {
    /// `span` in bytes of `text`; what of it is beyond the first line is left out.
    pub(super) fn new(text: &str, span: Range<usize>, expected: impl Into<String>) -> Self {
        let (before, from) = text.split_at_checked(span.start).unwrap_or((text, ""));
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text
            .get(line_start..)
            .and_then(|rest| rest.lines().next())
            .unwrap_or_default();
        let column = before.get(line_start..).map_or(0, |part| part.chars().count());
        let (excerpt, indent) = excerpt(line, column);
        let word = from
            .get(..span.len())
            .and_then(|word| word.lines().next())
            .unwrap_or_default();
        Self {
            offset: span.start.min(text.len()),
            line: before.matches('\n').count() + 1,
            column: column + 1,
            word: word.chars().take(MAX_EXCERPT_SIDE).collect(),
            expected: expected.into(),
            excerpt,
            indent,
        }
    }

    /// The line and, under it, the marks.
    #[must_use]
    pub fn marked_line(&self) -> String {
        let before = self.excerpt.chars().take(self.indent);
        // A tab stays a tab, so that the marks stand under the word however wide the reader's tabs are.
        let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let marks = "^".repeat(self.word.chars().count().max(1));
        format!("{}\n{indent}{marks}", self.excerpt)
    }
}

/// What of the line is shown, and how many of its characters are before `column`.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    let cut = column.saturating_sub(MAX_EXCERPT_SIDE);
    let start = if cut > 0 { "…" } else { "" };
    let shown: String = line.chars().skip(cut).take(2 * MAX_EXCERPT_SIDE).collect();
    let end = if line.chars().count() > cut + 2 * MAX_EXCERPT_SIDE {
        "…"
    } else {
        ""
    };
    (
        format!("{start}{shown}{end}"),
        column - cut + start.chars().count(),
    )
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: expected {}, found ",
            self.line, self.column, self.expected
        )?;
        match self.word.as_str() {
            "" => f.write_str("the end")?,
            word => write!(f, "`{word}`")?,
        }
        write!(f, "\n{}", self.marked_line())
    }
}

impl std::error::Error for RuleError {}
