//! Times of logs, in milliseconds since 1970.
//!
//! Logs write one time a line: the usual forms are read by place, without a look at what cannot stand there twice.

use blobwatch_wire::{MAX_TIME_MS, parse_rfc3339};

mod written;

/// `05/Jul/2020:19:00:00 +0000`, as combined logs write it; Werkzeug writes a blank before the hour, and no zone.
pub fn common_time(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let digits = |from: usize, count: usize| digits(bytes, from, count);
    if bytes.get(2) != Some(&b'/') || !matches!(bytes.get(11), Some(b':' | b' ')) {
        return None;
    }
    let month = month(bytes.get(3..6)?)?;
    let seconds = seconds(
        (digits(7, 4)?, month, digits(0, 2)?),
        (digits(12, 2)?, digits(15, 2)?, digits(18, 2)?),
    )?;
    // HAProxy writes thousandths and no zone.
    let ms = match bytes.get(20) {
        Some(b'.') => digits(21, 3)?,
        _ => 0,
    };
    let zone = match bytes.get(20..) {
        None | Some([] | [b'.', ..]) => 0,
        Some([b' ', sign @ (b'+' | b'-'), ..]) => {
            let offset = digits(22, 2)? * 3600 + digits(24, 2)? * 60;
            if *sign == b'+' { offset } else { -offset }
        }
        Some(_) => return None,
    };
    u64::try_from((seconds - zone) * 1000 + ms).ok()
}

fn month(name: &[u8]) -> Option<i64> {
    const MONTHS: [&[u8; 3]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
    ];
    (1..)
        .zip(MONTHS)
        .find(|(_, known)| *known == name)
        .map(|(number, _)| number)
}

/// `2020-07-05T19:00:00Z` with or without a fraction, or with a blank and without a zone, then UTC.
fn iso(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    match bytes.get(19..) {
        Some([]) | Some(b"Z") => date_and_clock(bytes.get(..10)?, bytes.get(11..19)?),
        // nginx and tools of Go write a fraction; the offset of a zone is rare.
        _ => parse_rfc3339(text)
            .or_else(|| parse_rfc3339(&format!("{}Z", text.replacen(',', ".", 1))))
            .or_else(|| without_colon(text))
            .or_else(|| before_zone(text)),
    }
}

/// `2020-07-05 19:00:00 +0000`, `… UTC`, and both as Go prints them.
fn before_zone(text: &str) -> Option<u64> {
    let (time, rest) = text.split_at_checked(19)?;
    let (fraction, zone) = rest.split_once(' ')?;
    let zone = match zone.split(' ').next()? {
        "UTC" | "GMT" => "Z",
        offset if offset.starts_with(['+', '-']) => offset,
        _ => return None,
    };
    iso(&format!("{time}{fraction}{zone}"))
}

/// `Sun, 05 Jul 2020 19:00:00 GMT`, as HTTP writes it.
fn http_date(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let two = |from| digits(bytes, from, 2);
    let date = (digits(bytes, 12, 4)?, month(bytes.get(8..11)?)?, two(5)?);
    let seconds = seconds(date, (two(17)?, two(20)?, two(23)?))?;
    let is_utc = matches!(text.get(25..), Some(" GMT" | " UTC" | " +0000"));
    u64::try_from(seconds * 1000).ok().filter(|_| is_utc)
}

/// `2020/07/05 19:00:00`, as programs of Go write it, and Gin's with a line between.
fn with_slashes(text: &str) -> Option<u64> {
    iso(&text.replacen('/', "-", 2).replacen(" - ", " ", 1))
}

