//! `lookup_json_string` and `lookup_json_integer`: one value of a JSON text, found in place.
//!
//! The whole text is read: one that is no JSON has no values. Of members with the same name the last one counts, as for
//! most parsers, so that nobody can hide a value behind another.

use std::ops::Range;

use super::decode::{hexadecimal, rewrite};

/// Objects and lists within each other. A level costs a frame of the stack; a text that is deeper has no values.
const MAX_DEPTH: usize = 64;

/// A step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// Of a member of an object.
    Name(Box<[u8]>),
    /// In a list, from 0.
    Position(u32),
}

/// What a text has at the end of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Json {
    /// Between the quotes, escapes and all.
    String(Range<usize>),
    Integer(i64),
}

pub(super) fn find(text: &[u8], keys: &[Key]) -> Option<Json> {
    std::str::from_utf8(text).ok()?;
    let mut scan = Scan {
        text,
        at: 0,
        keys,
        found: None,
    };
    scan.value(Some(0), MAX_DEPTH)?;
    scan.space();
    scan.found.filter(|_| scan.at == text.len())
}

/// Resolves the escapes of a string that [`find`] gave, and gives the length that is left.
pub(super) fn unescape(string: &mut [u8]) -> usize {
    rewrite(string, |rest, utf8| match escape(rest) {
        Some((taken, c)) => (taken, c.encode_utf8(utf8).len()),
        None => (1, 1),
    })
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
    keys: &'a [Key],
    found: Option<Json>,
}

/// `None`: the text is no JSON.
impl Scan<'_> {
    /// `way`: how many keys lead here; none where the value is beside the way. `depth`: levels that may follow.
    fn value(&mut self, way: Option<usize>, depth: usize) -> Option<()> {
        self.space();
        let is_wanted = way == Some(self.keys.len());
        let found = match self.peek()? {
            b'{' => return self.object(way, depth.checked_sub(1)?),
            b'[' => return self.list(way, depth.checked_sub(1)?),
            b'"' => Some(Json::String(self.string()?)),
            b't' => self.word(b"true")?,
            b'f' => self.word(b"false")?,
            b'n' => self.word(b"null")?,
            _ => self.number()?.map(Json::Integer),
        };
        if is_wanted {
            self.found = found;
        }
        Some(())
    }

    fn object(&mut self, way: Option<usize>, depth: usize) -> Option<()> {
        self.at += 1;
        self.space();
        if self.take(b'}') {
            return Some(());
        }
        loop {
            self.space();
            let place = self.string()?;
            let name = self.text.get(place)?;
            let next = self.step(way, |key| matches!(key, Key::Name(wanted) if says(name, wanted)));
            if next.is_some() {
                self.found = None;
            }
            self.space();
            self.take(b':').then_some(())?;
            self.value(next, depth)?;
            self.space();
            if !self.take(b',') {
                return self.take(b'}').then_some(());
            }
        }
    }

    fn list(&mut self, way: Option<usize>, depth: usize) -> Option<()> {
        self.at += 1;
        self.space();
        if self.take(b']') {
            return Some(());
        }
        for position in 0.. {
            let next = self.step(way, |key| *key == Key::Position(position));
            self.value(next, depth)?;
            self.space();
            if !self.take(b',') {
                break;
            }
        }
        self.take(b']').then_some(())
    }

    fn step(&self, way: Option<usize>, leads: impl FnOnce(&Key) -> bool) -> Option<usize> {
        let way = way?;
        leads(self.keys.get(way)?).then_some(way + 1)
    }

    fn string(&mut self) -> Option<Range<usize>> {
        self.take(b'"').then_some(())?;
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += escape(self.text.get(self.at..)?)?.0,
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(start..self.at - 1)
    }

    fn word(&mut self, word: &[u8]) -> Option<Option<Json>> {
        self.text.get(self.at..)?.starts_with(word).then_some(())?;
        self.at += word.len();
        Some(None)
    }

    /// Its value, where it is an integer of 64 bits: `42.0` is none.
    fn number(&mut self) -> Option<Option<i64>> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        let end = self.at;
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let digits = self.text.get(start..end).filter(|_| end == self.at);
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        Some(digits.and_then(|digits| digits.parse().ok()))
    }

    /// One or more.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }
}

/// Whether a string, with its escapes resolved, is this one.
fn says(mut string: &[u8], mut wanted: &[u8]) -> bool {
    while !string.is_empty() {
        let mut utf8 = [0; 4];
        let (taken, piece) = match escape(string) {
            Some((taken, c)) => (taken, c.encode_utf8(&mut utf8).as_bytes()),
            None => (1, string.get(..1).unwrap_or_default()),
        };
        let Some(rest) = wanted.strip_prefix(piece) else {
            return false;
        };
        wanted = rest;
        string = string.get(taken..).unwrap_or_default();
    }
    wanted.is_empty()
}

/// The character that an escape at the start stands for, and the bytes that it takes.
fn escape(rest: &[u8]) -> Option<(usize, char)> {
    let [b'\\', kind, ..] = rest else {
        return None;
    };
    let c = match kind {
        b'"' | b'\\' | b'/' => char::from(*kind),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(rest),
        _ => return None,
    };
    Some((2, c))
}

