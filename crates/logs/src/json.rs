//! Lines of JSON: one flat walk over an object, by the names that a format gives its fields.
//!
//! A walk of our own: a line has up to a hundred fields of which ten are read, and building a tree of all of them costs
//! more than everything else here. Values are not checked beyond what it takes to step over them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::entry::{Field, LogEntry};

/// Objects inside of objects that are walked.
const MAX_DEPTH: usize = 4;

/// Names that are remembered in their order.
const MAX_ORDER: usize = 256;

/// Remembered names that a line may leave out one after another.
const MAX_ABSENT: usize = 8;

/// Which fields are called what. A name with a dot is one field of a name with dots, or of an object inside.
#[derive(Clone, Debug)]
pub struct Names {
    fields: HashMap<String, Field>,
    /// Prefixes of names that may be objects: `range.`.
    objects: Vec<Arc<str>>,
    /// Of an object without its dot, its place in `objects`.
    object_places: HashMap<String, usize>,
    /// What the lines before had, in their order: logs write their fields in one order, and leave some out.
    order: Vec<RememberedName>,
}

#[derive(Clone, Debug)]
struct RememberedName {
    key: String,
    field: Option<Field>,
    object: Option<usize>,
}

impl Names {
    pub fn new(names: impl IntoIterator<Item = (String, Field)>) -> Self {
        let mut fields = HashMap::new();
        for (name, field) in names {
            fields.entry(name).or_insert(field);
        }
        let mut objects: Vec<Arc<str>> = fields
            .keys()
            .flat_map(|name| name.match_indices(['.', '[']).map(|(at, _)| name.get(..=at)))
            .flatten()
            .map(Arc::from)
            .collect();
        objects.sort();
        objects.dedup();
        let mut object_places = HashMap::new();
        for (place, object) in objects.iter().enumerate() {
            let name = object.strip_suffix(['.', '[']).unwrap_or(object);
            object_places.entry(name.to_owned()).or_insert(place);
        }
        Self {
            fields,
            objects,
            object_places,
            order: Vec::new(),
        }
    }

    /// Reads a line.
    ///
    /// # Errors
    /// What was expected.
    pub fn read<'a>(&mut self, line: &'a str, entry: &mut LogEntry<'a>) -> Result<(), &'static str> {
        let mut walk = Walk { text: line, at: 0 };
        walk.blanks();
        let mut place = 0;
        self.object(&mut walk, "", entry, &mut place, 0)?;
        walk.blanks();
        // An array whose brackets were lost has commas between its lines.
        if matches!(line.get(walk.at..), Some("" | ",")) {
            Ok(())
        } else {
            Err("the end of the line after the object")
        }
    }

