//! A rulebook as a whole, compiled to be run on every request.
//!
//! A run costs what the request's values cost to look up, not what the rules would cost one by one:
//!
//! 1. Each distinct predicate of all rules exists once (`ask`), its answer kept for the run.
//! 2. Predicates over one value are answered together (`group`): a hash for all string sets, a binary search for all
//!    numbers, one pass for all substrings.
//! 3. Each rule is looked at only if one of the predicates that it cannot hold without does hold (`guard`).
//! 4. What is looked at is evaluated lazily, cheap parts first (`tree`).
//!
//! Every rule that holds is reported; nothing here changes what a rule means (`evaluate` says what that is).

mod ask;
mod compile;
mod condition;
mod estimate;
mod form;
mod group;
mod grouping;
mod guard;
mod probe;
mod run;
mod search;
mod terms;
mod tree;

use std::fmt;

use self::condition::Condition;
use self::group::Group;
use self::guard::Guards;
use self::probe::Probe;
use self::terms::{Source, Terms};
use self::tree::{Odd, PredicateId, Step};
pub use run::Scratch;

use super::check::CheckedExpression;
use super::limits::{MAX_PREDICATES, MAX_REGEX_TOTAL_BYTES, MAX_RULES};
use super::list::List;
use super::term::Quantifier;

/// Compiled rules, in the order given.
#[derive(Debug)]
pub struct Engine {
    /// Those that rules name.
    lists: Vec<List>,
    terms: Terms,
    groups: Vec<Group>,
    /// By predicate; those of a group are neighbours.
    answers: Vec<Answer>,
    steps: Vec<Step>,
    /// By rule: its first step.
    roots: Vec<u32>,
    /// Bit by rule: looked at for every request.
    always: Vec<u64>,
    /// Asked of every request, for `guards`.
    eager: Vec<Eager>,
    guards: Guards,
}

/// How a predicate is answered.
#[derive(Debug)]
enum Answer {
    Group(u32),
    Single(Source, Probe),
    Each(Box<Each>),
    Odd(Odd),
}

/// `any` or `all` of an array's values.
#[derive(Debug)]
struct Each {
    quantifier: Quantifier,
    condition: Condition<Probe>,
}

#[derive(Debug, Clone, Copy)]
enum Eager {
    Group(u32),
    Single(PredicateId),
}

/// Why a rulebook was refused; fits "failed to compile the rulebook: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompileError {
    TooManyRules { found: usize },
    TooManyPredicates { found: usize },
    RegexesTooLarge { bytes: usize },
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyRules { found } => write!(f, "expected at most {MAX_RULES} rules, found {found}"),
            Self::TooManyPredicates { found } => {
                write!(
                    f,
                    "expected at most {MAX_PREDICATES} comparisons in all rules, found {found}"
                )
            }
            Self::RegexesTooLarge { bytes } => write!(
                f,
                "expected regular expressions of at most {MAX_REGEX_TOTAL_BYTES} bytes compiled, found {bytes}"
            ),
        }
    }
}

impl std::error::Error for CompileError {}

impl Engine {
    /// # Errors
    /// A `MAX_…` of this module that the rules exceed together.
    pub fn compile(rules: &[CheckedExpression]) -> Result<Self, CompileError> {
        compile::compile(rules)
    }
}
