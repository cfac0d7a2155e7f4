use super::{Carriers, Stripped};

const JULY: u64 = 1_593_975_600_000;
const LINE: &str = r#"192.0.2.7 - - "GET /v2/a/blobs/x HTTP/1.1" 200 5"#;

fn is_known(lines: &[&str]) -> bool {
    let fit = lines
        .iter()
        .filter(|line| line.starts_with("192.0.2.7 - "))
        .count();
    fit > 0 && 2 * fit >= lines.len()
}

/// A line with `LINE` in it comes out as it was before it was carried.
#[track_caller]
fn case(carried: &str, time_ms: Option<u64>) {
    let escaped = LINE.replace('"', "\\\"");
    let doubled = LINE.replace('"', "\"\"");
    let carried = carried
        .replace("JSON", &escaped)
        .replace("CSV", &doubled)
        .replace("LINE", LINE);
    let lines: Vec<&str> = carried.lines().collect();
    let mut carriers = Carriers::recognised(&lines, JULY + 1000, &is_known);
    let last = lines.last().unwrap();
    let mut found = Vec::new();
    for line in &lines {
        found.push(carriers.strip(line));
    }
    let expected = Stripped {
        line: LINE.into(),
        time_ms,
    };
    assert!(found.contains(&expected), "{last}: {carriers:?} {found:?}");
}