    fn object<'a>(
        &mut self,
        walk: &mut Walk<'a>,
        prefix: &str,
        entry: &mut LogEntry<'a>,
        place: &mut usize,
        depth: usize,
    ) -> Result<(), &'static str> {
        walk.expect(b'{')?;
        walk.blanks();
        if walk.take(b'}') {
            return Ok(());
        }
        loop {
            walk.blanks();
            let key = walk.string()?;
            walk.blanks();
            walk.expect(b':')?;
            walk.blanks();
            let (field, object) = self.known(prefix, &key, place);
            match object {
                Some(object) if walk.peek() == Some(b'{') && depth < MAX_DEPTH => {
                    let prefix = self.objects.get(object).cloned().unwrap_or_else(|| "".into());
                    self.object(walk, &prefix, entry, place, depth + 1)?;
                }
                Some(object) if walk.peek() == Some(b'[') && depth < MAX_DEPTH => {
                    let prefix = self.objects.get(object).cloned().unwrap_or_else(|| "".into());
                    self.list(walk, &prefix, entry, place, depth + 1)?;
                }
                _ => set(walk, field, entry)?,
            }
            walk.blanks();
            if walk.take(b'}') {
                return Ok(());
            }
            walk.expect(b',')?;
        }
    }

    /// A list of which some item is named: `a[0]`, `a[0].b`.
    fn list<'a>(
        &mut self,
        walk: &mut Walk<'a>,
        prefix: &str,
        entry: &mut LogEntry<'a>,
        place: &mut usize,
        depth: usize,
    ) -> Result<(), &'static str> {
        walk.at += 1;
        let mut item = 0;
        loop {
            walk.blanks();
            if walk.take(b']') {
                return Ok(());
            }
            let (field, object) = self.known(prefix, &format!("{item}]"), place);
            match object.and_then(|object| self.objects.get(object).cloned()) {
                Some(prefix) if walk.peek() == Some(b'{') && depth < MAX_DEPTH => {
                    self.object(walk, &prefix, entry, place, depth + 1)?;
                }
                _ => set(walk, field, entry)?,
            }
            item += 1;
            walk.blanks();
            if !walk.take(b',') && walk.peek() != Some(b']') {
                return Err("a comma");
            }
        }
    }

    /// The field of a name without nesting, for lines that are no JSON.
    pub(crate) fn field(&mut self, key: &str, place: &mut usize) -> Option<Field> {
        self.known("", key, place).0
    }

    fn known(&mut self, prefix: &str, key: &str, place: &mut usize) -> (Option<Field>, Option<usize>) {
        // The prefix of most names is empty, and lies nowhere: a processor needs a hundred cycles to compare nothing with nothing there.
        let is_here = |known: &RememberedName| {
            let is_as_long = known.key.len() == prefix.len() + key.len();
            is_as_long && known.key.ends_with(key) && (prefix.is_empty() || known.key.starts_with(prefix))
        };
        let ahead = self.order.get(*place..).unwrap_or_default();
        if let Some((absent, known)) = ahead
            .iter()
            .take(MAX_ABSENT)
            .enumerate()
            .find(|(_, known)| is_here(known))
        {
            *place += absent + 1;
            return (known.field, known.object);
        }
        let key = format!("{prefix}{key}");
        let field = self.fields.get(&key).copied();
        let object = self.object_places.get(&key).copied();
        // Names beyond all measure are looked up each time.
        if self.order.len() < MAX_ORDER && *place <= self.order.len() {
            let known = RememberedName { key, field, object };
            self.order.insert(*place, known);
            *place += 1;
        }
        (field, object)
    }
}

/// Takes in a value; of a list its first, but for fields that hold lists.
fn set<'a>(walk: &mut Walk<'a>, field: Option<Field>, entry: &mut LogEntry<'a>) -> Result<(), &'static str> {
    let Some(field) = field else {
        return walk.skip();
    };
    if walk.peek() != Some(b'[') || field.is_list() {
        return entry.set(field, walk.value()?);
    }
    let mut inside = Walk {
        text: walk.text,
        at: walk.at + 1,
    };
    walk.skip()?;
    inside.blanks();
    match inside.peek() {
        Some(b']') => Ok(()),
        _ => entry.set(field, inside.value()?),
    }
}

