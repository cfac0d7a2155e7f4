//! Values of lines that name none of them: JSON arrays, and text between separators or blanks.

use std::borrow::Cow;
use std::vec;

use crate::json::items;
use crate::split::Split;
use crate::template::{end_of_quoted, unescaped};

/// How the values of a log's lines stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Items of a JSON array.
    Array,
    /// Between separators; a value that begins with a quote ends with one, where lines have quotes.
    Between { separator: u8, has_quotes: bool },
    /// Words, and several of them in quotes or brackets.
    Words,
}

/// Separators that make columns of a line, and how many of them a line has that is one of columns: fewer may stand in a path
/// or a User-Agent.
const SEPARATORS: [(u8, usize); 2] = [(b'\t', 3), (b'|', 4)];

impl Layout {
    /// The layout of a line that has no header.
    #[must_use]
    pub fn of_line(line: &str) -> Self {
        if is_array(line) {
            return Self::Array;
        }
        let between = |separator| Self::Between {
            separator,
            has_quotes: true,
        };
        let is_between = |(separator, least): &&(u8, usize)| {
            memchr::memchr_iter(*separator, line.as_bytes()).count() >= *least
        };
        match SEPARATORS.iter().find(is_between) {
            Some((separator, _)) => between(*separator),
            None => {
                let words = Self::Words.cells(line).count().max(1);
                let has_commas = between(b',').cells(line).count() > words;
                if has_commas { between(b',') } else { Self::Words }
            }
        }
    }

    /// The values of a line; none of one that has another layout.
    #[must_use]
    pub fn cells(self, line: &str) -> Cells<'_> {
        match self {
            Self::Array => Cells::Array(items(line).unwrap_or_default().into_iter()),
            Self::Between {
                separator,
                has_quotes,
            } => Cells::Between(Split::new(line, separator, has_quotes)),
            Self::Words => Cells::Words(Words { rest: line }),
        }
    }
}

/// Whether a line is a JSON array.
#[must_use]
pub fn is_array(line: &str) -> bool {
    line.starts_with('[') && items(line).is_ok_and(|items| !items.is_empty())
}

/// Values of a line.
#[derive(Debug)]
pub enum Cells<'a> {
    Array(vec::IntoIter<Cow<'a, str>>),
    Between(Split<'a>),
    Words(Words<'a>),
}

impl<'a> Iterator for Cells<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Array(items) => items.next(),
            Self::Between(split) => split.next(),
            Self::Words(words) => words.next(),
        }
    }
}

#[derive(Debug)]
pub struct Words<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Words<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.trim_start_matches(' ');
        let (word, rest) = match text.as_bytes().first()? {
            b'"' => {
                let inner = text.get(1..)?;
                inner.split_at(end_of_quoted(inner).unwrap_or(inner.len()))
            }
            b'[' => {
                let inner = text.get(1..)?;
                inner.split_at(memchr::memchr(b']', inner.as_bytes()).unwrap_or(inner.len()))
            }
            _ => {
                let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
                self.rest = rest;
                return Some(Cow::Borrowed(word));
            }
        };
        self.rest = rest.get(1..).unwrap_or_default();
        Some(unescaped(word))
    }
}

#[cfg(test)]
mod tests {
    use super::{Layout, is_array};

    #[track_caller]
    fn case(line: &str, expected: &[&str]) {
        let cells: Vec<_> = Layout::of_line(line).cells(line).collect();
        assert_eq!(cells, expected, "{line}");
    }

    #[test]
    fn the_layout_is_told_by_the_line() {
        case(
            r#"["a",5,null,{"b":[1]},"c\"d"]"#,
            &["a", "5", "null", "{\"b\":[1]}", "c\"d"],
        );
        case(
            r#"1 [05/Jul/2020:19:00:00 +0000]  "GET / HTTP/1.1" a|b "x \"y\"""#,
            &[
                "1",
                "05/Jul/2020:19:00:00 +0000",
                "GET / HTTP/1.1",
                "a|b",
                "x \"y\"",
            ],
        );
        case(r#"1|"GET /|"|2|3|a b"#, &["1", "GET /|", "2", "3", "a b"]);
        case("1\t2\t3\ta b", &["1", "2", "3", "a b"]);
        case(r#"1,2,"a, b",c d"#, &["1", "2", "a, b", "c d"]);
        case("a b, c d", &["a", "b,", "c", "d"]);
        case("", &[]);
    }

    #[test]
    fn a_time_in_brackets_is_no_array() {
        for (line, expected) in [
            ("[1,2]", true),
            ("[1,2],", true),
            ("[]", false),
            ("[05/Jul/2020:19:00:00 +0000] x", false),
            ("[1,2", false),
            ("{}", false),
        ] {
            assert_eq!(is_array(line), expected, "{line}");
        }
    }

    #[test]
    fn any_line_has_cells() {
        bolero::check!()
            .with_max_len(64)
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                const LETTERS: &[u8] = b"a \"[]|,\t\\1";
                let spelled: String = bytes
                    .iter()
                    .map(|b| char::from(LETTERS[usize::from(*b) % LETTERS.len()]))
                    .collect();
                for text in [&*spelled, &String::from_utf8_lossy(bytes)] {
                    let count = Layout::of_line(text).cells(text).count();
                    assert!(count <= text.len() + 1, "{text}");
                }
            });
    }
}
