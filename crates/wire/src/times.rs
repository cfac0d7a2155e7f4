//! Times of a query: RFC 3339, or how long ago.

use super::time::parse_rfc3339;

/// What a time parameter may say.
pub const EXPECTED_TIME: &str =
    "expected an RFC 3339 time (2020-07-05T19:00:00Z) or a relative one (-15m; units s, m, h, d)";

/// Milliseconds since 1970 of `2020-07-05T19:00:00Z` or `-15m`.
#[must_use]
pub fn parse_time(text: &str, now_ms: u64) -> Option<u64> {
    match text.strip_prefix('-') {
        Some(ago) => Some(now_ms.saturating_sub(span_ms(ago)?)),
        None => parse_rfc3339(text),
    }
}

fn span_ms(text: &str) -> Option<u64> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let digits = !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
    if digits {
        count.parse::<u64>().ok()?.checked_mul(unit_ms)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn case(text: &str, expected: Option<u64>) {
        assert_eq!(parse_time(text, 100_000_000), expected, "{text}");
    }

    #[test]
    fn times_are_dates_or_spans_ago() {
        case("1970-01-01T00:00:01Z", Some(1000));
        case("-15m", Some(99_100_000));
        case("-1d", Some(13_600_000));
        case("-0s", Some(100_000_000));
        case("-9999d", Some(0));
        for wrong in [
            "",
            "-",
            "-m",
            "15m",
            "-15",
            "-15w",
            "-+5m",
            "-1.5h",
            "-99999999999999999999d",
            "now",
        ] {
            case(wrong, None);
        }
    }
}
