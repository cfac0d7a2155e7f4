//! `replay --rulebook`: which rules would have fired on the requests of a log, and which cannot be judged by it.

use std::fs;

use serde_json::{Value, json};

use crate::known::FORMS;
use crate::logs::{CLIENTS, COMBINED, folder, line, log, refused, report, run};

const RULEBOOK: &str = r#"
[[rules]]
id = "old-containerd"
expression = "client.family eq \"containerd\" and http.request.headers[\"range\"][0] eq \"bytes=5000000-\""
action = "block"
preview = "pv-1"

[[rules]]
id = "everybody"
expression = "http.request.method eq \"GET\""
action = "tag"
default_mode = "enforce"

[[rules]]
id = "abroad"
expression = "ip.src.country eq \"XX\""
action = "block"
"#;

/// Half of the clients resume, without anything wrong but that.
#[test]
fn a_rulebook_is_put_before_a_log() {
    fs::write(folder().join("rulebook.toml"), RULEBOOK).unwrap();
    let resume = r#"{ip} - - [{clf}] "GET {path} HTTP/1.1" 206 4000000 "-" "{ua}" "bytes=5000000-" "bytes 5000000-8999999/9000000""#;
    let whole = COMBINED.replace("5000000", "9000000") + r#" "-" "-""#;
    let log = log(&whole) + &(0..10).map(|at| line(resume, at + 40) + "\n").collect::<String>();
    let report = report(&["--rulebook", "rulebook.toml"], log.as_bytes());
    let rules = report["rules"].as_array().unwrap();
    let of = |at: usize| {
        let rule = &rules[at];
        (
            rule["rule"].as_str().unwrap(),
            rule["requests"].as_u64().unwrap(),
            rule["clients"].as_u64().unwrap(),
            rule["applied"].as_u64().unwrap(),
        )
    };
    assert_eq!(of(0), ("old-containerd", 10, 10, 0), "{rules:#?}");
    assert_eq!(of(1), ("everybody", 50, 20, 50), "{rules:#?}");
    assert_eq!(of(2), ("abroad", 0, 0, 0), "{rules:#?}");
    // Of resumes whose beginning no log has, one in four counts.
    assert!(rules[0]["troubled"].as_f64().unwrap() > 0.0, "{rules:#?}");
    assert_eq!(rules[0]["others_troubled"], json!(0.0), "{rules:#?}");
    assert_eq!(rules[2]["not_logged"], json!(["ip.src.country"]), "{rules:#?}");
    let text = String::from_utf8(run(&["--rulebook", "rulebook.toml", "-"], log.as_bytes()).stdout).unwrap();
    assert!(
        text.contains("rule      old-containerd (block): 10 requests of 10 clients in 10 networks; "),
        "{text}"
    );
    assert!(
        text.contains("abroad (block): cannot be judged, the log does not say ip.src.country"),
        "{text}"
    );
    refused(&["--rulebook", "no-such.toml"], "", &["no-such.toml: "]);
}

/// Rules see paths as requests have them, however the log writes them.
#[test]
fn a_rulebook_sees_the_path_of_a_request() {
    let rulebook = r#"
[[rules]]
id = "nginx"
expression = "http.request.uri.path contains \"/v2/library/nginx/\" and http.request.uri.query eq \"\""
action = "tag"
"#;
    fs::write(folder().join("path.toml"), rulebook).unwrap();
    let is_of_registry = |form: &str| form.contains("{path}") || form.contains("v2/library/nginx/");
    for (name, form) in FORMS.iter().filter(|(_, form)| is_of_registry(form)) {
        let report = report(&["--rulebook", "path.toml"], log(form).as_bytes());
        assert_eq!(report["rules"][0]["requests"], json!(2 * CLIENTS), "{name}");
    }
}

