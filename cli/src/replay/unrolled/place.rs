//! Where the requests of a JSON input are: its lines, a list of all, or lists somewhere inside, as answers of APIs and
//! collectors have them.
//!
//! Told by the first bytes. A list holds requests if several of its items name blobs, or if it is called as services call
//! theirs; not where what is around it names a blob itself, as a request does beside the list of its headers.

use std::cmp::Reverse;

/// A list, by how many lists and objects are around its items, and by its name; at level 0 each object is a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) level: usize,
    /// Empty for the outermost list.
    pub(super) name: Vec<u8>,
}

/// Names of a list of requests, as services hand them out: Azure, CloudWatch, Splunk, Datadog, Google, OpenTelemetry.
const LISTS: [&str; 9] = [
    "records",
    "events",
    "results",
    "entries",
    "logs",
    "data",
    "items",
    "logevents",
    "logrecords",
];

/// Letters of the longest beginning.
const LONGEST: usize = 20;

/// Items of a list that say that it holds requests.
const SEVERAL: usize = 2;

/// Bytes of a name that are kept.
const MAX_NAME: usize = 64;

/// The place of the requests; none where they are lines.
pub(super) fn place_of(first: &[u8]) -> Option<Place> {
    let text = String::from_utf8_lossy(first);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let is_json = text.starts_with('{')
        || text.starts_with("[{")
        || text.starts_with("[[")
        || text.starts_with("[\n")
        || text.starts_with("[ ")
        || text.starts_with("[\r");
    if !is_json {
        return None;
    }
    let mut sight = Sight::default();
    text.bytes().for_each(|byte| sight.take(byte));
    sight.fullest().or_else(|| by_name(text))
}

/// `[{`, `[["`, `{"events":[{`, and an object whose first line ends with its brace.
fn by_name(text: &str) -> Option<Place> {
    let letters = text.chars().filter(|c| !c.is_whitespace());
    let compact: String = letters.take(LONGEST).collect();
    if compact.starts_with("[{") || compact.starts_with("[[\"") {
        return Some(Place {
            level: 1,
            name: Vec::new(),
        });
    }
    let named = compact
        .strip_prefix("{\"")
        .and_then(|rest| rest.split_once("\":[{"));
    if let Some((name, _)) = named
        && is_usual(name.as_bytes())
    {
        return Some(Place {
            level: 2,
            name: name.into(),
        });
    }
    let inner = text.strip_prefix('{')?.trim_start_matches([' ', '\r']);
    inner.starts_with('\n').then(Place::default)
}

fn is_usual(name: &[u8]) -> bool {
    LISTS
        .iter()
        .any(|list| list.as_bytes().eq_ignore_ascii_case(name))
}

/// What was seen of lists so far.
#[derive(Default)]
struct Sight {
    around: Vec<Around>,
    /// With the most items of one list there that name a blob.
    seen: Vec<(Place, usize)>,
    /// A text that names a blob stood in no list.
    is_outside: bool,
    text: Vec<u8>,
    is_text: bool,
    is_escaped: bool,
}

/// A list or an object that is open.
struct Around {
    is_list: bool,
    name: Vec<u8>,
    /// Items that name a blob, and whether this one does.
    items: usize,
    is_counted: bool,
}

impl Sight {
    fn take(&mut self, byte: u8) {
        if self.is_text {
            self.take_text(byte);
            return;
        }
        match byte {
            b'"' => {
                self.is_text = true;
                self.text.clear();
            }
            b'{' | b'[' => self.open(byte == b'['),
            b'}' | b']' => self.close(),
            b',' => {
                self.text.clear();
                if let Some(around) = self.around.last_mut() {
                    around.is_counted = false;
                }
            }
            _ => {}
        }
    }

    fn take_text(&mut self, byte: u8) {
        if !self.is_escaped && byte == b'"' {
            self.is_text = false;
            if names_blob(&self.text) {
                self.count();
            }
            return;
        }
        self.is_escaped = !self.is_escaped && byte == b'\\';
        self.text.push(byte);
    }

    fn open(&mut self, is_list: bool) {
        let mut name = std::mem::take(&mut self.text);
        name.truncate(MAX_NAME);
        self.around.push(Around {
            is_list,
            name,
            items: 0,
            is_counted: false,
        });
    }