/// The items of a line that is an array: texts without their quotes, and anything else as it is written.
pub(crate) fn items(line: &str) -> Result<Vec<Cow<'_, str>>, &'static str> {
    let mut walk = Walk { text: line, at: 0 };
    walk.blanks();
    if !walk.take(b'[') {
        return Err("an array");
    }
    let mut items = Vec::new();
    loop {
        walk.blanks();
        if walk.take(b']') {
            break;
        }
        items.push(walk.value()?);
        walk.blanks();
        if !walk.take(b',') && walk.peek() != Some(b']') {
            return Err("a comma");
        }
    }
    walk.blanks();
    if matches!(line.get(walk.at..), Some("" | ",")) {
        Ok(items)
    } else {
        Err("the end of the line after the array")
    }
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Walk<'a> {
    fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Result<(), &'static str> {
        let expected = match byte {
            b'{' => "an object",
            b':' => "a colon",
            _ => "a comma",
        };
        if self.take(byte) { Ok(()) } else { Err(expected) }
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// A string, without its quotes and escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, &'static str> {
        let (from, to, is_escaped) = self.quoted()?;
        let raw = self.text.get(from..to).ok_or("a string")?;
        if is_escaped {
            let with_quotes = self.text.get(from - 1..=to).ok_or("a string")?;
            return serde_json::from_str(with_quotes)
                .map(Cow::Owned)
                .map_err(|_| "a string whose escapes are valid");
        }
        Ok(Cow::Borrowed(raw))
    }

    /// Steps over a string: where its inside begins and ends, and whether it has escapes.
    fn quoted(&mut self) -> Result<(usize, usize, bool), &'static str> {
        if !self.take(b'"') {
            return Err("a string");
        }
        let (from, mut is_escaped) = (self.at, false);
        loop {
            let rest = self.bytes().get(self.at..).unwrap_or_default();
            let next = memchr::memchr2(b'"', b'\\', rest).ok_or("a closing quote")?;
            self.at += next;
            if self.take(b'"') {
                return Ok((from, self.at - 1, is_escaped));
            }
            is_escaped = true;
            self.at += 2;
        }
    }

    /// A string without quotes, and anything else as it is written.
    fn value(&mut self) -> Result<Cow<'a, str>, &'static str> {
        if self.peek() == Some(b'"') {
            return self.string();
        }
        let from = self.at;
        self.skip()?;
        Ok(Cow::Borrowed(
            self.text.get(from..self.at).unwrap_or_default().trim_end(),
        ))
    }

    /// Steps over a value.
    fn skip(&mut self) -> Result<(), &'static str> {
        match self.peek() {
            Some(b'"') => self.quoted().map(drop),
            Some(b'{' | b'[') => self.skip_nested(),
            _ => {
                let rest = self.bytes().get(self.at..).unwrap_or_default();
                let end = memchr::memchr3(b',', b'}', b']', rest).ok_or("a value and a closing brace")?;
                self.at += end;
                if end == 0 { Err("a value") } else { Ok(()) }
            }
        }
    }

    fn skip_nested(&mut self) -> Result<(), &'static str> {
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                None => return Err("a closing bracket"),
                Some(b'"') => {
                    self.quoted()?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }
}

