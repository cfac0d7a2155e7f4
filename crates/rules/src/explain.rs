//! Which parts of a rule were true for a request.

use super::check::CheckedExpression;
use super::field::Field;
use super::term::{self, ClauseKind, Predicate};
use super::values::Values;

/// One part of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// As the operator wrote it.
    pub text: String,
    /// First byte in [`CheckedExpression::text`].
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// `None` for a comparison of a fact that the request does not have, which counts as false, and as true for `ne`; and
    /// for what depends on facts that are unknown.
    pub value: Option<bool>,
}

impl CheckedExpression {
    /// Every part of the rule, the whole first, each before what is in it. Of the fields in `unknown` nobody knows what
    /// the request had.
    #[must_use]
    pub fn explain(&self, values: &Values<'_>, unknown: &[Field]) -> Vec<Clause> {
        let mut clauses = Vec::new();
        self.explain_clause(&self.root, values, unknown, &mut clauses);
        clauses
    }

    fn explain_clause(
        &self,
        clause: &term::Clause,
        values: &Values<'_>,
        unknown: &[Field],
        clauses: &mut Vec<Clause>,
    ) {
        clauses.push(Clause {
            text: self.text.get(clause.span.clone()).unwrap_or_default().to_owned(),
            start: clause.span.start,
            end: clause.span.end,
            value: match &clause.kind {
                ClauseKind::Predicate(predicate) => predicate.known(values),
                ClauseKind::Each(_, inner) if inner.items(values).next().is_none() => None,
                ClauseKind::Each(..) => Some(clause.holds(values)),
                _ => clause.judge(values, unknown),
            },
        });
        match &clause.kind {
            ClauseKind::Combined(_, items) => items
                .iter()
                .for_each(|item| self.explain_clause(item, values, unknown, clauses)),
            ClauseKind::Not(inner) => self.explain_clause(inner, values, unknown, clauses),
            // What is within is asked of each value, so that no part of it is true or false by itself.
            ClauseKind::Predicate(_) | ClauseKind::Each(..) => {}
        }
    }
}

impl Predicate {
    fn known(&self, values: &Values<'_>) -> Option<bool> {
        let is_missing = self.term.compute(values, None).is_none();
        (!is_missing).then(|| self.holds(values))
    }
}
