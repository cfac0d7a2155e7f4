//! A whole line of a log as one text of JSON around it: Docker's, journald's, Splunk's, Loki's, Graylog's, Vector's.

use std::borrow::Cow;

use crate::clock::any_time;
use crate::entry::{Field, LogEntry};
use crate::inferred::leaves_of;
use crate::json::Names;

/// What the text is called, by those who are known for it.
const USUAL: [&str; 9] = [
    "log",
    "MESSAGE",
    "message",
    "line",
    "textPayload",
    "_raw",
    "msg",
    "event.original",
    "short_message",
];

/// Names of the time at which a line was taken.
const TIMES: [&str; 8] = [
    "time",
    "timestamp",
    "@timestamp",
    "__REALTIME_TIMESTAMP",
    "ts",
    "_time",
    "date",
    "timeUnixNano",
];

/// Other texts of a line that may be a whole line.
const MAX_CANDIDATES: usize = 8;

/// Which of the texts it is.
#[derive(Clone, Debug)]
pub(super) struct Wrapped {
    key: String,
    names: Names,
}

impl Wrapped {
    fn new(key: &str) -> Self {
        let beside = key.rsplit_once('.').map_or("", |(parent, _)| parent);
        let nested = TIMES.map(|time| format!("{beside}.{time}"));
        let times = TIMES.map(str::to_owned).into_iter();
        let times = times.chain(nested.into_iter().filter(|_| !beside.is_empty()));
        let names = times.map(|time| (time, Field::Date));
        Self {
            key: key.to_owned(),
            // As it stands there: what reads `description` and `date` here are the two texts.
            names: Names::new(names.chain([(key.to_owned(), Field::Description)])),
        }
    }

    /// The texts that may be whole lines: first the usual ones, then those that are about blobs where lines are.
    pub(super) fn candidates(lines: &[String]) -> Vec<Self> {
        let usual = USUAL.iter().map(|key| (*key).to_owned());
        let about_blobs = |text: &str| text.contains("blobs") || text.contains("sha256");
        let blob = lines.iter().find(|line| about_blobs(line));
        let leaves = blob.map(|line| leaves_of(line)).unwrap_or_default();
        let own = leaves
            .into_iter()
            .filter(|(key, text)| about_blobs(text) && text.contains(' ') && !USUAL.contains(&key.as_str()))
            .map(|(key, _)| key)
            .take(MAX_CANDIDATES);
        usual.chain(own).map(|key| Self::new(&key)).collect()
    }

    /// The line inside, and when it was taken.
    pub(super) fn unwrap(&mut self, line: &str) -> Option<(String, Option<u64>)> {
        // A look before the whole line is read.
        let last = self.key.rsplit('.').next().unwrap_or_default();
        if !line.starts_with('{') || !line.contains(last) {
            return None;
        }
        let mut entry = LogEntry::default();
        self.names.read(line, &mut entry).ok()?;
        // An object or a list comes as it is written, with quotes that a text would have to escape.
        let is_text = match &entry.description {
            Cow::Borrowed(text) => !text.is_empty() && !text.contains('"') && !text.starts_with('{'),
            Cow::Owned(_) => true,
        };
        let inner = is_text.then(|| entry.description.trim_end().to_owned())?;
        Some((inner, any_time(entry.date)))
    }
}
