//! Akamai's security events, as its SIEM API and DataStream write them: lists in base64, percent-encoded.
//!
//! techdocs.akamai.com/siem-integration/reference/response-format

use std::borrow::Cow;

use blobwatch_logs::{Field, LogEntry, Names, percent_decoded};

use super::encoded::base64;
use super::{LineKind, Out, has_key};
use crate::line_event::{LineEvent, LineRule};

pub(super) const NAMES: &[(&str, Field)] = &[
    ("attackData.rules", Field::Rules),
    ("attackData.ruleActions", Field::Action),
    ("attackData.ruleMessages", Field::Description),
    ("attackData.policyId", Field::System),
    ("attackData.clientIP", Field::Address),
    ("httpMessage.requestId", Field::Id),
    ("httpMessage.start", Field::Time),
    ("httpMessage.protocol", Field::Protocol),
    ("httpMessage.method", Field::Method),
    ("httpMessage.host", Field::Host),
    ("httpMessage.path", Field::Path),
    ("httpMessage.query", Field::Query),
    ("httpMessage.status", Field::Status),
    ("httpMessage.bytes", Field::Bytes),
    ("httpMessage.requestHeaders", Field::Headers),
    ("httpMessage.tls", Field::Scheme),
    ("geo.asn", Field::Asn),
    ("geo.country", Field::Country),
];

/// Rules of one event.
const MAX_RULES: usize = 64;

pub(super) fn read(names: &mut Names, line: &str, out: &mut Out<'_>) -> Result<LineKind, &'static str> {
    // The last line of an answer says where the next one begins.
    if has_key(line, "offset") && !has_key(line, "attackData") {
        return Ok(LineKind::Nothing);
    }
    let mut entry = LogEntry::default();
    names.read(line, &mut entry)?;
    let [ids, actions, messages] = [&entry.rules, &entry.action, &entry.description].map(|list| listed(list));
    let nth = |list: &[String], at: usize| Cow::Owned(list.get(at).cloned().unwrap_or_default());
    let told = |(at, id): (usize, &String)| LineRule {
        rule: Cow::Owned(id.clone()),
        action: nth(&actions, at),
        system: entry.system.clone(),
        description: nth(&messages, at),
    };
    let rules = ids
        .iter()
        .enumerate()
        .filter(|(_, id)| !id.is_empty())
        .take(MAX_RULES)
        .map(told)
        .collect();
    let headers = percent_decoded(&entry.headers);
    let header = |name: &str| {
        header(&headers, name)
            .map(|value| Cow::Owned(value.to_owned()))
            .unwrap_or_default()
    };
    (entry.user_agent, entry.range) = (header("user-agent"), header("range"));
    // The protocol of TLS where there was one.
    entry.scheme = if entry.scheme.is_empty() { "http" } else { "https" }.into();
    out(LineEvent {
        entry,
        rules,
        is_request: false,
    });
    Ok(LineKind::Requests)
}

/// Parts in base64 between semicolons, all of it percent-encoded. What is none is taken as it is: some connectors decode.
fn listed(list: &str) -> Vec<String> {
    let is_text = |text: &String| text.chars().all(|letter| !letter.is_control());
    let part = |part: &str| base64(part).filter(is_text).unwrap_or_else(|| part.to_owned());
    match &*percent_decoded(list) {
        "" => Vec::new(),
        list => list.split(';').map(part).collect(),
    }
}

fn header<'h>(headers: &'h str, name: &str) -> Option<&'h str> {
    headers.lines().find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.trim().eq_ignore_ascii_case(name).then_some(value.trim())
    })
}
