//! Logs as programs and services write them and as carriers deliver them: each form is read without being told, each request
//! once, and no carrier is taken for a client.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; clippy.toml covers test functions only"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// Requests of a log: so many clients ask for one blob, then for another one. If clients were one, they would start over.
const CLIENTS: u64 = 20;

/// 2026-03-02T09:00:00Z; each request a second later, and two seconds long.
const BEGIN_S: u64 = 1_772_442_000;

const AGENT: &str = "containerd/v2.1.4";

/// The log in a form: one with `{…}` for what differs.
fn log(form: &str) -> String {
    (0..2 * CLIENTS).map(|at| line(form, at) + "\n").collect()
}

fn line(form: &str, at: u64) -> String {
    let (minute, second) = (at / 60, at % 60);
    let hex = format!("{:064x}", 0x9e37 + at / CLIENTS);
    let begin = BEGIN_S + at;
    let end = format!("{:02}", second + 2);
    let path = format!("/v2/library/nginx/blobs/sha256:{hex}");
    form.replace("{path}", &path)
        .replace("{hex}", &hex)
        .replace("{ip}", &format!("198.51.{}.7", at % CLIENTS))
        .replace("{clf}", &format!("02/Mar/2026:09:{minute:02}:{second:02} +0000"))
        .replace(
            "{haproxy}",
            &format!("02/Mar/2026:09:{minute:02}:{second:02}.250"),
        )
        .replace("{iso}", &format!("2026-03-02T09:{minute:02}:{second:02}Z"))
        .replace("{clock}", &format!("09:{minute:02}:{second:02}"))
        .replace("{end}", &format!("2026-03-02T09:{minute:02}:{end}Z"))
        .replace("{syslog}", &format!("Mar  2 09:{minute:02}:{second:02}"))
        .replace("{unix}", &begin.to_string())
        .replace("{ua}", AGENT)
        .replace("{id}", &at.to_string())
}

fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("forms");
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_blobwatch"))
        .arg("replay")
        .args(arguments)
        .current_dir(folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn report(arguments: &[&str], input: &[u8]) -> Value {
    let output = run(&[arguments, &["--json", "-"]].concat(), input);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a report says of a log of such requests, or what is wrong with it.
fn wrong(name: &str, arguments: &[&str], log: &str) -> Option<String> {
    let output = run(&[arguments, &["--json", "-"]].concat(), log.as_bytes());
    let Ok(report) = serde_json::from_slice::<Value>(&output.stdout) else {
        return Some(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
    };
    let found = json!([
        report["requests"],
        report["counts"]["starts"],
        report["counts"]["restarts"],
        report["counts"]["aborted"],
        report["malformed"]["count"],
    ]);
    let is_right = found == json!([2 * CLIENTS, 2 * CLIENTS, 0, 0, 0])
        && report["since"]
            .as_str()
            .is_some_and(|since| since.contains("03-02T09:00:00"));
    (!is_right).then(|| {
        format!(
            "{name}: {found} since {}, read as {}",
            report["since"], report["files"][0]["format"]
        )
    })
}

const COMBINED: &str = r#"{ip} - - [{clf}] "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}""#;

/// Names, and a line of each.
const FORMS: &[(&str, &str)] = &[
    ("combined", COMBINED),
    (
        "nginx main",
        r#"10.0.0.1 - - [{clf}] "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}" "{ip}, 10.0.0.2""#,
    ),
    (
        "ports of clients",
        r#"{ip}:41478 - - [{clf}] "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}""#,
    ),
    (
        "messages beside",
        "2026/03/02 {clock} [error] 9#9: *{id} open() \"/srv{path}\" failed, client: {ip}\n{ip} - - [{clf}] \"GET {path} HTTP/1.1\" 200 5,000,000 \"-\" \"{ua}\"",
    ),
    (
        "werkzeug",
        r#"{ip} - - [02/Mar/2026 {clock}] "GET {path} HTTP/1.1" 200 -"#,
    ),
    (
        "bunny",
        "HIT|200|{unix}000|5000321|390|{ip}|-|https://hub.b-cdn.net{path}|WA|{ua}|322b|DE",
    ),
    (
        "azure storage",
        r#"{"time":"{iso}","category":"StorageRead","operationName":"GetBlob","statusCode":200,"durationMs":0,"callerIpAddress":"{ip}:8345","properties":{"userAgentHeader":"{ua}","responseBodySize":5000000},"uri":"https://a.blob.core.windows.net:443/hub/docker/registry/v2/blobs/sha256/00/{hex}/data?sig=X"}"#,
    ),
    (
        "minio",
        r#"{"version":"1","time":"{iso}","api":{"name":"GetObject","bucket":"hub","object":"x","status":"OK","statusCode":200,"tx":5000000,"timeToResponse":"0ns"},"remotehost":"{ip}","userAgent":"{ua}","requestPath":"/hub/docker/registry/v2/blobs/sha256/00/{hex}/data"}"#,
    ),
    (
        "ltsv",
        "time:{clf}\thost:{ip}\treq:GET {path} HTTP/1.1\tstatus:200\tsize:5000000\tua:{ua}\treqtime:0.000",
    ),
    (
        "gin",
        r#"[GIN] 2026/03/02 - {clock} | 200 |         0s |     {ip} | GET      "{path}""#,
    ),
    (
        "caddy console",
        "2026/03/02 {clock}.000\tinfo\thttp.log.access\thandled request\t{\"request\":{\"remote_ip\":\"{ip}\",\"method\":\"GET\",\"uri\":\"{path}\",\"headers\":{\"User-Agent\":[\"{ua}\"]}},\"size\":5000000,\"status\":200}",
    ),
    (
        "lines of an array",
        r#"{"time":"2026-03-02 {clock} +0000","ip":"{ip}","method":"GET","path":"{path}","status":"200 OK","size":5000000,"ua":"{ua}"},"#,
    ),
    (
        "host in quotes",
        r#"{ip} - - [{clf}] "hub.example.com" "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}""#,
    ),
    (
        "host without",
        r#"{ip} - - [{clf}] hub.example.com "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}""#,
    ),
    (
        "jwilder",
        r#"hub.example.com {ip} - - [{clf}] "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}" "172.18.0.2:5000""#,
    ),
    (
        "vhost_combined",
        r#"hub.example.com:443 {ip} - - [{clf}] "GET {path} HTTP/1.1" 200 5000{id} "-" "{ua}""#,
    ),
    (
        "varnish",
        r#"{ip} - - [{clf}] "GET http://hub.example.com{path} HTTP/1.1" 200 5000000 "-" "{ua}""#,
    ),
    (
        "haproxy",
        r#"{syslog} lb haproxy[14389]: {ip}:33317 [{haproxy}] http-in~ registry/srv1 0/0/1/2/2000 200 5000321 - - ---- 1/1/1/1/0 0/0 {{ua}|-} "GET {path} HTTP/1.1""#,
    ),
    (
        "envoy",
        r#"[{iso}] "GET {path} HTTP/1.1" 200 - 0 5000000 2000 20 "{ip}" "{ua}" "c7" "hub.example.com" "10.0.0.9:5000""#,
    ),
    (
        "alb",
        r#"h2 {end} app/lb/50 {ip}:2817 10.0.0.9:80 0.000 1.900 0.000 200 200 60 5000321 "GET https://hub.example.com:443{path} HTTP/2.0" "{ua}" ECDHE TLSv1.2 arn:aws:tg "Root=1-58" "hub.example.com" "arn:aws:acm" 0 {iso} "forward" "-" "-" "10.0.0.9:80" "200" "-" "-""#,
    ),
    (
        "s3",
        r#"79a59df9 bucket [{clf}] {ip} - 3E57 REST.GET.OBJECT docker/x "GET /docker/registry/v2/blobs/sha256/00/{hex}/data HTTP/1.1" 200 - 5000000 5000000 2000 20 "-" "{ua}" - s9lz SigV4 ECDHE AuthHeader bucket.s3 TLSv1.2 - -"#,
    ),
    (
        "nginx proxy manager",
        r#"[{clf}] - 200 200 - GET https hub.example.com "{path}" [Client {ip}] [Length 5000000] [Gzip -] [Sent-to 10.0.0.9] "{ua}" "-""#,
    ),
    (
        "artifactory",
        "{end}|4a1f|{ip}|anonymous|GET|/api/docker/hub{path}|200|-1|5000000|2000|{ua}",
    ),
    (
        "nexus",
        r#"{ip} - - [{clf}] "GET /repository/hub{path} HTTP/1.1" 200 - 5000000 0 "{ua}" [qtp1-90]"#,
    ),
    (
        "harbor",
        r#"{syslog} 172.18.0.1 proxy[1234]: {ip} - "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}" 0.000 0.000 ."#,
    ),
    (
        "traefik",
        r#"{ip} - - [{clf}] "GET {path} HTTP/2.0" 200 5000000 "-" "{ua}" 12 "hub@docker" "http://10.0.0.9:5000" 2000ms"#,
    ),
    (
        "ingress-nginx",
        r#"{ip} - - [{clf}] "GET {path} HTTP/1.1" 200 5000000 "-" "{ua}" 90 0.000 [hub-5000] [] 10.0.0.9:5000 5000000 0.000 200 d82a"#,
    ),
    (
        "squid",
        "{unix}.000      0 {ip} TCP_MISS/200 5000321 GET http://hub.example.com{path} - HIER_DIRECT/10.0.0.9 application/octet-stream",
    ),
    (
        "quay",
        r#"{ip} - - [{clf}] "GET /datastorage/registry/sha256/00/{hex} HTTP/1.1" 200 5000000 "-" "{ua}""#,
    ),
    (
        "ghcr",
        r#"{ip} - - [{clf}] "GET /ghcr1/blobs/sha256:{hex}?sig=x HTTP/1.1" 200 5000000 "-" "{ua}""#,
    ),
    (
        "distribution",
        r#"time="{iso}" level=info msg="response completed" go.version=go1.20.8 http.request.host=hub http.request.id=a{id} http.request.method=GET http.request.remoteaddr="{ip}:4711" http.request.uri="{path}" http.request.useragent="{ua}" http.response.contenttype="application/octet-stream" http.response.duration=0s http.response.status=200 http.response.written=5000000"#,
    ),
    (
        "distribution json",
        r#"{"go.version":"go1.20.8","http.request.method":"GET","http.request.remoteaddr":"{ip}:4711","http.request.uri":"{path}","http.request.useragent":"{ua}","http.response.duration":"0s","http.response.status":200,"http.response.written":5000000,"level":"info","msg":"response completed","time":"{iso}"}"#,
    ),
    (
        "gcp",
        r#"{"httpRequest":{"latency":"2s","remoteIp":"{ip}","requestMethod":"GET","requestUrl":"https://hub.example.com{path}","responseSize":"5000321","status":200,"userAgent":"{ua}"},"insertId":"1","resource":{"labels":{"zone":"global"}},"timestamp":"{iso}"}"#,
    ),
    (
        "traefik json",
        r#"{"ClientHost":"{ip}","DownstreamContentSize":5000000,"DownstreamStatus":200,"Duration":2000000000,"RequestMethod":"GET","RequestPath":"{path}","StartUTC":"{iso}","request_User-Agent":"{ua}","time":"{end}"}"#,
    ),
    (
        "caddy",
        r#"{"level":"info","ts":{unix}.5,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"{ip}","remote_port":"4","client_ip":"{ip}","proto":"HTTP/2.0","method":"GET","host":"hub","uri":"{path}","headers":{"User-Agent":["{ua}"]}},"bytes_read":0,"duration":0.25,"size":5000000,"status":200,"resp_headers":{"Content-Length":["5000000"]}}"#,
    ),
    (
        "istio",
        r#"{"authority":"hub","bytes_received":0,"bytes_sent":5000000,"downstream_remote_address":"{ip}:43612","duration":2000,"method":"GET","path":"{path}","protocol":"HTTP/1.1","response_code":200,"start_time":"{iso}","upstream_host":"10.0.0.9:5000","user_agent":"{ua}","x_forwarded_for":null}"#,
    ),
    (
        "envoy gateway",
        r#"{"start_time":"{iso}","method":"GET","x-envoy-origin-path":"{path}","response_code":"200","bytes_sent":"5000000","duration":"2000","x-forwarded-for":"{ip}","user-agent":"{ua}","downstream_remote_address":"10.0.0.1:5"}"#,
    ),
    (
        "front door",
        r#"{"time":"{end}","resourceId":"/S","category":"FrontDoorAccessLog","properties":{"trackingReference":"0","httpMethod":"GET","requestUri":"https://hub.example.com:443{path}","responseBytes":"5000321","userAgent":"{ua}","clientIp":"{ip}","socketIp":"10.0.0.1","timeTaken":"2.000","httpStatusCode":"200","pop":"MIA"}}"#,
    ),
    (
        "cloud monitor",
        r#"{"type":"cloud_monitor","format":"default","id":"1","start":"{unix}.250","cp":"1","message":{"proto":"https","status":"200","cliIP":"{ip}","reqPort":"443","reqHost":"hub","reqMethod":"GET","reqPath":"{path}","bytes":"5000000","UA":"{ua}"},"netPerf":{"downloadTime":"20","asnum":"64500"},"geo":{"country":"us"}}"#,
    ),
    (
        "datastream",
        r#"{"version":"1","cp":"1","reqId":"1","reqTimeSec":"{unix}.250","bytes":"5000000","cliIP":"{ip}","statusCode":"200","proto":"HTTPS","reqHost":"hub","reqMethod":"GET","reqPath":"v2/library/nginx/blobs/sha256:{hex}","UA":"{ua}","transferTimeMSec":"2000"}"#,
    ),
    (
        "fastly",
        r#"<134>{iso} cache-fra hub[62959]: {"timestamp":"{iso}","client_ip":"{ip}","geo_country":"germany","host":"hub","url":"{path}","request_method":"GET","request_user_agent":"{ua}","response_status":200,"response_body_size":5000000,"fastly_server":"cache-fra"}"#,
    ),
    (
        "spegel",
        r#"{"time":"{iso}","level":"INFO","source":{"function":"f","line":4},"msg":"","path":"{path}","status":200,"method":"GET","latency":"0s","ip":"{ip}","handler":"blob"}"#,
    ),
    (
        "zot",
        r#"{"level":"info","module":"http","component":"session","clientIP":"{ip}:41478","method":"GET","path":"{path}","statusCode":200,"latency":"0s","bodySize":5000000,"headers":{"Accept":["*/*"],"User-Agent":["{ua}"]},"goroutine":"7","time":"{iso}","message":"HTTP API"}"#,
    ),
    (
        "cloudfront v2",
        r#"{"date":"2026-03-02","time":"{clock}","x-edge-location":"LAX1","sc-bytes":"5000321","c-ip":"{ip}","cs-method":"GET","cs-uri-stem":"{path}","sc-status":"200","cs(User-Agent)":"{ua}","sc-content-len":"5000000"}"#,
    ),
    (
        "cloudfront v2 as Parquet names it",
        r#"{"date":"2026-03-02","time":"{clock}","x_edge_location":"LAX1","sc_bytes":"5000321","c_ip":"{ip}","cs_method":"GET","cs_uri_stem":"{path}","sc_status":"200","cs_user_agent":"{ua}","sc_content_len":"5000000"}"#,
    ),
    (
        "nginx json",
        r#"{"access_time":"{clf}","upstream_cache_status":"HIT","verb":"GET","uri":"{path}","code":"200","sent":"5000000","peer":"{ip}","upstream":"10.0.0.9","ua":"{ua}"}"#,
    ),
    (
        "elastic",
        r#"{"@timestamp":"{iso}","source":{"address":"{ip}","ip":"{ip}"},"http":{"request":{"method":"GET"},"response":{"status_code":200,"body":{"bytes":5000000}}},"url":{"original":"{path}"},"user_agent":{"original":"{ua}"}}"#,
    ),
];

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

/// The message, which goes to standard error.
#[track_caller]
fn refused(arguments: &[&str], log: &str, messages: &[&str]) {
    let output = run(&[arguments, &["-"]].concat(), log.as_bytes());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.code(),
        Some(2),
        "{error}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    for message in messages {
        assert!(error.contains(message), "{message}: {error}");
    }
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
    assert!(text.contains("the log does not say ip.src.country"), "{text}");
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
