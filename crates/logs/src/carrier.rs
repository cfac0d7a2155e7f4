//! What carries logs puts something before each line, or around it: Docker, Kubernetes, syslog, journald.
//!
//! In scope: which of them a log went through, one after the other, and taking it off. The time that a carrier has is kept
//! for lines without one.

use std::borrow::Cow;

use column::Column;
use wrapped::Wrapped;

use crate::clock::{any_time, syslog_time};

mod column;
mod wrapped;

/// Carriers of one log, one in the other.
const MAX_LAYERS: usize = 4;

/// Words before a line that nobody knows.
const MAX_WORDS: usize = 10;

#[derive(Clone, Debug)]
enum Carrier {
    /// `{"log":"…","stream":"stdout","time":"…"}`
    Wrapped(Box<Wrapped>),
    /// A column of a table.
    Column(Box<Column>),
    /// `["1593975600123456789","…"]`, of Loki's API.
    Pair,
    /// `[0] name: [[1593975600.123, {}], {"log"=>"…"}]`, of Fluent Bit's standard output.
    FluentBit,
    /// `{app="nginx"} `, of Loki's command line.
    Labels,
    /// Colours of a terminal.
    Colours,
    /// `name-1  | `
    Compose,
    /// `[pod/name/container] `
    Kubectl,
    /// `2020-07-05T19:00:00.123456789Z stdout F `
    Cri,
    /// `<134>1 2020-07-05T19:00:00Z host program 12 - - `
    Rfc5424,
    /// `Jul  5 19:00:00 host program[12]: `, also with an ISO time, a weekday, a priority.
    Syslog,
    /// `2020-07-05T19:00:00.123456789Z `
    Timestamp,
    /// `MESSAGE=`, in systemd's export format.
    Export,
    /// Words before a line in JSON: zap's and Caddy's console, what Fluentd writes into files.
    Object,
    /// So many words of somebody's own.
    Words(usize),
}

/// In the order in which they are looked for.
const CARRIERS: [Carrier; 12] = [
    Carrier::Colours,
    Carrier::Pair,
    Carrier::FluentBit,
    Carrier::Labels,
    Carrier::Compose,
    Carrier::Kubectl,
    Carrier::Export,
    Carrier::Cri,
    Carrier::Rfc5424,
    Carrier::Syslog,
    Carrier::Timestamp,
    Carrier::Object,
];

/// Everything that a log went through.
#[derive(Clone, Debug, Default)]
pub struct Carriers {
    layers: Vec<Carrier>,
    now_ms: u64,
    /// Of systemd's export format, where the time stands in a line of its own.
    exported_ms: Option<u64>,
}

/// A line without what carried it.
#[derive(Debug, PartialEq, Eq)]
pub struct Stripped<'a> {
    pub line: Cow<'a, str>,
    /// When a carrier took it.
    pub time_ms: Option<u64>,
}

impl Carriers {
    /// Tells them by lines. `is_known` says whether lines are of a format that is read as it is; `now_ms` is for times
    /// without a year.
    #[must_use]
    pub fn recognised(lines: &[&str], now_ms: u64, is_known: &dyn Fn(&[&str]) -> bool) -> Self {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let (layers, _) = layers(lines, now_ms, is_known, MAX_LAYERS);
        Self {
            layers,
            now_ms,
            exported_ms: None,
        }
    }

    #[must_use]
    pub fn is_none(&self) -> bool {
        self.layers.is_empty()
    }

    /// Whether a year was missing and was put in.
    #[must_use]
    pub fn lacks_years(&self, line: &str) -> bool {
        let line = priority(line).unwrap_or(line);
        matches!(self.layers.first(), Some(Carrier::Syslog)) && syslog_time(line, self.now_ms).is_some()
    }

