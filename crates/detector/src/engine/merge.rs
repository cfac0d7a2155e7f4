//! Two open anomalies that are one by now.
//!
//! A cause can look like two for a while, and each is then named after a part of it; once they are named alike, the
//! younger one ends and says whose it was.

use super::watch::{SAME, Watch};
use super::{Change, Engine, Outcome, slot_ms};
use crate::anomaly::Moment;
use crate::locate::{Span, overlap};

impl Engine {
    /// Ends what is the same as an older one.
    pub(super) fn merge(&mut self, slot: u64, outcome: &mut Outcome) {
        let mut kept: Vec<Watch> = Vec::with_capacity(self.open.len());
        for watch in std::mem::take(&mut self.open) {
            match kept.iter_mut().find(|older| self.is_one(slot, older, &watch)) {
                Some(older) => self.take_in(slot, older, watch, outcome),
                None => kept.push(watch),
            }
        }
        self.open = kept;
    }

    fn is_one(&self, slot: u64, older: &Watch, younger: &Watch) -> bool {
        let span = Span {
            first: older.onset.max(younger.onset),
            until: slot + 1,
        };
        let (a, b) = (&older.anomaly.cohort, &younger.anomaly.cohort);
        let both_rates = older.cliff.is_none() && younger.cliff.is_none();
        both_rates && overlap(&self.window, younger.anomaly.kind(), a, b, span).requests >= SAME
    }

    fn take_in(&mut self, slot: u64, older: &mut Watch, mut younger: Watch, outcome: &mut Outcome) {
        let now = slot_ms(slot + 1);
        older.take_in(&mut younger);
        older.anomaly.handling.take_in(&younger.anomaly.handling);
        let text = format!("merged with {}", younger.anomaly.name());
        older.anomaly.note(now, Moment::Grew, text);
        younger.anomaly.closed_ms = Some(now);
        let text = format!("merged into {}", older.anomaly.name());
        younger.anomaly.note(now, Moment::Closed, text);
        for incident in &mut self.incidents {
            if incident.anomaly == Some(younger.anomaly.id) {
                incident.anomaly = Some(older.anomaly.id);
            }
        }
        let changes = [
            (Moment::Grew, older.anomaly.clone()),
            (Moment::Closed, younger.anomaly),
        ];
        let change = |(moment, anomaly)| Change { moment, anomaly };
        outcome.changes.extend(changes.map(change));
    }
}
