//! The products and comments of a User-Agent (RFC 9110, section 10.1.5).

/// One word of a User-Agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// `name/version`; the version is empty where there is none.
    Product { name: &'a str, version: &'a str },
    /// What stands between parentheses, without them.
    Comment(&'a str),
}

/// Words in their order. Docker glues its client's product to a comment (`UpstreamClient(Docker-Client/…)`), so an
/// opening parenthesis ends a product too.
pub(super) fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let (word, after) = match rest.strip_prefix('(') {
            Some(inner) => comment(inner),
            None => product(rest),
        };
        rest = after;
        Some(word)
    })
}

fn product(text: &str) -> (Word<'_>, &str) {
    let end = text
        .find(|c: char| c == '(' || c.is_ascii_whitespace())
        .unwrap_or(text.len());
    let (word, after) = text.split_at(end);
    let (name, version) = word.split_once('/').unwrap_or((word, ""));
    (Word::Product { name, version }, after)
}

/// Comments nest, and a backslash quotes a parenthesis. One that is never closed ends with the text.
fn comment(inner: &str) -> (Word<'_>, &str) {
    let mut depth = 1_usize;
    let mut is_quoted = false;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if is_quoted => is_quoted = false,
            b'\\' => is_quoted = true,
            b'(' => depth += 1,
            b')' if depth > 1 => depth -= 1,
            b')' => {
                let (text, after) = inner.split_at(at);
                return (Word::Comment(text), after.strip_prefix(')').unwrap_or(""));
            }
            _ => {}
        }
    }
    (Word::Comment(inner), "")
}

#[cfg(test)]
mod tests {
    use super::{Word, words};

    fn product<'a>(name: &'a str, version: &'a str) -> Word<'a> {
        Word::Product { name, version }
    }

    #[track_caller]
    fn case(text: &str, expected: &[Word<'_>]) {
        assert_eq!(words(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn products_and_comments_are_told_apart() {
        case("", &[]);
        case("  ", &[]);
        case(
            "a/1 b c/",
            &[product("a", "1"), product("b", ""), product("c", "")],
        );
        case(
            "a/1 (x (y) z) b/2",
            &[product("a", "1"), Word::Comment("x (y) z"), product("b", "2")],
        );
        case(
            r"Up(Docker-Client/1 \(linux\)) b",
            &[
                product("Up", ""),
                Word::Comment(r"Docker-Client/1 \(linux\)"),
                product("b", ""),
            ],
        );
        case("a/1 (never", &[product("a", "1"), Word::Comment("never")]);
        case("a) b", &[product("a)", ""), product("b", "")]);
    }

    #[test]
    fn words_are_pieces_of_the_text_in_its_order() {
        bolero::check!()
            .with_max_len(128)
            .with_iterations(10_000)
            .for_each(|bytes: &[u8]| {
                let text = String::from_utf8_lossy(bytes);
                let mut from = 0;
                for word in words(&text) {
                    let (first, second) = match word {
                        Word::Product { name, version } => (name, version),
                        Word::Comment(comment) => (comment, ""),
                    };
                    for piece in [first, second] {
                        let at = text[from..].find(piece).unwrap();
                        from += at + piece.len();
                    }
                }
            });
    }
}
