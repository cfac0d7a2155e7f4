//! Numbers as people and spreadsheets write them: `5,000,000`, `5.000.000`, `5 000 000`, `50,00,000`, `4.12e+06`, `412.0`.

/// A whole number. What was rounded (`4.8 MB`) is none: a body would seem shorter than it is.
pub(crate) fn count(text: &str) -> Option<u64> {
    text.parse().ok().or_else(|| written(text))
}

#[cold]
fn written(text: &str) -> Option<u64> {
    let text = without_unit(text.trim_matches(['"', '\'']).trim());
    plain(text).or_else(|| grouped(text)).or_else(|| whole(text))
}

/// The unit that rounds nothing.
fn without_unit(text: &str) -> &str {
    let bare = ["bytes", "byte", "B"]
        .iter()
        .find_map(|unit| text.strip_suffix(unit));
    bare.map_or(text, |bare| bare.trim_end_matches([' ', '\u{a0}', '\u{202f}']))
}

fn plain(text: &str) -> Option<u64> {
    text.parse().ok()
}

/// Groups of three digits, or of two before the last one as in India, with one separator between all of them.
fn grouped(text: &str) -> Option<u64> {
    let separator = text.chars().find(|letter| !letter.is_ascii_digit())?;
    let is_separator = matches!(
        separator,
        ',' | '.' | ' ' | '_' | '\'' | '\u{2019}' | '\u{a0}' | '\u{202f}' | '\u{2009}'
    );
    if !is_separator {
        return None;
    }
    let groups: Vec<&str> = text.split(separator).collect();
    let (first, rest) = groups.split_first()?;
    let (last, between) = rest.split_last()?;
    let is_first = (1..=3).contains(&first.len());
    let is_between = between
        .iter()
        .all(|group| group.len() == 3 || separator == ',' && group.len() == 2);
    if !is_first || !is_between || last.len() != 3 {
        return None;
    }
    groups.concat().parse().ok()
}

/// A number of floating point without a part: programs of Go and JavaScript write large ones so.
fn whole(text: &str) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let is_number = text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    let number: f64 = text.parse().ok().filter(|_| is_number)?;
    let is_whole = number.fract() == 0.0 && (0.0..EXACT).contains(&number);
    is_whole.then_some(number as u64)
}

/// A number that may have a part, which a comma may begin.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    let number = text.parse().ok();
    number.or_else(|| match text.split_once(',') {
        Some((whole, part)) if !part.contains([',', '.']) => format!("{whole}.{part}").parse().ok(),
        _ => count(text).map(|count| count as f64),
    })
}

/// Whether a text is a number in any of these forms.
pub(crate) fn is_number(text: &str) -> bool {
    let is_plain = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
    is_plain || count(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::{count, decimal};

    #[test]
    fn counts_may_have_separators() {
        for (text, expected) in [
            ("5000000", 5_000_000),
            ("5,000,000", 5_000_000),
            ("\"5,000,000\"", 5_000_000),
            ("5.000.000", 5_000_000),
            ("1.200", 1_200),
            ("5 000 000", 5_000_000),
            ("5\u{a0}000\u{a0}000", 5_000_000),
            ("5\u{202f}000\u{202f}000", 5_000_000),
            ("5_000_000", 5_000_000),
            ("5'000'000", 5_000_000),
            ("5\u{2019}000\u{2019}000", 5_000_000),
            ("50,00,000", 5_000_000),
            ("5e+06", 5_000_000),
            ("5.000012e+06", 5_000_012),
            ("5000000.0", 5_000_000),
            ("5,000,000 bytes", 5_000_000),
            ("412 B", 412),
            ("0", 0),
        ] {
            assert_eq!(count(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_count_is_refused() {
        for text in [
            "",
            "-",
            "-5",
            "5,00",
            "5,0000",
            ",000",
            "5,000,00",
            "5,000.000.000",
            "5.000,000",
            "1,234.5",
            "4.8 MB",
            "4.8",
            "12k",
            "0x10",
            "inf",
            "NaN",
            "1e300",
            "1234,567",
            "a,000",
        ] {
            assert_eq!(count(text), None, "{text}");
        }
    }

    #[test]
    fn a_comma_may_begin_the_part() {
        for (text, expected) in [
            ("0.25", 0.25),
            ("0,25", 0.25),
            ("1,234", 1.234),
            ("1,234,567", 1_234_567.0),
            ("12", 12.0),
        ] {
            assert_eq!(decimal(text), Some(expected), "{text}");
        }
        assert_eq!(decimal("x"), None);
    }

    #[test]
    fn any_text_is_a_count_or_none() {
        bolero::check!()
            .with_max_len(16)
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                const LETTERS: &[u8] = b"0123456789,.'_ e+-B";
                let spelled: String = bytes
                    .iter()
                    .map(|b| char::from(LETTERS[usize::from(*b) % LETTERS.len()]))
                    .collect();
                let digits: String = spelled.chars().filter(char::is_ascii_digit).collect();
                if let Some(found) = count(&spelled).filter(|_| !spelled.contains(['e', '.'])) {
                    assert_eq!(digits.parse(), Ok(found), "{spelled}");
                }
                let _ = (count(&String::from_utf8_lossy(bytes)), decimal(&spelled));
            });
    }
}
