//! One line of Cloudflare's `network_analytics_logs`: a packet that was sampled.
//!
//! developers.cloudflare.com/logs/logpush/logpush-job/datasets/account/network_analytics_logs/

use blobwatch_logs::any_time;
use blobwatch_wire::visible;
use serde::Deserialize;
use serde_json::Value;

use crate::packets::{Packet, PacketOutcome};

/// Keys that no other data set has.
pub(super) const KEYS: [&str; 4] = [
    "SampleInterval",
    "MitigationSystem",
    "IPProtocolName",
    "IPTotalLength",
];

/// Letters of a value, and of what a source says of a rule.
const MAX_VALUE: usize = 64;
const MAX_WORDS: usize = 200;

/// A packet of up to this length is a handshake, whose length is a matter of its options.
const SHORT: u64 = 128;

/// What is read; older jobs have some names in another case. The sender's address is not among it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Line {
    datetime: Value,
    direction: Value,
    outcome: Value,
    verdict: Value,
    sample_interval: Value,
    mitigation_system: Value,
    #[serde(rename = "RuleID")]
    rule_id: Value,
    rule_name: Value,
    attack_vector: Value,
    #[serde(rename = "IPDestinationAddress")]
    destination: Value,
    destination_port: Value,
    colo_code: Value,
    source_country: Value,
    #[serde(rename = "SourceASN")]
    source_asn: Value,
    source_port: Value,
    #[serde(rename = "IPProtocolName")]
    protocol: Value,
    #[serde(rename = "TCPFlagsString")]
    flags: Value,
    #[serde(rename = "IPTTL", alias = "IPTtl")]
    ttl: Value,
    #[serde(rename = "IPTotalLength")]
    length: Value,
    #[serde(rename = "TCPWindowSize")]
    window: Value,
    #[serde(rename = "TCPWindowScale")]
    window_scale: Value,
    #[serde(rename = "TCPMSS", alias = "TCPMss")]
    mss: Value,
    #[serde(rename = "TCPOptions")]
    options: Value,
}

/// Reads a line; none where the packet was sent by the protected network itself.
///
/// # Errors
/// What was expected.
pub(super) fn packet(line: &str) -> Result<Option<Packet>, &'static str> {
    let line: Line = serde_json::from_str(line).map_err(|_| "an object with each field once")?;
    if text(&line.direction) == "egress" {
        return Ok(None);
    }
    let time_ms = any_time(&text(&line.datetime)).ok_or("a Datetime")?;
    let outcome = outcome(&line)?;
    Ok(Some(Packet {
        time_ms,
        outcome,
        rule: rule(&line),
        system: text(&line.mitigation_system),
        words: words(&line),
        weight: number(&line.sample_interval).unwrap_or(1).max(1),
        values: values(&line),
    }))
}

fn outcome(line: &Line) -> Result<PacketOutcome, &'static str> {
    match (&*text(&line.outcome), &*text(&line.verdict)) {
        ("drop", _) | ("", "drop") => Ok(PacketOutcome::Dropped),
        ("pass", "drop") => Ok(PacketOutcome::Logged),
        ("pass", _) | ("", "pass") => Ok(PacketOutcome::Passed),
        _ => Err("an Outcome, pass or drop"),
    }
}

/// Systems without rules are what acted.
fn rule(line: &Line) -> String {
    let names = [&line.rule_id, &line.mitigation_system].map(text);
    names
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "packets".to_owned())
}

fn words(line: &Line) -> String {
    let names = [&line.rule_name, &line.attack_vector].map(|value| bounded(value, MAX_WORDS));
    names
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_default()
}

/// In the order of `PACKET_ATTRIBUTES`.
fn values(line: &Line) -> Vec<String> {
    let destination = match (text(&line.destination), text(&line.destination_port)) {
        (address, port) if port.is_empty() || port == "0" => address,
        (address, port) if address.contains(':') => format!("[{address}]:{port}"),
        (address, port) => format!("{address}:{port}"),
    };
    let asn = number(&line.source_asn)
        .filter(|asn| *asn > 0)
        .map(|asn| asn.to_string());
    vec![
        destination,
        text(&line.colo_code).to_ascii_uppercase(),
        text(&line.source_country).to_ascii_uppercase(),
        asn.unwrap_or_default(),
        text(&line.protocol).to_ascii_uppercase(),
        text(&line.flags),
        text(&line.ttl),
        text(&line.window),
        text(&line.window_scale),
        text(&line.mss),
        options(&line.options),
        number(&line.length).map(length).unwrap_or_default(),
        number(&line.source_port).map(source_port).unwrap_or_default(),
    ]
}

/// Handshakes one by one; of the others the hundreds.
fn length(bytes: u64) -> String {
    if bytes <= SHORT {
        bytes.to_string()
    } else {
        format!("{}-{}", bytes / 100 * 100, bytes / 100 * 100 + 99)
    }
}

