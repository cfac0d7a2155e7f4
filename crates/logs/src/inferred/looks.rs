//! What stands in columns that have no names, as far as its looks tell it. Numbers look alike: which of them is the body's
//! length, only somebody who knows the log can say.

use super::{Found, Leaf, is_clock, is_date, is_day, is_method, is_time, leaves};
use crate::entry::Field;
use crate::template::is_address;

/// Places and fields of columns, from rows of such as are for blobs.
#[must_use]
pub fn looks(rows: impl IntoIterator<Item = Vec<(String, String)>>) -> Vec<(String, Field)> {
    let leaves = leaves(rows);
    let mut found = Found {
        leaves: &leaves,
        names: Vec::new(),
    };
    found.path();
    if !found.has(Field::Request) {
        found.looking(Field::Method, is_method);
    }
    found.looking(Field::Date, is_day);
    found.looking(Field::Clock, is_clock);
    if !found.has(Field::Date) || !found.has(Field::Clock) {
        found
            .names
            .retain(|(_, field)| !matches!(field, Field::Date | Field::Clock));
        found.looking(Field::Time, is_date);
        found.looking(Field::Time, is_moment);
    }
    found.looking(Field::Status, is_code);
    found.looking(Field::Address, is_address);
    found.looking(Field::UserAgent, is_agent);
    found.ranges();
    found.names
}

impl Found<'_> {
    /// The first column that holds nothing else.
    fn looking(&mut self, field: Field, fits: fn(&str) -> bool) {
        let is_it = |leaf: &&Leaf| leaf.holds(fits) && !self.is_taken(leaf);
        let found = self.leaves.iter().find(is_it);
        self.take(field, found);
    }
}

/// Seconds or milliseconds since 1970; `20200705190000` too.
fn is_moment(text: &str) -> bool {
    text.len() >= 10 && is_time(text)
}

/// A status of three digits.
fn is_code(text: &str) -> bool {
    text.len() == 3
        && text
            .parse::<u16>()
            .is_ok_and(|status| (200..600).contains(&status))
}

/// A product with its version first; a type of content and a protocol have none.
fn is_agent(text: &str) -> bool {
    let product = text.split([' ', '+']).next().unwrap_or_default();
    product.split_once('/').is_some_and(|(name, version)| {
        let is_version = version
            .trim_start_matches('v')
            .starts_with(|c: char| c.is_ascii_digit());
        is_version && !name.is_empty() && !matches!(name, "HTTP" | "http") && !name.contains(['_', ':', '.'])
    })
}

#[cfg(test)]
mod tests {
    use super::looks;
    use crate::entry::Field;

    #[track_caller]
    fn case(cells: &[&str], expected: &[(&str, Field)]) {
        let row = (1..)
            .zip(cells)
            .map(|(place, cell)| (format!("{place}"), (*cell).to_owned()));
        let mut found = looks([row.collect()]);
        found.sort_by_key(|(_, field)| *field);
        let expected: Vec<(String, Field)> = expected
            .iter()
            .map(|(place, field)| ((*place).to_owned(), *field))
            .collect();
        assert_eq!(found, expected, "{cells:?}");
    }

    #[test]
    fn columns_are_told_by_their_looks() {
        let path = "/v2/a/blobs/sha256:0000000000000000000000000000000000000000000000000000000000000000";
        case(
            &[
                "1593975600.120",
                "74645591",
                "192.0.2.7",
                "206",
                "HTTP/2",
                "GET",
                path,
                "text/plain",
                "docker/20.10.7 go/1",
            ],
            &[
                ("1", Field::Time),
                ("6", Field::Method),
                ("7", Field::Path),
                ("4", Field::Status),
                ("3", Field::Address),
                ("9", Field::UserAgent),
            ],
        );
        case(
            &[
                "2020-07-05",
                "19:00:00",
                "192.0.2.7",
                &format!("GET {path} HTTP/1.1"),
                "200",
                "bytes=5-",
            ],
            &[
                ("1", Field::Date),
                ("2", Field::Clock),
                ("4", Field::Request),
                ("5", Field::Status),
                ("6", Field::Range),
                ("3", Field::Address),
            ],
        );
        case(&["1", "x"], &[]);
    }
}
