//! Lines of text by the format string that their program wrote them with: nginx's, Apache's or Envoy's.
//!
//! In scope: reading such a string once, and lines by it. Not in scope: which string a log is in (`presets`).

use std::borrow::Cow;

use crate::entry::{Field, LogEntry, address_of};
use crate::numbers::is_number;
use crate::variables::{Slot, apache, envoy, nginx};

/// A format string, ready for lines.
#[derive(Clone, Debug)]
pub struct Template {
    /// What stands before the first value.
    start: String,
    values: Vec<Value>,
}

/// A value and what stands behind it.
#[derive(Clone, Debug)]
struct Value {
    slot: Slot,
    /// Empty behind the last value.
    until: String,
    /// In quotes: a quote inside has a backslash.
    is_quoted: bool,
    /// What parts it from the value before: the last value of a line ends there too.
    separator: u8,
}

impl Template {
    /// Reads a format string, bare or as it stands in the program's configuration.
    ///
    /// # Errors
    /// What was expected of it.
    pub fn parse(format: &str) -> Result<Self, String> {
        let format = bare(format);
        let mut parts = Parts::default();
        if format.contains('$') {
            of_nginx(&format, &mut parts)?;
        } else if is_envoy(&format) {
            of_envoy(&format, &mut parts)?;
        } else {
            of_apache(&format, &mut parts)?;
        }
        let template = parts.finish();
        template.check()?;
        Ok(template)
    }

    fn check(&self) -> Result<(), String> {
        let has = |fields: &[Field]| fields.iter().any(|field| self.has(*field));
        if !has(&[Field::Request, Field::Path]) {
            return Err("a format with the request or its path: $request, $request_uri, %r or %U".to_owned());
        }
        if !has(&[Field::Status]) {
            return Err("a format with the status: $status or %>s".to_owned());
        }
        let glued = self
            .values
            .iter()
            .rev()
            .skip(1)
            .any(|value| value.until.is_empty());
        if glued {
            return Err("a format with something between any two values".to_owned());
        }
        Ok(())
    }

    #[must_use]
    pub fn has(&self, field: Field) -> bool {
        self.values.iter().any(|value| value.slot == Slot::Field(field))
    }

    /// Reads a line. What was added behind the format is ignored, and so is what a line lacks at its end.
    ///
    /// # Errors
    /// What was expected.
    pub fn read<'a>(&self, line: &'a str, entry: &mut LogEntry<'a>) -> Result<(), &'static str> {
        const EXPECTED: &str = "a line in the log's format";
        let mut rest = line.strip_prefix(self.start.as_str()).ok_or(EXPECTED)?;
        for value in &self.values {
            let (text, after) = value.cut(rest).ok_or(EXPECTED)?;
            set(value.slot, text, entry)?;
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        if entry.status.is_none() {
            return Err("a status");
        }
        Ok(())
    }

    /// Whether a line is surely of this format: values are what their names say.
    #[must_use]
    pub fn is_like(&self, line: &str) -> bool {
        let mut entry = LogEntry::default();
        let mut rest = match line.strip_prefix(self.start.as_str()) {
            Some(rest) => rest,
            None => return false,
        };
        for value in &self.values {
            let Some((text, after)) = value.cut(rest).filter(|_| !rest.is_empty()) else {
                return false;
            };
            // Between blanks, a quote begins a text of several words, which is another value.
            let is_apart = value.is_quoted || !value.until.starts_with(' ');
            let is_word = value.slot != Slot::Skip || is_apart || !text.starts_with('"');
            if !is_word || !is_plausible(value.slot, text) || set(value.slot, text, &mut entry).is_err() {
                return false;
            }
            rest = after;
        }
        entry.status.is_some() && !entry.path.is_empty()
    }
}

impl Value {
    /// The value at the beginning of a text, and what follows what stands behind it.
    fn cut<'a>(&self, text: &'a str) -> Option<(&'a str, &'a str)> {
        if self.until.is_empty() {
            let end = memchr::memchr(self.separator, text.as_bytes()).unwrap_or(text.len());
            return text.split_at_checked(end);
        }
        let end = if self.is_quoted {
            end_of_quoted(text)?
        } else {
            self.end_of_plain(text)
        };
        let (value, after) = text.split_at_checked(end)?;
        if let Some(after) = after.strip_prefix(self.until.as_str()) {
            let is_aligned = self.until.ends_with(' ');
            return Some((
                if self.is_quoted {
                    value
                } else {
                    value.trim_end_matches(' ')
                },
                if is_aligned {
                    after.trim_start_matches(' ')
                } else {
                    after
                },
            ));
        }
        // The end of the line is the end of the last value that it has.
        let last = self.until.split(' ').next().unwrap_or_default();
        let value = text.strip_suffix(last)?;
        let is_one = self.is_quoted || self.until.starts_with(' ') && !value.contains(' ');
        is_one.then_some((value, ""))
    }

