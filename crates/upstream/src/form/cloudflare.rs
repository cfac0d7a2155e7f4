//! Cloudflare: the data sets `firewall_events`, `http_requests` and `network_analytics_logs` of Logpush, and notifications.
//!
//! developers.cloudflare.com/logs/logpush/logpush-job/datasets/zone/firewall_events/ and …/http_requests/, and
//! developers.cloudflare.com/notifications/reference/webhook-payload-schema/

use std::borrow::Cow;

use blobwatch_logs::{Field, LOGPUSH, LogEntry, Names, texts};

use super::{LineKind, Out, has_key, names, packet};
use crate::line_event::{LineEvent, LineRule};
use crate::window::notice;

const FIREWALL: &[(&str, Field)] = &[
    ("Datetime", Field::Time),
    ("RayID", Field::Id),
    ("RuleID", Field::Rules),
    ("Ref", Field::Others),
    ("Action", Field::Action),
    ("Source", Field::System),
    ("Description", Field::Description),
    ("ClientIP", Field::Address),
    ("ClientASN", Field::Asn),
    ("ClientCountry", Field::Country),
    ("EdgeColoCode", Field::Colo),
    ("ClientRequestHost", Field::Host),
    ("ClientRequestMethod", Field::Method),
    ("ClientRequestPath", Field::Path),
    ("ClientRequestQuery", Field::Query),
    ("ClientRequestScheme", Field::Scheme),
    ("ClientRequestProtocol", Field::Protocol),
    ("ClientRequestUserAgent", Field::UserAgent),
    ("EdgeResponseStatus", Field::Status),
];

#[derive(Debug)]
pub(super) struct Cloudflare {
    firewall: Names,
    requests: Names,
}

impl Default for Cloudflare {
    fn default() -> Self {
        Self {
            firewall: names(FIREWALL),
            requests: names(LOGPUSH),
        }
    }
}

impl Cloudflare {
    pub(super) fn read(&mut self, line: &str, out: &mut Out<'_>) -> Result<LineKind, &'static str> {
        let has = |keys: &[&str]| keys.iter().any(|key| has_key(line, key));
        if has(&["EdgeStartTimestamp", "ClientRequestURI"]) {
            return self.request(line, out);
        }
        if has(&packet::KEYS) {
            return Ok(
                packet::packet(line)?.map_or(LineKind::Nothing, |packet| LineKind::Packet(Box::new(packet)))
            );
        }
        if has(&["Datetime", "MatchIndex", "RuleID", "Action"]) {
            return self.firewall_event(line, out);
        }
        if has(&["alert_type", "alert_event", "policy_id"]) {
            return Ok(notice(line)?.map_or(LineKind::Nothing, |notice| LineKind::Window(Box::new(notice))));
        }
        // A line that is no object says what it lacks; any other is of no data set that is known.
        self.requests.read(line, &mut LogEntry::default())?;
        Err(
            "an event with Datetime (firewall_events), EdgeStartTimestamp (http_requests) or SampleInterval \
             (network_analytics_logs), or a notification",
        )
    }

    fn firewall_event(&mut self, line: &str, out: &mut Out<'_>) -> Result<LineKind, &'static str> {
        let mut entry = LogEntry::default();
        self.firewall.read(line, &mut entry)?;
        // Some systems have no rules; then the system is what acted.
        let name = [&entry.rules, &entry.others, &entry.system]
            .into_iter()
            .find(|name| !name.is_empty());
        let rule = LineRule {
            rule: name.ok_or("a RuleID, a Ref or a Source")?.clone(),
            action: entry.action.clone(),
            system: entry.system.clone(),
            description: entry.description.clone(),
        };
        out(LineEvent {
            entry,
            rules: vec![rule],
            is_request: false,
        });
        Ok(LineKind::Requests)
    }

    fn request(&mut self, line: &str, out: &mut Out<'_>) -> Result<LineKind, &'static str> {
        let mut entry = LogEntry::default();
        self.requests.read(line, &mut entry)?;
        let rules = security_rules(&entry);
        out(LineEvent {
            entry,
            rules,
            is_request: true,
        });
        Ok(LineKind::Requests)
    }
}

/// `SecurityRuleIDs`, `SecurityActions` and `SecuritySources` are of one length; where a job has them not, the rule that
/// ended the request stands by itself.
fn security_rules<'a>(entry: &LogEntry<'a>) -> Vec<LineRule<'a>> {
    let [ids, actions, systems] =
        [&entry.rules, &entry.action, &entry.system].map(|list| texts(list, "rule"));
    if ids.is_empty() {
        let ended = LineRule {
            description: entry.description.clone(),
            ..LineRule::new(entry.terminating.clone(), entry.verdict.clone())
        };
        return if ended.rule.is_empty() {
            Vec::new()
        } else {
            vec![ended]
        };
    }
    let told = |(at, id): (usize, String)| {
        let nth = |list: &[String]| Cow::Owned(list.get(at).cloned().unwrap_or_default());
        let is_described = *entry.terminating == *id;
        LineRule {
            action: nth(&actions),
            system: nth(&systems),
            description: if is_described {
                entry.description.clone()
            } else {
                Cow::default()
            },
            rule: Cow::Owned(id),
        }
    };
    ids.into_iter().enumerate().map(told).collect()
}