    fn close(&mut self) {
        self.text.clear();
        let level = self.around.len();
        let Some(closed) = self.around.pop().filter(|closed| closed.is_list) else {
            return;
        };
        self.see(level, closed);
    }

    fn see(&mut self, level: usize, list: Around) {
        let place = Place {
            level,
            name: list.name,
        };
        match self.seen.iter_mut().find(|(known, _)| *known == place) {
            Some((_, items)) => *items = list.items.max(*items),
            None => self.seen.push((place, list.items)),
        }
    }

    /// The text names a blob: so does each item around it.
    fn count(&mut self) {
        self.is_outside |= !self.around.iter().any(|around| around.is_list);
        for around in self
            .around
            .iter_mut()
            .filter(|around| around.is_list && !around.is_counted)
        {
            around.items += 1;
            around.is_counted = true;
        }
    }

    /// The list with most requests; the outermost of those that have as many.
    fn fullest(mut self) -> Option<Place> {
        while let Some(around) = self.around.pop() {
            if around.is_list {
                self.see(self.around.len() + 1, around);
            }
        }
        if self.is_outside {
            return None;
        }
        self.seen
            .sort_by_key(|(place, items)| (Reverse(*items), place.level));
        let is_it =
            |(place, items): &(Place, usize)| *items >= SEVERAL || *items > 0 && is_usual(&place.name);
        self.seen.into_iter().find(is_it).map(|(place, _)| place)
    }
}

fn names_blob(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"blobs").is_some() || memchr::memmem::find(text, b"sha256").is_some()
}

#[cfg(test)]
mod tests {
    use super::{Place, place_of};

    #[track_caller]
    fn case(first: &str, expected: Option<(usize, &str)>) {
        let expected = expected.map(|(level, name)| Place {
            level,
            name: name.into(),
        });
        assert_eq!(place_of(first.as_bytes()), expected, "{first}");
    }

    #[test]
    fn a_list_of_requests_is_found_wherever_it_is() {
        let item = r#"{"_source":{"url":"/v2/a/blobs/sha256:00","tags":["x"]}}"#;
        case(&format!("[{item},{item}]"), Some((1, "")));
        case(&format!("[\n  {item},\n  {item}\n"), Some((1, "")));
        case(
            &format!(r#"{{"took":1,"hits":{{"total":2,"hits":[{item},{item}]}}}}"#),
            Some((3, "hits")),
        );
        let pair = r#"["1593975600000000000","192.0.2.7 - - \"GET /v2/a/blobs/sha256:00\""]"#;
        case(
            &format!(r#"{{"data":{{"result":[{{"stream":{{}},"values":[{pair},{pair}]}}]}}}}"#),
            Some((5, "values")),
        );
        // A list in each line, of one or more.
        case(
            &format!("{{\"records\":[{item}]}}\n{{\"records\":[{item},{item}]}}\n"),
            Some((2, "records")),
        );
        case(r#"{"records":[{"a":1}]}"#, Some((2, "records")));
        case(
            &format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{item}]}}]}}]}}"#),
            Some((6, "logRecords")),
        );
    }

    #[test]
    fn lists_inside_of_a_request_are_its_own() {
        let headers = r#"[{"name":"range","value":"x"},{"name":"referer","value":"/v2/a/blobs/sha256:00"},{"name":"x","value":"/blobs/"}]"#;
        let line = format!(r#"{{"httpRequest":{{"uri":"/v2/a/blobs/sha256:00","headers":{headers}}}}}"#);
        case(&format!("{line}\n{line}\n"), None);
        case(&format!("[{line},{line},{line}]"), Some((1, "")));
        let line = r#"{"parameters":["GET","/v2/a/blobs/sha256:00"]}"#;
        case(&format!("{line}\n{line}\n"), None);
    }

    #[test]
    fn an_object_over_many_lines_is_a_request() {
        case("{\n \"url\": \"/v2/a/blobs/sha256:00\"\n}\n", Some((0, "")));
        case("{\"url\":\"/v2/a/blobs/sha256:00\"}\n", None);
    }

    #[test]
    fn what_is_no_json_has_no_lists() {
        for text in ["", "[05/Jul/2020] GET /v2/a/blobs/", "[pod/a/b] {\n", "a\n{\n"] {
            case(text, None);
        }
    }
}
