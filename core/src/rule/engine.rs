//! A rulebook as a whole, compiled to be run on every request.
//!
//! This first form evaluates rule by rule; the interface is final.

use std::fmt;

use super::check::Checked;
use super::limits::MAX_RULES;
use super::values::Values;

/// Compiled rules, in the order given.
#[derive(Debug)]
pub struct Engine {
    rules: Vec<Checked>,
}

/// Why a rulebook was refused; fits "failed to compile the rulebook: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompileError {
    TooManyRules { found: usize },
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyRules { found } => write!(f, "expected at most {MAX_RULES} rules, found {found}"),
        }
    }
}

impl std::error::Error for CompileError {}

/// The memory of a run, and then its result. One for each engine, used again for each request.
#[derive(Debug)]
pub struct Scratch {
    matched: Vec<bool>,
}

impl Scratch {
    #[must_use]
    pub fn new(engine: &Engine) -> Self {
        Self {
            matched: vec![false; engine.rules.len()],
        }
    }

    /// Indices of the rules that held in the last run, in rule order.
    pub fn matched(&self) -> impl Iterator<Item = usize> + '_ {
        let held = self.matched.iter().enumerate().filter(|(_, matched)| **matched);
        held.map(|(index, _)| index)
    }
}

impl Engine {
    /// # Errors
    /// A `MAX_…` of this module that the rules exceed together.
    pub fn compile(rules: &[Checked]) -> Result<Self, CompileError> {
        if rules.len() > MAX_RULES {
            return Err(CompileError::TooManyRules { found: rules.len() });
        }
        Ok(Self {
            rules: rules.to_vec(),
        })
    }

    /// Finds every rule that holds; [`Scratch::matched`] gives them.
    pub fn run(&self, values: &Values<'_>, scratch: &mut Scratch) {
        for (rule, matched) in self.rules.iter().zip(&mut scratch.matched) {
            *matched = rule.evaluate(values);
        }
    }
}
