use super::Template;
use crate::entry::{Field, LogEntry};
use crate::presets::{PRESETS, preset, recognised};

const PATH: &str = "/v2/a/blobs/sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Time, address, status, milliseconds, User-Agent.
type Parts<'a> = (Option<u64>, &'a str, u16, u32, &'a str);

#[track_caller]
fn check(template: &Template, line: &str, expected: Parts<'_>) {
    let line = line.replace("PATH", PATH);
    assert!(template.is_like(&line), "{line}");
    let mut entry = LogEntry::default();
    template.read(&line, &mut entry).unwrap();
    let time = entry.finish().ok();
    let address = if entry.address.is_empty() {
        &entry.forwarded
    } else {
        &entry.address
    };
    // Networks of delivery that serve reads only log no method.
    let has_method = template.has(Field::Method) || template.has(Field::Request);
    let method = if has_method { "GET" } else { "" };
    let path = entry.url_path().unwrap();
    assert_eq!((path.as_ref(), entry.method.as_ref()), (PATH, method), "{line}");
    let found = (
        time,
        &**address,
        entry.status.unwrap(),
        entry.duration_ms,
        &*entry.user_agent,
    );
    assert_eq!(found, expected, "{line}");
}

const JULY: u64 = 1_593_975_600_000;

#[test]
fn the_presets_are_recognised_and_read() {
    #[track_caller]
    fn case(name: &str, line: &str, expected: Parts<'_>) {
        let filled = line.replace("PATH", PATH);
        let (found, template) = recognised(&[&filled]).unwrap_or_else(|| panic!("{name}: {line}"));
        assert_eq!(found, name, "{line}");
        check(&template, line, expected);
    }
    let usual = |ms| (Some(JULY), "192.0.2.7", 206, ms, "docker/29 go/1");
    case(
        "haproxy",
        r#"192.0.2.7:33317 [05/Jul/2020:19:00:00.000] http-in static/srv1 10/0/30/69/109 206 2750 - - ---- 1/1/1/1/0 0/0 {docker/29 go/1|bytes=5-} {} "GET PATH HTTP/1.1""#,
        (Some(JULY), "192.0.2.7:33317", 206, 109, "docker/29 go/1"),
    );
    case(
        "haproxy",
        r#"192.0.2.7:33317 [05/Jul/2020:19:00:00.000] http-in~ static/srv1 10/0/30/69/109 206 2750 - - ---- 1/1/1/1/0 0/0 "GET PATH HTTP/1.1""#,
        (Some(JULY), "192.0.2.7:33317", 206, 109, ""),
    );
    case(
        "gin",
        r#"[GIN] 2020/07/05 - 19:00:01 | 206 |  1.000s |       192.0.2.7 | GET      "PATH""#,
        (Some(JULY), "192.0.2.7", 206, 1000, ""),
    );
    case(
        "envoy",
        r#"[2020-07-05T19:00:00.000Z] "GET PATH HTTP/1.1" 206 - 0 400 12 11 "192.0.2.7" "docker/29 go/1" "c7" "hub" "10.0.0.1:80""#,
        usual(12),
    );
    case(
        "istio",
        r#"[2020-07-05T19:00:00.000Z] "GET PATH HTTP/1.1" 206 - via_upstream - "-" 0 400 12 11 "-" "docker/29 go/1" "c7" "hub" "10.0.0.1:80" outbound|80||hub 10.0.0.2:4 10.0.0.3:5 192.0.2.7:43 - default"#,
        (Some(JULY), "192.0.2.7:43", 206, 12, "docker/29 go/1"),
    );
    case(
        "alb",
        r#"https 2020-07-05T19:00:02.000000Z app/my/50dc 192.0.2.7:2817 10.0.0.1:80 0.086 0.048 0.037 206 206 0 57 "GET https://hub.example.com:443PATH HTTP/1.1" "docker/29 go/1" ECDHE TLSv1.2 arn:aws "Root=1" "hub.example.com" "arn:aws:acm" 1 2020-07-05T19:00:00.000000Z "forward" "-" "-" "10.0.0.1:80" "206" "-" "-""#,
        (Some(JULY), "192.0.2.7:2817", 206, 2000, "docker/29 go/1"),
    );
    case(
        "elb",
        r#"2020-07-05T19:00:00.000000Z my-elb 192.0.2.7:2817 10.0.0.1:80 0.000073 0.001048 0.000057 206 206 0 29 "GET PATH HTTP/1.1" "docker/29 go/1" - -"#,
        (Some(JULY), "192.0.2.7:2817", 206, 0, "docker/29 go/1"),
    );
    case(
        "s3",
        r#"79a5 bucket [05/Jul/2020:19:00:00 +0000] 192.0.2.7 - 3E57 REST.GET.OBJECT key "GET PATH HTTP/1.1" 206 - 400 1718 10 9 "-" "docker/29 go/1" - s9lzHY= SigV4"#,
        usual(10),
    );
    case(
        "nginx-proxy-manager",
        r#"[05/Jul/2020:19:00:00 +0000] - 206 206 - GET https hub.example.com "PATH" [Client 192.0.2.7] [Length 400] [Gzip -] [Sent-to 10.0.0.1] "docker/29 go/1" "-""#,
        usual(0),
    );
    case(
        "artifactory",
        "2020-07-05T19:00:02.000Z|f4e9|192.0.2.7|anonymous|GET|PATH|206|-1|400|2000|docker/29 go/1",
        usual(2000),
    );
    case(
        "artifactory",
        "20200705190002|2000|REQUEST|192.0.2.7|anonymous|GET|PATH|HTTP/1.1|206|400",
        (Some(JULY), "192.0.2.7", 206, 2000, ""),
    );
    case(
        "nexus",
        r#"192.0.2.7 - admin [05/Jul/2020:19:00:02 +0000] "GET PATH HTTP/1.1" 206 - 400 2000 "docker/29 go/1" [qtp19-90]"#,
        usual(2000),
    );
    case(
        "ingress-nginx",
        r#"192.0.2.7 - [192.0.2.7] - - [05/Jul/2020:19:00:02 +0000] "GET PATH HTTP/1.1" 206 34 "-" "docker/29 go/1" 1313 2.000 [a] 10.0.0.1:7001 34 0.003 200 d82a"#,
        usual(2000),
    );
    case(
        "ingress-nginx",
        r#"192.0.2.7 - - [05/Jul/2020:19:00:02 +0000] "GET PATH HTTP/1.1" 206 34 "-" "docker/29 go/1" 1313 2.000 [a-5000] [] 10.0.0.1:7001 34 0.003 200 d82a"#,
        usual(2000),
    );
    case(
        "harbor",
        r#"192.0.2.7 - "GET PATH HTTP/1.1" 206 400 "-" "docker/29 go/1" 0.250 0.250 ."#,
        (None, "192.0.2.7", 206, 250, "docker/29 go/1"),
    );
    case(
        "traefik",
        r#"192.0.2.7 - - [05/Jul/2020:19:00:00 +0000] "GET PATH HTTP/1.1" 206 400 "-" "docker/29 go/1" 12 "hub@docker" "http://10.0.0.1:80" 250ms"#,
        usual(250),
    );
    case(
        "bunny",
        "HIT|206|1593975600000|1412|390|192.0.2.7|-|https://hub.b-cdn.netPATH|WA|docker/29 go/1|322b688b|DE",
        usual(0),
    );
    case(
        "azure-storage",
        r#"1.0;2020-07-05T19:00:00.0000000Z;GetBlob;SASSuccess;206;12;3;sas;;acct;blob;"https://acct.blob.core.windows.netPATH?sv=1&amp;sig=X";"/acct/x";a5ef;0;192.0.2.7:8345;2019-12-12;120;0;300;400;0;;;"0x8D1";Sunday, 05-Jul-20 18:00:00 GMT;;"docker/29 go/1";;"x""#,
        (Some(JULY), "192.0.2.7:8345", 206, 12, "docker/29 go/1"),
    );
    case(
        "oauth2-proxy",
        r#"192.0.2.7 - 5c0e-0bb4 - ada@example.com [2020/07/05 19:00:02] hub.example.com GET http://10.0.0.1:5000 "PATH" HTTP/1.1 "docker/29 go/1" 206 400 2.000"#,
        usual(2000),
    );
    case(
        "oauth2-proxy",
        r#"192.0.2.7 - - [05/Jul/2020:19:00:02 +0000] hub.example.com GET - "PATH" HTTP/1.1 "docker/29 go/1" 206 400 2.000"#,
        usual(2000),
    );
    case(
        "gitea",
        "2020/07/05 19:00:00 .../web/routing/logger.go:102:func1() [I] router: completed GET PATH for 192.0.2.7:0, 206 Partial Content in 12.0ms @ container/container.go:486(container.GetBlob)",
        (Some(JULY), "192.0.2.7:0", 206, 12, ""),
    );
    case(
        "squid",
        "1593975602.000   2000 192.0.2.7 TCP_MISS/206 2138 GET https://hub.example.com:443PATH - HIER_DIRECT/10.0.0.1 application/octet-stream",
        (Some(JULY), "192.0.2.7", 206, 2000, ""),
    );
}

