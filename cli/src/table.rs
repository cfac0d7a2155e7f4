//! CSV as people's tools write it, row by row: quoted fields, CRLF, a byte order mark and blank lines, and the true
//! number of every line for messages.
//!
//! A reader of its own because the `csv` crate counts blank lines wrongly, and a message that names another line than
//! the wrong one is worse than none.

use std::io::{BufRead, BufReader, Read};
use std::ops::Range;

use crate::problem::Problem;

/// Bytes of one row: 16 attributes of 60 KiB each, or a file that holds no lines.
const MAX_ROW: usize = 1 << 20;

pub(crate) struct Table<R> {
    input: BufReader<R>,
    file: String,
    /// Lines read so far.
    lines: u64,
    bytes: Vec<u8>,
    text: String,
    fields: Vec<Range<usize>>,
}

/// One row; fields are without the blanks around them.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    /// Its first line, from 1.
    pub(crate) line: u64,
    text: &'a str,
    fields: &'a [Range<usize>],
}

impl<'a> Row<'a> {
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// A field; empty beyond the last one.
    pub(crate) fn get(&self, column: usize) -> &'a str {
        let field = self.fields.get(column).cloned().unwrap_or_default();
        self.text.get(field).unwrap_or_default().trim()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let row = *self;
        (0..self.len()).map(move |column| row.get(column))
    }
}

impl<R: Read> Table<R> {
    /// `file` is its name in messages.
    pub(crate) fn new(input: R, file: &str) -> Self {
        Self {
            input: BufReader::with_capacity(1 << 16, input),
            file: file.to_owned(),
            lines: 0,
            bytes: Vec::new(),
            text: String::new(),
            fields: Vec::new(),
        }
    }

    /// The next row, `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, Problem> {
        self.bytes.clear();
        loop {
            if !self.read_line()? {
                return Ok(None);
            }
            if !self.bytes.trim_ascii().is_empty() {
                break;
            }
            self.bytes.clear();
        }
        let line = self.lines;
        self.text.clear();
        self.fields.clear();
        if self.bytes.contains(&b'"') {
            self.quoted(line)?;
        } else {
            let text = self.utf8(&self.bytes, line)?.to_owned();
            self.text.push_str(&text);
            self.split();
        }
        Ok(Some(Row {
            line,
            text: &self.text,
            fields: &self.fields,
        }))
    }

    /// What is wrong with a line of this file.
    pub(crate) fn wrong(&self, line: u64, expected: impl Into<String>) -> Problem {
        Problem::Line {
            file: self.file.clone(),
            line,
            expected: expected.into(),
        }
    }

    /// Appends a line without its end; `false` at the end of the file.
    fn read_line(&mut self) -> Result<bool, Problem> {
        let room = (MAX_ROW + 1).saturating_sub(self.bytes.len());
        let mut limited = self.input.by_ref().take(room as u64);
        let read = limited
            .read_until(b'\n', &mut self.bytes)
            .map_err(|source| Problem::Read {
                file: self.file.clone(),
                source,
            })?;
        self.lines += u64::from(read > 0);
        if self.bytes.len() > MAX_ROW {
            return Err(self.wrong(self.lines, format!("rows of at most {MAX_ROW} bytes")));
        }
        let ends = |bytes: &Vec<u8>, end| bytes.last() == Some(&end);
        for end in [b'\n', b'\r'] {
            if read > 0 && ends(&self.bytes, end) {
                self.bytes.pop();
            }
        }
        if self.lines == 1 && self.bytes.starts_with(b"\xef\xbb\xbf") {
            self.bytes.drain(..3);
        }
        Ok(read > 0)
    }

    fn split(&mut self) {
        let mut start = 0;
        for end in memchr::memchr_iter(b',', self.text.as_bytes()).chain([self.text.len()]) {
            self.fields.push(start..end);
            start = end + 1;
        }
    }

    /// A row with quotes (RFC 4180): a field may hold commas, line breaks, and `""` for a quote.
    fn quoted(&mut self, line: u64) -> Result<(), Problem> {
        let mut plain = Vec::with_capacity(self.bytes.len());
        let (mut at, mut start, mut inside) = (0, 0, false);
        loop {
            match (self.bytes.get(at).copied(), inside) {
                (Some(b'"'), true) if self.bytes.get(at + 1) == Some(&b'"') => {
                    plain.push(b'"');
                    at += 1;
                }
                (Some(b'"'), true) => inside = false,
                // A quote inside of an unquoted field is a character like any other.
                (Some(b'"'), false) if plain.get(start..).is_some_and(|f| f.trim_ascii().is_empty()) => {
                    plain.truncate(start);
                    inside = true;
                }
                (Some(b','), false) => {
                    self.fields.push(start..plain.len());
                    start = plain.len();
                }
                (Some(byte), _) => plain.push(byte),
                (None, true) => {
                    plain.push(b'\n');
                    if !self.read_line()? {
                        return Err(self.wrong(line, "a closing quote before the end of the file"));
                    }
                    // The line break is in `plain` only: `at` is where the next line begins.
                    continue;
                }
                (None, false) => break,
            }
            at += 1;
        }
        self.fields.push(start..plain.len());
        self.text = String::from_utf8(plain).map_err(|_| self.wrong(line, "text in UTF-8"))?;
        Ok(())
    }

    fn utf8<'b>(&self, bytes: &'b [u8], line: u64) -> Result<&'b str, Problem> {
        std::str::from_utf8(bytes).map_err(|_| self.wrong(line, "text in UTF-8"))
    }
}

