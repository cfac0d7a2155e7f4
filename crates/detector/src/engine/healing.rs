//! How one kind of an open anomaly recovers.

use blobwatch_detect::counts::Tally;
use blobwatch_detect::recovery::Recovery;
use serde::{Deserialize, Serialize};

use crate::kind::AnomalyKind;
use blobwatch_records::{CellCounts, SLOT_S};

/// Correlation of the trials of one slot, as the tests begin with.
const RHO: f64 = 0.002;

/// A cohort that sends nothing is neither well nor ill; after six hours it is gone.
const QUIET_SLOTS: u64 = 6 * 360;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Healing {
    pub(super) kind: AnomalyKind,
    recovery: Recovery,
    /// Slots in a row in which nobody was here to whom it could happen.
    quiet: u64,
}

impl Healing {
    /// Rates are events in [`AnomalyKind::exposed`].
    pub(super) fn new(kind: AnomalyKind, (expected, sd): (f64, f64), observed: f64) -> Self {
        Self {
            kind,
            recovery: Recovery::new((expected, sd), observed, RHO),
            quiet: 0,
        }
    }

    /// Takes in what the cohort counted in a slot.
    pub(super) fn observe(&mut self, counts: &CellCounts) {
        let counts = Tally::from(self.kind.exposed(counts));
        self.quiet = if counts.trials > 0.0 { 0 } else { self.quiet + 1 };
        self.recovery.advance(counts);
    }

    /// Holds it against what the cohort counted since the onset.
    pub(super) fn worsen(&mut self, counts: &CellCounts) {
        self.recovery
            .worsen(Tally::from(self.kind.exposed(counts)).rate());
    }

    /// Forgets what it saw of health.
    pub(super) fn restart(&mut self) {
        self.quiet = 0;
        self.recovery.restart();
    }

    /// Whether there are first signs of health: the window is a mix of both from then on.
    pub(super) fn heals(&self) -> bool {
        self.recovery.heals()
    }

    /// Whether it is healthy again, in an anomaly that came back so many times.
    pub(super) fn is_over(&self, reopened: u32) -> bool {
        self.recovery.is_healed(SLOT_S, reopened)
    }

    /// Whether it is over once the other is: stalls are resumes, and where two thirds of the resumes are gone so are
    /// two thirds of the stalls, or what is left of the resumes does not look healthy.
    pub(super) fn is_part_of(&self, other: &Self) -> bool {
        (self.kind, other.kind) == (AnomalyKind::StallSurge, AnomalyKind::ResumeSurge)
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.quiet >= QUIET_SLOTS
    }
}