    /// A list of addresses has blanks behind its commas.
    fn end_of_plain(&self, text: &str) -> usize {
        let mut from = 0;
        loop {
            let rest = text.as_bytes().get(from..).unwrap_or_default();
            let Some(at) = find(rest, self.until.as_bytes()) else {
                return text.len();
            };
            let end = from + at;
            let is_list = self.until.starts_with(' ')
                && text.as_bytes().get(..end).is_some_and(|it| it.ends_with(b","));
            if !is_list {
                return end;
            }
            from = end + 1;
        }
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    match what {
        [byte] => memchr::memchr(*byte, text),
        _ => memchr::memmem::find(text, what),
    }
}

/// The quote that ends a text; one with a backslash before it does not.
#[must_use]
pub fn end_of_quoted(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'"', bytes.get(from..)?)?;
        let before = bytes.get(..at)?;
        if before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0 {
            return Some(at);
        }
        from = at + 1;
    }
}

fn set<'a>(slot: Slot, text: &'a str, entry: &mut LogEntry<'a>) -> Result<(), &'static str> {
    match slot {
        Slot::Skip => Ok(()),
        Slot::Captured => {
            text.split('|').for_each(|one| captured(one, entry));
            Ok(())
        }
        // What is no request line is no request for a blob.
        Slot::Field(Field::Request) => {
            let _ = entry.set(Field::Request, Cow::Borrowed(text));
            Ok(())
        }
        Slot::Field(Field::UserAgent) => entry.set(Field::UserAgent, unescaped(text)),
        Slot::Field(field) => entry.set(field, Cow::Borrowed(text)),
    }
}

/// HAProxy names the headers that it captures nowhere in the line: they are known by their looks.
fn captured<'a>(text: &'a str, entry: &mut LogEntry<'a>) {
    let is_product = text
        .split(' ')
        .next()
        .is_some_and(|word| word.contains('/') && !word.starts_with('/'));
    if text.starts_with("bytes=") {
        entry.range = Cow::Borrowed(text);
    } else if text.starts_with("bytes ") {
        entry.content_range = Cow::Borrowed(text);
    } else if is_product && !text.contains("://") && entry.user_agent.is_empty() {
        entry.user_agent = Cow::Borrowed(text);
    }
}

fn is_plausible(slot: Slot, text: &str) -> bool {
    let Slot::Field(field) = slot else { return true };
    let is_number = || text == "-" || is_number(text);
    match field {
        Field::Address => is_host(text),
        Field::Bytes | Field::Wire | Field::Size | Field::Promised => is_number(),
        Field::Seconds | Field::DurationMs | Field::Status => is_number(),
        Field::Method => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic()),
        Field::Request => text
            .split(' ')
            .next()
            .is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_uppercase())),
        _ => true,
    }
}

