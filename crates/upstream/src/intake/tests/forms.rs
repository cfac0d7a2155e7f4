//! Lines in the documented forms.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use blobwatch_pull::{Outcome, RangeKind};

use super::{DOCKER, JULY, blob, fires, firewall, read, requests, said};

pub(super) fn request(more: &str) -> String {
    format!(
        r#"{{"ClientASN":16509,"ClientCountry":"us","ClientIP":"192.0.2.7","ClientRequestHost":"hub.example","ClientRequestMethod":"GET","ClientRequestURI":"{}?ns=x","ClientRequestUserAgent":"{DOCKER}","EdgeColoCode":"FRA","EdgeStartTimestamp":"2020-07-05T19:00:00Z","EdgeEndTimestamp":"2020-07-05T19:00:02Z","EdgeResponseStatus":206,"EdgeResponseBodyBytes":500,"RayID":"5ae0123456789abc","CacheCacheStatus":"hit","ClientTCPRTTMs":31,"RequestHeaders":{{"range":"bytes=500-"}},"ResponseHeaders":{{"content-range":"bytes 500-999/1000"}}{more}}}"#,
        blob()
    )
}

pub(super) fn waf() -> String {
    format!(
        r#"{{"timestamp":{JULY},"formatVersion":1,"webaclId":"arn:aws:wafv2:…","terminatingRuleId":"bots","terminatingRuleType":"REGULAR","action":"BLOCK","httpSourceName":"CF","ruleGroupList":[],"rateBasedRuleList":[],"nonTerminatingMatchingRules":[{{"ruleId":"watch","action":"COUNT"}}],"responseCodeSent":null,"httpRequest":{{"clientIp":"192.0.2.7","country":"US","headers":[{{"name":"Host","value":"hub.example"}},{{"name":"user-agent","value":"{DOCKER}"}}],"uri":"{}","args":"","httpVersion":"HTTP/2.0","httpMethod":"GET","requestId":"req-1"}},"labels":[]}}"#,
        blob()
    )
}

#[test]
fn times_of_logpush_come_in_three_forms() {
    for time in ["\"2020-07-05T19:00:00Z\"", "1593975600", "1593975600000000000"] {
        let line = firewall("").replace("\"2020-07-05T19:00:00Z\"", time);
        assert_eq!(
            fires(&read("cloudflare", None, false, &line))[0].id.time_ms(),
            JULY,
            "{time}"
        );
    }
}

#[test]
fn an_action_is_monitor_enforce_or_no_fire() {
    #[track_caller]
    fn case(action: &str, expected: &[&str]) {
        let line = firewall("").replace("\"block\"", &format!("{action:?}"));
        assert_eq!(
            said(&fires(&read("cloudflare", None, false, &line))),
            expected,
            "{action}"
        );
    }
    case("log", &["cloudflare:r1 Monitor None 403"]);
    case("managedchallenge", &["cloudflare:r1 Enforce Block 403"]);
    case("never heard of", &["cloudflare:r1 Monitor None 403"]);
    case("bypass", &[]);
}

#[test]
fn a_firewall_event_may_lack_most_fields() {
    let line = format!(
        r#"{{"Datetime":1593975600,"Action":"connectionclose","Source":"l7ddos","ClientRequestPath":"{}","EdgeResponseStatus":0}}"#,
        blob()
    );
    let found = fires(&read("cloudflare", None, false, &line));
    assert_eq!(said(&found), ["cloudflare:l7ddos Enforce Block 403"]);
    assert_eq!(found[0].colo, "");
    let nameless = line.replace("\"Source\":\"l7ddos\",", "");
    let faults = read("cloudflare", None, false, &nameless).report.faults;
    assert_eq!(faults.0[0].expected, "a RuleID, a Ref or a Source");
}

