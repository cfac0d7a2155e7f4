//! What is written: text for people, JSON for programs.
//!
//! Text is made of words that clients, logs and deployments chose, and a terminal obeys what it is sent: all of it goes
//! through [`text`] or [`complain`]. JSON stays as it is. The crate's `clippy.toml` bans the ways around this module.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "the one module that writes"
)]

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use blobwatch_wire::{LogField, LogLevel, log_line, visible_lines};

use crate::problem::Problem;

/// Writes text for people, whatever is in it; line feeds are ours.
pub(crate) fn text(text: &str) -> Result<(), Problem> {
    raw(visible_lines(text).as_bytes())
}

/// Writes a line of text for people.
pub(crate) fn line(line: &str) -> Result<(), Problem> {
    text(&format!("{line}\n"))
}

/// Writes JSON, or what we generated ourselves, as it is.
pub(crate) fn raw(bytes: &[u8]) -> Result<(), Problem> {
    let mut out = stream();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(Problem::Write)
}

/// Writes one line of JSON.
pub(crate) fn json_line(line: &str) -> Result<(), Problem> {
    raw(format!("{line}\n").as_bytes())
}

/// Standard output, for JSON that is copied as it comes.
pub(crate) fn stream() -> impl Write {
    io::stdout().lock()
}

/// Says on standard error what went wrong.
pub(crate) fn complain(message: &str) {
    eprintln!("blobwatch: {}", visible_lines(message));
}

/// Says on standard error what happened to a program that runs for months: to a person in a terminal, and else in the form of the
/// worker's log, which stands in the same journal.
pub(crate) fn log(level: LogLevel, message: &str, fields: &[LogField<'_>]) {
    if io::stderr().is_terminal() {
        complain(&spoken(message, fields));
    } else {
        eprintln!("{}", log_line(level, message, fields.iter().copied()));
    }
}

fn spoken(message: &str, fields: &[LogField<'_>]) -> String {
    let mut said = message.to_owned();
    for (name, value) in fields {
        // Writing to a string cannot fail.
        let _ = write!(said, "; {name}: {value}");
    }
    said
}
