//! Lines of `key=value`, as distribution and other programs of Go write them; also with a level in front (`INFO[0012]`), and
//! with labels before colons and tabs between them (ltsv.org).

use std::borrow::Cow;

use crate::entry::LogEntry;
use crate::json::Names;
use crate::template::end_of_quoted;

/// Reads a line by the names of its keys.
///
/// # Errors
/// What was expected.
pub fn read_logfmt<'a>(
    names: &mut Names,
    line: &'a str,
    entry: &mut LogEntry<'a>,
) -> Result<(), &'static str> {
    let mut place = 0;
    for (key, value) in pairs(line) {
        if let Some(field) = names.field(key, &mut place) {
            entry.set(field, value)?;
        }
    }
    if place == 0 {
        Err("fields such as key=value")
    } else {
        Ok(())
    }
}

/// Whether a line is of such fields, from its first word on, or behind a level such as `INFO[0012]`.
#[must_use]
pub fn is_logfmt(line: &str) -> bool {
    let first = line.split(' ').next().unwrap_or_default();
    let is_level =
        first.ends_with(']') && first.contains('[') && first.starts_with(|c: char| c.is_ascii_uppercase());
    let starts = is_level || first.contains('=') || is_labelled(line);
    starts
        && pairs(line)
            .filter(|(key, _)| key.bytes().all(is_of_key))
            .take(3)
            .count()
            == 3
}

fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// Whether a line is `label:value` with tabs between.
fn is_labelled(line: &str) -> bool {
    let mut fields = line.split('\t');
    let first = fields.next().and_then(|field| field.split_once(':'));
    let is_label = first.is_some_and(|(label, _)| !label.is_empty() && label.bytes().all(is_of_key));
    is_label && fields.next().is_some_and(|field| field.contains(':'))
}

/// Keys and values of a line; words without a value are left out.
pub(crate) fn pairs(line: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let is_labelled = is_labelled(line);
    let mut rest = line;
    std::iter::from_fn(move || {
        while is_labelled && !rest.is_empty() {
            let (field, after) = rest.split_once('\t').unwrap_or((rest, ""));
            rest = after;
            if let Some((label, value)) = field.split_once(':') {
                return Some((label, Cow::Borrowed(value)));
            }
        }
        loop {
            rest = rest.trim_start();
            let end = rest
                .as_bytes()
                .iter()
                .position(|byte| matches!(byte, b'=' | b' '))?;
            let (key, after) = rest.split_at(end);
            let Some(value) = after.strip_prefix('=') else {
                rest = after;
                continue;
            };
            let (value, after) = value_of(value);
            rest = after;
            return Some((key, value));
        }
    })
}

fn value_of(text: &str) -> (Cow<'_, str>, &str) {
    let quoted = text
        .strip_prefix('"')
        .and_then(|inner| inner.split_at_checked(end_of_quoted(inner)?));
    if let Some((inner, after)) = quoted {
        let value = if inner.contains('\\') {
            serde_json::from_str(&format!("\"{inner}\"")).map_or(Cow::Borrowed(inner), Cow::Owned)
        } else {
            Cow::Borrowed(inner)
        };
        return (value, after.strip_prefix('"').unwrap_or(after));
    }
    let (value, after) = text.split_at(memchr::memchr(b' ', text.as_bytes()).unwrap_or(text.len()));
    (Cow::Borrowed(value), after)
}

#[cfg(test)]
mod tests {
    use super::{is_logfmt, pairs, read_logfmt};
    use crate::entry::{Field, LogEntry};
    use crate::json::Names;

    #[test]
    fn values_may_be_quoted() {
        let line = r#"INFO[0012] response completed   a=1 b.c="x \"y\" z" empty= d="" e"#;
        let read: Vec<(String, String)> = pairs(line)
            .map(|(key, value)| (key.to_owned(), value.into_owned()))
            .collect();
        let expected = [("a", "1"), ("b.c", "x \"y\" z"), ("empty", ""), ("d", "")];
        assert_eq!(
            read,
            expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn lines_are_read_by_names() {
        let names = [("t", Field::Time), ("s", Field::Status)];
        let mut names = Names::new(names.map(|(name, field)| (name.to_owned(), field)));
        for line in [
            "t=1593975600 x=1 s=206",
            r#"s=206 t="2020-07-05T19:00:00Z" x=y"#,
            "t:[05/Jul/2020:19:00:00 +0000]\tx:a b\ts:206",
        ] {
            let mut entry = LogEntry::default();
            read_logfmt(&mut names, line, &mut entry).unwrap();
            assert_eq!(
                (entry.time_ms, entry.status),
                (Some(1_593_975_600_000), Some(206)),
                "{line}"
            );
        }
        let mut entry = LogEntry::default();
        assert!(read_logfmt(&mut names, "no fields", &mut entry).is_err());
        assert!(read_logfmt(&mut names, "s=ok", &mut entry).is_err());
    }

    #[test]
    fn three_fields_make_a_line() {
        for (line, expected) in [
            (r#"time="2020-07-05T19:00:00Z" level=info msg="a b""#, true),
            (
                "INFO[0000] listening go.version=go1.20 instance.id=1 version=2",
                true,
            ),
            ("registry-1  | a=1 b=2 c=3", false),
            ("192.0.2.1 - - a=1 b=2 c=3", false),
            ("a=1", false),
            (
                "time:[05/Jul/2020:19:00:00 +0000]\thost:192.0.2.7\tstatus:200",
                true,
            ),
            ("time:1\thost:192.0.2.7", false),
            ("192.0.2.7 - -\ta:1\tb:2", false),
            ("", false),
        ] {
            assert_eq!(is_logfmt(line), expected, "{line}");
        }
    }

    #[test]
    fn any_line_is_read_or_refused() {
        bolero::check!()
            .with_max_len(48)
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                const LETTERS: &[u8] = b"ab=\"\\ \xc3\xa9.:\t";
                let spelled: Vec<u8> = bytes
                    .iter()
                    .map(|b| LETTERS[usize::from(*b) % LETTERS.len()])
                    .collect();
                for text in [String::from_utf8_lossy(&spelled), String::from_utf8_lossy(bytes)] {
                    let count = pairs(&text).count();
                    assert!(count <= text.len());
                }
            });
    }
}