/// A whole number as a count is written: `412`, or `412.0` as tools that hold floats write it.
pub(crate) fn whole(text: &str) -> Option<u64> {
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if zeros.bytes().all(|b| b == b'0') => digits,
        Some(_) => return None,
        None => text,
    };
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{Table, whole};

    fn rows(text: &[u8]) -> Result<Vec<(u64, Vec<String>)>, String> {
        let mut table = Table::new(text, "t.csv");
        let mut rows = Vec::new();
        while let Some(row) = table.next().map_err(|problem| problem.to_string())? {
            rows.push((row.line, row.iter().map(str::to_owned).collect()));
        }
        Ok(rows)
    }

    #[track_caller]
    fn case(text: &str, expected: &[(u64, &[&str])]) {
        let owned = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect();
        let expected: Vec<(u64, Vec<String>)> = expected
            .iter()
            .map(|(line, fields)| (*line, owned(fields)))
            .collect();
        assert_eq!(rows(text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn fields_are_split_and_trimmed() {
        case("a,b,c\n", &[(1, &["a", "b", "c"])]);
        case(" a ,, c", &[(1, &["a", "", "c"])]);
        case("a\r\nb\r\n", &[(1, &["a"]), (2, &["b"])]);
        case("\u{feff}a,b\n", &[(1, &["a", "b"])]);
    }

    #[test]
    fn blank_lines_are_skipped_and_counted() {
        case("\n\na\n\r\n  \nb\n\n", &[(3, &["a"]), (6, &["b"])]);
    }

    #[test]
    fn quoted_fields_hold_commas_quotes_and_line_breaks() {
        case(r#""a,b",c"#, &[(1, &["a,b", "c"])]);
        case(r#""say ""no""", "x" "#, &[(1, &[r#"say "no""#, "x"])]);
        case(
            "\"two\nlines\",x\nnext,y\n",
            &[(1, &["two\nlines", "x"]), (3, &["next", "y"])],
        );
        case("5\" disk,x", &[(1, &["5\" disk", "x"])]);
        case("\"\",\"\"", &[(1, &["", ""])]);
        case("\"\u{e9}\",x", &[(1, &["\u{e9}", "x"])]);
    }

    #[test]
    fn what_is_no_row_is_told_with_its_line() {
        assert_eq!(
            rows(b"a\n\n\xff\n").unwrap_err(),
            "t.csv:3: expected text in UTF-8"
        );
        assert_eq!(
            rows(b"a\n\"b\nc\n").unwrap_err(),
            "t.csv:2: expected a closing quote before the end of the file"
        );
        let long = vec![b'x'; super::MAX_ROW + 10];
        assert!(rows(&long).unwrap_err().contains("at most"));
    }

    #[test]
    fn counts_may_be_written_as_floats() {
        for (text, expected) in [
            ("0", Some(0)),
            ("412.0", Some(412)),
            ("412.", Some(412)),
            ("412.5", None),
            ("", None),
            (".0", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("18446744073709551616", None),
        ] {
            assert_eq!(whole(text), expected, "{text}");
        }
    }

    #[test]
    fn any_bytes_are_rows_or_a_problem() {
        bolero::check!()
            .with_max_len(64)
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                const LETTERS: &[u8] = b"a,\"\n\r \xc3\xa9";
                let spelled: Vec<u8> = bytes
                    .iter()
                    .map(|b| LETTERS[usize::from(*b) % LETTERS.len()])
                    .collect();
                for text in [bytes, &spelled] {
                    if let Ok(rows) = rows(text) {
                        let lines = text.split(|b| *b == b'\n').count() as u64;
                        assert!(rows.iter().all(|(line, _)| (1..=lines).contains(line)));
                    }
                }
            });
    }
}