#[test]
fn what_carries_logs_is_taken_off() {
    let july = Some(JULY);
    case("LINE", None);
    case("docker-registry  | LINE", None);
    case("registry-1  | 2020-07-05T19:00:00.000000000Z LINE", july);
    case("\u{1b}[36mregistry_1  |\u{1b}[0m LINE", None);
    case("[pod/registry-5d4/registry] LINE", None);
    case(
        "[pod/registry-5d4/registry] 2020-07-05T19:00:00.000000000Z LINE",
        july,
    );
    case("2020-07-05T19:00:00.000000000Z stdout F LINE", july);
    case("2020-07-05T21:00:00.000000000+02:00 stderr F LINE", july);
    case("2020-07-05T19:00:00.000Z LINE", july);
    case("2020-07-05T19:00:00.000Z\tLINE", july);
    case("Jul  5 19:00:00 host registry[12]: LINE", july);
    case("Jul 05 19:00:00.000123 host docker/registry[12]: LINE", july);
    case("Jul  5 19:00:00 registry: LINE", july);
    case("<134>Jul  5 19:00:00 host registry[12]: LINE", july);
    case("<134>2020-07-05T19:00:00Z cache-sjc LogTest[62]: LINE", july);
    case("2020-07-05T19:00:00+0000 host registry[12]: LINE", july);
    case("1593975600.000000 host registry[12]: LINE", july);
    case("Sun 2020-07-05 19:00:00 UTC host registry[12]: LINE", july);
    case("<134>1 2020-07-05T19:00:00.000Z host registry 12 - - LINE", july);
    case(
        r#"<134>1 2020-07-05T19:00:00.000Z host registry 12 ID [a@1 b="c \] d"][e] LINE"#,
        july,
    );
    case(
        r#"{"log":"JSON\n","stream":"stdout","time":"2020-07-05T19:00:00Z"}"#,
        july,
    );
    case(
        r#"{"__REALTIME_TIMESTAMP":"1593975600000000","MESSAGE":"JSON","_PID":"1"}"#,
        july,
    );
    case(
        r#"{"log":"registry-1  | JSON\n","time":"2020-07-05T19:00:00Z"}"#,
        july,
    );
    case(
        "__REALTIME_TIMESTAMP=1593975600000000\n_PID=1\n_COMM=registry\nMESSAGE=LINE\n",
        july,
    );
    case("of somebody's own LINE", None);
    case("by\ttabs\tLINE", None);
    case("\"Date\",\"Line\"\n2020-07-05T19:00:00Z,\"CSV\"", july);
    case("host;_raw\nnode;\"CSV\"\nhost;_raw", None);
    case(r#"["1593975600000000000","JSON"]"#, july);
    case(r#"["1593975600000000000","JSON",{"pod":"registry-1"}]"#, july);
    case(
        "2020/07/05 19:00:00.000\tinfo\taccess\thandled request\t{\"log\":\"JSON\"}",
        july,
    );
    case(
        "2020-07-05T19:00:00+00:00\tkube.nginx\t{\"log\":\"JSON\\n\",\"stream\":\"stdout\"}",
        july,
    );
    case("2020-07-05T19:00:00Z INFO access {\"line\":\"JSON\"}", july);
    case("2020/07/05 19:00:00 [info] {\"line\":\"JSON\"}", july);
    case("INFO access {\"line\":\"JSON\"}", None);
    case(
        r#"2020-07-05T19:00:00Z {app="nginx", pod="registry-1"} LINE"#,
        july,
    );
    case(r#"{app="nginx"} LINE"#, None);
    case(
        r#"[0] tail.0: [[1593975600.000000000, {}], {"log"=>"JSON"}]"#,
        july,
    );
    case(
        r#"[3] kube.x: [1593975600.0, {"stream"=>"stdout", "log"=>"JSON"}]"#,
        july,
    );
    case(
        r#"{"preview":false,"result":{"_raw":"JSON","_time":"2020-07-05T19:00:00.000+0000"}}"#,
        july,
    );
    case(
        r#"{"version":"1.1","short_message":"JSON","timestamp":1593975600.0}"#,
        july,
    );
}

#[test]
fn a_text_of_any_name_may_be_the_line() {
    let line = r#"192.0.2.7 - - \"GET /v2/a/blobs/sha256:0 HTTP/1.1\" 200 5"#;
    for (wrapped, time_ms) in [
        (
            format!(r#"{{"attributes":{{"payload":"{line}"}},"time":"2020-07-05T19:00:00Z"}}"#),
            Some(JULY),
        ),
        (format!(r#"{{"body":"{line}","n":1}}"#), None),
    ] {
        let mut carriers = Carriers::recognised(&[&wrapped], JULY, &is_known);
        let found = carriers.strip(&wrapped);
        assert!(found.line.starts_with("192.0.2.7 - "), "{wrapped}: {carriers:?}");
        assert_eq!(found.time_ms, time_ms, "{wrapped}");
    }
}

#[test]
fn what_is_a_format_of_its_own_is_left_alone() {
    for line in [
        LINE,
        r#"{"path":"/v2/a","message":"HTTP API"}"#,
        r#"{"message":{"reqPath":"/v2/a","status":"200 OK"},"start":"1"}"#,
        "",
    ] {
        let mut carriers =
            Carriers::recognised(&[line], JULY, &|lines| is_known(lines) || lines[0].is_empty());
        assert_eq!(carriers.strip(line).line, line);
    }
}

#[test]
fn any_line_is_stripped_or_left() {
    bolero::check!()
        .with_max_len(48)
        .with_iterations(20_000)
        .for_each(|bytes: &[u8]| {
            const PIECES: [&str; 17] = [
                "a",
                " ",
                "|",
                "[pod/",
                "] ",
                "<134>",
                "1 ",
                "2020-07-05T19:00:00Z",
                "stdout F ",
                "Jul  5 19:00:00",
                "x[1]:",
                "\u{1b}[",
                "m",
                "{\"log\":\"",
                "\"}",
                "MESSAGE=",
                "\t{",
            ];
            let spelled: String = bytes
                .iter()
                .map(|b| PIECES[usize::from(*b) % PIECES.len()])
                .collect();
            for line in [&*spelled, &String::from_utf8_lossy(bytes)] {
                let mut carriers = Carriers::recognised(&[line], JULY, &|lines| {
                    lines.iter().any(|line| line.starts_with('a'))
                });
                let _ = carriers.strip(line);
            }
        });
}

/// The last line of a log that is being written has no end yet.
#[test]
fn a_line_that_is_cut_is_no_message_inside_of_others() {
    let whole = r#"{"msg":"handled request","uri":"/v2/a/blobs/sha256:00"}"#;
    let cut = r#"{"msg":"handled request","uri":"/v2/a/blobs/sha256:"#;
    let is_object = |lines: &[&str]| {
        let blobs: Vec<&&str> = lines.iter().filter(|line| line.contains("blobs")).collect();
        !blobs.is_empty() && blobs.iter().all(|line| line.starts_with('{'))
    };
    let carriers = Carriers::recognised(&[whole, whole, cut], JULY, &is_object);
    assert!(carriers.is_none(), "{carriers:?}");
}
