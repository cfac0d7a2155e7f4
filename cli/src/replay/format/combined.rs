//! The combined format of nginx and Apache, and what distribution writes as its access log.
//!
//! `ADDRESS - USER [05/Jul/2020:19:00:00 +0000] "GET /v2/… HTTP/1.1" 200 1234 "REFERER" "USER AGENT"`, also with the
//! virtual host in front, and with other fields before the request. Of fields that were added behind, one that begins with
//! `bytes=` is the request's Range, one that begins with `bytes ` the answer's Content-Range, and an address is
//! X-Forwarded-For.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use blobwatch_logs::{Field, LogEntry, any_time, common_time, end_of_quoted, unescaped};

/// Reads a line.
///
/// # Errors
/// What was expected.
pub(in super::super) fn read<'a>(line: &'a str, entry: &mut LogEntry<'a>) -> Result<(), &'static str> {
    let (head, rest) = before_time(line).ok_or("a time in brackets")?;
    let (time, rest) = rest.split_once(']').ok_or("a time in brackets")?;
    entry.time_ms = Some(common_time(time).or_else(|| any_time(time)).ok_or("a time")?);
    let (address, is_below_apache) = address(head);
    entry.address = Cow::Borrowed(address);
    let (request, rest) = request(rest).ok_or("a request in quotes")?;
    entry.set(Field::Request, Cow::Borrowed(request))?;
    let mut numbers = rest.trim_start().splitn(3, ' ');
    let status = numbers.next().unwrap_or_default();
    entry.status = Some(status.parse().map_err(|_| "a status")?);
    let field = if is_below_apache {
        Field::Wire
    } else {
        Field::Bytes
    };
    entry.set(field, Cow::Borrowed(numbers.next().unwrap_or_default()))?;
    let mut rest = numbers.next().unwrap_or_default();
    let mut texts = 0;
    while let Some((text, after)) = next_text(rest) {
        match texts {
            0 => {}
            1 => entry.set(Field::UserAgent, unescaped(text))?,
            _ if text.starts_with("bytes=") => entry.range = Cow::Borrowed(text),
            _ if text.starts_with("bytes ") => entry.content_range = Cow::Borrowed(text),
            _ if is_forwarded(text) => entry.forwarded = Cow::Borrowed(text),
            _ => {}
        }
        texts += 1;
        rest = after;
    }
    Ok(())
}

/// What stands before the first bracket that follows a blank, and what follows.
fn before_time(line: &str) -> Option<(&str, &str)> {
    let mut brackets = memchr::memchr_iter(b'[', line.as_bytes());
    brackets.find_map(|at| Some((line.get(..at)?.strip_suffix(' ')?, line.get(at + 1..)?)))
}

/// Whether a line surely has the shape: what stands before the time is a client, and nobody who carries logs.
pub(in super::super) fn is_like(line: &str) -> bool {
    let mut entry = LogEntry::default();
    let head = before_time(line).map_or("", |(head, _)| head);
    let mut words = head.split(' ').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let is_name = first.bytes().any(|byte| byte.is_ascii_alphabetic())
        && any_time(first).is_none()
        && first
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte));
    let has_port = first.parse::<SocketAddr>().is_ok();
    let is_client = is_ip(first) || has_port || is_name && (is_ip(second) || second == "-");
    is_client && read(line, &mut entry).is_ok()
}

fn is_ip(word: &str) -> bool {
    word.len() > 1 && word.parse::<IpAddr>().is_ok()
}

/// The client's address: the first word, or the second where a virtual host stands before it; and whether that host has a
/// port. Only Apache's `vhost_combined` writes it so, with the answer's head among the bytes.
fn address(head: &str) -> (&str, bool) {
    let mut words = head.split(' ').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    match words.next() {
        Some(second) if is_ip(second) => {
            let port = first.rsplit_once(':').map_or("", |(_, port)| port);
            (second, port.parse::<u16>().is_ok())
        }
        _ => (first, false),
    }
}