    /// Takes off what carried a line; a line that lacks it stays as it is.
    pub fn strip<'a>(&mut self, line: &'a str) -> Stripped<'a> {
        let mut stripped = Stripped {
            line: Cow::Borrowed(line),
            time_ms: None,
        };
        for layer in &mut self.layers {
            if matches!(layer, Carrier::Export) {
                export(&mut stripped, &mut self.exported_ms);
            } else if let Some(time_ms) = layer.take_off(&mut stripped.line, self.now_ms) {
                stripped.time_ms = stripped.time_ms.or(time_ms);
            }
        }
        stripped
    }
}

/// What lines went through, the outermost first, and whether what is inside is known.
fn layers(
    mut lines: Vec<String>,
    now_ms: u64,
    is_known: &dyn Fn(&[&str]) -> bool,
    most: usize,
) -> (Vec<Carrier>, bool) {
    let mut layers = Vec::new();
    let knows = |lines: &[String]| is_known(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    while layers.len() < most {
        let is_json = 2 * lines.iter().filter(|line| is_object(line)).count() > lines.len();
        let next = if is_json {
            let is_it = |carrier: &Carrier| {
                let further = || layers_inside(carrier, &lines, now_ms, is_known, most - 1);
                fits(carrier, &lines, now_ms) && further()
            };
            let candidates = Wrapped::candidates(&lines).into_iter();
            candidates.map(|of| Carrier::Wrapped(Box::new(of))).find(is_it)
        } else if lines.iter().any(|line| line.starts_with("MESSAGE="))
            && fits(&Carrier::Export, &lines, now_ms)
        {
            Some(Carrier::Export)
        } else if fits(&Carrier::Object, &lines, now_ms)
            && layers_inside(&Carrier::Object, &lines, now_ms, is_known, most - 1)
        {
            // Before what is known: a message in JSON may have the shape of logfmt.
            Some(Carrier::Object)
        } else if knows(&lines) {
            None
        } else if let Some(column) = column(&lines, now_ms, is_known, most) {
            Some(column)
        } else {
            let known = CARRIERS.into_iter().find(|carrier| fits(carrier, &lines, now_ms));
            let words = || {
                (1..=MAX_WORDS)
                    .map(Carrier::Words)
                    .find(|words| knows(&stripped(words, &lines, now_ms)))
            };
            known.or_else(words)
        };
        let Some(next) = next else { break };
        lines = stripped(&next, &lines, now_ms);
        layers.push(next);
    }
    let is_reached = knows(&lines);
    (layers, is_reached)
}

/// The column of a table that has lines inside.
fn column(lines: &[String], now_ms: u64, is_known: &dyn Fn(&[&str]) -> bool, most: usize) -> Option<Carrier> {
    let candidates = Column::candidates(lines).into_iter();
    candidates
        .map(|of| Carrier::Column(Box::new(of)))
        .find(|carrier| {
            fits(carrier, lines, now_ms) && layers_inside(carrier, lines, now_ms, is_known, most - 1)
        })
}

/// Whether what a carrier has inside is known, perhaps below further ones.
fn layers_inside(
    carrier: &Carrier,
    lines: &[String],
    now_ms: u64,
    is_known: &dyn Fn(&[&str]) -> bool,
    most: usize,
) -> bool {
    // Of lines that did not come through it nothing is inside.
    let carried: Vec<String> = lines
        .iter()
        .filter(|line| is_of(carrier, line, now_ms))
        .cloned()
        .collect();
    let inner: Vec<String> = stripped(carrier, &carried, now_ms);
    // Messages that are words are not what a line is about.
    let is_line = |line: &&String| line.contains([' ', '\t']) || line.starts_with('{');
    2 * inner.iter().filter(is_line).count() > inner.len() && layers(inner, now_ms, is_known, most).1
}

/// Whether more than half of the lines came through it.
fn fits(carrier: &Carrier, lines: &[String], now_ms: u64) -> bool {
    2 * lines.iter().filter(|line| is_of(carrier, line, now_ms)).count() > lines.len()
}

fn is_of(carrier: &Carrier, line: &str, now_ms: u64) -> bool {
    match carrier {
        Carrier::Export => is_export(line),
        carrier => carrier
            .clone()
            .take_off(&mut Cow::Borrowed(line), now_ms)
            .is_some(),
    }
}

/// Lines as they were before; of an export only those with a message, of a table none of its header.
fn stripped(carrier: &Carrier, lines: &[String], now_ms: u64) -> Vec<String> {
    let mut carrier = carrier.clone();
    let strip = |line: &String| {
        let mut line = Cow::Borrowed(line.as_str());
        if matches!(carrier, Carrier::Export) {
            return line.strip_prefix("MESSAGE=").map(str::to_owned);
        }
        carrier.take_off(&mut line, now_ms);
        let is_header = matches!(carrier, Carrier::Column(_)) && line.is_empty();
        (!is_header).then(|| line.into_owned())
    };
    lines.iter().filter_map(strip).collect()
}

impl Carrier {
    /// Takes it off a line; the time that it had, `None` where the line did not come through it.
    fn take_off(&mut self, line: &mut Cow<'_, str>, now_ms: u64) -> Option<Option<u64>> {
        match self {
            Self::Wrapped(of) => {
                let (inner, time_ms) = of.unwrap(line)?;
                *line = Cow::Owned(inner);
                Some(time_ms)
            }
            Self::Column(of) => {
                let (inner, time_ms) = of.unwrap(line)?;
                *line = Cow::Owned(inner);
                Some(time_ms)
            }
            Self::Pair => {
                let (inner, time_ms) = pair(line)?;
                *line = Cow::Owned(inner);
                Some(Some(time_ms))
            }
            Self::FluentBit => {
                let (inner, time_ms) = fluent_bit(line)?;
                *line = Cow::Owned(inner);
                Some(time_ms)
            }
            Self::Colours => {
                *line = Cow::Owned(without_colours(line)?);
                Some(None)
            }
            _ => {
                let (rest, time_ms) = self.rest(line, now_ms)?;
                let length = line.len() - rest.len();
                match line {
                    Cow::Borrowed(text) => *text = text.get(length..)?,
                    Cow::Owned(text) => drop(text.drain(..length)),
                }
                Some(time_ms)
            }
        }
    }

    /// What follows what it puts before a line, and the time in that.
    fn rest<'a>(&self, line: &'a str, now_ms: u64) -> Option<(&'a str, Option<u64>)> {
        let untimed = |rest: &'a str| (rest, None);
        match self {
            Self::Compose => compose(line).map(untimed),
            Self::Labels => labels(line).map(untimed),
            Self::Kubectl => {
                let (pod, rest) = line.strip_prefix("[pod/")?.split_once("] ")?;
                (!pod.contains(' ')).then_some(untimed(rest))
            }
            Self::Cri => {
                let (time_ms, rest) = timestamp(line)?;
                let rest = rest
                    .strip_prefix("stdout ")
                    .or_else(|| rest.strip_prefix("stderr "))?;
                let (tags, rest) = rest.split_once(' ')?;
                matches!(tags.split(':').next(), Some("F" | "P")).then_some((rest, Some(time_ms)))
            }
            Self::Rfc5424 => rfc5424(line),
            Self::Syslog => syslog(line, now_ms).map(|(rest, time_ms)| (rest, Some(time_ms))),
            Self::Timestamp => timestamp(line).map(|(time_ms, rest)| (rest, Some(time_ms))),
            Self::Object => object(line),
            Self::Words(words) => {
                let mut rest = line;
                for _ in 0..*words {
                    rest = rest.trim_start_matches(' ').split_once([' ', '\t'])?.1;
                }
                Some(untimed(rest.trim_start_matches(' ')))
            }
            Self::Wrapped(_)
            | Self::Column(_)
            | Self::Pair
            | Self::FluentBit
            | Self::Colours
            | Self::Export => None,
        }
    }
}

