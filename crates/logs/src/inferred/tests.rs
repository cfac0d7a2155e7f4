use super::inferred;
use crate::entry::{Field, LogEntry};
use crate::json::Names;
use crate::logfmt::read_logfmt;

const PATH: &str = "/v2/a/blobs/sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A line with `PATH` for the blob's path, as it is read by the names that were inferred from itself.
fn read<T>(line: &str, of: impl FnOnce(&LogEntry<'_>) -> T) -> T {
    let line = line.replace("PATH", PATH);
    let mut names = Names::new(inferred(&[&line]).names);
    let mut entry = LogEntry::default();
    if line.starts_with('{') {
        names.read(&line, &mut entry).unwrap();
    } else {
        read_logfmt(&mut names, &line, &mut entry).unwrap();
    }
    entry.finish().unwrap();
    of(&entry)
}

/// Time, address, status, bytes, User-Agent.
#[track_caller]
fn case(line: &str, expected: (u64, &str, u16, Option<u64>, &str)) {
    read(line, |entry| {
        let path = entry.path.trim_start_matches("https://hub.example.com");
        assert_eq!((path, entry.method.is_empty()), (PATH, false), "{line}");
        let found = (
            entry.time_ms.unwrap(),
            &*entry.address,
            entry.status.unwrap(),
            entry.bytes,
            &*entry.user_agent,
        );
        assert_eq!(found, expected, "{line}");
    });
}

const JULY: u64 = 1_593_975_600_000;

#[test]
fn names_of_many_programs() {
    let usual = (JULY, "192.0.2.7", 206, Some(400), "docker/29");
    // nginx, by its own variables and by names of one's own.
    case(
        r#"{"time_local":"05/Jul/2020:19:00:00 +0000","remote_addr":"192.0.2.7","request":"GET PATH HTTP/1.1","status":"206","body_bytes_sent":"400","http_user_agent":"docker/29"}"#,
        usual,
    );
    case(
        r#"{"date":"2020-07-05T19:00:02+00:00","host":"192.0.2.7","method":"GET","uri":"PATH","status":"206","body_bytes":"400","ua":"docker/29","request_time":"2.000"}"#,
        usual,
    );
    case(
        r#"{"@timestamp":"2020-07-05T19:00:00.000Z","client":{"ip":"192.0.2.7"},"url":"PATH","http":{"status":206,"verb":"GET"},"body_bytes":400,"agent":"docker/29"}"#,
        usual,
    );
    // Fastly's example, and a proxy's of Go.
    case(
        r#"{"timestamp":"2020-07-05T19:00:00+0000","client_ip":"192.0.2.7","geo_country":"DE","url":"PATH","request_method":"GET","request_user_agent":"docker/29","response_status":206,"response_body_size":400,"fastly_server":"192.0.2.99"}"#,
        usual,
    );
    case(
        r#"{"time":"2020-07-05T19:00:00.5Z","level":"INFO","msg":"","path":"PATH","status":206,"method":"GET","latency":"500ms","ip":"192.0.2.7:40000","bytes":400,"headers":{"User-Agent":["docker/29"]}}"#,
        (JULY, "192.0.2.7:40000", 206, Some(400), "docker/29"),
    );
    case(
        r#"ts=2020-07-05T19:00:00Z level=info method=GET uri=PATH status=206 remote=192.0.2.7 size=400 user_agent="docker/29""#,
        usual,
    );
}

#[test]
fn names_of_networks_of_delivery() {
    let usual = (JULY, "192.0.2.7", 206, Some(400), "docker/29");
    // Alibaba's, whose durations are milliseconds by nginx's name for seconds.
    case(
        r#"{"unixtime":1593975600,"method":"GET","uri":"PATH","client_ip":"192.0.2.7","remote_ip":"192.0.2.99","request_time":0,"response_size":700,"return_code":206,"body_bytes_sent":400,"user_agent":"docker/29"}"#,
        usual,
    );
    // Huawei's: a point in time by that name.
    case(
        r#"{"request_time":"1593975602000","method":"GET","uri":"PATH","client_ip":"192.0.2.7","response_time":"2000","body_bytes":"400","http_code":"206","user_agent":"docker/29"}"#,
        usual,
    );
    // Stores: Azure's, and MinIO's.
    case(
        r#"{"time":"2020-07-05T19:00:00Z","operationName":"GetBlob","statusCode":206,"callerIpAddress":"192.0.2.7:8345","properties":{"userAgentHeader":"docker/29","responseBodySize":400},"uri":"https://hub.example.comPATH"}"#,
        (JULY, "192.0.2.7:8345", 206, Some(400), "docker/29"),
    );
    case(
        r#"{"time":"2020-07-05T19:00:00Z","api":{"name":"GetObject","statusCode":206,"rx":0,"tx":400,"txHeaders":387,"timeToResponse":"0ns"},"remotehost":"192.0.2.7","userAgent":"docker/29","requestPath":"PATH"}"#,
        usual,
    );
    // With labels and tabs (ltsv.org).
    case(
        "time:05/Jul/2020:19:00:00 +0000\thost:192.0.2.7\treq:GET PATH HTTP/1.1\tstatus:206\tsize:400\tua:docker/29\treqtime:0.000",
        usual,
    );
}

#[test]
fn what_was_done_with_an_object_is_a_method() {
    for (operation, expected) in [
        ("GetBlob", "GET"),
        ("GetBlobProperties", "HEAD"),
        ("PutBlob", "PutBlob"),
    ] {
        let line = format!(
            r#"{{"time":"2020-07-05T19:00:00Z","operationName":"{operation}","uri":"https://a.example.comPATH","statusCode":200}}"#
        );
        read(&line, |entry| assert_eq!(&*entry.method, expected));
    }
    let line = r#"{"time":"2020-07-05T19:00:00Z","api":{"name":"PutObject","statusCode":200,"tx":5},"requestPath":"PATH"}"#;
    read(line, |entry| assert_eq!(&*entry.method, "PutObject"));
}

#[test]
fn what_the_server_is_is_not_the_client() {
    case(
        r#"{"time":"2020-07-05T19:00:00Z","upstream_addr":"10.0.0.1:5000","server_ip":"10.0.0.2","peer":"192.0.2.7","upstream_status":"502","code":206,"method":"GET","uri":"PATH"}"#,
        (JULY, "192.0.2.7", 206, None, ""),
    );
}

#[test]
fn ranges_stand_beside_the_user_agent() {
    let line =
        r#"{"time":"2020-07-05T19:00:00Z","path":"PATH","status":206,"headers":{"User-Agent":["a/1"]}}"#;
    let names = inferred(&[&line.replace("PATH", PATH)]).names;
    assert!(
        names.contains(&("headers.Range".to_owned(), Field::Range)),
        "{names:?}"
    );
    read(
        &line.replace("\"User-Agent\"", "\"Range\":[\"bytes=5-\"],\"User-Agent\""),
        |entry| {
            assert_eq!(&*entry.range, "bytes=5-");
        },
    );
}

#[test]
fn durations_go_by_their_unit() {
    for (field, expected) in [
        (r#""duration":0.25"#, 250),
        (r#""duration":250"#, 250),
        (r#""duration":250000000"#, 250),
        (r#""latency":"250ms""#, 250),
        (r#""elapsed_ms":250"#, 250),
        (r#""request_time":"0.250""#, 250),
        (r#""request_time":250"#, 250),
        (r#""timeToResponse":"250000000ns""#, 250),
    ] {
        let line = format!(r#"{{"time":"2020-07-05T19:00:00Z","path":"PATH","status":200,{field}}}"#);
        let found = read(&line, |entry| (entry.duration_ms, entry.time_ms));
        assert_eq!(found, (expected, Some(JULY - 250)), "{field}");
    }
}

#[test]
fn what_was_seen_is_said() {
    let found = inferred(&[r#"{"a":1,"b":{"c":"x"},"d":[{"e":2}],"f":["g"]}"#]);
    assert_eq!(found.seen, ["a", "b.c", "d[0].e", "f"]);
    assert!(
        !found
            .names
            .iter()
            .any(|(_, field)| matches!(field, Field::Path | Field::Request))
    );
    assert_eq!(inferred(&["{", "[]", ""]), super::Inferred::default());
}

#[test]
fn any_line_is_inferred_from() {
    bolero::check!()
        .with_max_len(64)
        .with_iterations(5_000)
        .for_each(|bytes: &[u8]| {
            const PIECES: [&str; 14] = [
                "{",
                "}",
                "[",
                "]",
                ":",
                ",",
                "\"time\"",
                "\"a\"",
                "1",
                "\"GET /v2/a/blobs/sha256:0 HTTP/1.1\"",
                "null",
                "\"status\"",
                "\"range\"",
                "=",
            ];
            let spelled: String = bytes
                .iter()
                .map(|b| PIECES[usize::from(*b) % PIECES.len()])
                .collect();
            let _ = inferred(&[&spelled, &String::from_utf8_lossy(bytes)]);
        });
}