/// The first text in quotes that is a request line, and what follows; the first one of all where none is.
fn request(text: &str) -> Option<(&str, &str)> {
    let mut rest = text.trim_start();
    let mut first = None;
    loop {
        let Some((quoted, after)) = next_text(rest) else {
            return first;
        };
        let method = quoted.split(' ').next().unwrap_or_default();
        let is_request = method.len() < quoted.len() && method.bytes().all(|byte| byte.is_ascii_uppercase());
        if is_request {
            return Some((quoted, after));
        }
        first = first.or(Some((quoted, after)));
        rest = after;
    }
}

/// Addresses without a port: those with one are a server's.
fn is_forwarded(text: &str) -> bool {
    let may_be = text.as_bytes().first().is_some_and(u8::is_ascii_hexdigit);
    may_be && text.split(',').next().is_some_and(is_ip)
}

/// A text in quotes from the beginning, and what follows. A quote inside is `\"`.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let end = end_of_quoted(inner)?;
    Some((inner.get(..end)?, inner.get(end + 1..)?))
}

/// The next text in quotes; words without are stepped over.
fn next_text(text: &str) -> Option<(&str, &str)> {
    let at = memchr::memchr(b'"', text.as_bytes())?;
    quoted(text.get(at..)?)
}

#[cfg(test)]
mod tests {
    use super::{is_like, read};
    use blobwatch_logs::LogEntry;

    fn entry(line: &str) -> Result<LogEntry<'_>, &'static str> {
        let mut entry = LogEntry::default();
        read(line, &mut entry)?;
        Ok(entry)
    }

    #[test]
    fn the_parts_of_a_line() {
        let line = r#"192.0.2.7 - ada [05/Jul/2020:19:00:00 +0000] "GET /v2/a/blobs/sha256:0 HTTP/1.1" 206 1234 "-" "docker/19.03.12 go/go1.13.10 kernel/4.14.181-140.257.amzn2.x86_64""#;
        let entry = entry(line).unwrap();
        assert_eq!(entry.time_ms, Some(1_593_975_600_000));
        assert_eq!(
            (&*entry.address, &*entry.method, &*entry.path),
            ("192.0.2.7", "GET", "/v2/a/blobs/sha256:0")
        );
        assert_eq!((entry.status, entry.bytes), (Some(206), Some(1234)));
        assert!(entry.user_agent.starts_with("docker/19.03.12 "));
    }

    #[test]
    fn a_virtual_host_may_stand_in_front() {
        let line =
            r#"hub.example.com:443 2001:db8::7 - - [05/Jul/2020:19:00:00 +0000] "GET / HTTP/1.1" 200 -"#;
        let entry = entry(line).unwrap();
        assert_eq!(
            (&*entry.address, entry.bytes, &*entry.user_agent),
            ("2001:db8::7", None, "")
        );
    }

    #[test]
    fn lengths_may_have_separators() {
        for bytes in ["5,000,000", "5.000.000", "\"5,000,000\"", "5000000"] {
            let line = format!(
                r#"192.0.2.7 - - [05/Jul/2020:19:00:00 +0000] "GET / HTTP/1.1" 200 {bytes} "-" "a/1""#
            );
            let entry = entry(&line).unwrap();
            assert_eq!(
                (entry.bytes, &*entry.user_agent),
                (Some(5_000_000), "a/1"),
                "{bytes}"
            );
        }
    }

