//! A body cut into its lines as it comes: newline-delimited JSON, a JSON list, one JSON object on several lines, or the
//! `records` of an Amazon Data Firehose request. Never more than one line is held.
//!
//! In scope: where a line ends, and its bound. Not in scope: what a line says.

/// Bytes of one line. A line of Logpush with all fields has some 6 KB, one of AWS WAF with long headers 30 KB.
pub(crate) const MAX_LINE: usize = 256 << 10;

/// How a body is cut, told by its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// Nothing but blanks so far.
    Unknown,
    /// One object a line.
    Lines,
    /// Values at this depth: 0 is a value by itself, 1 an element of a list, 2 one of a list inside of an object.
    Values(usize),
}

/// Cuts a body.
#[derive(Debug)]
pub(crate) struct Lines {
    layout: Layout,
    /// The line that is not over yet.
    line: Vec<u8>,
    /// It was longer than [`MAX_LINE`], and the rest of it is stepped over.
    is_too_long: bool,
    number: u64,
    depth: usize,
    is_string: bool,
    is_escaped: bool,
}

/// One line, by its number from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Text(&'a [u8]),
    TooLong,
}

impl Lines {
    /// `is_envelope`: the body is one object, and what counts are the elements of the lists in it.
    #[must_use]
    pub(crate) fn new(is_envelope: bool) -> Self {
        Self {
            layout: if is_envelope {
                Layout::Values(2)
            } else {
                Layout::Unknown
            },
            line: Vec::new(),
            is_too_long: false,
            number: 0,
            depth: 0,
            is_string: false,
            is_escaped: false,
        }
    }

