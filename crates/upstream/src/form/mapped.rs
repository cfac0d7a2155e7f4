//! Any JSON, by a mapping of the settings.

use blobwatch_logs::{Field, LogEntry, Names, texts};
use blobwatch_rulebook::IngestMapping;

use super::{LineKind, Out};
use crate::line_event::{LineEvent, LineRule};

#[derive(Debug)]
pub(super) struct Mapped {
    names: Names,
    /// Without one, lines tell of requests and not of rules.
    has_rule: bool,
}

impl Mapped {
    pub(super) fn new(mapping: &IngestMapping) -> Self {
        let named = mapping.pointers().filter_map(|(name, pointer)| {
            let field = field(name)?;
            Some((name_of(pointer), field))
        });
        Self {
            names: Names::new(named),
            has_rule: mapping.rule.is_some(),
        }
    }

    pub(super) fn read(&mut self, line: &str, out: &mut Out<'_>) -> Result<LineKind, &'static str> {
        let mut entry = LogEntry::default();
        self.names.read(line, &mut entry)?;
        let actions = texts(&entry.action, "action");
        let nth = |at: usize| actions.get(at).or(actions.first()).cloned().unwrap_or_default();
        let told = |(at, rule): (usize, String)| LineRule {
            description: entry.description.clone(),
            ..LineRule::new(rule, nth(at))
        };
        let rules = texts(&entry.rules, "rule")
            .into_iter()
            .enumerate()
            .map(told)
            .collect();
        // What only watched may have been answered in any way: where the mapping has no status, in the usual one.
        if self.has_rule && entry.status.is_none() {
            let is_acted = actions
                .iter()
                .any(|word| crate::action::Effect::of(word) == crate::action::Effect::Blocked);
            entry.status = Some(if is_acted { 403 } else { 200 });
        }
        out(LineEvent {
            entry,
            rules,
            is_request: !self.has_rule,
        });
        Ok(LineKind::Requests)
    }
}

/// `/http/request/id` as the walk over an object names it: `http.request.id`.
fn name_of(pointer: &str) -> String {
    let part = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let parts: Vec<String> = pointer.split('/').skip(1).map(part).collect();
    parts.join(".")
}

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "time" => Field::Time,
        "rule" => Field::Rules,
        "action" => Field::Action,
        "description" => Field::Description,
        "ray" => Field::Id,
        "address" => Field::Address,
        "host" => Field::Host,
        "path" => Field::Path,
        "method" => Field::Method,
        "status" => Field::Status,
        "user_agent" => Field::UserAgent,
        "asn" => Field::Asn,
        "country" => Field::Country,
        "colo" => Field::Colo,
        "bytes" => Field::Bytes,
        "range" => Field::Range,
        "content_range" => Field::ContentRange,
        _ => return None,
    })
}
