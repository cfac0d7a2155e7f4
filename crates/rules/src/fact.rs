//! What a rule reads of a request, as finely as somebody may know it: fields, and headers by their names.

use std::fmt;

use super::array::{Array, Map};
use super::check::CheckedExpression;
use super::field::Field;
use super::term::Term;

/// Something that a rule reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact<'a> {
    Field(Field),
    /// The values of one header, named in small letters.
    Header(&'a str),
}

impl fmt::Display for Fact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => f.write_str(field.name()),
            Self::Header(name) => write!(f, "{}[\"{name}\"]", Field::Headers.name()),
        }
    }
}

impl CheckedExpression {
    /// What it reads, each once.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact<'_>> {
        let mut facts = Vec::new();
        self.root
            .visit_predicates(&mut |predicate| predicate.term.visit_facts(&mut |fact| facts.push(fact)));
        facts.sort_unstable();
        facts.dedup();
        facts
    }
}

impl Term {
    /// Calls `visit` for each fact that it reads.
    pub(super) fn visit_facts<'a>(&'a self, visit: &mut impl FnMut(Fact<'a>)) {
        match self {
            Self::Field(field) => visit(Fact::Field(*field)),
            Self::At(array, _) | Self::Each(array) | Self::Count(array) | Self::Join(array, _) => {
                array.visit_facts(visit);
            }
            Self::Concat(parts) | Self::Coalesce(parts) => {
                parts.iter().for_each(|part| part.visit_facts(visit));
            }
            Self::Told(_) => visit(Fact::Field(Field::Platform)),
            Self::Extension => visit(Fact::Field(Field::Path)),
            Self::Same(left, right) => [left, right].iter().for_each(|part| part.visit_facts(visit)),
            Self::Signed(signed) => [&signed.of, &signed.now]
                .iter()
                .for_each(|part| part.visit_facts(visit)),
            _ => self.inner().into_iter().for_each(|of| of.visit_facts(visit)),
        }
    }
}

impl Array {
    fn visit_facts<'a>(&'a self, visit: &mut impl FnMut(Fact<'a>)) {
        match self {
            Self::Of(Map::Headers, name) => visit(Fact::Header(name)),
            Self::Of(map, _) | Self::Names(map) | Self::Values(map) => visit(Fact::Field(map.field())),
            Self::Split(split) => split.of.visit_facts(visit),
        }
    }
}
