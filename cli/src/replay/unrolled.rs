//! JSON in which a request is no line: a list of all of them, lists of some in each line or somewhere inside, objects over
//! many lines.
//!
//! In scope: such an input as one item a line. Not in scope: what the items say.

use std::io::{self, BufRead, BufReader, Read};

use place::{Place, place_of};

mod place;

/// Bytes by which an input is told.
const FIRST: usize = 64 << 10;

/// The input itself, or with one item a line where it is of such JSON.
pub(super) fn unrolled(input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut input = BufReader::with_capacity(1 << 17, input);
    // What cannot be read is said where lines are read.
    let first = input.fill_buf().unwrap_or_default();
    match place_of(first.get(..FIRST).unwrap_or(first)) {
        Some(place) => Ok(Box::new(Unrolled::new(input, place))),
        None => Ok(Box::new(input)),
    }
}

struct Unrolled<R> {
    input: R,
    place: Place,
    depth: usize,
    /// Whether the list that is open is the one of requests.
    is_list: bool,
    /// The text before the list, which may be its name.
    name: Vec<u8>,
    is_text: bool,
    is_escaped: bool,
    /// What was made of the input and not given out yet.
    made: Vec<u8>,
    given: usize,
}

impl<R: BufRead> Unrolled<R> {
    fn new(input: R, place: Place) -> Self {
        Self {
            input,
            is_list: place.level == 0,
            place,
            depth: 0,
            name: Vec::new(),
            is_text: false,
            is_escaped: false,
            made: Vec::new(),
            given: 0,
        }
    }

    fn take(&mut self, block: &[u8]) {
        let mut rest = block;
        while let Some((byte, after)) = rest.split_first() {
            rest = if self.is_text {
                self.take_text(rest)
            } else {
                self.take_mark(*byte);
                after
            };
        }
    }

    /// A text up to its quote, and what follows.
    fn take_text<'b>(&mut self, block: &'b [u8]) -> &'b [u8] {
        let mut end = usize::from(std::mem::take(&mut self.is_escaped));
        loop {
            let rest = block.get(end..).unwrap_or_default();
            let Some(next) = memchr::memchr2(b'"', b'\\', rest) else {
                end = block.len();
                break;
            };
            end += next + 1;
            if rest.get(next) == Some(&b'"') {
                self.is_text = false;
                break;
            }
            // What follows a backslash is of the text.
            self.is_escaped = end == block.len();
            end += 1;
        }
        let (text, after) = block.split_at(end.min(block.len()));
        if self.is_inside() {
            self.made.extend_from_slice(text);
        } else if self.depth + 1 == self.place.level {
            self.name.extend_from_slice(text);
        }
        after
    }

    fn is_inside(&self) -> bool {
        self.is_list && self.depth > self.place.level
    }

    fn take_mark(&mut self, byte: u8) {
        let was_inside = self.is_inside();
        match byte {
            b'"' => {
                self.is_text = true;
                self.name.clear();
            }
            b',' => self.name.clear(),
            b'{' | b'[' => self.open(byte == b'['),
            b'}' | b']' => self.close(),
            _ => {}
        }
        let is_inside = self.is_inside();
        if (was_inside || is_inside) && !matches!(byte, b'\n' | b'\r') {
            self.made.push(byte);
        }
        if was_inside && !is_inside {
            self.made.push(b'\n');
        }
    }

    fn open(&mut self, is_list: bool) {
        self.depth += 1;
        if self.depth == self.place.level {
            let name = self.name.strip_suffix(b"\"").unwrap_or(&self.name);
            self.is_list = is_list && name == self.place.name;
        }
        self.name.clear();
    }

    fn close(&mut self) {
        if self.depth == self.place.level {
            self.is_list = false;
        }
        self.depth = self.depth.saturating_sub(1);
        self.is_list |= self.place.level == 0;
        self.name.clear();
    }
}

impl<R: BufRead> Read for Unrolled<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.made.len() {
            self.made.clear();
            self.given = 0;
            let block = self.input.fill_buf()?.to_vec();
            if block.is_empty() {
                return Ok(0);
            }
            self.take(&block);
            self.input.consume(block.len());
        }
        let read = self.made.get(self.given..).unwrap_or_default().read(buffer)?;
        self.given += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::unrolled;

    #[track_caller]
    fn case(input: &str, expected: &str) {
        let mut text = String::new();
        let input: Box<dyn Read + Send> = Box::new(std::io::Cursor::new(input.to_owned()));
        unrolled(input).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, expected);
    }

    #[test]
    fn each_object_is_a_line() {
        case(
            r#"[{"a":[1,{"b":"}]"}]}, {"a":2}]"#,
            "{\"a\":[1,{\"b\":\"}]\"}]}\n{\"a\":2}\n",
        );
        case(
            "[\n  {\n    \"a\": \"x\\\"}\",\n    \"b\": 2\n  },\n  {}\n]\n",
            "{    \"a\": \"x\\\"}\",    \"b\": 2  }\n{}\n",
        );
        case(
            "{\"records\":[{\"a\":1},{\"a\":2}]}\n{\"records\":[{\"a\":3}]}\n",
            "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n",
        );
        case(
            "{\n  \"events\": [\n {\"a\":1},\n {\"a\":2}\n ],\n \"next\": {}\n}\n",
            "{\"a\":1}\n{\"a\":2}\n",
        );
        case("{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n", "{ \"a\": 1}\n{ \"a\": 2}\n");
        let item = r#"{"url":"/v2/a/blobs/sha256:00"}"#;
        case(
            &format!(
                r#"{{"took":1,"shards":{{"a":[{{}}]}},"hits":{{"max":null,"hits":[{item},{item}]}},"more":[{{}}]}}"#
            ),
            &format!("{item}\n{item}\n"),
        );
    }

    #[test]
    fn other_inputs_stay_as_they_are() {
        for text in [
            "",
            "{\"a\":1}\n{\"a\":2}\n",
            "[05/Jul/2020] GET\n",
            "[pod/a/b] {\n",
            "a\n{\n",
        ] {
            case(text, text);
        }
    }
}