#[test]
fn a_whole_request_has_its_answer_and_its_range() {
    let [record] = requests(&read("cloudflare", None, false, &request("")))
        .try_into()
        .unwrap();
    assert_eq!(
        (record.status, record.range.kind, record.size),
        (206, RangeKind::Resume, Some(1000))
    );
    assert_eq!(
        (record.range.start, record.range.honoured, record.outcome),
        (Some(500), Some(true), Outcome::NotObserved)
    );
    assert_eq!(
        (record.duration_ms, record.rtt_ms, record.fired.len()),
        (2000, Some(31), 0)
    );
    assert_eq!(
        record.cache.map(|cache| format!("{cache:?}")),
        Some("Hit".to_owned())
    );
}

#[test]
fn rules_of_a_request_are_fires_beside_it() {
    let more = r#","SecurityActions":["log","block"],"SecurityRuleIDs":["a","b"],"SecuritySources":["firewallCustom","l7ddos"],"SecurityRuleID":"b","SecurityAction":"block","SecurityRuleDescription":"floods""#;
    let harvest = read("cloudflare", None, false, &request(more));
    assert_eq!(
        said(&fires(&harvest)),
        ["cloudflare:a Monitor None 206", "cloudflare:b Enforce Block 206"]
    );
    assert_eq!(requests(&harvest).len(), 1);
    let rules = &harvest.batches[0].1.rules;
    assert_eq!(
        (rules[0].system.as_str(), rules[0].description.as_str()),
        ("firewallCustom", "")
    );
    assert_eq!(
        (rules[1].system.as_str(), rules[1].description.as_str()),
        ("l7ddos", "floods")
    );
    let alone = r#","SecurityActions":[],"SecurityRuleIDs":[],"SecurityRuleID":"b","SecurityAction":"block""#;
    assert_eq!(
        said(&fires(&read("cloudflare", None, false, &request(alone)))),
        ["cloudflare:b Enforce Block 206"]
    );
    let none = r#","SecurityActions":[],"SecurityRuleIDs":[],"SecurityRuleID":"","SecurityAction":"""#;
    assert_eq!(fires(&read("cloudflare", None, false, &request(none))).len(), 0);
}

