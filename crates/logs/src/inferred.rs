//! What the fields of a log say that nobody described: told by their names, and by what stands in them.
//!
//! In scope: JSON with objects and lists inside, and `key=value`. Not in scope: programs whose names are known
//! (`producers`).

use std::net::IpAddr;

use blobwatch_pull::find_blob;
use serde_json::Value;

use crate::clock::{any_time, date_and_clock};
use crate::entry::{Field, address_of, duration_ms, path_of};
use crate::logfmt::pairs;
use crate::numbers::decimal;
use crate::template::is_address;
use names::{
    ADDRESSES, BODIES, COUNTRIES, DURATIONS, FORWARDED, FORWARDED_WORDS, METHODS, MICROSECONDS, MILLISECONDS,
    OPERATIONS, PATHS, REQUESTS, SIZES, STARTS, STATUSES, TIMES, WIRES,
};

pub(crate) mod looks;
mod names;

/// Fields of a line that are looked at, and how deep objects are entered: as deep as lines are read.
const MAX_LEAVES: usize = 400;
const MAX_DEPTH: usize = 4;

/// 2000-01-01, before which no log was written: smaller numbers are durations.
const OLDEST_MS: u64 = 946_684_800_000;

/// What the fields of a log say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inferred {
    pub names: Vec<(String, Field)>,
    /// All names that were seen.
    pub seen: Vec<String>,
}

/// Infers from lines, best from such that are for blobs.
#[must_use]
pub fn inferred(lines: &[&str]) -> Inferred {
    inferred_rows(lines.iter().map(|line| leaves_of(line)))
}

/// The same of rows, each with the names of its columns.
#[must_use]
pub fn inferred_rows(rows: impl IntoIterator<Item = Vec<(String, String)>>) -> Inferred {
    let leaves = leaves(rows);
    let mut found = Found {
        leaves: &leaves,
        names: Vec::new(),
    };
    found.all();
    Inferred {
        names: found.names,
        seen: leaves.iter().map(|leaf| leaf.name.clone()).collect(),
    }
}

fn leaves(rows: impl IntoIterator<Item = Vec<(String, String)>>) -> Vec<Leaf> {
    let mut leaves: Vec<Leaf> = Vec::new();
    for row in rows {
        for (name, value) in row {
            let has_room = leaves.len() < MAX_LEAVES;
            match leaves.iter_mut().find(|leaf| leaf.name == name) {
                Some(leaf) => leaf.values.push(value),
                None if has_room => leaves.push(Leaf::new(name, value)),
                None => {}
            }
        }
    }
    leaves
}

/// A field of lines, with what stood in it.
#[derive(Debug)]
struct Leaf {
    name: String,
    /// The last part of its name, in small letters and digits.
    key: String,
    /// The whole name so.
    whole: String,
    values: Vec<String>,
}

impl Leaf {
    fn new(name: String, value: String) -> Self {
        let last = name.rsplit('.').next().unwrap_or_default();
        Self {
            key: letters(last),
            whole: letters(&name),
            values: vec![value],
            name,
        }
    }

    fn is_called(&self, name: &str) -> bool {
        self.key == name || self.whole == name
    }

    /// Whether what stands there is that, wherever something stands there.
    fn holds(&self, fits: fn(&str) -> bool) -> bool {
        let mut said = self.values.iter().filter(|value| !is_nothing(value)).peekable();
        said.peek().is_some() && said.all(|value| fits(value))
    }

    /// Whether numbers are points in time and no durations: those of one log are near each other.
    fn is_moment(&self) -> bool {
        let starts: Vec<&str> = self.values.iter().filter_map(|value| value.get(..4)).collect();
        let are_alike = starts
            .windows(2)
            .all(|pair| matches!(pair, [one, next] if one == next));
        are_alike && self.key.contains("time") && self.holds(is_time)
    }

    fn is_unsaid(&self) -> bool {
        self.values.iter().all(|value| is_nothing(value))
    }

    fn mentions(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.whole.contains(word))
    }
}

fn letters(name: &str) -> String {
    let small = name.chars().filter(char::is_ascii_alphanumeric);
    small.map(|c| c.to_ascii_lowercase()).collect()
}

fn is_nothing(value: &str) -> bool {
    matches!(value, "" | "-" | "null")
}

/// Names and values of a line.
pub(crate) fn leaves_of(line: &str) -> Vec<(String, String)> {
    let mut leaves = Vec::new();
    if line.trim_start().starts_with('{') {
        if let Ok(value) = serde_json::from_str::<Value>(line) {
            flatten("", &value, 0, &mut leaves);
        }
    } else {
        leaves.extend(pairs(line).map(|(key, value)| (key.to_owned(), value.into_owned())));
    }
    leaves.truncate(MAX_LEAVES);
    leaves
}