/// `name-1  | line`
fn compose(line: &str) -> Option<&str> {
    let (name, rest) = line.split_once('|')?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let trimmed = name.trim_end_matches(' ');
    let is_compose = trimmed.len() < name.len() && !trimmed.is_empty() && trimmed.bytes().all(is_name);
    is_compose.then(|| rest.strip_prefix(' ').unwrap_or(rest))
}

/// An ISO time in front, as `docker logs -t` and `kubectl logs --timestamps` put it.
fn timestamp(line: &str) -> Option<(u64, &str)> {
    let (time, rest) = line.split_once([' ', '\t'])?;
    let is_iso = time.len() >= 19 && time.as_bytes().get(10) == Some(&b'T');
    Some((any_time(time).filter(|_| is_iso)?, rest))
}

/// `Jul  5 19:00:00 host program[12]: line`, and with the times that journald can be told to write.
fn syslog(line: &str, now_ms: u64) -> Option<(&str, u64)> {
    let line = priority(line).unwrap_or(line);
    let (time_ms, rest) = syslog_time(line, now_ms)
        .or_else(|| timestamp(line))
        .or_else(|| unix_time(line))
        .or_else(|| full_time(line))?;
    let rest = rest.trim_start_matches(' ');
    let (first, after) = rest.split_once(' ')?;
    if is_tag(first) {
        return Some((after.trim_start_matches(' '), time_ms));
    }
    let (second, after) = after.trim_start_matches(' ').split_once(' ')?;
    is_tag(second).then_some((after.trim_start_matches(' '), time_ms))
}