/// Combined lines have less, or other fields behind them.
#[test]
fn no_preset_takes_combined_lines_for_its_own() {
    for rest in [
        "",
        r#" "-" "-""#,
        r#" "bytes=5-" "bytes 5-9/10""#,
        r#" 0.004 "x""#,
        r#" "192.0.2.7""#,
    ] {
        let line = format!(
            r#"192.0.2.7 - - [05/Jul/2020:19:00:00 +0000] "GET {PATH} HTTP/1.1" 206 400 "-" "docker/29 go/1"{rest}"#
        );
        assert!(
            recognised(&[&line]).is_none(),
            "{line}: {:?}",
            recognised(&[&line])
        );
    }
}

#[test]
fn every_preset_has_a_format() {
    for (name, format) in PRESETS {
        assert!(
            Template::parse(format).is_ok(),
            "{name}: {:?}",
            Template::parse(format)
        );
        assert!(!preset(&name.to_uppercase()).is_empty());
    }
    assert!(preset("none").is_empty());
}

#[test]
fn format_strings_of_nginx_apache_and_envoy() {
    #[track_caller]
    fn case(format: &str, line: &str, expected: Parts<'_>) {
        check(&Template::parse(format).unwrap(), line, expected);
    }
    let usual = (Some(JULY), "192.0.2.7", 206, 0, "docker/29 go/1");
    case(
        r#"$remote_addr - $remote_user [$time_local] "$http_host" "$request" $status $body_bytes_sent "$http_user_agent""#,
        r#"192.0.2.7 - - [05/Jul/2020:19:00:00 +0000] "hub" "GET PATH HTTP/1.1" 206 400 "docker/29 go/1""#,
        usual,
    );
    case(
        r#"log_format x '<P> $remote_addr [${time_local}] $scheme "$request" ( $status ) <- '
        '$proxy_host "$http_user_agent" $request_time';"#,
        r#"<P> 192.0.2.7 [05/Jul/2020:19:00:02 +0000] https "GET PATH HTTP/2.0" ( 206 ) <- 10.0.0.1 "docker/29 go/1" 2.000"#,
        (Some(JULY), "192.0.2.7", 206, 2000, "docker/29 go/1"),
    );
    case(
        r#"$msec $upstream_addr $upstream_status $remote_addr "$request" $status "$http_user_agent""#,
        r#"1593975600.000 10.0.0.1:80, 10.0.0.2:80 502, 206 192.0.2.7 "GET PATH HTTP/1.1" 206 "docker/29 go/1""#,
        usual,
    );
    case(
        r#"%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#,
        r#"hub:443 192.0.2.7 - - [05/Jul/2020:19:00:00 +0000] "GET PATH HTTP/1.1" 206 700 "-" "docker/29 go/1""#,
        usual,
    );
    case(
        r#"LogFormat "%h %t %m %U%q %>s %D \"%{User-agent}i\" %{Range}i" x"#,
        r#"192.0.2.7 [05/Jul/2020:19:00:00 +0000] GET PATH 206 250000 "docker/29 go/1" bytes=5-"#,
        (Some(JULY), "192.0.2.7", 206, 250, "docker/29 go/1"),
    );
    case(
        r#"%{%Y-%m-%dT%H:%M:%S%z}t %a "%r" %s "%{User-Agent}i""#,
        r#"2020-07-05T19:00:00+0000 192.0.2.7 "GET PATH HTTP/1.1" 206 "docker/29 go/1""#,
        usual,
    );
    case(
        r#"%START_TIME% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %DURATION% "%REQ(USER-AGENT):200%""#,
        r#"2020-07-05T19:00:00.000Z 192.0.2.7 "GET PATH HTTP/1.1" 206 250 "docker/29 go/1""#,
        (Some(JULY), "192.0.2.7", 206, 250, "docker/29 go/1"),
    );
}

