//! Who, by the attributes that cells do not have: version, repository, blob, size and the like.
//!
//! A cohort is first found from cells, which count everything. Then the sampled requests of the window are asked whether
//! one or two of the further attributes explain the events better, beside that cohort or instead of it: by the
//! likelihood of the sampled events, against what is expected of the sampled trials. A further attribute must win
//! by a clear margin after the price of its values, hold nearly all that is unusual in the cohort, and leave the requests
//! outside of it well. Literals of the cohort that add nothing are then left out.

mod cases;
mod set;

use std::collections::BTreeSet;

use crate::cohort::Cohort;
use crate::kind::AnomalyKind;
use crate::locate::Span;
use crate::normal::Rates;
use crate::window::{Bucket, Window};
use blobwatch_records::CellKey;
use cases::Cases;
use set::Set;

/// Distinct events (a client and a blob each) from which on anything is named.
const MIN_EVENTS: usize = 8;

/// Nats by which a further attribute must beat the cohort of the cells, and of what that is worth, how much.
const MARGIN: f64 = 5.0;
const MARGIN_SHARE: f64 = 0.02;

/// Of the excess in the cohort of the cells, what the further attribute must hold.
const MOST: f64 = 0.75;

/// Of the rise inside, what may be outside.
const MOST_OUTSIDE: f64 = 0.25;

/// Nats that a literal of the cells must add to be said beside a further one, and of what it is worth, how much.
const ADDS: f64 = 3.0;
const ADDS_SHARE: f64 = 0.02;

/// Beginnings of a cohort that a second attribute is tried on.
const STARTS: usize = 4;

/// What is asked.
pub(super) struct Question<'a> {
    pub window: &'a Window,
    pub kind: AnomalyKind,
    /// What the cells say.
    pub cohort: &'a Cohort,
    pub span: Span,
    pub rates: &'a Rates,
    /// Whether something was wrong with a combination in a bucket before: it says nothing of what is usual.
    pub was_wrong: &'a dyn Fn(&Bucket, &CellKey) -> bool,
    /// Networks from which on it is no single one.
    pub min_networks: u32,
}

/// A cohort with further attributes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NamedCohort {
    pub cohort: Cohort,
    /// Events per trial, now and as expected.
    pub observed: f64,
    pub baseline: f64,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Naming {
    /// Too few events are sampled to say anything.
    Undecided,
    /// The cohort of the cells is the best name.
    Cells,
    Better(NamedCohort),
}

/// Names a cohort by all attributes; a name that was given `before` stays while no other is clearly better.
#[must_use]
pub(super) fn name(question: &Question<'_>, before: Option<&Cohort>) -> Naming {
    let Some(cases) = Cases::read(question) else {
        return Naming::Undecided;
    };
    if cases.events() < MIN_EVENTS {
        return Naming::Undecided;
    }
    let search = Search::new(&cases, question.min_networks);
    let best = search.best();
    let kept = before.and_then(|before| cases.set_of(before));
    let kept = kept.filter(|kept| search.is_named(kept, -MARGIN));
    let kept = kept.filter(|kept| best.as_ref().is_none_or(|best| !search.replaces(best, kept)));
    match kept.or(best) {
        Some(set) => Naming::Better(cases.named(&set)),
        None => Naming::Cells,
    }
}

struct Search<'a> {
    cases: &'a Cases<'a>,
    /// The cohort of the cells, and everything.
    found: Set,
    all: Set,
    /// What the better of them is worth.
    least: f64,
    min_networks: u32,
}

impl<'a> Search<'a> {
    fn new(cases: &'a Cases<'a>, min_networks: u32) -> Self {
        let (found, all) = (cases.found(), Set::default());
        let least = cases.worth(&found).max(cases.worth(&all));
        Self {
            cases,
            found,
            all,
            least,
            min_networks,
        }
    }

    /// The best set with a further attribute that is clearly better than the cells.
    fn best(&self) -> Option<Set> {
        let mut sets: Vec<Set> = [&self.all, &self.found]
            .into_iter()
            .flat_map(|base| self.cases.extended(base))
            .filter(|set| self.is_apart(set))
            .collect();
        sets.sort_by(|a, b| self.cases.score(b).total_cmp(&self.cases.score(a)));
        let second: Vec<Set> = sets
            .iter()
            .take(STARTS)
            .flat_map(|first| self.cases.extended(first))
            .filter(|set| self.is_apart(set))
            .filter(|set| set.parts().all(|part| self.beats(set, &part)))
            .collect();
        sets.extend(second);
        let shorter = sets.into_iter().map(|set| self.shortened(set));
        shorter
            .filter(|set| self.is_named(set, 0.0))
            .max_by(|a, b| self.cases.score(a).total_cmp(&self.cases.score(b)))
    }

    /// Whether one set is clearly better than another.
    fn beats(&self, set: &Set, other: &Set) -> bool {
        let (score, least) = (self.cases.score(set), self.cases.score(other));
        score >= least + MARGIN + MARGIN_SHARE * least.max(0.0)
    }

    /// Whether a name gives way to another: one that says the same with less, or is clearly better.
    fn replaces(&self, best: &Set, kept: &Set) -> bool {
        let is_shorter = best.further.len() < kept.further.len();
        self.beats(best, kept) || is_shorter && self.cases.score(best) >= self.cases.score(kept)
    }

    /// Without the literals of the cells that add nothing.
    fn shortened(&self, mut set: Set) -> Set {
        while let Some(shorter) = set.without_each_cell().find(|shorter| {
            let added = self.cases.worth(&set) - self.cases.worth(shorter);
            added < ADDS + ADDS_SHARE * self.cases.worth(&set) && self.is_apart(shorter)
        }) {
            set = shorter;
        }
        set
    }

    /// Whether it is clearly better than what the cells say (`slack` is added to the margin), holds what is unusual there,
    /// and is no single network.
    fn is_named(&self, set: &Set, slack: f64) -> bool {
        let margin = MARGIN + slack + MARGIN_SHARE * self.least;
        self.cases.score(set) >= self.least + margin
            && self.holds_most(set)
            && self.networks(set) >= u64::from(self.min_networks)
    }

    fn holds_most(&self, set: &Set) -> bool {
        let both = self.cases.sums(&set.and(&self.found));
        let found = self.cases.sums(&self.found);
        both.excess() >= MOST * found.excess()
    }

    /// Whether what it leaves out of the same cells fares far better.
    fn is_apart(&self, set: &Set) -> bool {
        let (inside, around) = (self.cases.sums(set), self.cases.sums(&set.cells_only()));
        let outside = around.minus(&inside);
        outside.ratio() <= MOST_OUTSIDE * inside.ratio()
    }

    fn networks(&self, set: &Set) -> u64 {
        let networks: BTreeSet<u32> = self.cases.events_in(set).map(|case| case.network).collect();
        networks.len() as u64
    }
}
