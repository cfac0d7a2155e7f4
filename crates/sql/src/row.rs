//! Values out of rows, and numbers and JSON into statements.
//!
//! Reading is strict: a column that holds something else than was written is an error with its name, never a zero or an
//! empty text that goes on as if it had been stored.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{SqlValue, StoreError};

/// The largest that crosses the platform's border, where numbers are doubles. Times, counts and 48-bit numbers are below.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

const NUMBER: &str = "a whole number from 0 to 2^53 - 1";
const TEXT: &str = "text";
const BYTES: &str = "bytes";

/// A number for a statement.
pub fn number(value: u64) -> SqlValue {
    SqlValue::Integer(value.min(MAX_NUMBER) as i64)
}

/// A value as JSON for a statement; `name` is the column's.
///
/// # Errors
/// When the value has no JSON form.
pub fn json<T: Serialize>(value: &T, name: &'static str) -> Result<SqlValue, StoreError> {
    let text = serde_json::to_string(value);
    text.map(SqlValue::Text)
        .map_err(|error| StoreError::Corrupt(format!("a value for {name} ({error})")))
}

/// Values in the order of the statement's columns.
///
/// Each getter takes the column's place in the statement and its name (`inbox.seq`), which errors say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row(Vec<SqlValue>);

impl FromIterator<SqlValue> for Row {
    fn from_iter<I: IntoIterator<Item = SqlValue>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl Row {
    #[must_use]
    pub fn as_slice(&self) -> &[SqlValue] {
        &self.0
    }

    /// # Errors
    /// When the column is missing or holds anything else than a number that [`number`] makes.
    pub fn integer(&self, column: usize, name: &'static str) -> Result<u64, StoreError> {
        self.value(column)
            .and_then(whole)
            .ok_or_else(|| self.error(column, name, NUMBER))
    }

    /// `None` for NULL: what `max` and its like answer where there are no rows.
    ///
    /// # Errors
    /// As [`Row::integer`].
    pub fn optional_integer(&self, column: usize, name: &'static str) -> Result<Option<u64>, StoreError> {
        match self.value(column) {
            Some(SqlValue::Null) => Ok(None),
            _ => self.integer(column, name).map(Some),
        }
    }

    /// # Errors
    /// When the column is missing or holds no text.
    pub fn text(&self, column: usize, name: &'static str) -> Result<&str, StoreError> {
        match self.value(column) {
            Some(SqlValue::Text(text)) => Ok(text),
            _ => Err(self.error(column, name, TEXT)),
        }
    }

    /// `None` for NULL.
    ///
    /// # Errors
    /// As [`Row::text`].
    pub fn optional_text(&self, column: usize, name: &'static str) -> Result<Option<&str>, StoreError> {
        match self.value(column) {
            Some(SqlValue::Null) => Ok(None),
            _ => self.text(column, name).map(Some),
        }
    }

    /// Reads a text that is JSON.
    ///
    /// # Errors
    /// As [`Row::text`], and when it is not the JSON of such a value.
    pub fn json<T: DeserializeOwned>(&self, column: usize, name: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(self.text(column, name)?)
            .map_err(|error| StoreError::Corrupt(format!("{name} ({error})")))
    }

    /// Takes the bytes out of a column, without a copy.
    ///
    /// # Errors
    /// When the column is missing or holds no bytes.
    pub fn take_blob(&mut self, column: usize, name: &'static str) -> Result<Vec<u8>, StoreError> {
        match self.0.get_mut(column) {
            Some(SqlValue::Blob(bytes)) => Ok(std::mem::take(bytes)),
            _ => Err(self.error(column, name, BYTES)),
        }
    }

    fn value(&self, column: usize) -> Option<&SqlValue> {
        self.0.get(column)
    }

    fn error(&self, column: usize, name: &'static str, expected: &'static str) -> StoreError {
        StoreError::Column {
            name,
            expected,
            found: self.value(column).map_or("no such column", found),
        }
    }
}

/// The platform may hand a whole number over as a real.
fn whole(value: &SqlValue) -> Option<u64> {
    let number = match value {
        SqlValue::Integer(number) => u64::try_from(*number).ok()?,
        SqlValue::Real(number) if *number >= 0.0 && number.fract() == 0.0 => *number as u64,
        _ => return None,
    };
    (number <= MAX_NUMBER).then_some(number)
}

const fn found(value: &SqlValue) -> &'static str {
    match value {
        SqlValue::Null => "NULL",
        SqlValue::Integer(_) | SqlValue::Real(_) => "another number",
        SqlValue::Text(_) => "text",
        SqlValue::Blob(_) => "bytes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(value: SqlValue) -> Row {
        [value].into_iter().collect()
    }

