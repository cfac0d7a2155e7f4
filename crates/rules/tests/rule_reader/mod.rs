//! How the tests of the language read and judge a text.

use blobwatch_rules::{CheckedExpression, Values};

#[track_caller]
pub(crate) fn read(text: &str) -> CheckedExpression {
    let expression = blobwatch_rules::parse(text).unwrap_or_else(|error| panic!("{error}"));
    expression.check().unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
pub(crate) fn holds(text: &str, values: &Values<'_>, expected: bool) {
    assert_eq!(read(text).evaluate(values), expected, "{text}");
}