/// An address, with a port or without, or the name of a host.
pub(crate) fn is_host(text: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    is_address(text)
        || text == "-"
        || text.bytes().all(is_name) && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// An IP address, with a port or without; of a list the first.
pub(crate) fn is_address(text: &str) -> bool {
    address_of(text).is_some()
}

/// `\"`, `\\` and `\xNN`, as nginx and Apache write what they must not.
#[must_use]
pub fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let byte = after
            .strip_prefix('x')
            .and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok());
        match (byte, after.chars().next()) {
            (Some(byte), _) => {
                plain.push(char::from(byte));
                rest = after.get(3..).unwrap_or_default();
            }
            (None, Some(next)) => {
                plain.push(next);
                rest = after.get(next.len_utf8()..).unwrap_or_default();
            }
            (None, None) => rest = "",
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// A format without what stands around it in a configuration: `log_format name 'a' 'b';`, `LogFormat "a" name`.
fn bare(format: &str) -> String {
    let format = format.trim().trim_end_matches(';');
    if format.starts_with("log_format") || format.starts_with('\'') {
        return format.split('\'').skip(1).step_by(2).collect();
    }
    let Some(apache) = format.strip_prefix("LogFormat") else {
        return format.to_owned();
    };
    let inner = apache.trim().trim_start_matches('"');
    let end = end_of_quoted(inner).unwrap_or(inner.len());
    inner.get(..end).unwrap_or(inner).replace("\\\"", "\"")
}

#[derive(Default)]
struct Parts {
    start: String,
    values: Vec<Value>,
}

impl Parts {
    fn literal(&mut self, text: &str) {
        match self.values.last_mut() {
            Some(value) => value.until.push_str(text),
            None => self.start.push_str(text),
        }
    }

    /// A value; one that says nothing right behind another is a part of it: `%U%q`.
    fn value(&mut self, slot: Slot) {
        let is_part = slot == Slot::Skip && self.values.last().is_some_and(|value| value.until.is_empty());
        if !is_part {
            self.values.push(Value {
                slot,
                until: String::new(),
                is_quoted: false,
                separator: b' ',
            });
        }
    }

    fn finish(mut self) -> Template {
        let mut before = self.start.clone();
        for value in &mut self.values {
            value.is_quoted = before.ends_with('"') && value.until.starts_with('"');
            value.separator = before.bytes().last().unwrap_or(b' ');
            before.clone_from(&value.until);
        }
        Template {
            start: self.start,
            values: self.values,
        }
    }
}

fn of_nginx(format: &str, parts: &mut Parts) -> Result<(), String> {
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('$') {
        parts.literal(before);
        let (name, after) = match after.strip_prefix('{') {
            Some(braced) => braced.split_once('}').ok_or("a closing brace behind ${")?,
            None => {
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                let end = after
                    .bytes()
                    .position(|byte| !is_name(byte))
                    .unwrap_or(after.len());
                after.split_at(end)
            }
        };
        parts.value(nginx(name));
        rest = after;
    }
    parts.literal(rest);
    Ok(())
}

/// `%h`, `%>s`, `%{User-Agent}i`, `%!200,304{Referer}i`.
fn of_apache(format: &str, parts: &mut Parts) -> Result<(), String> {
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        parts.literal(before);
        let after =
            after.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '>' | '<' | '!' | ','));
        let (argument, after) = match after.strip_prefix('{') {
            Some(braced) => braced.split_once('}').ok_or("a closing brace behind %{")?,
            None => ("", after),
        };
        let letter = after.chars().next().ok_or("a letter behind %")?;
        rest = after.get(letter.len_utf8()..).unwrap_or_default();
        match letter {
            '%' => parts.literal("%"),
            't' if argument.is_empty() => {
                parts.literal("[");
                parts.value(Slot::Field(Field::Time));
                parts.literal("]");
            }
            _ => parts.value(apache(letter, argument)),
        }
    }
    parts.literal(rest);
    Ok(())
}

fn is_envoy(format: &str) -> bool {
    format.contains("%RESPONSE_CODE%") || format.contains("%REQ(") || format.contains("%START_TIME")
}

/// `%START_TIME%`, `%REQ(X-FORWARDED-FOR)%`, `%REQ(:PATH):80%`, `%START_TIME(%s.%3f)%`.
fn of_envoy(format: &str, parts: &mut Parts) -> Result<(), String> {
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        parts.literal(before);
        let end = after.find(['(', '%']).ok_or("a closing % of a command")?;
        let (name, after) = after.split_at(end);
        let (argument, after) = match after.strip_prefix('(') {
            Some(inner) => inner
                .split_once(')')
                .ok_or("a closing parenthesis of a command")?,
            None => ("", after),
        };
        rest = after.split_once('%').ok_or("a closing % of a command")?.1;
        parts.value(envoy(name, argument));
    }
    parts.literal(rest);
    Ok(())
}

#[cfg(test)]
mod tests;