/// A date `2020-07-05` or `2020/07/05`, and a clock `19:00:00`.
pub(crate) fn date_and_clock(date: &[u8], clock: &[u8]) -> Option<u64> {
    let separator = date.get(4);
    if !matches!(separator, Some(b'-' | b'/')) || date.get(7) != separator || date.len() != 10 {
        return None;
    }
    let seconds = seconds(
        (digits(date, 0, 4)?, digits(date, 5, 2)?, digits(date, 8, 2)?),
        (digits(clock, 0, 2)?, digits(clock, 3, 2)?, digits(clock, 6, 2)?),
    )?;
    u64::try_from(seconds * 1000).ok()
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, by their size; seconds may have a fraction.
fn unix(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) {
        return None;
    }
    let number: u64 = whole.parse().ok()?;
    let ms = match number {
        0..100_000_000_000 => {
            let digits = part.bytes().map(|byte| u64::from(byte - b'0'));
            let thousandths = digits
                .chain([0; 3])
                .take(3)
                .fold(0, |sum, digit| sum * 10 + digit);
            number * 1000 + thousandths
        }
        100_000_000_000..100_000_000_000_000 => number,
        100_000_000_000_000..100_000_000_000_000_000 => number / 1000,
        _ => number / 1_000_000,
    };
    (ms < MAX_TIME_MS).then_some(ms)
}

/// A time in any of these forms.
pub fn any_time(text: &str) -> Option<u64> {
    let time_ms = match text.as_bytes() {
        [b'[', ..] => any_time(text.trim_matches(['[', ']'])),
        [_, _, b'/', ..] => common_time(text),
        // Alibaba writes the day as it is said.
        [b'1'..=b'9', b'/', b'A'..=b'Z', ..] => common_time(&format!("0{text}")),
        [_, _, _, _, b'-', ..] => iso(text),
        [_, _, _, _, b'/', ..] => with_slashes(text),
        [_, _, _, b',', ..] => http_date(text),
        [b'1' | b'2', ..] if text.len() == 14 => compact(text.as_bytes()).or_else(|| unix(text)),
        _ => unix(text),
    };
    time_ms.or_else(|| as_written(text))
}

/// For what has the length of a date and a clock, and a colon in it: most texts that are asked for are no times.
fn as_written(text: &str) -> Option<u64> {
    let may_be = (12..=48).contains(&text.len()) && text.contains(':');
    if may_be { written::written(text) } else { None }
}

/// What was expected of a text that is no time.
pub(crate) fn expected_time(text: &str) -> &'static str {
    if written::is_ambiguous(text) {
        "a time that says which number is the day, such as 2020-07-05 19:00:00"
    } else {
        "a time"
    }
}

/// `20200705190000`, which as a number would be thousands of years ahead.
fn compact(bytes: &[u8]) -> Option<u64> {
    let two = |from| digits(bytes, from, 2);
    let seconds = seconds(
        (digits(bytes, 0, 4)?, two(4)?, two(6)?),
        (two(8)?, two(10)?, two(12)?),
    )?;
    u64::try_from(seconds * 1000).ok()
}

/// `Jul  5 19:00:00`, as syslog writes it, perhaps with a fraction: without a year it is the newest that is not after
/// `now_ms`, but for a day of clocks that differ. Also the text behind it.
pub(crate) fn syslog_time(text: &str, now_ms: u64) -> Option<(u64, &str)> {
    let bytes = text.as_bytes();
    let day = match bytes.get(4..6)? {
        [b' ', one] if one.is_ascii_digit() => i64::from(one - b'0'),
        _ => digits(bytes, 4, 2)?,
    };
    let clock = (digits(bytes, 7, 2)?, digits(bytes, 10, 2)?, digits(bytes, 13, 2)?);
    if bytes.get(3) != Some(&b' ') || bytes.get(6) != Some(&b' ') || bytes.get(9) != Some(&b':') {
        return None;
    }
    let month = month(bytes.get(..3)?)?;
    let year = 1970 + (now_ms / 31_556_952_000) as i64;
    let of_year =
        |year| seconds((year, month, day), clock).and_then(|seconds| u64::try_from(seconds * 1000).ok());
    let time_ms = [year + 1, year, year - 1, year - 2, year - 3, year - 4]
        .into_iter()
        .filter_map(of_year)
        .find(|time_ms| *time_ms <= now_ms + 86_400_000)?;
    let rest = text.get(15..)?;
    let fraction = |c: char| c.is_ascii_digit() || c == '.';
    Some((time_ms, rest.trim_start_matches(fraction)))
}