/// `\u00e9`, or the two halves of a pair.
fn unicode(rest: &[u8]) -> Option<(usize, char)> {
    let high = hexadecimal(rest.get(2..6)?)?;
    if !(0xD800..0xDC00).contains(&high) {
        return char::from_u32(high).map(|c| (6, c));
    }
    let low = rest
        .get(6..8)
        .filter(|start| start == b"\\u")
        .and(rest.get(8..12))?;
    let low = hexadecimal(low).filter(|low| (0xDC00..0xE000).contains(low))?;
    char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)).map(|c| (12, c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};
    use proptest::sample::select;
    use serde_json::Value;

    use super::*;

    /// What a parser with a tree says.
    fn expected(text: &[u8], keys: &[Key]) -> Option<Value> {
        let tree: Value = serde_json::from_slice(text).ok()?;
        let value = keys.iter().try_fold(&tree, |value, key| match key {
            Key::Name(name) => value.as_object()?.get(std::str::from_utf8(name).ok()?),
            Key::Position(at) => value.as_array()?.get(*at as usize),
        })?;
        let is_integer = value.is_string() || value.is_i64();
        is_integer.then(|| value.clone())
    }

    fn said(text: &[u8], keys: &[Key]) -> Option<Value> {
        Some(match find(text, keys)? {
            Json::Integer(int) => int.into(),
            Json::String(range) => {
                let mut string = text[range].to_vec();
                let len = unescape(&mut string);
                String::from_utf8(string[..len].to_vec()).unwrap().into()
            }
        })
    }

    fn name(name: &str) -> Key {
        Key::Name(name.as_bytes().into())
    }

    #[track_caller]
    fn case(text: &str, keys: &[Key], says: Option<Value>) {
        assert_eq!(said(text.as_bytes(), keys), says, "{text}");
        assert_eq!(expected(text.as_bytes(), keys), says, "{text}");
    }

    #[test]
    fn a_value_is_found_by_names_and_positions() {
        let a = || name("a");
        case(r#"{"a": "b"}"#, &[a()], Some("b".into()));
        case(
            r#"{"x": [{"a": 1}, {"a": -23}]}"#,
            &[name("x"), Key::Position(1), a()],
            Some((-23).into()),
        );
        case(r#"["x", "y"]"#, &[Key::Position(1)], Some("y".into()));
        case(r#"["x"]"#, &[Key::Position(1)], None);
        case(r#"{"0": "x"}"#, &[Key::Position(0)], None);
        case(r#"{"a": {"a": 1}}"#, &[a()], None);
        case(r#"{"a": 42.0}"#, &[a()], None);
        case(r#"{"a": 4e2}"#, &[a()], None);
        case(r#"{"a": 9223372036854775807}"#, &[a()], Some(i64::MAX.into()));
        case(r#"{"a": 92233720368547758070}"#, &[a()], None);
        case(r#"{"a": true, "b": null}"#, &[a()], None);
        case(
            r#"{"\u0061": "\ud83d\ude00\n\u00e9\/"}"#,
            &[a()],
            Some("\u{1f600}\n\u{e9}/".into()),
        );
    }

    #[test]
    fn of_members_with_one_name_the_last_counts() {
        case(r#"{"a": "x", "a": "y"}"#, &[name("a")], Some("y".into()));
        case(r#"{"a": {"b": 1}, "a": 2}"#, &[name("a"), name("b")], None);
    }

    #[test]
    fn what_is_no_json_has_no_values() {
        for text in [
            "",
            "{",
            r#"{"a": "b""#,
            r#"{"a": "b",}"#,
            r#"{"a": "b"} x"#,
            r#"{"a": "b", 1}"#,
            "[1,]",
            "[1 2]",
            "01",
            r#"{"a": "\x"}"#,
            r#"{"a": "\ud83d"}"#,
            r#"{"a": "\ude00"}"#,
            "{\"a\": \"\n\"}",
            r#"{"a": 1.}"#,
            "-",
            "tru",
        ] {
            case(text, &[name("a")], None);
            case(text, &[Key::Position(0)], None);
            case(text, &[], None);
        }
        let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        let way = |levels: usize| vec![Key::Position(0); levels];
        assert_eq!(
            find(deep(MAX_DEPTH).as_bytes(), &way(MAX_DEPTH)),
            Some(Json::Integer(1))
        );
        assert_eq!(find(deep(MAX_DEPTH + 1).as_bytes(), &way(MAX_DEPTH + 1)), None);
        assert_eq!(find(b"\"\xff\"", &[]), None);
    }

    const PIECES: [&str; 20] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\"",
        "\"\\u0061\"",
        "1",
        "-5",
        "2.5",
        "1e3",
        " ",
        "null",
        "true",
        "\"a\":",
        "\"",
        "\\",
        "{\"a\":[1,{\"b\":\"c\"}]}",
    ];

    proptest! {
        #[test]
        fn a_parser_with_a_tree_finds_the_same(
            pieces in proptest::collection::vec(select(&PIECES[..]), 0..14),
            way in proptest::collection::vec(any::<u8>(), 0..3),
        ) {
            let text = pieces.concat();
            let keys: Vec<Key> = way.iter().map(|step| match step % 4 {
                0 => name("a"),
                1 => name("b"),
                step => Key::Position(u32::from(step) - 2),
            }).collect();
            prop_assert_eq!(said(text.as_bytes(), &keys), expected(text.as_bytes(), &keys), "{}", text);
        }
    }
}
