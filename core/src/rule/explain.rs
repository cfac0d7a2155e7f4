//! Which parts of a rule were true for a request.

use super::check::Checked;
use super::term::{self, ClauseKind, Predicate};
use super::values::Values;

/// One part of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// As the operator wrote it.
    pub text: String,
    /// First byte in [`Checked::text`].
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// `None` for a comparison of a fact that the request does not have: it counts as false, and as true for `ne`.
    pub value: Option<bool>,
}

impl Checked {
    /// Every part of the rule, the whole first, each before what is in it.
    #[must_use]
    pub fn explain(&self, values: &Values<'_>) -> Vec<Clause> {
        let mut clauses = Vec::new();
        self.explain_clause(&self.root, values, &mut clauses);
        clauses
    }

    fn explain_clause(&self, clause: &term::Clause, values: &Values<'_>, clauses: &mut Vec<Clause>) {
        clauses.push(Clause {
            text: self.text.get(clause.span.clone()).unwrap_or_default().to_owned(),
            start: clause.span.start,
            end: clause.span.end,
            value: match &clause.kind {
                ClauseKind::Predicate(predicate) => predicate.known(values),
                _ => Some(clause.holds(values)),
            },
        });
        match &clause.kind {
            ClauseKind::Combined(_, items) => items
                .iter()
                .for_each(|item| self.explain_clause(item, values, clauses)),
            ClauseKind::Not(inner) => self.explain_clause(inner, values, clauses),
            ClauseKind::Predicate(_) => {}
        }
    }
}

impl Predicate {
    fn known(&self, values: &Values<'_>) -> Option<bool> {
        let missing = match self.term.header() {
            Some(name) => values.header(name).next().is_none(),
            None => self.term.compute(values, None).is_none(),
        };
        (!missing).then(|| self.holds(values))
    }
}