/// `a.b`, `a[0].b`; a list of texts goes by the name of the list.
fn flatten(name: &str, value: &Value, depth: usize, leaves: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) if depth <= MAX_DEPTH => {
            for (key, value) in fields {
                let name = if name.is_empty() {
                    key.clone()
                } else {
                    format!("{name}.{key}")
                };
                flatten(&name, value, depth + 1, leaves);
            }
        }
        Value::Array(items) => match items.first() {
            Some(item @ Value::Object(_)) => flatten(&format!("{name}[0]"), item, depth + 1, leaves),
            Some(item) => flatten(name, item, depth + 1, leaves),
            None => leaves.push((name.to_owned(), String::new())),
        },
        Value::String(text) => leaves.push((name.to_owned(), text.clone())),
        Value::Object(_) | Value::Null => leaves.push((name.to_owned(), String::new())),
        Value::Bool(_) | Value::Number(_) => leaves.push((name.to_owned(), value.to_string())),
    }
}

/// What was found so far.
struct Found<'a> {
    leaves: &'a [Leaf],
    names: Vec<(String, Field)>,
}

/// What is another machine's than the client's.
const OTHERS: &[&str] = &[
    "upstream", "backend", "origin", "server", "local", "dest", "dst", "target", "edge", "pod", "node",
    "fwd", "cache",
];

impl<'a> Found<'a> {
    fn all(&mut self) {
        self.path();
        self.named(Field::Method, METHODS, is_method);
        self.any(Field::Method, is_method, OTHERS);
        self.named(Field::Method, OPERATIONS, is_operation);
        self.named(Field::Status, STATUSES, is_status);
        self.containing(Field::Status, "status", is_status);
        self.duration();
        self.time();
        self.named(Field::Forwarded, FORWARDED, is_address);
        self.address();
        self.any(Field::Address, is_address, &[OTHERS, FORWARDED_WORDS].concat());
        self.named(
            Field::Address,
            &["host", "hostname", "remote", "client"],
            is_address,
        );
        self.ending(Field::UserAgent, "useragent", |_| true);
        self.ending(Field::UserAgent, "useragentoriginal", |_| true);
        self.named(
            Field::UserAgent,
            &[
                "ua",
                "agent",
                "browser",
                "useragentheader",
                "requestua",
                "clientua",
                "httpua",
            ],
            |_| true,
        );
        self.ranges();
        self.lengths();
        self.named(Field::Country, COUNTRIES, |text| text.len() == 2);
        self.named(Field::Asn, &["asn", "clientasn", "asnum", "asnumber"], is_number);
        self.named(
            Field::Colo,
            &["colo", "pop", "datacenter", "edgecolocode"],
            |text| text.len() < 16,
        );
    }

    fn has(&self, field: Field) -> bool {
        self.names.iter().any(|(_, known)| *known == field)
    }

    fn is_taken(&self, leaf: &Leaf) -> bool {
        self.names.iter().any(|(name, _)| *name == leaf.name)
    }

    fn take(&mut self, field: Field, leaf: Option<&Leaf>) {
        if let Some(leaf) = leaf.filter(|_| !self.has(field)) {
            self.names.push((leaf.name.clone(), field));
        }
    }

    /// The leaf that is called as early as can be in a list, and holds what it should; or else nothing at all.
    fn named(&mut self, field: Field, names: &[&str], fits: fn(&str) -> bool) {
        let found = self
            .called(names, |leaf| leaf.holds(fits))
            .or_else(|| self.called(names, Leaf::is_unsaid));
        self.take(field, found);
    }

