//! How the promised false alarms are spent over the cohorts.
//!
//! With weights that sum to one, the weighted sum of the e-detectors less the number of slots is a supermartingale for
//! dependent cohorts too, so the whole family keeps the promise of one. Weights only ever fall, which keeps it true
//! while cohorts appear.

use serde::{Deserialize, Serialize};

use crate::cohort::Level;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Budget {
    ln_slots: f64,
    attributes: usize,
    margins: usize,
    deeper: usize,
}

impl Budget {
    /// At most one false alarm in `slots` slots on average, for cells with this many attributes.
    #[must_use]
    pub fn new(slots: f64, attributes: usize) -> Self {
        Self {
            ln_slots: slots.max(1.0).ln(),
            attributes,
            margins: 1,
            deeper: 1,
        }
    }

    /// Changes the promise; shares stay as they are.
    pub fn promise(&mut self, slots: f64) {
        self.ln_slots = slots.max(1.0).ln();
    }

    /// Takes in how many cohorts of each kind there are.
    pub fn share(&mut self, margins: usize, deeper: usize) {
        self.margins = self.margins.max(margins);
        self.deeper = self.deeper.max(deeper);
    }

    /// The statistic at which a cohort of `level` alarms: ln A - ln weight.
    #[must_use]
    pub fn threshold(&self, level: Level) -> f64 {
        self.ln_slots - self.weight(level).ln()
    }

    /// Root and margins have half of it; all of it where nothing is deeper.
    fn weight(&self, level: Level) -> f64 {
        let (root, margins) = match self.attributes {
            0 => (1.0, 0.0),
            1 => (0.25, 0.75),
            _ => (0.125, 0.375),
        };
        match level {
            Level::Root => root,
            Level::Margin => margins / whole(self.margins),
            Level::Pair | Level::Leaf => 0.5 / whole(self.deeper),
        }
    }
}

fn whole(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::Budget;
    use crate::cohort::Level::{Leaf, Margin, Root};

    #[track_caller]
    fn case(attributes: usize, margins: u32, deeper: u32) {
        let mut budget = Budget::new(1000.0, attributes);
        budget.share(margins as usize, deeper as usize);
        let spent = budget.weight(Root)
            + f64::from(margins) * budget.weight(Margin)
            + f64::from(deeper) * budget.weight(Leaf);
        assert!((spent - 1.0).abs() < 1e-12, "{spent}");
    }

    #[test]
    fn weights_sum_to_one() {
        case(0, 0, 0);
        case(1, 20, 0);
        case(8, 300, 19_000);
    }

    #[test]
    fn weights_only_ever_fall() {
        let mut budget = Budget::new(1000.0, 2);
        budget.share(50, 500);
        let before = budget.threshold(Margin);
        budget.share(5, 5);
        assert!((budget.threshold(Margin) - before).abs() < 1e-12);
    }
}
