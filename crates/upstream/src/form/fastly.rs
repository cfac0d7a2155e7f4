//! Fastly Next-Gen WAF: requests as its API lists them, in the names of either generation.
//!
//! fastly.com/documentation/reference/api/security/requests

use std::borrow::Cow;

use blobwatch_logs::{Field, LogEntry, Names};
use serde_json::Value;

use super::{LineKind, Out};
use crate::line_event::{LineEvent, LineRule};

pub(super) const NAMES: &[(&str, Field)] = &[
    ("timestamp", Field::Time),
    ("id", Field::Id),
    ("method", Field::Method),
    ("path", Field::Path),
    ("uri", Field::Path),
    ("scheme", Field::Scheme),
    ("protocol", Field::Protocol),
    ("responseCode", Field::Status),
    ("response_code", Field::Status),
    ("agentResponseCode", Field::Action),
    ("agent_response_code", Field::Action),
    ("remoteIP", Field::Address),
    ("remote_ip", Field::Address),
    ("remoteCountryCode", Field::Country),
    ("country", Field::Country),
    ("serverName", Field::Host),
    ("server_name", Field::Host),
    ("userAgent", Field::UserAgent),
    ("user_agent", Field::UserAgent),
    ("headersIn", Field::Headers),
    ("request_headers", Field::Headers),
    ("tags", Field::Rules),
    ("signals", Field::Rules),
];

/// Signals of one request.
const MAX_SIGNALS: usize = 64;

pub(super) fn read(names: &mut Names, line: &str, out: &mut Out<'_>) -> Result<LineKind, &'static str> {
    let mut entry = LogEntry::default();
    names.read(line, &mut entry)?;
    let code: u16 = entry.action.parse().map_err(|_| "an agentResponseCode")?;
    // What the agent let through has 200; what it refuses has 406, or the code that a rule of the site says.
    let is_refused = code >= 300;
    if is_refused && entry.status.is_none_or(|status| status == 0) {
        entry.status = Some(code);
    }
    let action = if is_refused { "block" } else { "log" };
    let rules = signals(&entry.rules).into_iter().map(|signal| LineRule {
        description: entry.action.clone(),
        ..LineRule::new(signal, action)
    });
    let rules = rules.collect();
    if entry.user_agent.is_empty() {
        entry.user_agent = header(&entry.headers, "user-agent")
            .map(Cow::Owned)
            .unwrap_or_default();
    }
    entry.range = header(&entry.headers, "range")
        .map(Cow::Owned)
        .unwrap_or_default();
    out(LineEvent {
        entry,
        rules,
        is_request: false,
    });
    Ok(LineKind::Requests)
}

/// Names, or objects that have the name as `type`, `id` or `name`.
fn signals(list: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(list).unwrap_or_default();
    let name = |signal: &Value| {
        let named = ["type", "id", "name"]
            .iter()
            .find_map(|key| signal.get(key)?.as_str());
        signal.as_str().or(named).map(str::to_owned)
    };
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(name)
        .take(MAX_SIGNALS)
        .collect()
}

/// Of a list of pairs, or of objects with a name and a value.
fn header(headers: &str, name: &str) -> Option<String> {
    let headers: Value = serde_json::from_str(headers).ok()?;
    headers.as_array()?.iter().find_map(|header| {
        let part = |place: usize, key: &str| header.get(place).or_else(|| header.get(key))?.as_str();
        part(0, "name")?
            .eq_ignore_ascii_case(name)
            .then(|| part(1, "value").map(str::to_owned))?
    })
}
