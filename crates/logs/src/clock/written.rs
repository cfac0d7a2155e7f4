//! Times as people and spreadsheets read them: `Mar 2, 2026 @ 09:00:00.250`, `02.03.2026 09:00:00`, `3/2/2026 9:00:00 AM`,
//! `Mon Mar  2 09:00:00 UTC 2026`, `02-Mar-26 09:00:00 GMT`.

use super::{digits, month, seconds};

/// What was found of a time so far.
#[derive(Default)]
struct Found {
    numbers: Vec<i64>,
    month: Option<i64>,
    date: Option<(i64, i64, i64)>,
    clock: Option<(i64, i64, i64)>,
    ms: i64,
    is_afternoon: Option<bool>,
    /// Numbers with slashes between them: month and day, or day and month.
    slashed: Option<(i64, i64, i64)>,
    zone_s: i64,
}

/// Milliseconds since 1970; UTC where no zone is said. None where day and month cannot be told apart.
pub(super) fn written(text: &str) -> Option<u64> {
    let mut found = Found::default();
    let parts = text
        .split([' ', ',', '@', '\u{202f}'])
        .filter(|part| !part.is_empty());
    for part in parts {
        found.take(part)?;
    }
    let date = found.date()?;
    let (hour, minute, second) = found.clock?;
    let hour = match found.is_afternoon {
        None => hour,
        Some(is_afternoon) if (1..=12).contains(&hour) => hour % 12 + if is_afternoon { 12 } else { 0 },
        Some(_) => return None,
    };
    let seconds = seconds(date, (hour, minute, second))? - found.zone_s;
    u64::try_from(seconds * 1000 + found.ms).ok()
}

/// Whether a text would be a time, if it were known which number is the day.
pub(super) fn is_ambiguous(text: &str) -> bool {
    let date = text.split([' ', ',']).next().unwrap_or_default();
    let parts: Vec<&str> = date.split('/').collect();
    let is_number = |part: &&str| (1..=4).contains(&part.len()) && number(part).is_some();
    parts.len() == 3 && parts.iter().all(is_number) && text.contains(':')
}

impl Found {
    fn take(&mut self, part: &str) -> Option<()> {
        let upper = part.to_ascii_uppercase();
        match &*upper {
            "AM" | "A.M." => self.is_afternoon = Some(false),
            "PM" | "P.M." => self.is_afternoon = Some(true),
            "UTC" | "GMT" | "Z" => {}
            _ if part.starts_with(['+', '-']) => self.zone_s = zone(part)?,
            _ if part.contains(':') => self.take_clock(part)?,
            _ if part.contains(['/', '.', '-']) => self.take_date(part)?,
            _ => self.take_word(part)?,
        }
        Some(())
    }

    fn take_word(&mut self, part: &str) -> Option<()> {
        if let Some(number) = number(part) {
            self.numbers.push(number);
        } else if let Some(month) = named_month(part) {
            self.month = Some(month);
        } else {
            is_weekday(part).then_some(())?;
        }
        Some(())
    }

    fn take_clock(&mut self, part: &str) -> Option<()> {
        let upper = part.to_ascii_uppercase();
        let half = [("AM", false), ("PM", true), ("Z", false)]
            .into_iter()
            .find_map(|(word, is_afternoon)| Some((upper.strip_suffix(word)?, word, is_afternoon)));
        let mut text = part;
        if let Some((before, word, is_afternoon)) = half {
            text = part.get(..before.len())?;
            self.is_afternoon = (word != "Z").then_some(is_afternoon).or(self.is_afternoon);
        }
        let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
        let mut parts = clock.split(':').map(number);
        let (hour, minute) = (parts.next()??, parts.next()??);
        let second = parts.next().unwrap_or(Some(0))?;
        self.ms = number(format!("{fraction:0<3}").get(..3)?)?;
        self.clock = Some((hour, minute, second));
        parts.next().is_none().then_some(())
    }

    /// With dots the day comes first, with slashes nobody knows, and a name is the month.
    fn take_date(&mut self, part: &str) -> Option<()> {
        let separator = part.chars().find(|letter| matches!(letter, '/' | '.' | '-'))?;
        let parts: Vec<&str> = part.split(separator).collect();
        let [first, second, third] = *parts.as_slice() else {
            return None;
        };
        if let Some(month) = named_month(second) {
            self.date = Some((year(third)?, month, number(first)?));
            return Some(());
        }
        let (a, b) = (number(first)?, number(second)?);
        match separator {
            _ if first.len() == 4 => self.date = Some((a, b, number(third)?)),
            '.' => self.date = Some((year(third)?, b, a)),
            '/' => self.slashed = Some((a, b, year(third)?)),
            _ => return None,
        }
        Some(())
    }

    fn date(&self) -> Option<(i64, i64, i64)> {
        if let Some(date) = self.date {
            return Some(date);
        }
        if let Some((first, second, year)) = self.slashed {
            // Who writes AM and PM writes the month first.
            self.is_afternoon?;
            return Some((year, first, second));
        }
        match (self.month, self.numbers.as_slice()) {
            (Some(month), [day, year]) if *year > 31 => Some((*year, month, *day)),
            _ => None,
        }
    }
}

fn number(text: &str) -> Option<i64> {
    let is_short = (1..=4).contains(&text.len());
    digits(text.as_bytes(), 0, text.len()).filter(|_| is_short)
}

fn year(text: &str) -> Option<i64> {
    let year = number(text)?;
    match text.len() {
        2 => Some(2000 + year),
        4 => Some(year),
        _ => None,
    }
}

/// `Mar` or `March`.
fn named_month(text: &str) -> Option<i64> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let small = text.to_ascii_lowercase();
    let first = small.get(..3)?;
    let is_it = |name: &&str| name.starts_with(first) && (small.len() == 3 || **name == small);
    NAMES.iter().any(is_it).then_some(())?;
    let capital = format!("{}{}", first.get(..1)?.to_ascii_uppercase(), first.get(1..)?);
    month(capital.as_bytes())
}

fn is_weekday(text: &str) -> bool {
    const NAMES: [&str; 7] = [
        "sunday",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
    ];
    let small = text.to_ascii_lowercase();
    NAMES
        .iter()
        .any(|name| *name == small || small.len() == 3 && name.starts_with(&small))
}

/// `+0200`, `-05:30`.
fn zone(text: &str) -> Option<i64> {
    let (sign, rest) = text.split_at_checked(1)?;
    let plain = rest.replace(':', "");
    let offset = digits(plain.as_bytes(), 0, 2)? * 3600 + digits(plain.as_bytes(), 2, 2)? * 60;
    let is_whole = plain.len() == 4;
    is_whole.then_some(if sign == "-" { -offset } else { offset })
}
