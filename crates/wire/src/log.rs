//! One line of the log: a message and fields, as JSON.
//!
//! In scope: the form, which `src/data_plane/log.js` writes too. Not in scope: where a line goes (`src/control_plane/log.rs`, and
//! `blobwatch serve`). docs/operate.md names the fields.

use std::fmt::Display;
use std::fmt::Write as _;

/// Letters of one value: an answer of a stranger's server may be the cause. Cloudflare cuts a line at 256 KB.
const MAX_VALUE: usize = 2_000;

/// Name and value. A value that is empty is left out.
pub type LogField<'a> = (&'a str, &'a dyn Display);

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Something was not done, or was lost.
    Error,
    /// It is tried again, or mends itself.
    Warn,
    /// Nothing is wrong.
    Info,
}

impl LogLevel {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
        }
    }
}

/// The line, without a line break. `message` is the same each time the same thing happens; what differs is in the fields.
#[must_use]
pub fn log_line<'a>(
    level: LogLevel,
    message: &str,
    fields: impl IntoIterator<Item = LogField<'a>>,
) -> String {
    let mut line = format!("{{\"level\":\"{}\",\"message\":{}", level.name(), json(message));
    for (name, value) in fields {
        let value = value.to_string();
        if !value.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(line, ",{}:{}", json(name), json(&value));
        }
    }
    line.push('}');
    line
}

fn json(text: &str) -> String {
    let end = text
        .char_indices()
        .nth(MAX_VALUE)
        .map_or(text.len(), |(at, _)| at);
    serde_json::Value::from(text.get(..end).unwrap_or_default()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `log.test.js` writes the same lines.
    const LINES: &str = include_str!("../../../src/data_plane/tests/lines/log.txt");

    #[test]
    fn a_line_is_json_with_its_level_message_and_fields() {
        let long = "x".repeat(3_000);
        let lines = [
            log_line(LogLevel::Info, "nothing else", []),
            log_line(
                LogLevel::Warn,
                "failed to flush",
                [
                    ("fire_log", &"fl1-fra-0" as &dyn Display),
                    ("revision", &17),
                    ("route", &""),
                    ("cause", &"status 503: \"busy\"\n\u{1}\u{7f}é"),
                ],
            ),
            log_line(LogLevel::Error, "too long", [("cause", &long as &dyn Display)]),
        ];
        let lines = lines.map(|line| line.replace(&long[..MAX_VALUE], "<2,000 letters>"));
        assert_eq!(lines.join("\n") + "\n", LINES);
        for line in &lines {
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        }
    }
}
