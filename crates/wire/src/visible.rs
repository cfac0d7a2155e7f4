//! Text that strangers chose, made safe to look at: what a terminal or a chat would obey or hide is shown as an escape.
//!
//! In scope: which characters, and how they are shown. Not in scope: markup (`&`, `|`, backticks), which each format escapes
//! for itself.

use std::borrow::Cow;

/// Whether a character is obeyed or hidden instead of shown: controls of terminals (C0, DEL, C1), line and paragraph separators,
/// and the format characters that reorder text or have no width (Unicode's Bidi_Control, zero-width ones and tags).
#[must_use]
pub fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Text as one line: every invisible character is written as `\u{1b}`.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    shown(text, is_invisible)
}

/// As [`visible`], of text whose line feeds are ours.
#[must_use]
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    shown(text, |letter| letter != '\n' && is_invisible(letter))
}

fn shown(text: &str, is_hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if is_hidden(letter) {
            out.extend(letter.escape_unicode());
        } else {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::{is_invisible, visible, visible_lines};

    #[track_caller]
    fn case(text: &str, expected: &str) {
        assert_eq!(visible(text), expected);
    }

    #[test]
    fn what_would_be_obeyed_is_shown() {
        case("docker on amzn2", "docker on amzn2");
        case("Zürich, 東京 🐳", "Zürich, 東京 🐳");
        case("\u{1b}]0;x\u{7}", "\\u{1b}]0;x\\u{7}");
        case("a\r\nb\tc", "a\\u{d}\\u{a}b\\u{9}c");
        case("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}");
        case("a\u{202e}b\u{2066}c\u{200f}", "a\\u{202e}b\\u{2066}c\\u{200f}");
        case("\u{2028}\u{feff}\u{e0041}", "\\u{2028}\\u{feff}\\u{e0041}");
        assert_eq!(visible_lines("a\nb\r\n"), "a\nb\\u{d}\n");
    }

    #[test]
    fn nothing_invisible_is_left_and_all_else_stays() {
        for letter in (0..=0x10_ffff).filter_map(char::from_u32) {
            let text = format!("a{letter}b");
            let shown = visible(&text);
            assert!(!shown.chars().any(is_invisible), "{letter:?}");
            assert_eq!(shown == text, !is_invisible(letter), "{letter:?}");
        }
    }
}
