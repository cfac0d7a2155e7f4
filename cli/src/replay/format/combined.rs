//! The combined format of nginx and Apache, and what distribution writes as its access log.
//!
//! `ADDRESS - USER [05/Jul/2020:19:00:00 +0000] "GET /v2/… HTTP/1.1" 200 1234 "REFERER" "USER AGENT"`, also with the
//! virtual host in front. Of fields that were added behind, one that begins with `bytes=` is the request's Range, and
//! one that begins with `bytes ` the answer's Content-Range.

use std::borrow::Cow;
use std::net::IpAddr;

use blobwatch_logs::{Field, LogEntry};
use blobwatch_logs::{any_time, common_time};

/// Reads a line.
///
/// # Errors
/// What was expected.
pub(in super::super) fn read<'a>(line: &'a str, entry: &mut LogEntry<'a>) -> Result<(), &'static str> {
    let (head, rest) = line.split_once(" [").ok_or("a time in brackets")?;
    let (time, rest) = rest.split_once(']').ok_or("a time in brackets")?;
    entry.time_ms = Some(common_time(time).or_else(|| any_time(time)).ok_or("a time")?);
    entry.address = Cow::Borrowed(address(head));
    let rest = rest.trim_start();
    let (request, rest) = quoted(rest).ok_or("a request in quotes")?;
    entry.set(Field::Request, Cow::Borrowed(request))?;
    let mut numbers = rest.trim_start().splitn(3, ' ');
    let status = numbers.next().unwrap_or_default();
    entry.status = Some(status.parse().map_err(|_| "a status")?);
    entry.bytes = numbers.next().and_then(|bytes| bytes.parse().ok());
    let mut rest = numbers.next().unwrap_or_default();
    let mut texts = 0;
    while let Some((text, after)) = next_text(rest) {
        match texts {
            0 => {}
            1 => entry.set(Field::UserAgent, unescaped(text))?,
            _ if text.starts_with("bytes=") => entry.range = Cow::Borrowed(text),
            _ if text.starts_with("bytes ") => entry.content_range = Cow::Borrowed(text),
            _ => {}
        }
        texts += 1;
        rest = after;
    }
    Ok(())
}

/// Whether a line has the shape.
pub(in super::super) fn is_like(line: &str) -> bool {
    let mut entry = LogEntry::default();
    read(line, &mut entry).is_ok()
}

/// The client's address: the first word, or the second where a virtual host stands before it.
fn address(head: &str) -> &str {
    let mut words = head.split(' ').filter(|word| !word.is_empty());
    let first = words.next().unwrap_or_default();
    match words.next() {
        Some(second) if second.len() > 1 && second.parse::<IpAddr>().is_ok() => second,
        _ => first,
    }
}

/// A text in quotes from the beginning, and what follows. A quote inside is `\"`.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'"', inner.as_bytes().get(from..)?)?;
        let before = inner.as_bytes().get(..at)?;
        let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
        if backslashes % 2 == 0 {
            return Some((inner.get(..at)?, inner.get(at + 1..)?));
        }
        from = at + 1;
    }
}

/// The next text in quotes; words without are stepped over.
fn next_text(text: &str) -> Option<(&str, &str)> {
    let at = memchr::memchr(b'"', text.as_bytes())?;
    quoted(text.get(at..)?)
}

/// `\"`, `\\` and `\xNN`, as nginx and Apache write what they must not.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        plain.push_str(before);
        let byte = after
            .strip_prefix('x')
            .and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok());
        match (byte, after.chars().next()) {
            (Some(byte), _) => {
                plain.push(char::from(byte));
                rest = after.get(3..).unwrap_or_default();
            }
            (None, Some(next)) => {
                plain.push(next);
                rest = after.get(next.len_utf8()..).unwrap_or_default();
            }
            (None, None) => rest = "",
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::read;
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
    fn added_fields_may_hold_the_ranges() {
        let line = r#"192.0.2.7 - - [05/Jul/2020:19:00:00 +0000] "GET / HTTP/1.1" 206 5 "-" "a\"b\x5Cc" 0.004 "bytes=5-" "bytes 5-9/10""#;
        let entry = entry(line).unwrap();
        assert_eq!(
            (&*entry.range, &*entry.content_range, &*entry.user_agent),
            ("bytes=5-", "bytes 5-9/10", r#"a"b\c"#)
        );
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
