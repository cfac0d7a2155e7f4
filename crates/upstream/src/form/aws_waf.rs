//! AWS WAF, as Amazon Data Firehose sends it (base64 in `{"data": …}`) or line by line.
//!
//! docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html and
//! docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html

use std::borrow::Cow;

use blobwatch_logs::{Field, LogEntry, Names};
use serde_json::Value;

use super::encoded::base64;
use super::{LineKind, Out, has_key};
use crate::action::Effect;
use crate::line_event::{LineEvent, LineRule};

pub(super) const NAMES: &[(&str, Field)] = &[
    ("timestamp", Field::Time),
    ("terminatingRuleId", Field::Terminating),
    ("terminatingRuleType", Field::System),
    ("action", Field::Action),
    ("nonTerminatingMatchingRules", Field::Others),
    ("ruleGroupList", Field::Groups),
    ("responseCodeSent", Field::Status),
    ("clientAsn", Field::Asn),
    ("ja4Fingerprint", Field::Fingerprint),
    ("ja3Fingerprint", Field::Fingerprint),
    ("httpRequest.clientIp", Field::Address),
    ("httpRequest.country", Field::Country),
    ("httpRequest.headers", Field::Headers),
    ("httpRequest.uri", Field::Path),
    ("httpRequest.args", Field::Query),
    ("httpRequest.httpVersion", Field::Protocol),
    ("httpRequest.httpMethod", Field::Method),
    ("httpRequest.requestId", Field::Id),
    ("httpRequest.host", Field::Host),
    ("httpRequest.scheme", Field::Scheme),
];

/// Rules of one line: a web ACL has at most some dozens that can match.
const MAX_RULES: usize = 64;

pub(super) fn read(names: &mut Names, line: &str, out: &mut Out<'_>) -> Result<LineKind, &'static str> {
    if has_key(line, "webaclId") || has_key(line, "httpRequest") {
        return read_record(names, line, out);
    }
    let record: Value = serde_json::from_str(line).map_err(|_| "an object")?;
    let data = record.get("data").and_then(Value::as_str);
    let text = base64(data.ok_or("a log of AWS WAF, or a record with data")?).ok_or("data in base64")?;
    let mut seen = LineKind::Nothing;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        seen = read_record(names, line.trim(), out)?;
    }
    Ok(seen)
}

fn read_record(names: &mut Names, line: &str, out: &mut Out<'_>) -> Result<LineKind, &'static str> {
    let mut entry = LogEntry::default();
    names.read(line, &mut entry)?;
    let rules = rules(&entry);
    let headers: Value = serde_json::from_str(&entry.headers).unwrap_or_default();
    let header = |name: &str| header(&headers, name).map(Cow::Owned).unwrap_or_default();
    entry.user_agent = header("user-agent");
    entry.range = header("range");
    if entry.host.is_empty() {
        entry.host = header("host");
    }
    entry.status = entry.status.or(Some(status(&entry.action)));
    out(LineEvent {
        entry,
        rules,
        is_request: false,
    });
    Ok(LineKind::Requests)
}

/// What the client was answered where the log does not say: WAF's own answers, and for a request that went on the usual
/// one, since the log ends before the answer.
fn status(action: &str) -> u16 {
    match action {
        "BLOCK" => 403,
        "CAPTCHA" => 405,
        "CHALLENGE" => 202,
        _ => 200,
    }
}

/// The rule that ended it unless it let it through, rules that went on, and those inside of rule groups.
fn rules<'a>(entry: &LogEntry<'a>) -> Vec<LineRule<'a>> {
    let groups: Value = serde_json::from_str(&entry.groups).unwrap_or_default();
    let others: Value = serde_json::from_str(&entry.others).unwrap_or_default();
    let groups: Vec<&Value> = groups.as_array().into_iter().flatten().take(MAX_RULES).collect();
    let mut rules: Vec<LineRule<'a>> = Vec::new();
    if !entry.terminating.is_empty() && Effect::of(&entry.action) != Effect::Passed {
        let inner = groups
            .iter()
            .find_map(|group| text(group.get("terminatingRule")?, "ruleId"));
        let rule = match inner {
            Some(inner) => Cow::Owned(format!("{}/{inner}", entry.terminating)),
            None => entry.terminating.clone(),
        };
        rules.push(LineRule {
            system: entry.system.clone(),
            ..LineRule::new(rule, entry.action.clone())
        });
    }
    rules.extend(counted(&others, "").take(MAX_RULES));
    for group in groups {
        let name = text(group, "ruleGroupId").unwrap_or_default();
        let name = name.rsplit(['#', '/']).next().unwrap_or_default().to_owned();
        for list in ["nonTerminatingMatchingRules", "excludedRules"] {
            let Some(list) = group.get(list) else { continue };
            rules.extend(counted(list, &name).take(MAX_RULES));
        }
    }
    rules.truncate(MAX_RULES);
    rules
}

/// Of a list of rules that did not end the request.
fn counted<'v, 'a: 'v>(list: &'v Value, group: &'v str) -> impl Iterator<Item = LineRule<'a>> + 'v {
    list.as_array().into_iter().flatten().filter_map(move |rule| {
        let id = text(rule, "ruleId")?;
        let action = text(rule, "action")
            .or_else(|| text(rule, "exclusionType"))
            .unwrap_or_default();
        // A challenge that goes on was answered.
        let action = if Effect::of(&action) == Effect::Blocked {
            "solved".to_owned()
        } else {
            action
        };
        let name = if group.is_empty() {
            id
        } else {
            format!("{group}/{id}")
        };
        Some(LineRule::new(name, action))
    })
}

/// Of WAF's list of names and values; names in any case.
fn header(headers: &Value, name: &str) -> Option<String> {
    let is_named = |header: &&Value| text(header, "name").is_some_and(|own| own.eq_ignore_ascii_case(name));
    text(headers.as_array()?.iter().find(is_named)?, "value")
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}