#[test]
fn aws_waf_comes_line_by_line_and_in_firehose() {
    let expected = ["aws-waf:bots Enforce Block 403", "aws-waf:watch Monitor None 403"];
    assert_eq!(said(&fires(&read("aws-waf", None, false, &waf()))), expected);
    let data = STANDARD.encode(format!("{}\n", waf()));
    let body = format!(r#"{{"requestId":"r","timestamp":1,"records":[{{"data":"{data}"}},{{"data":"%"}}]}}"#);
    let harvest = read("aws-waf", None, true, &body);
    let found = fires(&harvest);
    assert_eq!(said(&found), expected);
    assert_eq!(
        (found[0].os.as_str(), found[0].profile.host.as_str()),
        ("amzn2", "hub.example")
    );
    assert_eq!(
        (
            harvest.report.faults.0[0].line,
            harvest.report.faults.0[0].expected.as_str()
        ),
        (2, "data in base64")
    );
}

#[test]
fn aws_waf_names_rules_inside_of_groups() {
    let group = r#""ruleGroupList":[{"ruleGroupId":"AWS#AWSManagedRulesBotControlRuleSet","terminatingRule":{"ruleId":"Signal","action":"BLOCK"},"nonTerminatingMatchingRules":[{"ruleId":"Seen","action":"COUNT"}],"excludedRules":[{"exclusionType":"EXCLUDED_AS_COUNT","ruleId":"Old"}]}]"#;
    let line = waf()
        .replace("\"ruleGroupList\":[]", group)
        .replace("\"responseCodeSent\":null", "\"responseCodeSent\":429");
    let names = said(&fires(&read("aws-waf", None, false, &line)));
    assert_eq!(
        names,
        [
            "aws-waf:AWSManagedRulesBotControlRuleSet/Old Monitor None 429",
            "aws-waf:AWSManagedRulesBotControlRuleSet/Seen Monitor None 429",
            "aws-waf:bots/Signal Enforce Block 429",
            "aws-waf:watch Monitor None 429",
        ]
    );
    let allowed = waf()
        .replace("BLOCK", "ALLOW")
        .replace("\"bots\"", "\"Default_Action\"");
    assert_eq!(
        said(&fires(&read("aws-waf", None, false, &allowed))),
        ["aws-waf:watch Monitor None 200"]
    );
}

fn armor(enforced: &str, preview: &str) -> String {
    format!(
        r#"{{"timestamp":"2020-07-05T19:00:00.123Z","insertId":"i1","severity":"WARNING","httpRequest":{{"requestMethod":"GET","requestUrl":"https://hub.example{}?x=1","status":403,"userAgent":"{DOCKER}","remoteIp":"192.0.2.7:4711","latency":"0.1s"}},"jsonPayload":{{"statusDetails":"denied_by_security_policy","enforcedSecurityPolicy":{enforced},"previewSecurityPolicy":{preview},"securityPolicyRequestData":{{"remoteIpInfo":{{"asn":16509,"regionCode":"US"}}}}}}}}"#,
        blob()
    )
}

#[test]
fn cloud_armor_tells_enforced_and_previewed_policies() {
    let deny = r#"{"name":"edge","priority":100,"configuredAction":"DENY","outcome":"DENY"}"#;
    let default = r#"{"name":"edge","priority":2147483647,"configuredAction":"ALLOW","outcome":"ACCEPT"}"#;
    let found = fires(&read("cloud-armor", None, false, &armor(deny, "null")));
    assert_eq!(said(&found), ["cloud-armor:edge/100 Enforce Block 403"]);
    assert_eq!(
        (found[0].asn, found[0].profile.host.as_str()),
        (Some(16509), "hub.example")
    );
    assert_eq!(found[0].id.time_ms(), JULY + 123);
    let previewed = fires(&read("cloud-armor", None, false, &armor(default, deny)));
    assert_eq!(said(&previewed), ["cloud-armor:edge/100 Monitor None 403"]);
    let harvest = read("cloud-armor", None, false, &armor(default, "null"));
    assert_eq!(
        (harvest.report.counts.passed, harvest.report.counts.events),
        (1, 0)
    );
    let data = STANDARD.encode(armor(deny, "null"));
    let pushed = format!(r#"{{"message":{{"data":"{data}","messageId":"1"}},"subscription":"s"}}"#);
    assert_eq!(
        said(&fires(&read("cloud-armor", None, false, &pushed))),
        ["cloud-armor:edge/100 Enforce Block 403"]
    );
}

#[test]
fn fastly_tells_signals_in_the_names_of_either_generation() {
    let old = format!(
        r#"{{"id":"f1","serverName":"hub.example","remoteIP":"192.0.2.7","remoteCountryCode":"US","userAgent":"{DOCKER}","timestamp":"2020-07-05T19:00:00Z","method":"GET","path":"{}","responseCode":406,"agentResponseCode":406,"tags":[{{"type":"SANS"}},{{"type":"site.bots"}}]}}"#,
        blob()
    );
    assert_eq!(
        said(&fires(&read("fastly", None, false, &old))),
        [
            "fastly:SANS Enforce Block 406",
            "fastly:site.bots Enforce Block 406"
        ]
    );
    let new = format!(
        r#"{{"id":"f1","server_name":"hub.example","remote_ip":"192.0.2.7","country":"US","timestamp":"2020-07-05T19:00:00Z","method":"GET","path":"{}","response_code":200,"agent_response_code":200,"request_headers":[{{"name":"User-Agent","value":"{DOCKER}"}}],"signals":[{{"id":"SANS"}}]}}"#,
        blob()
    );
    let found = fires(&read("fastly", None, false, &format!("[{new}]")));
    assert_eq!(
        (said(&found), found[0].os.as_str()),
        (vec!["fastly:SANS Monitor None 200".to_owned()], "amzn2")
    );
}

#[test]
fn akamai_has_lists_in_base64() {
    let list = |parts: &[&str]| {
        let parts: Vec<String> = parts
            .iter()
            .map(|part| STANDARD.encode(part).replace('=', "%3d"))
            .collect();
        parts.join("%3b")
    };
    let line = format!(
        r#"{{"attackData":{{"appliedAction":"deny","clientIP":"192.0.2.7","configId":"1","policyId":"p1","ruleActions":"{}","ruleMessages":"{}","rules":"{}"}},"geo":{{"asn":"16509","country":"US"}},"httpMessage":{{"bytes":"0","host":"hub.example","method":"GET","path":"{}","protocol":"HTTP/1.1","requestHeaders":"User-Agent%3a%20{}%0d%0aRange%3a%20bytes%3d5-%0d%0a","requestId":"a1","start":"1593975600","status":"403","tls":"tls1.3"}},"type":"akamai_siem"}}"#,
        list(&["alert", "deny"]),
        list(&["seen", "stopped"]),
        list(&["950002", "BOT-1"]),
        blob(),
        DOCKER.replace(' ', "%20"),
    );
    let harvest = read(
        "akamai",
        None,
        false,
        &format!("{line}\n{{\"total\":1,\"offset\":\"x\",\"limit\":9}}\n"),
    );
    let found = fires(&harvest);
    assert_eq!(
        said(&found),
        ["akamai:950002 Monitor None 403", "akamai:BOT-1 Enforce Block 403"]
    );
    assert_eq!(
        (
            found[0].os.as_str(),
            found[0].range.start,
            found[0].profile.scheme.as_str()
        ),
        ("amzn2", Some(5), "https")
    );
    assert_eq!(
        (harvest.report.counts.faults, harvest.report.counts.passed),
        (0, 1)
    );
    let plain = line
        .replace(&list(&["950002", "BOT-1"]), "970901")
        .replace(&list(&["alert", "deny"]), "monitor");
    assert_eq!(
        said(&fires(&read("akamai", None, false, &plain))),
        ["akamai:970901 Monitor None 403"]
    );
}

#[test]
fn packets_are_counted_by_what_they_share_and_a_body_is_known_by_its_lines() {
    let packet = |time: &str, outcome: &str, ttl: u32| {
        format!(
            r#"{{"Datetime":"2020-07-05T19:00:{time}Z","ColoCode":"FRA","IPDestinationAddress":"192.0.2.1","DestinationPort":443,"IPProtocolName":"TCP","IPSourceAddress":"198.51.100.7","IPTTL":{ttl},"MitigationSystem":"dosd","Outcome":"{outcome}","RuleID":"3b","SampleInterval":100,"Verdict":"{outcome}"}}"#
        )
    };
    let lines = [
        packet("01", "drop", 255),
        packet("02", "drop", 255),
        packet("03", "pass", 64),
    ];
    let harvest = read("cloudflare", None, false, &lines.join("\n"));
    let report = &harvest.report;
    assert_eq!(
        (report.counts.packets, report.counts.faults, harvest.batches.len()),
        (3, 0, 0)
    );
    let rows: Vec<(&str, u32, u64)> = report
        .packets
        .rows
        .iter()
        .map(|row| (&*row.rule, row.samples, row.packets))
        .collect();
    assert_eq!(rows, [("", 1, 100), ("cloudflare:3b", 2, 200)]);
    assert!(!serde_json::to_string(report).unwrap().contains("198.51.100.7"));
    let turned = [&*lines[2], &*lines[0], &*lines[1]].join("\n");
    assert_eq!(
        read("cloudflare", None, false, &turned).report.packets,
        report.packets
    );
    let other = read("cloudflare", None, false, &lines[..2].join("\n"));
    assert_ne!(other.report.packets.body, report.packets.body);
}

#[test]
fn a_flood_of_packets_leaves_room_for_what_passed_and_says_what_it_left_out() {
    let packet = |outcome: &str, window: u32| {
        format!(
            r#"{{"Datetime":"2020-07-05T19:00:00Z","IPProtocolName":"TCP","Outcome":"{outcome}","RuleID":"3b","TCPWindowSize":{window},"SampleInterval":1}}"#
        )
    };
    let flood = (0..1_500).map(|window| packet("drop", window));
    let lines: Vec<String> = flood.chain([packet("pass", 1)]).collect();
    let packets = read("cloudflare", None, false, &lines.join("\n")).report.packets;
    assert_eq!(packets.rows.len(), 1_001);
    assert_eq!(packets.unplaced.values().sum::<u64>(), 500);
}
