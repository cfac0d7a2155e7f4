//! JSON in which a request is no line: a list of all of them, lists of some in each line, objects over many lines.
//!
//! In scope: such an input as one object a line, told by its first bytes. Not in scope: what the objects say.

use std::io::{self, BufRead, BufReader, Read};

/// Bytes by which an input is told.
const FIRST: usize = 512;

/// The input itself, or with one object a line where it is of such JSON.
pub(super) fn unrolled(input: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let mut input = BufReader::with_capacity(1 << 17, input);
    // What cannot be read is said where lines are read.
    let first = input.fill_buf().unwrap_or_default();
    match level_of(first.get(..FIRST).unwrap_or(first)) {
        Some(level) => Ok(Box::new(Unrolled::new(input, level))),
        None => Ok(Box::new(input)),
    }
}

/// How many lists and objects are around each request.
fn level_of(first: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(first);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let compact: String = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .take(LONGEST)
        .collect();
    if compact.starts_with("[{") {
        Some(1)
    } else if is_list_by_name(&compact) {
        Some(2)
    } else {
        // An object whose first line ends with its brace.
        text.strip_prefix('{')
            .filter(|rest| rest.trim_start_matches([' ', '\r']).starts_with('\n'))
            .map(|_| 0)
    }
}

/// Names of a list of requests, as services hand them out: Azure, CloudWatch, Splunk, Datadog, Google.
const LISTS: [&str; 7] = ["records", "events", "results", "entries", "logs", "data", "items"];

/// Letters of the longest beginning.
const LONGEST: usize = 16;

/// `{"events":[{`
fn is_list_by_name(compact: &str) -> bool {
    let small = compact.to_ascii_lowercase();
    let rest = small.strip_prefix("{\"").unwrap_or_default();
    LISTS.iter().any(|name| {
        rest.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with("\":[{"))
    })
}

struct Unrolled<R> {
    input: R,
    level: usize,
    depth: usize,
    is_text: bool,
    is_escaped: bool,
    /// What was made of the input and not given out yet.
    made: Vec<u8>,
    given: usize,
}

impl<R: BufRead> Unrolled<R> {
    fn new(input: R, level: usize) -> Self {
        Self {
            input,
            level,
            depth: 0,
            is_text: false,
            is_escaped: false,
            made: Vec::new(),
            given: 0,
        }
    }

    fn take(&mut self, byte: u8) {
        let is_inside = self.depth > self.level;
        if self.is_text {
            self.is_text = self.is_escaped || byte != b'"';
            self.is_escaped = !self.is_escaped && byte == b'\\';
        } else {
            match byte {
                b'"' => self.is_text = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
        let is_begun = self.depth > self.level;
        if (is_inside || is_begun) && !matches!(byte, b'\n' | b'\r') {
            self.made.push(byte);
        }
        if is_inside && !is_begun {
            self.made.push(b'\n');
        }
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
            block.iter().for_each(|byte| self.take(*byte));
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