/// A rule on what a log does not have matches nothing, and one on its absence everything: neither says anything.
#[test]
fn a_rule_that_a_log_cannot_judge_is_said() {
    let rulebook = r#"
[[rules]]
id = "old-docker"
expression = "client.family eq \"docker\" and client.version eq \"19.03.12\""
action = "block"

[[rules]]
id = "nobody"
expression = "not http.user_agent contains \"containerd\""
action = "block"

[[rules]]
id = "one-agent"
expression = "any(http.request.headers[\"user-agent\"][*] contains \"docker\")"
action = "block"

[[rules]]
id = "resumed"
expression = "range.present"
action = "block"

[[rules]]
id = "build"
expression = "fingerprint.id eq \"bw1-000000000000-000000000000\""
action = "block"

[[rules]]
id = "either"
expression = "http.request.method eq \"GET\" or client.family eq \"docker\""
action = "block"

[[rules]]
id = "of-one"
expression = "oci.digest contains \"9e37\" and client.os eq \"amzn2\""
action = "block"
"#;
    fs::write(folder().join("judged.toml"), rulebook).unwrap();
    let common = log(r#"{ip} - - [{clf}] "GET {path} HTTP/1.1" 200 5000000"#);
    let output = run(&["--rulebook", "judged.toml", "-"], common.as_bytes());
    let text = String::from_utf8(output.stdout).unwrap();
    for expected in [
        "old-docker (block): cannot be judged, the log does not say client.family, client.version",
        "nobody (block): cannot be judged, the log does not say http.user_agent",
        "one-agent (block): cannot be judged, the log does not say http.request.headers[\"user-agent\"]",
        "resumed (block): cannot be judged, the log does not say range.present",
        "build (block): cannot be judged, the log does not say fingerprint.id",
        "either (block): 40 requests of 20 clients",
        "of-one (block): no request; 20 of 40 requests cannot be judged, the log does not say client.os",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    // With all of it, each is judged: the first lines may lack what later ones have.
    let whole = r#"{ip} - - [{clf}] "GET {path} HTTP/1.1" 206 4000000 "-" "{ua}" "bytes=5000000-" "bytes 5000000-8999999/9000000""#;
    let mixed = log(&COMBINED.replace("{ua}", "-")) + &line(whole, 0);
    let report = report(&["--rulebook", "judged.toml"], mixed.as_bytes());
    for rule in report["rules"].as_array().unwrap() {
        let expected = if rule["rule"] == "build" {
            2 * CLIENTS + 1
        } else {
            0
        };
        assert_eq!(rule["undecided"], json!(expected), "{rule:#}");
    }
    assert_eq!(report["rules"][1]["requests"], json!(2 * CLIENTS), "{report:#}");
}

/// An export says what the deployment knew, whatever of it stood in headers.
#[test]
fn rules_are_judged_by_what_an_export_says() {
    let rulebook = r#"
[[rules]]
id = "resumed"
expression = "range.kind eq \"resume\" and range.start eq 5000000 and client.os eq \"amzn2\""
action = "tag"

[[rules]]
id = "build"
expression = "fingerprint.id eq \"bw1-0123456789ab-cdef01234567\" and fingerprint.http eq \"cdef01234567\""
action = "tag"

[[rules]]
id = "queried"
expression = "http.request.uri.query contains \"ns=\""
action = "tag"
"#;
    fs::write(folder().join("export.toml"), rulebook).unwrap();
    let form = r#"{"id":"{unix}","time":"{iso}","route":"hub","digest":"sha256:{hex}","repository":"library/nginx","method":"GET","status":206,"range":{"kind":"resume","start":5000000,"end":null,"honoured":true},"client":"00000000000000{id}","network":"00000000000000{id}","family":"docker","os":"amzn2","fingerprint":"bw1-0123456789ab-cdef01234567","fired":[]}"#;
    let output = run(
        &["--json", "--rulebook", "export.toml", "-"],
        log(form).as_bytes(),
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |at: usize| {
        (
            &report["rules"][at]["requests"],
            &report["rules"][at]["undecided"],
        )
    };
    assert_eq!(of(0), (&json!(2 * CLIENTS), &json!(0)), "{report:#}");
    assert_eq!(of(1), (&json!(2 * CLIENTS), &json!(0)), "{report:#}");
    assert_eq!(of(2), (&json!(0), &json!(2 * CLIENTS)), "{report:#}");
}

/// CDNs and IIS write no blanks.
#[test]
fn rules_see_an_agent_and_a_range_as_they_were_sent() {
    let rulebook = r#"
[[rules]]
id = "amazon"
expression = "client.family eq \"docker\" and client.os eq \"amzn2\" and http.user_agent contains \" go/go1\""
action = "tag"

[[rules]]
id = "resumed"
expression = "http.request.headers[\"range\"][0] eq \"bytes=5000000-\""
action = "tag"
"#;
    fs::write(folder().join("agents.toml"), rulebook).unwrap();
    let agent = "docker/19.03.12 go/go1.13.10 kernel/4.14.181-140.257.amzn2.x86_64 os/linux UpstreamClient(x (linux))";
    let percent = agent.replace(' ', "%20");
    let plus = agent.replace(' ', "+");
    let akamai = agent.replace(' ', "%20").replace('(', "%28").replace(')', "%29");
    let w3c = |agent: &str, separator: &str| {
        let header = "date time c-ip cs-method cs-uri-stem sc-status cs(User-Agent)";
        let row = ["2026-03-02", "{clock}", "{ip}", "GET", "{path}", "200", agent].join(separator);
        format!("#Version: 1.0\n#Fields: {header}\n{}", log(&row))
    };
    let datastream = |range: &str| {
        log(&format!(
            r#"{{"reqTimeSec":"{{unix}}.0","bytes":"5000000","cliIP":"{{ip}}","statusCode":"206","reqMethod":"GET","reqPath":"{{path}}","UA":"{akamai}","range":"{range}"}}"#
        ))
    };
    for (name, log, resumed) in [
        ("cloudfront", w3c(&percent, "\t"), 0),
        ("iis", w3c(&plus, " "), 0),
        ("akamai", datastream("bytes%3d5000000-"), 2 * CLIENTS),
        ("akamai, plain", datastream("bytes=5000000-"), 2 * CLIENTS),
        (
            "elasticsearch",
            log(&format!(
                r#"{{"_index":"a","_source":{{"@timestamp":"{{iso}}","source":{{"ip":"{{ip}}"}},"http":{{"request":{{"method":"GET"}},"response":{{"status_code":200}}}},"url":{{"original":"{{path}}"}},"user_agent":{{"original":"{agent}"}}}}}}"#
            )),
            0,
        ),
    ] {
        let output = run(&["--json", "--rulebook", "agents.toml", "-"], log.as_bytes());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let rules = &report["rules"];
        assert_eq!(
            (&rules[0]["requests"], &rules[1]["requests"]),
            (&json!(2 * CLIENTS), &json!(resumed)),
            "{name}: {rules:#}"
        );
    }
}
