//! Forms and carriers of logs, told by what stands in them, and what is said where that cannot be.

use std::fs;
use std::io::Write;

use serde_json::{Value, json};

use crate::known::FORMS;
use crate::logs::{AGENT, CLIENTS, COMBINED, folder, line, log, refused, report, run, wrong};

#[test]
fn every_form_is_read_without_being_told() {
    let wrong: Vec<String> = FORMS
        .iter()
        .filter_map(|(name, form)| wrong(name, &[], &log(form)))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What stands before or around a line of any form.
const CARRIERS: &[(&str, &str)] = &[
    ("compose", "registry-1  | LINE"),
    ("compose -t", "registry-1  | {iso} LINE"),
    ("kubectl --prefix", "[pod/registry-5d4b/registry] LINE"),
    ("kubectl --timestamps", "{iso} LINE"),
    ("cri", "{iso} stdout F LINE"),
    ("syslog", "{syslog} node registry[812]: LINE"),
    ("journald", "2026-03-02T{clock}+0000 node registry[812]: LINE"),
    ("rfc 5424", "<134>1 {iso} node registry 812 - - LINE"),
    ("docker", r#"{"log":"JSON\n","stream":"stdout","time":"{iso}"}"#),
    (
        "fluentd",
        "{iso}\tkube.nginx\t{\"log\":\"JSON\\n\",\"stream\":\"stdout\"}",
    ),
    (
        "splunk",
        r#"{"preview":false,"offset":1,"result":{"_raw":"JSON","_time":"{iso}","host":"node"}}"#,
    ),
    ("logcli", r#"{iso} {app="registry", pod="registry-1"} LINE"#),
    ("fluent bit", r#"[0] tail.0: [[{unix}.0, {}], {"log"=>"LINE"}]"#),
    (
        "gelf",
        r#"{"version":"1.1","host":"node","short_message":"JSON","timestamp":{unix}}"#,
    ),
    (
        "journald json",
        r#"{"__REALTIME_TIMESTAMP":"{unix}000000","MESSAGE":"JSON","_PID":"812"}"#,
    ),
    (
        "export",
        "__REALTIME_TIMESTAMP={unix}000000\n_PID=812\nMESSAGE=LINE\n",
    ),
];

#[test]
fn every_carrier_is_taken_off_whatever_it_carries() {
    let mut all = Vec::new();
    let forms = [
        "combined",
        "distribution",
        "distribution json",
        "zot",
        "s3",
        "nexus",
    ];
    for (carrier, around) in CARRIERS {
        for (name, form) in FORMS.iter().filter(|(name, _)| forms.contains(name)) {
            let escaped = form.replace('\\', "\\\\").replace('"', "\\\"");
            let carried = around.replace("LINE", form).replace("JSON", &escaped);
            all.extend(wrong(&format!("{name} by {carrier}"), &[], &log(&carried)));
        }
    }
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn a_log_that_powershell_wrote_is_read() {
    let text = log(COMBINED).replace('\n', "\r\n");
    for encode in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
        let bytes: Vec<u8> = format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(encode)
            .collect();
        let report = report(&[], &bytes);
        assert_eq!(report["requests"], json!(2 * CLIENTS));
        assert_eq!(report["malformed"]["count"], json!(0));
    }
}

/// distribution logs a request when it is allowed, when it is answered, and in its access log.
#[test]
fn a_request_that_is_logged_in_three_lines_counts_once() {
    let (_, own) = FORMS.iter().find(|(name, _)| *name == "distribution").unwrap();
    let (_, own_json) = FORMS
        .iter()
        .find(|(name, _)| *name == "distribution json")
        .unwrap();
    let allowed = r#"time="{iso}" level=info msg="authorized request" go.version=go1.20.8 http.request.host=hub http.request.id=a{id} http.request.method=GET http.request.remoteaddr="{ip}:4711" http.request.uri="{path}" http.request.useragent="{ua}" vars.name=library/nginx"#;
    let terminal = r#"INFO[0012] response completed                           go.version=go1.20.8 http.request.host=hub http.request.id=a{id} http.request.method=GET http.request.remoteaddr="{ip}:4711" http.request.uri="{path}" http.request.useragent="{ua}" http.response.duration=0s http.response.status=200 http.response.written=5000000"#;
    let mut all = Vec::new();
    for (name, form) in [
        ("two", [own, COMBINED].join("\n")),
        ("three", [allowed, own, COMBINED].join("\n")),
        ("access log first", [COMBINED, allowed, own].join("\n")),
        ("json", [own_json, COMBINED].join("\n")),
        ("terminal", [terminal, COMBINED].join("\n")),
        ("terminal, carried", format!("registry-1  | {{iso}} {terminal}")),
        ("allowed only", [allowed, COMBINED].join("\n")),
        (
            "carried",
            format!("registry-1  | {own}\nregistry-1  | {COMBINED}"),
        ),
    ] {
        all.extend(wrong(name, &[], &log(&form)));
    }
    let (iso, end) = ("2026-03-02T09:00:00Z", "2026-03-02T09:00:02Z");
    let subrequest = |is_one: bool| {
        format!(
            r#"{{"EdgeStartTimestamp":"{{iso}}","EdgeEndTimestamp":"{end}","ClientIP":"{{ip}}","ClientRequestMethod":"GET","ClientRequestURI":"{{path}}","EdgeResponseStatus":200,"EdgeResponseBodyBytes":5000000,"ClientRequestUserAgent":"{{ua}}","RayID":"7{iso}","WorkerSubrequest":{is_one}}}"#
        )
    };
    all.extend(wrong(
        "logpush",
        &[],
        &log(&[subrequest(false), subrequest(true)].join("\n")),
    ));
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn a_format_string_reads_what_nobody_knows() {
    let mut all = Vec::new();
    for (format, form) in [
        (
            r#"$time_iso8601;$status;$request_method $request_uri;$remote_addr;$http_user_agent;$body_bytes_sent"#,
            "{iso};200;GET {path};{ip};{ua};5000000",
        ),
        (
            r#"%h|%t|%m|%U%q|%>s|%B|%{User-Agent}i"#,
            "{ip}|[{clf}]|GET|{path}?a=b|200|5000000|{ua}",
        ),
        (
            "nexus",
            r#"{ip} - - [{clf}] "GET {path} HTTP/1.1" 200 - 5000000 0 "{ua}" [qtp1-90]"#,
        ),
    ] {
        all.extend(wrong(format, &["--log-format", format], &log(form)));
        let carried = format!("registry-1  | {form}");
        all.extend(wrong(format, &["--log-format", format], &log(&carried)));
    }
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn requests_need_no_line_of_their_own_in_json() {
    let objects: Vec<String> = (0..2 * CLIENTS)
        .map(|at| line(FORMS.iter().find(|(name, _)| *name == "gcp").unwrap().1, at))
        .collect();
    let pretty = |object: &String| format!("{:#}", serde_json::from_str::<Value>(object).unwrap());
    let pretty: Vec<String> = objects.iter().map(pretty).collect();
    let records: Vec<String> = objects
        .chunks(3)
        .map(|some| format!("{{\"records\":[{}]}}", some.join(",")))
        .collect();
    for log in [
        format!("[{}]", objects.join(",")),
        format!("[\n{}\n]\n", pretty.join(",\n")),
        pretty.join("\n"),
        records.join("\n"),
    ] {
        assert_eq!(wrong("list", &[], &log), None, "{}", &log[..200]);
    }
}

#[test]
fn columns_are_known_by_their_names_and_by_what_stands_in_them() {
    let gcs = r#""time_micros","c_ip","cs_method","cs_uri","sc_status","sc_bytes","cs_user_agent""#;
    let w3c = "#Software: x\n#Version: 1.0\n#Fields: date time s-ip cs-method cs-uri-stem c-ip cs(User-Agent) sc-status time-taken";
    for (name, header, form) in [
        (
            "gcs",
            gcs,
            r#""{unix}000000","{ip}","GET","/b{path}","200","5000321","{ua}""#,
        ),
        (
            "w3c",
            w3c,
            "2026-03-02 {clock} 10.0.0.1 GET {path} {ip} {ua} 200 0",
        ),
        (
            "kibana",
            r#""@timestamp","clientip","verb","request","response","bytes","agent""#,
            r#""Mar 2, 2026 @ {clock}.000","{ip}",GET,"{path}","200","5,000,000","{ua}""#,
        ),
        (
            "spreadsheet",
            "Zeit;IP;Methode;URL;Status;Bytes;User-Agent",
            r#"02.03.2026 {clock};{ip};GET;{path};200;5.000.000;"{ua}""#,
        ),
        (
            "own",
            "at\tpeer\tverb\tasked\tcode",
            "{iso}\t{ip}\tGET\t{path}\t200",
        ),
    ] {
        assert_eq!(wrong(name, &[], &format!("{header}\n{}", log(form))), None);
    }
}

#[test]
fn fields_may_be_nested_and_in_lists() {
    let form = r#"{"a":{"t":"{iso}"},"req":[{"where":"{path}","who":["{ip}"]}],"answer":{"n":200}}"#;
    let arguments = [
        "--field",
        "time=a.t",
        "--field",
        "path=req[0].where",
        "--field",
        "status=answer.n",
        "--field",
        "address=req[0].who",
    ];
    assert_eq!(wrong("own", &arguments, &log(form)), None);
}

/// Zeek names its columns in comments, again and again in files that were put together.
#[test]
fn columns_of_zeek_go_by_its_comments() {
    let header = "#separator \\x09\n#set_separator\t,\n#unset_field\t-\n#path\thttp\n#fields\tts\tuid\tid.orig_h\tmethod\turi\t\
                  user_agent\tresponse_body_len\tstatus_code\ttags\n#types\ttime\tstring\n";
    let form = "{unix}.250119\tC7\t{ip}\tGET\t{path}\t{ua}\t5000000\t200\t(empty)";
    let text = log(form);
    let half = text.match_indices('\n').nth(19).unwrap().0 + 1;
    let (first, second) = text.split_at(half);
    let both = format!("{header}{first}#close\t2026\n{header}{second}");
    assert_eq!(wrong("zeek", &[], &both), None);
}

/// A form that nobody named: refused with its columns, and read by the very words of the refusal.
#[test]
fn columns_without_names_go_by_their_places() {
    let forms = [
        (
            "array",
            r#"["{iso}","{ip}","GET","{path}",200,5000000,"{ua}",null]"#,
            "bytes=6",
        ),
        (
            "array of all",
            r#"ALL["{iso}","{ip}","GET","{path}",200,5000000,"{ua}"]"#,
            "bytes=6",
        ),
        (
            "datastream",
            "1 39,1 1239f220 {unix}.120 5000000 {ip} 200 HTTP/2 hub GET {path} 443 5000000 - 10.0.0.9 {ua} 868 US",
            "bytes=5",
        ),
        (
            "bars",
            "[2/Mar/2026:{clock} +0000]|hub|{ip}|10.1.1.2|https://hub{path}|200|HIT|GET|5000000|{ua}",
            "bytes=9",
        ),
        (
            "words",
            r#"{ip} "-" {iso} 200 "GET {path} HTTP/1.1" 5000000 "{ua}""#,
            "bytes=6",
        ),
        (
            "carried",
            r#"{syslog} lb app[7]: {ip} <- "GET {path} HTTP/1.1" 200 5000000 "{ua}""#,
            "bytes=5",
        ),
    ];
    for (name, form, bytes) in forms {
        let text = match form.strip_prefix("ALL") {
            Some(item) => format!("[{}]", log(item).trim_end().replace('\n', ",\n")),
            None => log(form),
        };
        let output = run(&["-"], text.as_bytes());
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {message}");
        let told = message
            .split("such as ")
            .nth(1)
            .and_then(|rest| rest.split(" (and").next());
        let mut arguments: Vec<&str> = told
            .unwrap_or_else(|| panic!("{name}: {message}"))
            .split(' ')
            .collect();
        assert!(
            !arguments.contains(&"time=N") && message.contains(AGENT),
            "{name}: {message}"
        );
        arguments.extend(["--field", bytes]);
        assert_eq!(wrong(name, &arguments, &text), None, "{arguments:?}");
    }
}

#[test]
fn arrays_may_have_their_names_first() {
    let header = r#"["time","client_ip","method","path","status","bytes","user_agent"]"#;
    let form = r#"["{iso}","{ip}","GET","{path}",200,5000000,"{ua}"]"#;
    assert_eq!(wrong("header", &[], &format!("{header}\n{}", log(form))), None);
}

#[test]
fn what_cannot_be_read_is_an_error_that_says_how_to_read_it() {
    let paths = [
        "expected a field with the path of requests, found",
        "list[0].x, status, what.kind, when",
        "--field path=NAME",
    ];
    refused(
        &[],
        &log(r#"{"when":"{iso}","what":{"kind":"pull"},"list":[{"x":1}],"status":200}"#),
        &paths,
    );
    refused(
        &[],
        &log(r#"{"when":"{iso}","path":"{path}","ip":"{ip}"}"#),
        &["the status of requests", "--field status=NAME"],
    );
    // Most lines are something else.
    let mixed = [COMBINED, "another program's words", "and more of them"].join("\n");
    refused(
        &[],
        &log(&mixed),
        &[
            "found \"another program's words\"",
            "80 of 120 lines could not be read",
        ],
    );
    // A log of a proxy whose times syslog had, without syslog.
    let harbor = r#"{ip} - "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}" 0.000 0.000 ."#;
    refused(
        &[],
        &log(harbor),
        &["expected times: lines (harbor) have no date"],
    );
    let terminal = r#"INFO[0012] response completed go.version=go1 http.request.method=GET http.request.remoteaddr={ip} http.request.uri={path} http.response.status=200"#;
    refused(
        &[],
        &log(terminal),
        &["expected times: lines (logfmt) have no date"],
    );
    // What is no log of requests.
    refused(
        &[],
        "time,os,trials,events\n1772442000,amzn2,100,3\n1772442060,amzn2,100,4\n",
        &[
            "expected columns with the time, the path and the status of requests, found time, os, trials, events",
        ],
    );
    refused(
        &[],
        "Mar  2 09:00:00 node sshd[7]: Accepted publickey for ada from 192.0.2.7 port 4 ssh2\n",
        &["found \"Accepted publickey for ada"],
    );
    refused(
        &[],
        &format!(
            "time,path,status\n02/03/2026 09:00:00,{},200\n",
            "/v2/a/blobs/sha256:".to_owned() + &"0".repeat(64)
        ),
        &["a time that says which number is the day"],
    );
    let arguments = ["--field", "path=2", "--field", "status=9"];
    refused(
        &arguments,
        &log("{iso} {path} 200"),
        &["as many columns as --field names"],
    );
    refused(
        &arguments[..2],
        &log("{iso} {path} 200"),
        &["expected a column for `status`"],
    );
    refused(
        &["--log-format", "$remote_addr"],
        "",
        &["expected a format with the request"],
    );
    refused(
        &["--log-format", "no-such"],
        "",
        &["expected a format string, or one of haproxy"],
    );
}

/// A log that is being written, or was copied while it was.
#[test]
fn a_line_that_is_cut_spoils_no_other() {
    let mut all = Vec::new();
    for name in ["combined", "caddy", "distribution", "alb", "gcp"] {
        let (_, form) = FORMS.iter().find(|(known, _)| *known == name).unwrap();
        let whole = log(form);
        let report = report(&[], &whole.as_bytes()[..whole.len() - 40]);
        let requests = report["requests"].as_u64().unwrap();
        if requests + 1 < 2 * CLIENTS {
            all.push(format!("{name}: {requests} requests"));
        }
    }
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn a_copy_of_a_log_is_left_out_and_said() {
    let whole = log(COMBINED);
    let half: String = whole.lines().take(25).map(|line| format!("{line}\n")).collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(whole.as_bytes()).unwrap();
    for (name, content) in [
        ("a.log", whole.clone().into_bytes()),
        ("b.log.gz", packed.finish().unwrap()),
        ("c.log", half.into_bytes()),
    ] {
        fs::write(folder().join(name), content).unwrap();
    }
    for files in [["a.log", "a.log"], ["a.log", "b.log.gz"], ["c.log", "a.log"]] {
        let output = run(&["--json", files[0], files[1]], b"");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&report["requests"], &report["counts"]["restarts"]),
            (&json!(2 * CLIENTS), &json!(0)),
            "{files:?}"
        );
        let text = String::from_utf8(run(&files, b"").stdout).unwrap();
        assert!(text.contains("left out: all its lines are in"), "{text}");
    }
}

#[test]
fn a_packed_log_that_ends_early_gives_what_it_has() {
    let whole: String = (0..400)
        .map(|at| {
            line(
                &COMBINED.replace("{ip}", &format!("198.51.7.{{id}}{at}")),
                at % 40,
            ) + "\n"
        })
        .collect();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(whole.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let report = report(&[], &packed[..packed.len() / 2]);
    let requests = report["requests"].as_u64().unwrap();
    assert!(requests > 20 && requests < 400, "{report:#}");
    assert!(
        report["limits"][0]
            .as_str()
            .unwrap()
            .contains("standard input ends early"),
        "{report:#}"
    );
    refused(&[], "\u{1f}", &["expected a log in a known format"]);
}

#[test]
fn a_proxy_where_clients_should_be_is_said() {
    let one = log(&COMBINED.replace("{ip}", "10.0.0.1"));
    let limits = report(&[], one.as_bytes())["limits"].to_string();
    assert!(
        limits.contains("all requests come from one address") && limits.contains("--field address="),
        "{limits}"
    );
    let none = log(r#"{"time":"{iso}","path":"{path}","status":200,"method":"GET"}"#);
    let limits = report(&[], none.as_bytes())["limits"].to_string();
    assert!(limits.contains("no addresses of clients"), "{limits}");
    let named = report(&[], log(FORMS[1].1).as_bytes())["limits"].to_string();
    assert!(!named.contains("one address"), "{named}");
}

/// Logs are written when answers end: a long one that was asked for first is logged last.
#[test]
fn the_order_of_asking_is_not_that_of_the_lines() {
    let line = |end: u64, ms: u64, range: &str, status: u16, sent: u64| {
        format!(
            r#"{{"time_local":"02/Mar/2026:09:{:02}:{:02} +0000","remote_addr":"198.51.7.7","request":"GET /v2/a/blobs/sha256:{:064x} HTTP/1.1","status":{status},"body_bytes_sent":{sent},"http_user_agent":"{AGENT}","http_range":"{range}","request_time":{}.{:03}}}"#,
            end / 60,
            end % 60,
            7,
            ms / 1000,
            ms % 1000
        ) + "\n"
    };
    // The first part takes ten minutes and is logged after the second one, which was asked for later.
    let log = line(300, 1_000, "bytes=5000000-", 206, 4_000_000)
        + &line(600, 600_000, "bytes=0-4999999", 206, 5_000_000);
    let report = report(&[], log.as_bytes());
    assert_eq!(
        (&report["late"], &report["since"]),
        (&json!(0), &json!("2026-03-02T09:00:00.000Z")),
        "{report:#}"
    );
}
