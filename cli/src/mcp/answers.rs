//! Answers as they fit a model's context, with nothing in them that is obeyed or hidden instead of read.

use blobwatch_wire::{visible, visible_lines};
use serde_json::{Map, Value, json};

/// Bytes of one answer: some 8,000 tokens, where clients warn from 10,000 on.
pub(super) const MAX_ANSWER: usize = 32 * 1024;

/// Bytes of one text in it; expressions of rules may have 4 KB.
const MAX_TEXT: usize = 4096;

/// Items of lists that are tried, one after the other, until an answer fits.
const ITEMS: [usize; 6] = [64, 32, 16, 8, 4, 1];

/// An answer without what has no value, and its texts as they are looked at.
pub(super) fn cleaned(answer: Value) -> Value {
    match answer {
        Value::String(text) => Value::String(cut(&visible_lines(&text), MAX_TEXT)),
        Value::Array(items) => items.into_iter().map(cleaned).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (visible(&name).into_owned(), cleaned(value)))
            .collect::<Map<_, _>>()
            .into(),
        plain => plain,
    }
}

/// An answer that has no pages: its lists are cut until it fits, and say so.
pub(super) fn fitted(answer: &Value) -> String {
    let whole = answer.to_string();
    if whole.len() <= MAX_ANSWER {
        return whole;
    }
    let shorter = ITEMS.iter().map(|most| shortened(answer, *most).to_string());
    let mut last = whole;
    for text in shorter {
        last = text;
        if last.len() <= MAX_ANSWER {
            return last;
        }
    }
    cut(&last, MAX_ANSWER)
}

fn shortened(answer: &Value, most: usize) -> Value {
    match answer {
        Value::Array(items) => {
            let mut kept: Vec<Value> = items
                .iter()
                .take(most)
                .map(|item| shortened(item, most))
                .collect();
            if items.len() > most {
                kept.push(json!(format!("{} more are left out", items.len() - most)));
            }
            Value::Array(kept)
        }
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), shortened(value, most)))
            .collect::<Map<_, _>>()
            .into(),
        plain => plain.clone(),
    }
}

/// At most so many bytes of a text, and how many are missing.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let kept = &text[..text.floor_char_boundary(most)];
    format!("{kept}… ({} more bytes are left out)", text.len() - kept.len())
}

#[cfg(test)]
mod tests {
    use blobwatch_wire::is_invisible;

    use super::*;

    #[test]
    fn what_strangers_chose_is_shown_and_not_obeyed() {
        let answer = json!({"agent\u{202e}": ["a\u{e0041}\u{200b}b\u{1b}[31m", null], "none": null, "n": 5});
        let text = cleaned(answer).to_string();
        assert_eq!(
            text,
            r#"{"agent\\u{202e}":["a\\u{e0041}\\u{200b}b\\u{1b}[31m",null],"n":5}"#
        );
        assert!(!text.chars().any(is_invisible));
    }

    #[test]
    fn an_answer_that_is_too_long_says_what_is_left_out() {
        let values: Vec<Value> = (0..500)
            .map(|n| json!({"value": n, "why": "w".repeat(100)}))
            .collect();
        let answer = json!({"attributes": [{"values": values}], "selection": 7});
        let text = fitted(&answer);
        assert!(text.len() <= MAX_ANSWER, "{}", text.len());
        let read: Value = serde_json::from_str(&text).unwrap();
        let values = read["attributes"][0]["values"].as_array().unwrap();
        assert_eq!(values.len(), 65);
        assert_eq!(values[64], "436 more are left out");
        assert_eq!(read["selection"], 7);
    }

    #[test]
    fn no_answer_is_longer_than_its_bound() {
        let fields: Map<String, Value> = (0..2000)
            .map(|n| (format!("field-{n}"), json!("x".repeat(50))))
            .collect();
        let text = fitted(&Value::Object(fields));
        assert!(text.len() <= MAX_ANSWER + 100, "{}", text.len());
        assert!(text.ends_with("more bytes are left out)"));
        assert_eq!(cut("äää", 3), "ä… (4 more bytes are left out)");
    }

    #[test]
    fn long_texts_are_cut() {
        let text = cleaned(json!("x".repeat(MAX_TEXT + 1)));
        assert!(text.as_str().unwrap().ends_with("x… (1 more bytes are left out)"));
    }
}