    fn called(&self, names: &[&str], is_it: impl Fn(&Leaf) -> bool) -> Option<&'a Leaf> {
        let free = |leaf: &&Leaf| !self.is_taken(leaf) && is_it(leaf);
        let of = |name: &&str| self.leaves.iter().filter(free).find(|leaf| leaf.is_called(name));
        names.iter().find_map(of)
    }

    /// Of several addresses the one that is not a proxy's on the same network in each line.
    fn address(&mut self) {
        let is_far = |text: &str| address_of(text).is_some_and(is_public);
        let has_far = |leaf: &Leaf| leaf.values.iter().any(|value| is_far(value));
        let found = self.called(ADDRESSES, |leaf| leaf.holds(is_address) && has_far(leaf));
        self.take(Field::Address, found);
        self.named(Field::Address, ADDRESSES, is_address);
    }

    fn ending(&mut self, field: Field, end: &str, fits: fn(&str) -> bool) {
        let is_it = |leaf: &&Leaf| {
            (leaf.key.ends_with(end) || leaf.whole.ends_with(end)) && (leaf.is_unsaid() || leaf.holds(fits))
        };
        let found = self.leaves.iter().find(is_it);
        self.take(field, found);
    }

    fn containing(&mut self, field: Field, word: &str, fits: fn(&str) -> bool) {
        let is_it = |leaf: &&Leaf| leaf.whole.contains(word) && leaf.holds(fits) && !leaf.mentions(OTHERS);
        let found = self.leaves.iter().find(is_it);
        self.take(field, found);
    }

    /// Whatever it is called, but for some words.
    fn any(&mut self, field: Field, fits: fn(&str) -> bool, words: &[&str]) {
        let is_it = |leaf: &&Leaf| leaf.holds(fits) && !leaf.mentions(words) && !self.is_taken(leaf);
        let found = self.leaves.iter().find(is_it);
        self.take(field, found);
    }

    /// By what stands there: nothing else in a line is a blob's path. In lines for no blob, by its name.
    fn path(&mut self) {
        const NOT: &[&str] = &[
            "refer", "upstream", "location", "redirect", "cache", "backend", "message", "msg",
        ];
        let by_name = |names: &[&str], fits: fn(&str) -> bool| {
            let of = |name: &&str| {
                self.leaves
                    .iter()
                    .filter(|leaf| leaf.holds(fits))
                    .find(|leaf| leaf.is_called(name))
            };
            names.iter().find_map(of)
        };
        let anywhere = |fits: fn(&str) -> bool| {
            self.leaves
                .iter()
                .find(|leaf| leaf.values.iter().any(|value| fits(value)) && !leaf.mentions(NOT))
        };
        let request =
            by_name(REQUESTS, is_request).or_else(|| anywhere(|text| is_request(text) && is_of_blob(text)));
        let path = by_name(PATHS, is_path)
            .filter(|leaf| leaf.values.iter().any(|value| is_of_blob(value)))
            .or_else(|| anywhere(|text| is_path(text) && is_of_blob(text)))
            .or_else(|| by_name(PATHS, is_path).filter(|_| request.is_none()));
        match (path, request) {
            (Some(path), _) => self.take(Field::Path, Some(path)),
            (None, request) => self.take(Field::Request, request),
        }
    }

    /// A date and a clock beside it, neither of which is a time.
    fn apart(&mut self) {
        let date = self.called(&["date"], |leaf| leaf.holds(is_day));
        let clock = self.called(&["time", "clock"], |leaf| leaf.holds(is_clock));
        if date.is_some() && clock.is_some() {
            self.take(Field::Date, date);
            self.take(Field::Clock, clock);
        }
    }

    /// When requests were made; when lines were written where only that is said.
    fn time(&mut self) {
        self.apart();
        if self.has(Field::Clock) {
            return;
        }
        self.named(Field::Time, STARTS, is_time);
        if self.has(Field::Time) {
            return;
        }
        let measured = [
            Field::Seconds,
            Field::DurationMs,
            Field::Microseconds,
            Field::Nanoseconds,
            Field::Duration,
        ];
        let has_duration = measured.iter().any(|field| self.has(*field));
        let field = if has_duration {
            Field::Finished
        } else {
            Field::Time
        };
        self.named(
            Field::Finished,
            &["timelocal", "timeiso8601", "msec", "accesstime", "endtime"],
            is_time,
        );
        if self.has(Field::Finished) {
            return;
        }
        self.named(field, TIMES, is_time);
        for word in ["time", "date", "ts"] {
            if !self.has(field) {
                self.containing(field, word, is_time);
            }
        }
        self.any(field, is_date, &["expire", "modified"]);
    }

    /// How long an answer took: its unit is in its name, in its text, or told by what numbers there are.
    fn duration(&mut self) {
        self.named(
            Field::Seconds,
            &["requesttimesec", "seconds", "durationseconds", "latencyseconds"],
            is_short,
        );
        self.named(Field::DurationMs, MILLISECONDS, is_number);
        if self.has(Field::Seconds) || self.has(Field::DurationMs) {
            return;
        }
        self.named(Field::Microseconds, MICROSECONDS, is_number);
        if self.has(Field::Microseconds) {
            return;
        }
        self.named(Field::Duration, DURATIONS, |text| duration_ms(text).is_some());
        if self.has(Field::Duration) {
            return;
        }
        let is_it = |leaf: &&Leaf| {
            DURATIONS.iter().any(|name| leaf.is_called(name)) && leaf.holds(is_number) && !leaf.is_moment()
        };
        let Some(leaf) = self.leaves.iter().find(is_it) else {
            return;
        };
        let has_parts = leaf.values.iter().any(|value| value.contains('.'));
        let is_large = leaf.values.iter().any(|value| value.len() > 6);
        let unit = match (has_parts, is_large) {
            (true, _) => Field::Seconds,
            // Go writes durations as whole nanoseconds.
            (false, true) => Field::Nanoseconds,
            (false, false) => Field::DurationMs,
        };
        self.take(unit, Some(leaf));
    }

    /// Few requests have ranges: a field for them may be in none of the lines that were looked at, but stands beside the
    /// User-Agent.
    fn ranges(&mut self) {
        let is_range = |leaf: &&Leaf| {
            leaf.key.ends_with("range") && !leaf.mentions(&["content", "accept", "ifrange"])
                || leaf.holds(|text| text.starts_with("bytes="))
        };
        let found = self.leaves.iter().find(is_range);
        self.take(Field::Range, found);
        let is_answer = |leaf: &&Leaf| {
            leaf.key.ends_with("contentrange")
                || leaf.holds(|text| text.starts_with("bytes ") && text.contains('/'))
        };
        let found = self.leaves.iter().find(is_answer);
        self.take(Field::ContentRange, found);
        let agent = self.names.iter().find(|(_, field)| *field == Field::UserAgent);
        let Some(agent) = agent
            .map(|(name, _)| name.clone())
            .filter(|_| !self.has(Field::Range))
        else {
            return;
        };
        let words = [
            ("User-Agent", "Range"),
            ("user-agent", "range"),
            ("user_agent", "range"),
            ("User_Agent", "Range"),
            ("UserAgent", "Range"),
        ];
        let beside = words
            .iter()
            .find_map(|(word, range)| Some(format!("{}{range}", agent.strip_suffix(word)?)));
        self.names.extend(beside.map(|name| (name, Field::Range)));
    }

    fn lengths(&mut self) {
        let is_promise = |leaf: &&Leaf| {
            leaf.key.ends_with("contentlength") && leaf.mentions(&["resp", "sent", "downstream"])
        };
        let promised = self
            .leaves
            .iter()
            .filter(|leaf| leaf.key != "responsecontentlength")
            .find(is_promise);
        self.take(Field::Promised, promised);
        self.named(Field::Size, SIZES, is_number);
        self.named(Field::Bytes, BODIES, is_number);
        if self.has(Field::Bytes) {
            return;
        }
        self.named(Field::Wire, WIRES, is_number);
        if !self.has(Field::Wire) {
            self.named(Field::Bytes, &["size", "length", "len"], is_number);
        }
    }
}