    /// Takes the next piece of the body.
    pub(crate) fn push(&mut self, piece: &[u8], mut out: impl FnMut(u64, Line<'_>)) {
        for byte in piece {
            self.byte(*byte, &mut out);
        }
    }

    /// The last line needs no end.
    pub(crate) fn finish(mut self, mut out: impl FnMut(u64, Line<'_>)) {
        self.end(&mut out);
    }

    fn byte(&mut self, byte: u8, out: &mut impl FnMut(u64, Line<'_>)) {
        match self.layout {
            Layout::Unknown => self.first(byte, out),
            Layout::Lines if byte == b'\n' => {
                // An object that is open after its brace alone is written on several lines.
                if self.number == 0 && self.line.trim_ascii() == b"{" {
                    self.layout = Layout::Values(0);
                    self.depth = 1;
                } else {
                    self.end(out);
                }
            }
            Layout::Lines => self.keep(byte),
            Layout::Values(at) => self.value(byte, at, out),
        }
    }

    fn first(&mut self, byte: u8, out: &mut impl FnMut(u64, Line<'_>)) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf => {}
            b'[' => {
                self.layout = Layout::Values(1);
                self.value(byte, 1, out);
            }
            _ => {
                self.layout = Layout::Lines;
                self.keep(byte);
            }
        }
    }

    /// Brackets count where they are in no string. Elements are what is at the depth `at`.
    fn value(&mut self, byte: u8, at: usize, out: &mut impl FnMut(u64, Line<'_>)) {
        let is_inside = self.depth >= at;
        if self.is_string {
            self.is_string = self.is_escaped || byte != b'"';
            self.is_escaped = !self.is_escaped && byte == b'\\';
        } else {
            match byte {
                b'"' => self.is_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => return self.close(byte, at, out),
                b',' if self.depth == at => return self.end(out),
                _ => {}
            }
        }
        if is_inside {
            self.keep(byte);
        }
    }

    fn close(&mut self, byte: u8, at: usize, out: &mut impl FnMut(u64, Line<'_>)) {
        if self.depth > at {
            self.keep(byte);
        }
        let is_last = self.depth == at || self.depth == at + 1;
        self.depth = self.depth.saturating_sub(1);
        if is_last {
            self.end(out);
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.line.len() < MAX_LINE {
            self.line.push(byte);
        } else {
            self.is_too_long = true;
        }
    }

    fn end(&mut self, out: &mut impl FnMut(u64, Line<'_>)) {
        let text = self.line.trim_ascii();
        if !text.is_empty() {
            self.number += 1;
            if self.is_too_long {
                out(self.number, Line::TooLong);
            } else {
                out(self.number, Line::Text(text));
            }
        }
        self.line.clear();
        self.is_too_long = false;
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Lines, MAX_LINE};

    /// However the body is cut.
    #[track_caller]
    fn case(body: &str, is_envelope: bool, expected: &[&str]) {
        for size in [1, 3, 7, body.len().max(1)] {
            let (mut lines, mut found) = (Lines::new(is_envelope), Vec::new());
            let mut take = |number: u64, line: Line<'_>| match line {
                Line::Text(text) => found.push((number, String::from_utf8_lossy(text).into_owned())),
                Line::TooLong => found.push((number, "…".to_owned())),
            };
            for piece in body.as_bytes().chunks(size) {
                lines.push(piece, &mut take);
            }
            lines.finish(&mut take);
            let numbered: Vec<(u64, String)> = (1..)
                .zip(expected.iter().map(|text| (*text).to_owned()))
                .collect();
            assert_eq!(found, numbered, "{body:?} in pieces of {size}");
        }
    }

    #[test]
    fn a_body_is_cut_as_its_beginning_says() {
        case("", false, &[]);
        case(" \r\n", false, &[]);
        case(
            "{\"a\":1}\n{\"b\":[1,2]}\r\n\n{\"c\":2}",
            false,
            &["{\"a\":1}", "{\"b\":[1,2]}", "{\"c\":2}"],
        );
        case("\u{feff}{\"a\":1}\nno\n{", false, &["{\"a\":1}", "no", "{"]);
        case(
            "[{\"a\":\"]},\\\"{\"} ,\n {\"b\":[{}]}, 7, oops, \"x,y\"]",
            false,
            &["{\"a\":\"]},\\\"{\"}", "{\"b\":[{}]}", "7", "oops", "\"x,y\""],
        );
        case("[]", false, &[]);
        case("[{\"a\":1},{\"b\"", false, &["{\"a\":1}", "{\"b\""]);
        case(
            "{\n  \"a\": {\n \"b\": 1}\n}\n",
            false,
            &["{  \"a\": {\n \"b\": 1}\n}"],
        );
    }

    #[test]
    fn an_envelope_has_its_lines_in_a_list() {
        case(
            "{\"requestId\":\"a,b\",\"timestamp\":1,\"records\":[{\"data\":\"e30=\"},{\"data\":\"\"}]}",
            true,
            &["{\"data\":\"e30=\"}", "{\"data\":\"\"}"],
        );
        case("{\"records\":[]}", true, &[]);
        case("{}", true, &[]);
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out_alone() {
        let long = "x".repeat(MAX_LINE + 1);
        case(&format!("a\n{long}\nb"), false, &["a", "…", "b"]);
        case(&format!("[{{\"{long}\":1}},{{}}]"), false, &["…", "{}"]);
        case(&"x".repeat(MAX_LINE), false, &[&"x".repeat(MAX_LINE)]);
    }

    #[test]
    fn any_body_is_cut() {
        bolero::check!().with_iterations(20_000).for_each(|bytes: &[u8]| {
            const PIECES: [&str; 8] = ["{", "}", "[", "]", "\"", "\\", ",", "\n"];
            let spelled: String = bytes
                .iter()
                .map(|b| PIECES[usize::from(*b) % PIECES.len()])
                .collect();
            for is_envelope in [false, true] {
                let mut lines = Lines::new(is_envelope);
                lines.push(spelled.as_bytes(), |_, _| {});
                lines.finish(|_, _| {});
            }
        });
    }
}
