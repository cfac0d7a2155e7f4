//! Any text: the reader says yes or says where not, and never panics; what it accepts prints and runs.
//!
//! Runs for a bounded time under `cargo test`; `cargo bolero test rule_text` goes on for as long as one likes.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod rule_random;

use blobwatch_rules::{Engine, Scratch, Values};
use bolero::check;
use rule_random::{Draw, Language, PATTERNS, expression};

fn accept_or_explain(text: &str) {
    match rule_random::read(text) {
        Err(error) => {
            assert!(error.offset <= text.len());
            assert!(error.line >= 1 && error.column >= 1);
            assert!(error.to_string().ends_with('^'));
        }
        Ok(rule) => {
            let printed = rule.to_string();
            let again = rule_random::read(&printed);
            // Escapes and brackets can make the canonical text longer than the limit.
            assert!(
                printed.len() > blobwatch_rules::MAX_TEXT || again.as_ref() == Ok(&rule),
                "{text} printed as {printed}"
            );
            let engine = Engine::compile(std::slice::from_ref(&rule)).expect("one rule fits");
            let mut scratch = Scratch::new(&engine);
            engine.run(&Values::new(), &mut scratch);
            assert_eq!(scratch.is_matched(0), rule.evaluate(&Values::new()));
            assert_eq!(
                rule.explain(&Values::new(), &[])
                    .first()
                    .map(|clause| clause.start),
                Some(rule.text().len() - rule.text().trim_start().len())
            );
        }
    }
}

#[test]
fn rule_text() {
    check!()
        .with_max_len(200)
        .for_each(|bytes: &[u8]| accept_or_explain(&String::from_utf8_lossy(bytes)));
}

/// Rules with something replaced, cut out or doubled: closer to rules than noise is.
#[test]
fn rule_text_with_mistakes() {
    check!().with_max_len(120).for_each(|bytes: &[u8]| {
        let mut draw = Draw::new(bytes);
        let (at, len, with) = (
            draw.below(256),
            draw.below(6),
            draw.of(&["", "(", "\"", "not ", "{", "[*]", "\\", "é", "1..", "r#"]),
        );
        let text = expression(&mut draw, Language::Whole, 3);
        let characters: Vec<char> = text.chars().collect();
        let at = at % (characters.len() + 1);
        let end = (at + len).min(characters.len());
        let (before, after) = (&characters[..at], &characters[end..]);
        accept_or_explain(&format!(
            "{}{with}{}",
            before.iter().collect::<String>(),
            after.iter().collect::<String>()
        ));
    });
}

#[test]
fn regular_expressions() {
    check!().with_max_len(60).for_each(|bytes: &[u8]| {
        let mut draw = Draw::new(bytes);
        let pattern = draw.of(&PATTERNS).to_owned() + &String::from_utf8_lossy(draw.0.as_slice());
        accept_or_explain(&format!("http.host matches r####\"{pattern}\"####"));
    });
}