#[test]
fn a_format_that_cannot_be_read_by_says_so() {
    for (format, expected) in [
        ("$remote_addr", "a format with the request"),
        ("$request", "a format with the status"),
        (
            "$request$status",
            "a format with something between any two values",
        ),
        ("%{User-Agent", "a closing brace"),
        ("", "a format with the request"),
        ("%", "a letter"),
    ] {
        let error = Template::parse(format).unwrap_err();
        assert!(error.starts_with(expected), "{format}: {error}");
    }
}

#[test]
fn lines_of_another_format_are_refused() {
    let template =
        Template::parse(r#"$remote_addr [$time_local] "$request" $status "$http_user_agent""#).unwrap();
    let read = |line: &str| template.read(line, &mut LogEntry::default());
    assert!(read("").is_err());
    assert!(read(r#"192.0.2.7 [noon] "GET / HTTP/1.1" 200 "a""#).is_err());
    assert!(read(r#"192.0.2.7 [05/Jul/2020:19:00:00 +0000] "GET / HTTP/1.1" ok "a""#).is_err());
    // What is no request is no request for a blob; a quote inside is no end; what is added behind is let be.
    assert!(read(r#"192.0.2.7 [05/Jul/2020:19:00:00 +0000] "\x16\x03" 400 "-""#).is_ok());
    let mut entry = LogEntry::default();
    template
        .read(
            r#"192.0.2.7 [05/Jul/2020:19:00:00 +0000] "GET / HTTP/1.1" 200 "a\"b\x5Cc" 5 "more""#,
            &mut entry,
        )
        .unwrap();
    assert_eq!(&*entry.user_agent, r#"a"b\c"#);
}

#[test]
fn any_format_and_any_line_are_read_or_refused() {
    bolero::check!()
        .with_max_len(64)
        .with_iterations(20_000)
        .for_each(|bytes: &[u8]| {
            const PIECES: [&str; 14] = [
                "$request", "$status", " ", "\"", "[", "]", "%r", "%>s", "%{", "}", "$", "\\", "GET / 1",
                "200",
            ];
            let spelled: String = bytes
                .iter()
                .map(|b| PIECES[usize::from(*b) % PIECES.len()])
                .collect();
            let (format, line) = spelled.split_at(spelled.len() / 2);
            if let Ok(template) = Template::parse(format) {
                let _ = (
                    template.is_like(line),
                    template.read(line, &mut LogEntry::default()),
                );
            }
            for template in preset("haproxy").iter().chain(&preset("squid")) {
                let _ = template.read(&String::from_utf8_lossy(bytes), &mut LogEntry::default());
            }
        });
    assert!(Template::parse("$request $status").unwrap().has(Field::Status));
}
