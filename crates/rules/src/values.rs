//! The values of one request that expressions read: a flat array by field, filled once, read without allocation.

use std::net::IpAddr;

use super::field::Field;

/// The value of a field for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Value<'a> {
    /// The request does not have it, or the platform does not say it.
    #[default]
    Missing,
    Bytes(&'a [u8]),
    Int(i64),
    Bool(bool),
    Ip(IpAddr),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Bytes(text.as_bytes())
    }
}

/// All values of one request.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    by_field: [Value<'a>; Field::COUNT],
    headers: &'a [(&'a str, &'a str)],
}

impl Default for Values<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Values<'a> {
    /// Every field missing, no header.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            by_field: [Value::Missing; Field::COUNT],
            headers: &[],
        }
    }

    /// Sets one field. A value of another type than the field's reads as missing.
    pub fn set(&mut self, field: Field, value: Value<'a>) {
        if let Some(slot) = self.by_field.get_mut(field as usize) {
            *slot = value;
        }
    }

    /// Sets what `http.request.headers` reads: names in lower case, values as sent.
    pub fn set_headers(&mut self, headers: &'a [(&'a str, &'a str)]) {
        self.headers = headers;
    }

    #[must_use]
    pub fn get(&self, field: Field) -> Value<'a> {
        *self.at(field)
    }

    /// Where the value is. Copies cost: [`IpAddr`] has no alignment, so a [`Value`] is written in odd pieces, and
    /// reading it back whole waits for all of them.
    #[inline]
    pub(super) fn at(&self, field: Field) -> &Value<'a> {
        self.by_field.get(field as usize).unwrap_or(&Value::Missing)
    }

    pub(super) const fn headers(&self) -> &'a [(&'a str, &'a str)] {
        self.headers
    }
}
