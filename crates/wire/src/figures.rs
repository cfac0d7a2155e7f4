//! Numbers as people read them, the same in every sentence, message and report.

/// "1,204".
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "100 %", "99.7 %", "2 %", "0.04 %": never rounded up to all, or down to none.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = match percent {
        p if (99.95..100.0).contains(&p) => return "over 99.9 %".to_owned(),
        p if p > 0.0 && p < 0.01 => return "under 0.01 %".to_owned(),
        p if p < 1.0 => 2,
        _ => 1,
    };
    let text = format!("{percent:.digits$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{} %", if text.is_empty() { "0" } else { text })
}

#[cfg(test)]
mod tests {
    use super::{grouped, percent};

    #[test]
    fn shares_are_never_rounded_to_all_or_none() {
        for (share, text) in [
            (1.0, "100 %"),
            (0.9999, "over 99.9 %"),
            (0.997, "99.7 %"),
            (0.1, "10 %"),
            (0.021, "2.1 %"),
            (0.02, "2 %"),
            (0.0004, "0.04 %"),
            (0.000_001, "under 0.01 %"),
            (0.0, "0 %"),
        ] {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn numbers_have_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_204, "1,204"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