/// Ports of services one by one; of those that systems hand out their usual ranges.
fn source_port(port: u64) -> String {
    match port {
        0..1_024 => port.to_string(),
        1_024..32_768 => "1024-32767".to_owned(),
        32_768..61_000 => "32768-60999".to_owned(),
        _ => "61000-65535".to_owned(),
    }
}

/// A list of numbers, written as one in JSON or as text.
fn options(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(text).collect();
            bounded(&Value::String(list.join(",")), MAX_VALUE)
        }
        value => text(value).trim_matches(['[', ']']).replace(' ', ""),
    }
}

fn number(value: &Value) -> Option<u64> {
    text(value).parse().ok()
}

fn text(value: &Value) -> String {
    bounded(value, MAX_VALUE)
}

fn bounded(value: &Value, most: usize) -> String {
    match value {
        Value::String(text) => visible(text).chars().take(most).collect(),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => u8::from(*yes).to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{PacketOutcome, packet};
    use crate::packets::PACKET_ATTRIBUTES;

    const DROPPED: &str = r#"{"AttackVector":"SYN Flood","ColoCode":"fra","Datetime":"2020-07-05T19:00:00Z","DestinationPort":443,
        "Direction":"ingress","IPDestinationAddress":"192.0.2.1","IPProtocolName":"TCP","IPSourceAddress":"198.51.100.7","IPTTL":255,
        "IPTotalLength":60,"MitigationSystem":"dosd","Outcome":"drop","RuleID":"3b","RuleName":"a botnet","SampleInterval":1000,
        "SourceASN":16509,"SourceCountry":"us","SourcePort":41234,"TCPFlagsString":"SYN","TCPMSS":1460,"TCPOptions":"[2, 4, 8, 1, 3]",
        "TCPWindowScale":7,"TCPWindowSize":26883,"Verdict":"drop"}"#;

    fn value(line: &str, attribute: &str) -> String {
        let place = PACKET_ATTRIBUTES
            .iter()
            .position(|name| *name == attribute)
            .unwrap();
        packet(line).unwrap().unwrap().values[place].clone()
    }

    #[test]
    fn a_packet_is_what_its_line_says_without_its_sender() {
        let read = packet(DROPPED).unwrap().unwrap();
        assert_eq!(
            (read.time_ms, read.outcome, read.weight),
            (1_593_975_600_000, PacketOutcome::Dropped, 1_000)
        );
        assert_eq!(
            (&*read.rule, &*read.system, &*read.words),
            ("3b", "dosd", "a botnet")
        );
        let expected = [
            "192.0.2.1:443",
            "FRA",
            "US",
            "16509",
            "TCP",
            "SYN",
            "255",
            "26883",
            "7",
            "1460",
            "2,4,8,1,3",
            "60",
            "32768-60999",
        ];
        assert_eq!(read.values, expected);
        assert!(!format!("{read:?}").contains("198.51.100.7"));
    }

    #[track_caller]
    fn outcome(from: &str, to: &str, expected: Result<Option<PacketOutcome>, &'static str>) {
        let line = DROPPED.replace(from, to);
        assert_eq!(packet(&line).map(|read| read.map(|read| read.outcome)), expected);
    }

    #[test]
    fn what_was_done_is_told_from_what_would_have_been() {
        outcome("x", "x", Ok(Some(PacketOutcome::Dropped)));
        outcome(
            r#""Outcome":"drop""#,
            r#""Outcome":"pass""#,
            Ok(Some(PacketOutcome::Logged)),
        );
        outcome(r#""Outcome":"drop","#, "", Ok(Some(PacketOutcome::Dropped)));
        outcome(r#""drop""#, r#""pass""#, Ok(Some(PacketOutcome::Passed)));
        outcome("ingress", "egress", Ok(None));
        outcome(r#""drop""#, r#""shrug""#, Err("an Outcome, pass or drop"));
        outcome("2020-07-05T19:00:00Z", "soon", Err("a Datetime"));
    }

    #[test]
    fn values_come_in_every_form() {
        let case = |from: &str, to: &str, attribute: &str, expected: &str| {
            assert_eq!(value(&DROPPED.replace(from, to), attribute), expected, "{to}");
        };
        case(r#""IPTTL":255"#, r#""IPTtl":"255""#, "ttl", "255");
        case(r#""[2, 4, 8, 1, 3]""#, "[2,4]", "options", "2,4");
        case(r#""[2, 4, 8, 1, 3]""#, "null", "options", "");
        case(
            r#""IPTotalLength":60"#,
            r#""IPTotalLength":1432"#,
            "length",
            "1400-1499",
        );
        case(r#""SourcePort":41234"#, r#""SourcePort":53"#, "source_port", "53");
        case(
            r#""192.0.2.1""#,
            r#""2001:db8::1""#,
            "destination",
            "[2001:db8::1]:443",
        );
        case(r#""SourceASN":16509"#, r#""SourceASN":0"#, "asn", "");
    }
}