/// The texts of a JSON list of texts, or of objects that have the text as `key`; else the text itself.
pub fn texts(value: &str, key: &str) -> Vec<String> {
    match serde_json::from_str(value) {
        Ok(serde_json::Value::Array(items)) => items
            .iter()
            .filter_map(|item| item.as_str().or_else(|| item.get(key)?.as_str()))
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect(),
        Ok(serde_json::Value::String(text)) => vec![text],
        _ if value.is_empty() => Vec::new(),
        _ => vec![value.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, texts};
    use crate::entry::{Field, LogEntry};

    fn names() -> Names {
        let names = [
            ("time", Field::Time),
            ("http.request.uri", Field::Path),
            ("range.kind", Field::Kind),
            ("range.start", Field::Start),
            ("headers.range", Field::Range),
            ("ua", Field::UserAgent),
            ("rules", Field::Rules),
        ];
        Names::new(names.map(|(name, field)| (name.to_owned(), field)))
    }

    fn read(line: &str) -> Result<LogEntry<'_>, &'static str> {
        let mut entry = LogEntry::default();
        names().read(line, &mut entry)?;
        Ok(entry)
    }

    #[test]
    fn fields_are_found_by_name_at_any_depth() {
        let line = r#"{"time":1593975600, "x":[1,{"y":"]}"}],"http.request.uri":"/v2/","range":{"kind":"resume","start":5,"end":null},"headers":{"Host":"h","range":"bytes=5-"},"ua":"a\"b\u00e9","rules":["a","b"]}"#;
        let entry = read(line).unwrap();
        assert_eq!(entry.time_ms, Some(1_593_975_600_000));
        assert_eq!(
            (&*entry.path, &*entry.kind, entry.start),
            ("/v2/", "resume", Some(5))
        );
        assert_eq!((&*entry.range, &*entry.user_agent), ("bytes=5-", "a\"b\u{e9}"));
        assert_eq!(texts(&entry.rules, "rule"), ["a", "b"]);
    }

    #[test]
    fn items_of_lists_have_names() {
        let names =
            ["a.b[0].c", "h.range", "x[1]"]
                .into_iter()
                .zip([Field::UserAgent, Field::Range, Field::Colo]);
        let mut names = Names::new(names.map(|(name, field)| (name.to_owned(), field)));
        for line in [
            r#"{"h":{"range":["bytes=5-","bytes=6-"]},"a":{"b":[{"z":1,"c":"ua"},{"c":"other"}]},"x":["no","IAD"]}"#,
            r#"{"x": [ {"y":[]} , "IAD" ], "a":{"b":[ {"c":"ua"} ]},"h":{"range":[ "bytes=5-" ]}}"#,
        ] {
            let mut entry = LogEntry::default();
            names.read(line, &mut entry).unwrap();
            assert_eq!(
                (&*entry.user_agent, &*entry.range, &*entry.colo),
                ("ua", "bytes=5-", "IAD"),
                "{line}"
            );
        }
        let mut entry = LogEntry::default();
        names
            .read(r#"{"h":{"range":[]},"a":{"b":[]},"x":[]}"#, &mut entry)
            .unwrap();
        assert_eq!(entry, LogEntry::default());
        assert!(names.read(r#"{"x":["a" "b"]}"#, &mut entry).is_err());
    }

    #[test]
    fn lines_may_differ_in_the_order_of_their_fields() {
        let mut names = names();
        for line in [
            r#"{"ua":"a","time":1}"#,
            r#"{"time":1,"ua":"a"}"#,
            r#"{"z":2,"ua":"a","time":1}"#,
        ] {
            let mut entry = LogEntry::default();
            names.read(line, &mut entry).unwrap();
            assert_eq!((entry.time_ms, &*entry.user_agent), (Some(1000), "a"), "{line}");
        }
    }

    #[test]
    fn what_is_no_object_says_what_was_expected() {
        #[track_caller]
        fn case(line: &str, expected: &str) {
            assert_eq!(read(line).unwrap_err(), expected, "{line}");
        }
        case("", "an object");
        case("[]", "an object");
        case(r#"{"time":1"#, "a value and a closing brace");
        case(r#"{"time" 1}"#, "a colon");
        case(r#"{"time":1 "ua":"a"}"#, "a time");
        case(r#"{"ua":"a" "time":1}"#, "a comma");
        case(r#"{"ua":"a"#, "a closing quote");
        case(r#"{"ua":"\q"}"#, "a string whose escapes are valid");
        case(r#"{"time":"noon"}"#, "a time");
        case(r#"{"time":}"#, "a value");
        case(r#"{"x":[1,2"#, "a closing bracket");
        case(r#"{"time":1} x"#, "the end of the line after the object");
        assert!(read("{}").is_ok());
    }

    #[test]
    fn any_line_is_read_or_refused() {
        bolero::check!()
            .with_max_len(128)
            .with_iterations(30_000)
            .for_each(|bytes: &[u8]| {
                const PIECES: [&str; 16] = [
                    "{",
                    "}",
                    "[",
                    "]",
                    "\"",
                    "\\",
                    ":",
                    ",",
                    "\"time\":",
                    "1",
                    "\"ua\"",
                    "\"range\":",
                    "{\"kind\":",
                    "null",
                    " ",
                    "\u{e9}",
                ];
                let spelled: String = bytes
                    .iter()
                    .map(|b| PIECES[usize::from(*b) % PIECES.len()])
                    .collect();
                for text in [&*spelled, &String::from_utf8_lossy(bytes)] {
                    let read = read(text);
                    // Whatever a full parser takes for an object is read, but for values that are no time.
                    if matches!(serde_json::from_str(text), Ok(serde_json::Value::Object(_))) {
                        assert!(matches!(read, Ok(_) | Err("a time")), "{text}: {read:?}");
                    }
                }
            });
    }
}