    fn wrong<T>(expected: &'static str, found: &'static str) -> Result<T, StoreError> {
        let name = "t.a";
        Err(StoreError::Column {
            name,
            expected,
            found,
        })
    }

    #[track_caller]
    fn case(value: SqlValue, expected: Result<u64, &'static str>) {
        let expected = expected.or_else(|found| wrong(NUMBER, found));
        assert_eq!(row(value).integer(0, "t.a"), expected);
    }

    #[test]
    fn a_whole_number_is_read_whatever_the_platform_makes_of_it() {
        case(SqlValue::Integer(0), Ok(0));
        case(SqlValue::Integer(7), Ok(7));
        case(SqlValue::Real(7.0), Ok(7));
        case(SqlValue::Integer(-1), Err("another number"));
        case(SqlValue::Real(-1.0), Err("another number"));
        case(SqlValue::Real(0.5), Err("another number"));
        case(SqlValue::Real(f64::NAN), Err("another number"));
        case(SqlValue::Real(f64::INFINITY), Err("another number"));
        case(SqlValue::Null, Err("NULL"));
        case(SqlValue::Text("7".to_owned()), Err("text"));
        case(SqlValue::Blob(vec![7]), Err("bytes"));
    }

    #[test]
    fn numbers_end_below_two_to_the_53rd() {
        let (last, first_beyond) = ((1_i64 << 53) - 1, 1_i64 << 53);
        case(SqlValue::Integer(last), Ok(MAX_NUMBER));
        case(SqlValue::Real(last as f64), Ok(MAX_NUMBER));
        case(SqlValue::Integer(first_beyond), Err("another number"));
        case(SqlValue::Real(first_beyond as f64), Err("another number"));
        assert_eq!(number(u64::MAX), SqlValue::Integer(last));
    }

    #[test]
    fn text_and_bytes_are_not_each_other() {
        let text = row(SqlValue::Text("a".to_owned()));
        assert_eq!(text.text(0, "t.a"), Ok("a"));
        assert_eq!(text.clone().take_blob(0, "t.a"), wrong(BYTES, "text"));
        let mut bytes = row(SqlValue::Blob(vec![1, 2]));
        assert_eq!(bytes.text(0, "t.a"), wrong(TEXT, "bytes"));
        assert_eq!(bytes.take_blob(0, "t.a"), Ok(vec![1, 2]));
    }

    #[test]
    fn only_optional_getters_take_null() {
        let null = row(SqlValue::Null);
        assert_eq!(null.optional_text(0, "t.a"), Ok(None));
        assert_eq!(null.optional_integer(0, "t.a"), Ok(None));
        assert_eq!(null.text(0, "t.a"), wrong(TEXT, "NULL"));
        let other = row(SqlValue::Blob(Vec::new()));
        assert_eq!(other.optional_text(0, "t.a"), wrong(TEXT, "bytes"));
        assert_eq!(other.optional_integer(0, "t.a"), wrong(NUMBER, "bytes"));
    }

    #[test]
    fn a_missing_column_is_no_null() {
        let mut row = row(SqlValue::Null);
        let missing = "no such column";
        assert_eq!(row.integer(1, "t.a"), wrong(NUMBER, missing));
        assert_eq!(row.optional_integer(1, "t.a"), wrong(NUMBER, missing));
        assert_eq!(row.optional_text(1, "t.a"), wrong(TEXT, missing));
        assert_eq!(row.take_blob(1, "t.a"), wrong(BYTES, missing));
    }

    #[test]
    fn json_names_its_column() {
        let stored = row(json(&[1, 2], "t.a").unwrap());
        assert_eq!(stored.json(0, "t.a"), Ok([1, 2]));
        let error = stored.json::<String>(0, "t.a").unwrap_err().to_string();
        assert!(error.starts_with("t.a (invalid type"), "{error}");
    }
}
