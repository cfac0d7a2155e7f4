//! Google Cloud Armor, in the logs of Google's load balancers: as entries, or inside of a push of Pub/Sub.
//!
//! cloud.google.com/armor/docs/request-logging

use blobwatch_logs::{Field, LogEntry, Names};
use serde_json::Value;

use super::encoded::base64;
use super::{LineKind, Out, has_key};
use crate::line_event::{LineEvent, LineRule};

pub(super) const NAMES: &[(&str, Field)] = &[
    ("timestamp", Field::Time),
    ("insertId", Field::Id),
    ("httpRequest.requestMethod", Field::Method),
    ("httpRequest.requestUrl", Field::Path),
    ("httpRequest.status", Field::Status),
    ("httpRequest.userAgent", Field::UserAgent),
    ("httpRequest.remoteIp", Field::Address),
    ("httpRequest.responseSize", Field::Wire),
    ("httpRequest.protocol", Field::Protocol),
    ("jsonPayload.enforcedSecurityPolicy", Field::Groups),
    ("jsonPayload.previewSecurityPolicy", Field::Others),
    ("jsonPayload.statusDetails", Field::System),
    (
        "jsonPayload.securityPolicyRequestData.remoteIpInfo.asn",
        Field::Asn,
    ),
    (
        "jsonPayload.securityPolicyRequestData.remoteIpInfo.regionCode",
        Field::Country,
    ),
    (
        "jsonPayload.securityPolicyRequestData.tlsJa4Fingerprint",
        Field::Fingerprint,
    ),
];

/// The rule that every policy ends with: it allows what no other rule took.
const DEFAULT_PRIORITY: u64 = 2_147_483_647;

pub(super) fn read(names: &mut Names, line: &str, out: &mut Out<'_>) -> Result<LineKind, &'static str> {
    if !has_key(line, "message") || has_key(line, "httpRequest") {
        return read_entry(names, line, out);
    }
    let pushed: Value = serde_json::from_str(line).map_err(|_| "an object")?;
    let data = pushed.pointer("/message/data").and_then(Value::as_str);
    let text =
        base64(data.ok_or("a log entry, or a message of Pub/Sub with data")?).ok_or("data in base64")?;
    read_entry(names, text.trim(), out)
}

fn read_entry(names: &mut Names, line: &str, out: &mut Out<'_>) -> Result<LineKind, &'static str> {
    let mut entry = LogEntry::default();
    names.read(line, &mut entry)?;
    let rules = [(&entry.groups, false), (&entry.others, true)];
    let rules = rules
        .into_iter()
        .filter_map(|(policy, is_preview)| rule(policy, is_preview))
        .collect();
    out(LineEvent {
        entry,
        rules,
        is_request: false,
    });
    Ok(LineKind::Requests)
}

/// A policy in effect acts as its outcome says; one in preview is watching, whatever its outcome would be.
fn rule(policy: &str, is_preview: bool) -> Option<LineRule<'static>> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let name = policy.get("name")?.as_str()?;
    let priority = policy
        .get("priority")
        .and_then(Value::as_u64)
        .unwrap_or(DEFAULT_PRIORITY);
    let text = |pointer: &str| {
        policy
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let is_throttled = text("/rateLimitAction/outcome").contains("EXCEED");
    let outcome = if is_throttled {
        "RATE_LIMIT"
    } else {
        text("/outcome")
    };
    // The last rule of a policy allows what no rule took: it fires on everything.
    if priority == DEFAULT_PRIORITY && outcome == "ACCEPT" {
        return None;
    }
    let action = if is_preview { "PREVIEW" } else { outcome };
    Some(LineRule {
        system: "cloud-armor".into(),
        description: text("/configuredAction").to_owned().into(),
        ..LineRule::new(format!("{name}/{priority}"), action.to_owned())
    })
}
