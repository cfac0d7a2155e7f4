//! The words of an expression: a cursor over its text, and strings with their escapes.

use super::error::RuleError;
use super::expression::Span;

/// Where the parser stands in the text.
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

/// What delimits strings: escapes resolved, or left to the regular expression as in wirefilter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    Text,
    Regex,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) const fn go_back(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Space, line breaks, and comments from `#` to the end of their line.
    pub(super) fn skip_space(&mut self) {
        loop {
            let rest = self.rest().trim_start_matches([' ', '\t', '\r', '\n']);
            self.at = self.text.len() - rest.len();
            if !rest.starts_with('#') {
                return;
            }
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Takes `literal` if it is next.
    pub(super) fn take(&mut self, literal: &str) -> bool {
        let found = self.rest().starts_with(literal);
        if found {
            self.at += literal.len();
        }
        found
    }

    /// Takes `word` if it is next and does not go on as a longer name.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let whole = self.name_span().len() == word.len();
        whole && self.take(word)
    }

    /// Takes what `wanted` accepts; may be empty.
    pub(super) fn take_while(&mut self, wanted: fn(char) -> bool) -> Span {
        let start = self.at;
        self.at = self.text.len() - self.rest().trim_start_matches(wanted).len();
        start..self.at
    }

    /// The name that starts here, without taking it.
    pub(super) fn name_span(&self) -> Span {
        let rest = self.rest();
        self.at..self.at + rest.len() - rest.trim_start_matches(is_name).len()
    }

    /// Whether such a character is at a place.
    pub(super) fn starts_at(&self, at: usize, wanted: fn(char) -> bool) -> bool {
        self.text.get(at..).is_some_and(|rest| rest.starts_with(wanted))
    }

    pub(super) fn slice(&self, span: &Span) -> &'a str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    pub(super) fn error(&self, span: Span, expected: impl Into<String>) -> RuleError {
        RuleError::new(self.text, span, expected)
    }

    /// An error at the word that is next, or at the end.
    pub(super) fn error_here(&self, expected: impl Into<String>) -> RuleError {
        let name = self.name_span();
        let word = match self.peek() {
            Some(next) if name.is_empty() => self.at..self.at + next.len_utf8(),
            _ => name,
        };
        self.error(word, expected)
    }

    /// Whether a string starts here.
    pub(super) fn at_string(&self) -> bool {
        let rest = self.rest();
        let raw = rest.strip_prefix('r').map(|raw| raw.trim_start_matches('#'));
        rest.starts_with('"') || raw.is_some_and(|raw| raw.starts_with('"'))
    }

    /// Takes the string that starts here.
    pub(super) fn string(&mut self, quoting: Quoting) -> Result<Vec<u8>, RuleError> {
        let start = self.at;
        if self.take("r") {
            return self.raw_string(start);
        }
        self.take("\"");
        match quoting {
            Quoting::Text => self.quoted(start),
            Quoting::Regex => self.quoted_regex(start),
        }
    }

    fn raw_string(&mut self, start: usize) -> Result<Vec<u8>, RuleError> {
        let hashes = self.take_while(|c| c == '#').len();
        self.take("\"");
        let end = format!("\"{}", "#".repeat(hashes));
        let length = self.rest().find(&end).ok_or_else(|| self.unclosed(start, &end))?;
        let content = self.rest().get(..length).unwrap_or_default();
        self.at += length + end.len();
        Ok(content.as_bytes().to_vec())
    }

    fn quoted(&mut self, start: usize) -> Result<Vec<u8>, RuleError> {
        let mut content = Vec::new();
        loop {
            match self.next().ok_or_else(|| self.unclosed(start, "\""))? {
                '"' => return Ok(content),
                '\\' => content.push(self.escape(start)?),
                other => content.extend(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, start: usize) -> Result<u8, RuleError> {
        let from = self.at - 1;
        match self.next().ok_or_else(|| self.unclosed(start, "\""))? {
            quoted @ ('"' | '\\') => Ok(quoted as u8),
            'x' => self.byte(from, 2, 16),
            '0'..='7' => {
                self.at -= 1;
                self.byte(from, 3, 8)
            }
            _ => Err(self.bad_escape(from)),
        }
    }

    fn byte(&mut self, from: usize, digits: usize, radix: u32) -> Result<u8, RuleError> {
        let number = self.rest().get(..digits).unwrap_or_default();
        // `from_str_radix` takes a sign; an escape does not have one.
        let plain = number.bytes().all(|byte| byte.is_ascii_hexdigit());
        match u8::from_str_radix(number, radix) {
            Ok(byte) if plain => {
                self.at += digits;
                Ok(byte)
            }
            _ => Err(self.bad_escape(from)),
        }
    }

    fn bad_escape(&self, from: usize) -> RuleError {
        let length = self
            .text
            .get(from..)
            .map_or(0, |rest| rest.chars().take(2).map(char::len_utf8).sum());
        self.error(
            from..from + length,
            r#"one of \" \\ \xHH \OOO (a raw string, r"…", has no escapes)"#,
        )
    }

    /// wirefilter's way with a quoted regular expression: backslashes are the expression's own, except before a
    /// quote, and a quote in a character class is a character.
    fn quoted_regex(&mut self, start: usize) -> Result<Vec<u8>, RuleError> {
        let mut content = String::new();
        let mut in_class = false;
        loop {
            match self.next().ok_or_else(|| self.unclosed(start, "\""))? {
                '"' if !in_class => return Ok(content.into_bytes()),
                '\\' => {
                    let escaped = self.next().ok_or_else(|| self.unclosed(start, "\""))?;
                    if in_class || escaped != '"' {
                        content.push('\\');
                    }
                    content.push(escaped);
                }
                other => {
                    in_class = if in_class { other != ']' } else { other == '[' };
                    content.push(other);
                }
            }
        }
    }

    fn unclosed(&self, start: usize, end: &str) -> RuleError {
        self.error(start..self.text.len(), format!("a string that ends with `{end}`"))
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

/// Characters of numbers, ranges, addresses and CIDR blocks.
pub(super) fn is_bare(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':' | '/' | '-')
}
