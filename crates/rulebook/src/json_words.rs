//! What a JSON parser says, in words for whoever wrote the text. In scope: the messages of `serde_json` and of derived readers, which
//! are in the terms of Rust. Where the fault is, is its caller's to say.

use serde_json::Error;
use serde_json::error::Category;

use blobwatch_wire::did_you_mean;

/// Of what was found: a text may be as long as the body.
const MAX_FOUND: usize = 100;

/// What was expected, and what was found in its place.
pub(super) fn in_words(error: &Error) -> String {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let said = text
        .strip_suffix(&format!(" at line {line} column {column}"))
        .unwrap_or(&text);
    match error.classify() {
        Category::Data => of_value(said),
        Category::Eof if (line, column) == (1, 0) => "expected JSON, found nothing".to_owned(),
        Category::Eof => "expected JSON, found its beginning only".to_owned(),
        Category::Syntax | Category::Io => {
            format!(
                "expected JSON; line {line}, column {column}: expected {}",
                of_syntax(said)
            )
        }
    }
}

/// What a text lacks to be JSON.
fn of_syntax(said: &str) -> &str {
    match said {
        "expected ident" | "expected value" => {
            "a value: text in double quotes, a number, true, false, null, a list or an object"
        }
        "trailing comma" => "no comma after the last of a list or an object",
        "trailing characters" => "nothing after its end",
        "key must be a string" => "a name in double quotes",
        "expected `:`" => "`:` after a name",
        "expected `,` or `}`" => "`,` or `}` after a value",
        "expected `,` or `]`" => "`,` or `]` after a value",
        "invalid escape" => "one of \" \\ / b f n r t u after a backslash",
        "invalid number" => "a number such as 12 or 0.5",
        "number out of range" => "a number of at most 64 bits",
        "recursion limit exceeded" => "at most 128 levels of lists and objects",
        control if control.starts_with("control character") => {
            "no line break or other control character within quotes"
        }
        // Halves of characters.
        escape if escape.contains("escape") || escape.contains("unicode") => {
            "a character: four hex digits after \\u, twice for one above FFFF"
        }
        other => other.strip_prefix("expected ").unwrap_or(other),
    }
}

/// A value of another form; whatever is said of it otherwise is plain enough.
fn of_value(said: &str) -> String {
    let of_type = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|prefix| said.strip_prefix(prefix)?.rsplit_once(", expected "));
    if let Some((found, expected)) = of_type {
        return format!("expected {}, found {}", form(expected), cut(&value(found)));
    }
    let of_name = said
        .strip_prefix("unknown variant ")
        .and_then(|rest| rest.rsplit_once(", expected "));
    match of_name {
        Some((found, expected)) => {
            let meant = did_you_mean(found.trim_matches('`'), words(expected));
            format!("expected {expected}, found {}{meant}", cut(found))
        }
        None => of_field(said),
    }
}

/// A field that is not known, with the one that may have been meant.
fn of_field(said: &str) -> String {
    let unknown = said
        .strip_prefix("unknown field `")
        .and_then(|rest| rest.split_once('`'));
    let meant = unknown.map(|(name, expected)| did_you_mean(name, words(expected)));
    format!("{said}{}", meant.unwrap_or_default())
}

/// What stands between backticks.
fn words(expected: &str) -> impl Iterator<Item = &str> {
    expected.split('`').skip(1).step_by(2)
}

fn form(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65,535",
        "u32" => "a whole number from 0 to 4,294,967,295",
        "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "an object",
        structure if structure.starts_with("struct ") => "an object",
        other => other,
    }
}

fn value(found: &str) -> String {
    match found {
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        _ => match found.split_once(' ') {
            Some(("integer" | "boolean", value)) => value.replace('`', ""),
            Some(("string", value)) => value.to_owned(),
            _ => found.replace("floating point ", "").replace('`', ""),
        },
    }
}

