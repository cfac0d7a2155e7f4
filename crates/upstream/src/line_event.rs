//! What one line tells, whatever its form.

use std::borrow::Cow;

use blobwatch_logs::LogEntry;

/// What one line tells of one request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct LineEvent<'a> {
    pub(crate) entry: LogEntry<'a>,
    /// Rules that fired on it.
    pub(crate) rules: Vec<LineRule<'a>>,
    /// It tells of the request as a whole, with its answer, and not of a rule alone.
    pub(crate) is_request: bool,
}

/// A rule as the source tells of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LineRule<'a> {
    /// Without the name of the source.
    pub(crate) rule: Cow<'a, str>,
    pub(crate) action: Cow<'a, str>,
    pub(crate) system: Cow<'a, str>,
    pub(crate) description: Cow<'a, str>,
}

impl<'a> LineRule<'a> {
    pub(crate) fn new(rule: impl Into<Cow<'a, str>>, action: impl Into<Cow<'a, str>>) -> Self {
        Self {
            rule: rule.into(),
            action: action.into(),
            ..Self::default()
        }
    }
}