/// `1593975600.123456`, of journald's short-unix.
fn unix_time(line: &str) -> Option<(u64, &str)> {
    let (time, rest) = line.split_once(' ')?;
    let is_precise = time.split_once('.').is_some_and(|(_, part)| part.len() == 6);
    Some((any_time(time).filter(|_| is_precise)?, rest))
}

/// `2020/07/05 19:00:00.000\tinfo\tname\t{…}`
fn object(line: &str) -> Option<(&str, Option<u64>)> {
    let (before, rest) = line.split_at_checked(line.find('{')?)?;
    let is_object = before.ends_with([' ', '\t']) && rest.trim_end().ends_with('}');
    let field = before.split('\t').next().map(str::trim_end);
    let times = [field, before.split(' ').next(), before.get(..19)];
    let time_ms = times.into_iter().flatten().find_map(any_time);
    is_object.then_some((rest, time_ms))
}

/// `Sun 2020-07-05 19:00:00 UTC`, of journald's short-full.
fn full_time(line: &str) -> Option<(u64, &str)> {
    let rest = line.get(4..)?;
    let time_ms = any_time(rest.get(..19)?)?;
    let rest = rest
        .get(19..)?
        .trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    Some((time_ms, rest.strip_prefix(' ')?.split_once(' ')?.1))
}

/// `program[12]:`
fn is_tag(word: &str) -> bool {
    word.strip_suffix(':').is_some_and(|name| {
        let is_of = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(byte, b'-' | b'_' | b'.' | b'/' | b'[' | b']' | b'@' | b'(' | b')')
        };
        name.bytes().any(|byte| byte.is_ascii_alphabetic()) && name.bytes().all(is_of)
    })
}

/// `<134>`
fn priority(line: &str) -> Option<&str> {
    let (number, rest) = line.strip_prefix('<')?.split_once('>')?;
    number.parse::<u16>().ok()?;
    Some(rest)
}

/// `<134>1 TIME HOST APP PROCID MSGID [DATA] line`
fn rfc5424(line: &str) -> Option<(&str, Option<u64>)> {
    let rest = priority(line)?.strip_prefix("1 ")?;
    let (time, rest) = rest.split_once(' ')?;
    let mut rest = rest;
    for _ in 0..4 {
        rest = rest.split_once(' ')?.1;
    }
    let rest = match rest.strip_prefix('-') {
        Some(rest) => rest,
        None => after_data(rest)?,
    };
    Some((rest.trim_start_matches([' ', '\u{feff}']), any_time(time)))
}