/// `2020-07-05T19:00:00+0000`.
fn without_colon(text: &str) -> Option<u64> {
    let (head, minutes) = text.split_at_checked(text.len().checked_sub(2)?)?;
    parse_rfc3339(&format!("{head}:{minutes}"))
}

fn digits(bytes: &[u8], from: usize, count: usize) -> Option<i64> {
    let mut number = 0;
    for byte in bytes.get(from..from + count)? {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + i64::from(byte - b'0');
    }
    Some(number)
}

/// Seconds since 1970 of a civil date (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms") and a clock.
fn seconds((year, month, day): (i64, i64, i64), (hour, minute, second): (i64, i64, i64)) -> Option<i64> {
    let exists = (1970..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !exists {
        return None;
    }
    let shifted_year = year - i64::from(month <= 2);
    let (era, year_of_era) = (shifted_year / 400, shifted_year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use blobwatch_wire::rfc3339;

    use super::{any_time, common_time, expected_time, syslog_time};

    const JULY: u64 = 1_593_975_600_000;

    #[test]
    fn times_of_every_form() {
        for (text, expected) in [
            ("05/Jul/2020:19:00:00 +0000", JULY),
            ("05/Jul/2020:21:00:00 +0200", JULY),
            ("[05/Jul/2020:13:30:00 -0530]", JULY),
            ("2020-07-05T19:00:00Z", JULY),
            ("2020-07-05T19:00:00.250Z", JULY + 250),
            ("2020-07-05T21:00:00+02:00", JULY),
            ("2020-07-05T21:00:00+0200", JULY),
            ("2020-07-05 19:00:00", JULY),
            ("2020-07-05 19:00:00,250", JULY + 250),
            ("2020-07-05 21:00:00 +0200", JULY),
            ("2020-07-05 19:00:00.250 UTC", JULY + 250),
            ("2020-07-05 19:00:00.25 +0000 UTC", JULY + 250),
            ("Sun, 05 Jul 2020 19:00:00 GMT", JULY),
            ("2020/07/05 19:00:00", JULY),
            ("2020/07/05 19:00:00.250", JULY + 250),
            ("2020/07/05 - 19:00:00", JULY),
            ("1593975600", JULY),
            ("1593975600.25", JULY + 250),
            ("1593975600250", JULY + 250),
            ("1593975600250000", JULY + 250),
            ("1593975600250000000", JULY + 250),
            ("05/Jul/2020:19:00:00.250", JULY + 250),
            ("20200705190000", JULY),
            ("2020-07-05 19:00:00 ", JULY),
            ("05/Jul/2020 19:00:00", JULY),
            ("Jul 5, 2020 @ 19:00:00.250", JULY + 250),
            ("July 5, 2020 7:00:00 PM", JULY),
            ("05.07.2020 19:00:00", JULY),
            ("5.7.2020, 19:00:00", JULY),
            ("07/05/2020 07:00:00 PM", JULY),
            ("7/5/2020 7:00 PM", JULY),
            ("7/5/2020, 7:00:00\u{202f}PM", JULY),
            ("07/05/2020 07:00:00.250PM", JULY + 250),
            ("2020/07/05 07:00:00 PM", JULY),
            ("Sun Jul  5 19:00:00 2020", JULY),
            ("[Sun Jul 05 19:00:00.250123 2020]", JULY + 250),
            ("Sun Jul  5 19:00:00 UTC 2020", JULY),
            ("Sunday, 05-Jul-20 19:00:00 GMT", JULY),
            ("05-Jul-2020 19:00:00", JULY),
            ("5 Jul 2020 21:00:00 +0200", JULY),
        ] {
            assert_eq!(any_time(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn the_year_of_syslog_is_the_newest_that_was() {
        #[track_caller]
        fn case(text: &str, now_ms: u64, expected: Option<(u64, &str)>) {
            assert_eq!(syslog_time(text, now_ms), expected, "{text}");
        }
        case("Jul  5 19:00:00 host", JULY + 1, Some((JULY, " host")));
        case("Jul 05 19:00:00.123456 host", JULY + 1, Some((JULY, " host")));
        // Of last year, seen in spring; and a clock that is an hour ahead.
        case("Jul  5 19:00:00", JULY + 270 * 86_400_000, Some((JULY, "")));
        case("Jul  5 19:00:00", JULY - 3_600_000, Some((JULY, "")));
        case(
            "Feb 29 00:00:00",
            JULY + 400 * 86_400_000,
            Some((1_582_934_400_000, "")),
        );
        for text in [
            "",
            "Jul",
            "Jul  5 19:00",
            "Jux  5 19:00:00",
            "Jul 32 19:00:00",
            "2020-07-05 19:00:00",
        ] {
            case(text, JULY, None);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "-",
            "31/Feb/2020:19:00:00 +0000",
            "05/Jux/2020:19:00:00 +0000",
            "05/Jul/2020:24:00:00 +0000",
            "05/Jul/2020:19:00:00 UTC",
            "05/Jul/2020",
            "2020-13-05T19:00:00Z",
            "2020-07-05",
            "2020-07-05 19:00:00 CEST",
            "2020/13/05 19:00:00",
            "Sun, 05 Jux 2020 19:00:00 GMT",
            "Sun, 05 Jul 2020 19:00:00 CEST",
            "Sun,",
            "07/05/2020 19:00:00",
            "13/05/2020 19:00:00",
            "5/7/2020 19:00",
            "05.13.2020 19:00:00",
            "07/05/2020 13:00:00 PM",
            "Jul 5, 2020",
            "Jul 5 19:00:00",
            "Sun Jul  5 19:00:00 CEST 2020",
            "192.0.2.7:41478 GET",
            "1.5.3",
            "99999999999999999999",
        ] {
            assert_eq!(any_time(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_that_may_be_a_month_is_asked_for() {
        for text in ["07/05/2020 19:00:00", "5/7/2020, 19:00"] {
            assert!(expected_time(text).contains("which number is the day"), "{text}");
        }
        for text in ["noon", "", "07/05/2020", "a/b/c 1:2"] {
            assert_eq!(expected_time(text), "a time", "{text}");
        }
    }

    #[test]
    fn every_day_reads_as_the_slow_twin_writes_it() {
        const MONTHS: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        for day in 0..100_000_u64 {
            let time = day * 86_400_000 + day % 86_400 * 1000;
            let text = rfc3339(time);
            let month: usize = text[5..7].parse().unwrap();
            let clf = format!(
                "{}/{}/{}:{} +0000",
                &text[8..10],
                MONTHS[month - 1],
                &text[..4],
                &text[11..19]
            );
            assert_eq!(
                (common_time(&clf), any_time(&text)),
                (Some(time), Some(time)),
                "{text}"
            );
        }
    }

    #[test]
    fn any_text_is_a_time_or_none() {
        bolero::check!()
            .with_max_len(32)
            .with_iterations(20_000)
            .for_each(|bytes: &[u8]| {
                const LETTERS: &[u8] = b"0123456789-:/.TZ+, JulPMA[";
                let spelled: String = bytes
                    .iter()
                    .map(|b| char::from(LETTERS[usize::from(*b) % LETTERS.len()]))
                    .collect();
                let _ = any_time(&spelled);
                let _ = any_time(&String::from_utf8_lossy(bytes));
            });
    }
}
