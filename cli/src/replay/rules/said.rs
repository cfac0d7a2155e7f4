//! What a log says at all: a rule that reads anything else cannot be judged by it.
//!
//! Of one line nobody can tell whether a client sent no User-Agent or the log has none. If some line has one, the log does.

use std::collections::BTreeSet;

use blobwatch_logs::LogEntry;
use blobwatch_rules::{Fact, Field, Value, Values};

/// Headers whose values lines may have.
const HEADERS: [&str; 3] = ["user-agent", "range", "x-forwarded-for"];

/// Facts that some line had.
#[derive(Debug, Default)]
pub(super) struct Said {
    fields: BTreeSet<Field>,
    headers: BTreeSet<&'static str>,
}

impl Said {
    pub(super) fn has(&self, fact: Fact<'_>) -> bool {
        match fact {
            Fact::Field(field) => self.fields.contains(&field),
            Fact::Header(name) => self.headers.contains(name),
        }
    }

    /// Takes in a line; of the `fields` that rules read. Whether it said something for the first time.
    pub(super) fn see(&mut self, entry: &LogEntry<'_>, values: &Values<'_>, fields: &[Field]) -> bool {
        let mut is_new = false;
        for field in fields {
            if !self.fields.contains(field) && says(entry, values, *field) {
                is_new |= self.fields.insert(*field);
            }
        }
        let texts = [&entry.user_agent, &entry.range, &entry.forwarded];
        for (name, text) in HEADERS.into_iter().zip(texts) {
            if !text.is_empty() {
                is_new |= self.headers.insert(name);
            }
        }
        is_new
    }
}

/// Whether a line says something of a field. What a request line or a URL lacks, the request lacked.
fn says(entry: &LogEntry<'_>, values: &Values<'_>, field: Field) -> bool {
    let has_agent = !entry.user_agent.is_empty();
    let is_url = entry.path.contains("://");
    match field {
        Field::UserAgent | Field::ClientArch | Field::ClientKernel => has_agent,
        Field::ClientFamily => has_agent || !entry.family.is_empty(),
        Field::ClientVersion => has_agent || !entry.version.is_empty(),
        Field::ClientOs => has_agent || !entry.os.is_empty(),
        Field::RangePresent | Field::RangeKind | Field::RangeStart | Field::RangeEnd | Field::RangeCount => {
            !entry.range.is_empty() || !entry.kind.is_empty()
        }
        Field::XForwardedFor => !entry.forwarded.is_empty(),
        Field::Method => !entry.method.is_empty(),
        Field::Host | Field::FullUri => is_url || !entry.host.is_empty(),
        Field::Ssl => is_url || !entry.scheme.is_empty(),
        Field::Uri | Field::OddPath => !entry.path.is_empty(),
        Field::Query => {
            is_url || entry.path.contains('?') || !entry.query.is_empty() || !entry.protocol.is_empty()
        }
        // The keys of this process are nobody else's.
        Field::ClientKey | Field::ClientNetwork => entry.client.is_some(),
        Field::Route => true,
        Field::Referer | Field::Cookie | Field::Headers => false,
        field => !matches!(values.get(field), Value::Missing | Value::Bytes(b"")),
    }
}