fn cut(found: &str) -> String {
    match found.char_indices().nth(MAX_FOUND) {
        Some((end, _)) => format!("{}…", found.get(..end).unwrap_or_default()),
        None => found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::strict;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Word {
        Off,
        On,
        Auto,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Form {
        word: Option<Word>,
        byte: u8,
        count: u32,
        size: u64,
        share: f64,
        text: String,
        flag: bool,
        list: Vec<u16>,
        inner: Option<Box<Form>>,
    }

    #[track_caller]
    fn case(text: &str, place: &str, message: &str) {
        let fault = strict::<Form>(text, "body").unwrap_err();
        assert_eq!((fault.place.as_str(), fault.message.as_str()), (place, message));
    }

    #[test]
    fn a_value_of_another_form_is_told_without_the_terms_of_rust() {
        case(
            r#"{"word":"maybe"}"#,
            "body.word",
            "expected one of `off`, `on`, `auto`, found `maybe`",
        );
        case(
            r#"{"count":"5"}"#,
            "body.count",
            r#"expected a whole number from 0 to 4,294,967,295, found "5""#,
        );
        case(
            r#"{"count":-1}"#,
            "body.count",
            "expected a whole number from 0 to 4,294,967,295, found -1",
        );
        case(
            r#"{"byte":256}"#,
            "body.byte",
            "expected a whole number from 0 to 255, found 256",
        );
        case(
            r#"{"size":1.5}"#,
            "body.size",
            "expected a whole number, 0 or more, found 1.5",
        );
        case(
            r#"{"share":"a"}"#,
            "body.share",
            r#"expected a number, found "a""#,
        );
        case(r#"{"share":null}"#, "body.share", "expected a number, found null");
        case(
            r#"{"text":{}}"#,
            "body.text",
            "expected a string, found an object",
        );
        case(
            r#"{"flag":"a, expected b"}"#,
            "body.flag",
            r#"expected true or false, found "a, expected b""#,
        );
        case(r#"{"list":true}"#, "body.list", "expected a list, found true");
        case(
            r#"{"list":[1,"a"]}"#,
            "body.list[1]",
            r#"expected a whole number from 0 to 65,535, found "a""#,
        );
        case(r#"{"inner":5}"#, "body.inner", "expected an object, found 5");
    }

    #[test]
    fn what_is_no_json_says_so() {
        case("", "body", "expected JSON, found nothing");
        case("{\"text\":\"", "body", "expected JSON, found its beginning only");
        case(
            "not json",
            "body",
            "expected JSON; line 1, column 2: expected a value: text in double quotes, a number, true, false, null, a list or an object",
        );
        case(
            "{\n\"text\":\"a\",}",
            "body",
            "expected JSON; line 2, column 12: expected no comma after the last of a list or an object",
        );
        case(
            "{} x",
            "body",
            "expected JSON; line 1, column 4: expected nothing after its end",
        );
    }

    /// The parser's own words are for its authors.
    #[test]
    fn every_fault_of_syntax_is_said_in_plain_words() {
        for (text, expected) in [
            ("{\"a\" 1}", "`:` after a name"),
            ("{a: 1}", "a name in double quotes"),
            ("{\"a\": 1 \"b\": 2}", "`,` or `}` after a value"),
            ("[1 2]", "`,` or `]` after a value"),
            ("[1,]", "no comma after the last"),
            ("{\"a\": undefined}", "a value: text in double quotes"),
            ("'a'", "a value: text in double quotes"),
            ("\"\\x\"", "after a backslash"),
            ("\"\\ud800\"", "four hex digits"),
            ("\"\\uzzzz\"", "after a backslash"),
            ("\"a\nb\"", "no line break"),
            ("01", "a number such as"),
            ("-", "its beginning only"),
            ("1e999", "at most 64 bits"),
        ] {
            let fault = strict::<serde_json::Value>(text, "body").unwrap_err();
            assert!(fault.message.contains(expected), "{text}: {}", fault.message);
        }
    }

    #[test]
    fn a_name_that_is_nearly_one_is_told() {
        case(
            r#"{"word":"autoo"}"#,
            "body.word",
            "expected one of `off`, `on`, `auto`, found `autoo` (did you mean `auto`?)",
        );
        let fault = strict::<Form>(r#"{"worf":1}"#, "body").unwrap_err();
        assert!(
            fault.message.ends_with("(did you mean `word`?)"),
            "{}",
            fault.message
        );
    }

    #[test]
    fn what_was_found_is_cut() {
        let long = "a".repeat(5000);
        let fault = strict::<Form>(&format!(r#"{{"word":"{long}"}}"#), "body").unwrap_err();
        assert!(fault.message.len() < 200, "{}", fault.message);
        let fault = strict::<Form>(&format!(r#"{{"count":"{}"}}"#, "é".repeat(5000)), "body").unwrap_err();
        assert!(fault.message.chars().count() < 200, "{}", fault.message);
    }
}
