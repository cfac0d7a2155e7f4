//! Windows: what was mitigated without a request that anybody could tell of, from when until when.
//!
//! In scope: Cloudflare's notifications of attacks at layer 3, 4 and 7. Not in scope: where windows are kept (`crates/detector`).
//!
//! developers.cloudflare.com/notifications/reference/webhook-payload-schema/

use blobwatch_logs::any_time;
use blobwatch_wire::clip;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a source says that it mitigated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamWindow {
    pub source: String,
    /// The source's own, the same for beginning and end.
    pub id: String,
    pub from_ms: u64,
    /// `None` while it is open.
    pub until_ms: Option<u64>,
    /// A host, or an address with its port; empty where it is not said.
    pub target: String,
    /// Names of the routes that it may be of; `None`: every one, as in windows that older builds kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routes: Option<Vec<String>>,
    /// `<source>:<rule>`; empty where no rule is said.
    pub rule: String,
    /// `l4ddos` or `l7ddos`; windows that older builds kept have none.
    #[serde(default)]
    pub system: String,
    /// What was mitigated, and how.
    pub words: String,
    /// As the source writes it, as `12345 packets/s`.
    pub rate: String,
}

/// One of the two messages about a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    window: UpstreamWindow,
    rule: String,
    /// Whether the target is a zone with all hosts in it.
    is_zone: bool,
}

impl Notice {
    /// The window as that source tells of it, with the routes at a target.
    pub(crate) fn of_source(
        self,
        source: &str,
        routes_at: impl FnOnce(&str, bool) -> Option<Vec<String>>,
    ) -> UpstreamWindow {
        let rule = match self.rule.as_str() {
            "" => String::new(),
            rule => clip(&format!("{source}:{rule}")).to_owned(),
        };
        UpstreamWindow {
            source: source.to_owned(),
            rule,
            routes: routes_at(&self.window.target, self.is_zone),
            ..self.window
        }
    }
}

/// Reads a notification; none where it is of something else than an attack.
///
/// # Errors
/// What was expected.
pub(crate) fn notice(text: &str) -> Result<Option<Notice>, &'static str> {
    let value: Value = serde_json::from_str(text).map_err(|_| "an object")?;
    let top = |key: &str| text_at(&value, &[key]);
    let kind = top("alert_type");
    // `dos_attack_l4`, `advanced_ddos_attack_l7_alert`, …
    if !kind.contains("dos_attack") {
        return Ok(None);
    }
    let data = value.get("data").cloned().unwrap_or_default();
    let time = |value: &Value, keys: &[&str]| any_time(&text_at(value, keys));
    let told_ms = time(&value, &["ts"]);
    let is_end = top("alert_event").ends_with("_END");
    let from_ms = time(&data, &["start_time", "attack_start_time"])
        .or(told_ms)
        .ok_or("a ts, or a start_time in data")?;
    let id = [
        top("alert_correlation_id"),
        text_at(&data, &["attack_id"]),
        top("policy_id"),
    ];
    let id = id
        .into_iter()
        .find(|id| !id.is_empty())
        .ok_or("an alert_correlation_id or an attack_id")?;
    let window = UpstreamWindow {
        source: String::new(),
        id: clip(&id).to_owned(),
        from_ms,
        until_ms: is_end.then(|| {
            time(&data, &["end_time"])
                .or(told_ms)
                .unwrap_or(from_ms)
                .max(from_ms)
        }),
        target: clip(&target(&data)).to_owned(),
        routes: None,
        rule: String::new(),
        system: system(&kind).to_owned(),
        words: clip(&words(&data, &value)).to_owned(),
        rate: clip(&rate(&data)).to_owned(),
    };
    let rule = text_at(&data, &["rule_id"]);
    let is_zone =
        text_at(&data, &["target_hostname"]).is_empty() && !text_at(&data, &["target_zone_name"]).is_empty();
    Ok(Some(Notice {
        window,
        rule,
        is_zone,
    }))
}

/// The first of those members that says something; numbers as they are written.
fn text_at(value: &Value, keys: &[&str]) -> String {
    let text = |key: &&str| match value.get(*key)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    keys.iter().find_map(text).unwrap_or_default()
}

/// What mitigates attacks of that layer, as events of the same rule call it.
fn system(kind: &str) -> &'static str {
    if kind.contains("l7") { "l7ddos" } else { "l4ddos" }
}

fn target(data: &Value) -> String {
    let name = text_at(
        data,
        &["target_hostname", "target_zone_name", "target_ip", "target_id"],
    );
    match text_at(data, &["target_port"]).as_str() {
        "" | "0" => name,
        port if data.get("target_hostname").is_none() => format!("{name}:{port}"),
        _ => name,
    }
}