    #[test]
    fn added_fields_may_hold_the_ranges() {
        let line = r#"192.0.2.7 - - [05/Jul/2020:19:00:00 +0000] "GET / HTTP/1.1" 206 5 "-" "a\"b\x5Cc" 0.004 "bytes=5-" "bytes 5-9/10""#;
        let entry = entry(line).unwrap();
        assert_eq!(
            (&*entry.range, &*entry.content_range, &*entry.user_agent),
            ("bytes=5-", "bytes 5-9/10", r#"a"b\c"#)
        );
    }

    #[test]
    fn apache_counts_the_head_of_an_answer_behind_a_virtual_host() {
        let rest = r#"192.0.2.7 - - [05/Jul/2020:19:00:00 +0000] "GET / HTTP/1.1" 200 700"#;
        for (line, expected) in [
            (format!("hub.example.com:443 {rest}"), (None, Some(700))),
            (format!("hub.example.com {rest}"), (Some(700), None)),
            (rest.to_owned(), (Some(700), None)),
        ] {
            let entry = entry(&line).unwrap();
            assert_eq!((entry.bytes, entry.wire), expected, "{line}");
            assert_eq!(entry.address, "192.0.2.7", "{line}");
        }
    }

    #[test]
    fn other_fields_may_stand_around_the_request() {
        let line = r#"10.0.0.1 - - [05/Jul/2020:19:00:00 +0000] "hub.example.com" 5 "GET / HTTP/1.1" 206 5 "-" "a" "10.0.0.9:80" "192.0.2.7, 10.0.0.2""#;
        let entry = entry(line).unwrap();
        assert_eq!(
            (&*entry.path, entry.status, &*entry.forwarded),
            ("/", Some(206), "192.0.2.7, 10.0.0.2")
        );
    }

    #[test]
    fn what_carries_a_log_is_no_client() {
        let line = r#"192.0.2.7 - - [05/Jul/2020:19:00:00 +0000] "GET / HTTP/1.1" 200 5"#;
        assert!(is_like(line));
        assert!(is_like(&format!("hub.example.com:443 {line}")));
        assert!(is_like(&line.replace("192.0.2.7", "192.0.2.7:41478")));
        assert!(is_like(&line.replace("192.0.2.7", "[2001:db8::7]:41478")));
        for prefix in [
            "registry  | ",
            "Jul  5 19:00:00 host nginx: ",
            "2020-07-05T19:00:00Z ",
            "[pod/a/b] ",
            "pod container ",
        ] {
            assert!(!is_like(&format!("{prefix}{line}")), "{prefix}");
        }
    }

    #[test]
    fn what_is_no_line_says_what_was_expected() {
        #[track_caller]
        fn case(line: &str, expected: &str) {
            assert_eq!(entry(line).unwrap_err(), expected, "{line}");
        }
        case("", "a time in brackets");
        case("192.0.2.7 - - [05/Jul", "a time in brackets");
        case("192.0.2.7 - - [noon] ", "a time");
        case(
            "192.0.2.7 - - [05/Jul/2020:19:00:00 +0000] GET /",
            "a request in quotes",
        );
        case(
            r#"192.0.2.7 - - [05/Jul/2020:19:00:00 +0000] "GET" 200 5"#,
            r#"a request line such as "GET / HTTP/1.1""#,
        );
        case(
            r#"192.0.2.7 - - [05/Jul/2020:19:00:00 +0000] "GET / HTTP/1.1" ok 5"#,
            "a status",
        );
    }

    #[test]
    fn any_line_is_read_or_refused() {
        bolero::check!()
            .with_max_len(64)
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                const PIECES: [&str; 12] = [
                    "a",
                    " ",
                    "[",
                    "05/Jul/2020:19:00:00 +0000",
                    "]",
                    "\"",
                    "\\",
                    "GET / HTTP/1.1",
                    "200",
                    "\\x",
                    "\u{e9}",
                    "- - [05/Jul/2020:19:00:00 +0000] \"GET / \" 1 1 ",
                ];
                let spelled: String = bytes
                    .iter()
                    .map(|b| PIECES[usize::from(*b) % PIECES.len()])
                    .collect();
                let _ = entry(&spelled);
                let _ = entry(&String::from_utf8_lossy(bytes));
            });
    }
}