/// Behind `[id name="value"]…`, in which a closing bracket has a backslash.
fn after_data(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix('[') {
        let bytes = inner.as_bytes();
        let is_end =
            |at: &usize| bytes.get(*at) == Some(&b']') && bytes.get(at.wrapping_sub(1)) != Some(&b'\\');
        let end = (0..bytes.len()).find(is_end)?;
        rest = inner.get(end + 1..)?;
    }
    (rest.len() < text.len()).then_some(rest)
}

/// Whether a line is an object of JSON, and no labels in braces.
#[must_use]
pub fn is_object(line: &str) -> bool {
    let inner = line.strip_prefix('{').map(str::trim_start);
    inner.is_some_and(|inner| inner.is_empty() || inner.starts_with(['"', '}']))
}

/// `{app="nginx", pod="a"} line`
fn labels(line: &str) -> Option<&str> {
    let (labels, rest) = line.strip_prefix('{')?.split_once('}')?;
    let is_label = |label: &str| {
        label.split_once('=').is_some_and(|(name, value)| {
            !name.contains('"') && value.starts_with('"') && value.ends_with('"')
        })
    };
    let are_labels = labels.split(", ").all(|list| list.split(',').all(is_label));
    are_labels.then_some(rest.strip_prefix(' ')?)
}

/// A time and a line, perhaps with labels behind them.
fn pair(line: &str) -> Option<(String, u64)> {
    if !line.starts_with("[\"") {
        return None;
    }
    let items: Vec<serde_json::Value> = serde_json::from_str(line.trim_end_matches(',')).ok()?;
    let (time, inner) = (items.first()?.as_str()?, items.get(1)?.as_str()?);
    Some((inner.trim_end().to_owned(), any_time(time)?))
}

/// A record as Fluent Bit prints it, whose text has the usual name; quotes inside of it may have a backslash or none.
fn fluent_bit(line: &str) -> Option<(String, Option<u64>)> {
    let (place, record) = line.strip_prefix('[')?.split_once("] ")?;
    place.parse::<u32>().ok()?;
    let time = record.split_once(": [")?.1.trim_start_matches('[');
    let time_ms = time.split([',', ']']).next().and_then(any_time);
    let keys = ["\"log\"=>\"", "\"message\"=>\"", "\"MESSAGE\"=>\""];
    let rest = keys.iter().find_map(|key| record.split_once(key))?.1;
    let text = match rest.split_once("\"=>") {
        Some((before, _)) => before.rsplit_once("\", \"")?.0,
        None => rest.trim_end().strip_suffix("\"}]")?,
    };
    let text = text.strip_suffix("\\n").unwrap_or(text);
    Some((text.replace("\\\"", "\""), time_ms))
}

fn is_export(line: &str) -> bool {
    let is_of = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    line.split_once('=')
        .is_some_and(|(key, _)| !key.is_empty() && key.bytes().all(is_of))
}

/// Of an export, a line is a message, a time for it, or nothing.
fn export(stripped: &mut Stripped<'_>, exported_ms: &mut Option<u64>) {
    let text = &*stripped.line;
    if let Some(time) = text.strip_prefix("__REALTIME_TIMESTAMP=") {
        *exported_ms = any_time(time);
    }
    stripped.line = match text.strip_prefix("MESSAGE=") {
        Some(message) => Cow::Owned(message.to_owned()),
        None => Cow::Borrowed(""),
    };
    stripped.time_ms = *exported_ms;
}

/// Without `ESC [ … m`.
fn without_colours(line: &str) -> Option<String> {
    let (first, mut rest) = line.split_once("\u{1b}[")?;
    let mut plain = first.to_owned();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        rest = rest.strip_prefix(['m', 'K']).unwrap_or(rest);
        let Some((text, after)) = rest.split_once("\u{1b}[") else {
            plain.push_str(rest);
            return Some(plain);
        };
        plain.push_str(text);
        rest = after;
    }
}

#[cfg(test)]
mod tests;
