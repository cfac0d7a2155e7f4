//! An expression as written: the tree with the place of each part, names and values not yet looked at.

use std::ops::Range;
use std::sync::Arc;

use super::check::{self, CheckedExpression};
use super::error::RuleError;
use super::list::Lists;

/// An expression that follows the grammar. Whether its fields exist and its types fit is said by
/// [`Expression::check`].
#[derive(Debug, Clone)]
pub struct Expression {
    pub(super) text: Arc<str>,
    pub(super) root: Node,
}

impl Expression {
    /// Resolves fields and functions, fits types, compiles regular expressions.
    ///
    /// # Errors
    /// The first place that does not fit.
    pub fn check(self) -> Result<CheckedExpression, RuleError> {
        self.check_with(&Lists::default())
    }

    /// The same, with lists that the expression may name.
    ///
    /// # Errors
    /// The first place that does not fit, a list that is not there among them.
    pub fn check_with(self, lists: &Lists) -> Result<CheckedExpression, RuleError> {
        check::check(self, lists)
    }
}

impl Expression {
    /// The names of the lists that it names, each once: known before the lists are.
    #[must_use]
    pub fn lists(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.root.visit_lists(&mut |span| {
            names.extend(self.text.get(span.start + 1..span.end));
        });
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Node {
    fn visit_lists(&self, visit: &mut impl FnMut(&Span)) {
        match &self.kind {
            NodeKind::Combined(_, items) => items.iter().for_each(|item| item.visit_lists(visit)),
            NodeKind::Not(inner) => inner.visit_lists(visit),
            NodeKind::Comparison(left, test) => {
                if let OperandKind::Call { arguments, .. } = &left.kind {
                    arguments.iter().for_each(|argument| argument.visit_lists(visit));
                }
                if let Some(Comparison {
                    right: Right::Named(name),
                    ..
                }) = test
                {
                    visit(name);
                }
            }
        }
    }
}

pub(super) type Span = Range<usize>;

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) span: Span,
}

#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    Combined(Combiner, Vec<Node>),
    Not(Box<Node>),
    /// With no test the operand is meant to be a Boolean.
    Comparison(Operand, Option<Comparison>),
}

/// In ascending order of precedence, as in wirefilter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Combiner {
    Or,
    Xor,
    And,
}

impl Combiner {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::Xor => "xor",
            Self::And => "and",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Operand {
    pub(super) kind: OperandKind,
    pub(super) span: Span,
}

#[derive(Debug, Clone)]
pub(super) enum OperandKind {
    Field {
        name: Span,
        indexes: Vec<Index>,
    },
    Call {
        name: Span,
        arguments: Vec<Node>,
        /// After the bracket that closes it.
        indexes: Vec<Index>,
    },
    Literal(Literal),
}

#[derive(Debug, Clone)]
pub(super) struct Index {
    pub(super) kind: IndexKind,
    pub(super) span: Span,
}

#[derive(Debug, Clone)]
pub(super) enum IndexKind {
    Name(Vec<u8>),
    At(u32),
    Each,
}

#[derive(Debug, Clone)]
pub(super) struct Comparison {
    pub(super) operator: Operator,
    pub(super) operator_span: Span,
    pub(super) right: Right,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Order(Order),
    In,
    Contains,
    Matches,
    Wildcard,
    StrictWildcard,
    BitwiseAnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Order {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Right {
    One(Literal),
    /// A field, or a function of one.
    Operand(Operand),
    List(Vec<Literal>),
    /// `$name`, where it stands.
    Named(Span),
}

/// A value as written; what a bare word means depends on the type of the other side.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    /// The content of a string, escapes resolved; `None` for a bare word.
    pub(super) string: Option<Vec<u8>>,
    pub(super) span: Span,
}