fn is_method(text: &str) -> bool {
    matches!(
        text,
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "CONNECT" | "PROPFIND" | "PURGE"
    )
}

fn is_operation(text: &str) -> bool {
    const VERBS: [&str; 13] = [
        "get", "head", "put", "list", "delete", "create", "copy", "post", "upload", "complete", "abort",
        "new", "append",
    ];
    let small = text.to_ascii_lowercase();
    let is_verb = VERBS.iter().any(|verb| small.starts_with(verb));
    let is_thing = ["object", "blob", "block", "upload", "part"]
        .iter()
        .any(|thing| small.contains(thing));
    is_verb && is_thing || small.starts_with("rest.") || small.starts_with("storage.objects.")
}

/// With its words: `200 OK`. Zero is what some write where nothing was answered.
fn is_status(text: &str) -> bool {
    let text = text.split(' ').next().unwrap_or_default();
    let is_code = |status: u16| status == 0 || (100..600).contains(&status);
    text.len() <= 3 && text.parse().is_ok_and(is_code)
}

fn is_number(text: &str) -> bool {
    decimal(text).is_some()
}

/// A number of seconds that some answer may have taken, and no time.
fn is_short(text: &str) -> bool {
    decimal(text).is_some_and(|seconds| seconds < 1e6)
}

fn is_time(text: &str) -> bool {
    any_time(text).is_some_and(|time_ms| time_ms >= OLDEST_MS)
}

/// A time that is no number, which may be anything.
fn is_date(text: &str) -> bool {
    text.contains(':') && is_time(text)
}

/// `2020-07-05`
fn is_day(text: &str) -> bool {
    date_and_clock(text.as_bytes(), b"00:00:00").is_some()
}

/// `19:00:00`
fn is_clock(text: &str) -> bool {
    text.len() <= "19:00:00.000000".len() && date_and_clock(b"2020-07-05", text.as_bytes()).is_some()
}

/// Whether an address may be one of a client on the internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_private() && !v4.is_loopback() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_unique_local() && !v6.is_loopback() && !v6.is_unspecified(),
    }
}

fn is_path(text: &str) -> bool {
    let is_rooted = text.starts_with('/') || text.contains("://") || text.starts_with("v2/");
    is_rooted && !text.contains(' ') && text.parse::<IpAddr>().is_err()
}

fn is_request(text: &str) -> bool {
    text.split_once(' ').is_some_and(|(method, rest)| {
        is_method(method) && is_path(rest.split(' ').next().unwrap_or_default())
    })
}

fn is_of_blob(text: &str) -> bool {
    let url = text.split(' ').find(|word| word.contains('/')).unwrap_or(text);
    path_of(url).is_some_and(|path| find_blob(&path).is_some())
}

#[cfg(test)]
mod tests;