/// What the rule is for, the kind of attack and what was done; what somebody is to read where none of it is there.
fn words(data: &Value, notice: &Value) -> String {
    let parts = [
        text_at(data, &["rule_description", "rule_name"]),
        text_at(data, &["attack_vector", "attack_type"]),
        text_at(data, &["protocol"]),
        text_at(data, &["mitigation", "action"]),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        text_at(notice, &["text", "name"])
    } else {
        parts.join(", ")
    }
}

fn rate(data: &Value) -> String {
    let units = [
        ("packets_per_second", "packets/s"),
        ("megabits_per_second", "Mbit/s"),
        ("requests_per_second", "requests/s"),
        ("max_rate", ""),
    ];
    let said = units.iter().find_map(|(key, unit)| {
        let number = text_at(data, &[key]);
        (!number.is_empty()).then(|| format!("{number} {unit}").trim().to_owned())
    });
    said.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::notice;

    const L4: &str = r#"{"name":"ddos","text":"Attack","data":{"account_tag":"a","action":"","attack_id":"7f","attack_vector":"SYN Flood",
        "max_rate":"12 Mpps","megabits_per_second":"4.5","mitigation":"mitigated","packets_per_second":"12000","protocol":"TCP",
        "rule_description":"SYN floods","rule_id":"3b","start_time":"2020-07-05T19:00:00Z","target_ip":"192.0.2.1","target_port":443},
        "ts":1593975700,"account_id":"a","policy_id":"p","alert_type":"advanced_ddos_attack_l4_alert",
        "alert_correlation_id":"c1","alert_event":"ALERT_STATE_EVENT_START"}"#;

    fn every(_: &str, _: bool) -> Option<Vec<String>> {
        None
    }

    #[test]
    fn routes_are_asked_for_by_the_target() {
        let of = |told: &str| {
            let told = format!(
                r#"{{"alert_type":"dos_attack_l7","alert_correlation_id":"c","ts":1593975700,"data":{{{told}}}}}"#
            );
            let asked = |target: &str, is_zone: bool| Some(vec![format!("{target} {is_zone}")]);
            let window = notice(&told).unwrap().unwrap().of_source("cloudflare", asked);
            window.routes.unwrap().remove(0)
        };
        assert_eq!(
            of(r#""target_hostname":"hub.example","target_zone_name":"example.com""#),
            "hub.example false"
        );
        assert_eq!(of(r#""target_zone_name":"example.com""#), "example.com true");
        assert_eq!(
            of(r#""target_ip":"192.0.2.1","target_port":443"#),
            "192.0.2.1:443 false"
        );
        assert_eq!(of(r#""target_id":"023e""#), "023e false");
    }

    #[test]
    fn beginning_and_end_are_one_window() {
        let begun = notice(L4).unwrap().unwrap().of_source("cloudflare", every);
        assert_eq!(
            (begun.id.as_str(), begun.from_ms, begun.until_ms),
            ("c1", 1_593_975_600_000, None)
        );
        assert_eq!(
            (begun.target.as_str(), begun.rate.as_str()),
            ("192.0.2.1:443", "12000 packets/s")
        );
        assert_eq!(
            (begun.rule.as_str(), begun.words.as_str(), begun.system.as_str()),
            ("cloudflare:3b", "SYN floods, SYN Flood, TCP, mitigated", "l4ddos")
        );
        let ended = notice(&L4.replace("_START", "_END"))
            .unwrap()
            .unwrap()
            .of_source("cloudflare", every);
        assert_eq!(
            (ended.id.as_str(), ended.until_ms),
            ("c1", Some(1_593_975_700_000))
        );
    }

    #[test]
    fn a_window_may_say_little() {
        let told = r#"{"text":"HTTP DDoS","data":{"attack_id":"9","requests_per_second":70,"target_hostname":"hub.example"},"ts":1593975700,
            "alert_type":"advanced_ddos_attack_l7_alert"}"#;
        let window = notice(told).unwrap().unwrap().of_source("cloudflare", every);
        assert_eq!((window.id.as_str(), window.target.as_str()), ("9", "hub.example"));
        assert_eq!(
            (window.rule.as_str(), window.words.as_str(), window.rate.as_str()),
            ("", "HTTP DDoS", "70 requests/s")
        );
        assert_eq!(window.system, "l7ddos");
    }

    #[test]
    fn notices_of_other_things_are_no_windows_and_what_cannot_be_placed_is_refused() {
        assert_eq!(
            notice(r#"{"alert_type":"http_alert_origin_error","ts":1}"#),
            Ok(None)
        );
        let nowhere = r#"{"alert_type":"advanced_ddos_attack_l4_alert","ts":1593975700}"#;
        assert_eq!(notice(nowhere), Err("an alert_correlation_id or an attack_id"));
        let never = r#"{"alert_type":"advanced_ddos_attack_l4_alert","alert_correlation_id":"c"}"#;
        assert_eq!(notice(never), Err("a ts, or a start_time in data"));
    }
}
