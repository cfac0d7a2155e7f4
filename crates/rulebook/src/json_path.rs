//! Which value of a JSON text a position is in. In scope: text that a parser took as far as the position. What the
//! value should have been is the parser's to say.
//!
//! serde_path_to_error knows the place too, but only by compiling every type a second time.

/// One step to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// As the text has it, escapes as they are.
    Name(String),
    Index(usize),
}

/// Where the parser stood, innermost last.
enum Step<'a> {
    /// The key whose value is being read; none between a comma and the next key.
    Object(Option<&'a str>),
    Array(usize),
}

/// The path of the value that ends at `position`, or begins there; empty for the whole text. A key belongs to its value, so just
/// after an unknown key the path ends in it.
pub(super) fn keys_at(text: &str, position: usize) -> Vec<Key> {
    let read = text.get(..position).unwrap_or(text);
    let mut steps = Vec::new();
    let mut rest = read;
    while let Some(at) = rest.find(['{', '[', '}', ']', ',', '"']) {
        let (_, token) = rest.split_at(at);
        let (kind, after) = token.split_at(1);
        rest = after;
        match (kind, steps.last_mut()) {
            ("{", _) => steps.push(Step::Object(None)),
            ("[", _) => steps.push(Step::Array(0)),
            ("\"", last) => {
                let string;
                (string, rest) = split_string(after);
                if let Some(Step::Object(key @ None)) = last {
                    *key = Some(string);
                }
            }
            (",", Some(Step::Object(key))) => *key = None,
            (",", Some(Step::Array(index))) => *index += 1,
            _ => drop(steps.pop()),
        }
    }
    let key = |step| match step {
        Step::Object(name) => name.map(|name: &str| Key::Name(name.to_owned())),
        Step::Array(index) => Some(Key::Index(index)),
    };
    steps.into_iter().filter_map(key).collect()
}

/// The string up to its closing quote, escapes as they are, and what follows the quote.
fn split_string(after_quote: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = after_quote.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    let (string, rest) = after_quote.split_at(end.unwrap_or(after_quote.len()));
    (string, rest.strip_prefix('"').unwrap_or(rest))
}

/// `body.routes[2].observe`.
pub(super) fn place(root: &str, keys: &[Key]) -> String {
    let mut place = root.to_owned();
    for key in keys {
        match key {
            Key::Name(name) => place.extend([".", name]),
            Key::Index(index) => place.push_str(&format!("[{index}]")),
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::{keys_at, place};
    use crate::{Rulebook, strict};

    /// `|` stands for the position.
    #[track_caller]
    fn case(marked: &str, expected: &str) {
        let position = marked.find('|').unwrap();
        let keys = keys_at(&marked.replacen('|', "", 1), position);
        assert_eq!(place("text", &keys), format!("text{expected}"));
    }

    #[test]
    fn the_whole_text_has_an_empty_path() {
        case("7|", "");
        case("|{}", "");
        case("{\"a\": 1}|", "");
    }

    #[test]
    fn a_value_has_the_path_of_its_keys_and_indexes() {
        case(r#"{"a": tru|e, "b": 1}"#, ".a");
        case(r#"{"a": |[1]}"#, ".a");
        case(r#"{"a": {"b": [[], {"c": "x"|}]}}"#, ".a.b[1].c");
        case(r#"[[1, 2], [3, 4|]]"#, "[1][1]");
    }

    #[test]
    fn an_object_is_named_when_it_ended() {
        case(r#"{"a": [{"b": 1}, {"c": {}, "d": 2}|]}"#, ".a[1]");
    }

    #[test]
    fn a_key_belongs_to_its_value() {
        case(r#"{"a": {"b": 1, "new"|: 2}}"#, ".a.new");
    }

    #[test]
    fn what_is_in_a_string_opens_nothing() {
        case(r#"{"a": "{[,\"\\", "b": "]}\\\"", "c": 1|}"#, ".c");
    }

    /// serde_path_to_error is the oracle; each value of the starter rulebook gets a wrong one before it.
    #[test]
    fn a_fault_is_where_serde_path_to_error_sees_it() {
        let starter = crate::STARTER;
        let mut faults = 0;
        for (at, colon) in starter.match_indices("\": ") {
            let (before, after) = starter.split_at(at + colon.len());
            for wrong in ["true", "{}", "[{}]", "-1", "\"no\"", "null"] {
                let text = format!("{before}{wrong}, \"extra\": {after}");
                let mut json = serde_json::Deserializer::from_str(&text);
                let Err(error) = serde_path_to_error::deserialize::<_, Rulebook>(&mut json) else {
                    continue;
                };
                let place = strict::<Rulebook>(&text, "x").unwrap_err().place;
                if error.inner().is_data() {
                    assert_eq!(place, format!("x.{}", error.path()), "{text}");
                    faults += 1;
                }
            }
        }
        assert!(faults > 100, "{faults}");
    }
}
