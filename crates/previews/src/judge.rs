//! Which rules of a plan hold for a row.
//!
//! The candidate is asked of what the record keeps; where that is not enough, the record's own word counts: a rule of the
//! same version that fired then has matched. Other rules that read what is not kept, or that have a volume, are taken
//! from the record's word alone.

use super::reads::{Needs, Reads, RowTexts};
use blobwatch_pull::{Fired, NEVER_KEPT};
use blobwatch_records::{Row, Treatment};
use blobwatch_rule_book::PreviewPlan;
use blobwatch_rulebook::{Compiled, DocumentError, KeepAddresses, Policy, Volume, check};
use blobwatch_rules::{CheckedExpression, Field, Scratch, Values};

/// A plan that is ready to be asked about rows.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) compiled: Compiled,
    /// Positions in the plan's rulebook.
    pub(super) candidate: usize,
    pub(super) route: usize,
    pub(super) route_name: String,
    pub(super) volume: Option<Volume>,
    pub(super) needs: Needs,
    checked: CheckedExpression,
    /// Fields that the candidate reads and that records may lack.
    lacking: Vec<Field>,
    /// By rule: whether the record says that it fired, instead of its expression.
    by_record: Vec<bool>,
}

/// What is known of a row, and of every row like it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct RowJudgement {
    /// Whether the candidate's expression holds; `None` where the record cannot tell.
    pub(super) candidate: Option<bool>,
    /// Fields that would have told.
    pub(super) unknown: Vec<Field>,
    /// The other rules that hold.
    pub(super) others: Vec<usize>,
}

impl Judge {
    pub(super) fn new(plan: &PreviewPlan) -> Result<Self, DocumentError> {
        let mut book = plan.book.clone();
        let position = |found: Option<usize>| found.unwrap_or(usize::MAX);
        let candidate = position(book.rules.iter().position(|rule| rule.id == plan.candidate));
        let route = position(book.routes.iter().position(|route| route.name == plan.route));
        let checked = check(&book).map_err(DocumentError::Invalid)?;
        let volume = book.rules.get(candidate).and_then(|rule| rule.volume);
        let keep = book.settings.keep_addresses;
        let is_by_record = |rule: &blobwatch_rulebook::Rule, checked: &CheckedExpression| {
            // The candidate may be told the network of an address that this rule asks for as a whole.
            let is_of_whole = keep == KeepAddresses::Network && !says_enough(keep, checked);
            let is_never_kept = |field: &Field| NEVER_KEPT.contains(field);
            rule.volume.is_some() || is_of_whole || checked.fields().iter().any(is_never_kept)
        };
        let pairs = book.rules.iter().zip(&checked).enumerate();
        let by_record: Vec<bool> = pairs
            .map(|(at, (rule, checked))| at != candidate && is_by_record(rule, checked))
            .collect();
        // Volumes are judged here, not by hot keys.
        book.rules.iter_mut().for_each(|rule| rule.volume = None);
        let fields = checked.iter().flat_map(CheckedExpression::fields);
        let mut needs = Needs::of(fields);
        let Some(own) = checked.into_iter().nth(candidate) else {
            return Err(DocumentError::Invalid(Vec::new()));
        };
        let may_lack =
            |field: &Field| NEVER_KEPT.contains(field) || is_of_range(*field) || *field == Field::Path;
        let lacking: Vec<Field> = own.fields().into_iter().filter(may_lack).collect();
        needs.treatment |= !lacking.is_empty() || by_record.contains(&true);
        let compiled = Compiled::build(book)?;
        Ok(Self {
            compiled,
            candidate,
            route,
            route_name: plan.route.clone(),
            volume,
            needs,
            checked: own,
            lacking,
            by_record,
        })
    }

    /// Whether what is kept of addresses says what the candidate asks of them.
    pub(super) fn needs_addresses(&self) -> bool {
        let keep = self.compiled.book.settings.keep_addresses;
        self.needs.address && says_enough(keep, &self.checked)
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.compiled.policy
    }

    pub(super) fn judge(
        &self,
        scratch: &mut Scratch,
        reads: &Reads<'_>,
        row: &Row,
        treatment: &Treatment,
    ) -> RowJudgement {
        let texts = reads.row(row, &self.needs);
        let values = reads.values(row, &texts);
        self.compiled.engine.run(&values, scratch);
        let (candidate, unknown) = self.own(&values, &texts, treatment, scratch);
        let holds = |at: &usize| {
            *at != self.candidate
                && match self.by_record.get(*at) {
                    Some(true) => self.fired_then(*at, &treatment.fired),
                    _ => scratch.is_matched(*at),
                }
        };
        RowJudgement {
            candidate,
            unknown,
            others: (0..self.by_record.len()).filter(holds).collect(),
        }
    }

    fn own(
        &self,
        values: &Values<'_>,
        texts: &RowTexts,
        treatment: &Treatment,
        scratch: &Scratch,
    ) -> (Option<bool>, Vec<Field>) {
        if self.lacking.is_empty() {
            return (Some(scratch.is_matched(self.candidate)), Vec::new());
        }
        let unknown = texts.not_recorded();
        match self.checked.judge(values, &unknown) {
            Some(holds) => (Some(holds), Vec::new()),
            None if self.fired_then(self.candidate, &treatment.fired) => (Some(true), Vec::new()),
            None => (
                None,
                self.lacking
                    .iter()
                    .copied()
                    .filter(|field| unknown.contains(field))
                    .collect(),
            ),
        }
    }

    fn fired_then(&self, at: usize, fired: &[Fired]) -> bool {
        self.compiled.book.rules.get(at).is_some_and(|rule| {
            fired
                .iter()
                .any(|fired| *fired.rule == rule.id && fired.version == rule.version)
        })
    }
}

/// Of a network, a rule may ask for blocks that are as wide.
fn says_enough(keep: KeepAddresses, rule: &CheckedExpression) -> bool {
    match keep {
        KeepAddresses::None => false,
        KeepAddresses::Network => rule.asks_for_networks_only(),
        KeepAddresses::Full => true,
    }
}

fn is_of_range(field: Field) -> bool {
    matches!(field, Field::RangePresent | Field::RangeKind | Field::RangeCount)
}
