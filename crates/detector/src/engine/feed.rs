//! The slot's counts to the sequential tests, and what they say of it.

use std::collections::BTreeMap;

use blobwatch_detect::incident::Event;
use blobwatch_detect::monitor::Cell as Trials;

use super::{Engine, Incident, Outcome};
use crate::cohort::values;
use crate::kind::AnomalyKind;
use crate::normal::combination;
use blobwatch_records::{Cell, CellCounts, CellKey};

impl Engine {
    pub(super) fn feed(&mut self, slot: u64, cells: &[Cell], outcome: &mut Outcome) {
        let mut sums: BTreeMap<CellKey, CellCounts> = BTreeMap::new();
        for cell in cells {
            sums.entry(combination(&cell.key)).or_default().add(&cell.counts);
        }
        let named: Vec<_> = sums.iter().map(|(key, counts)| (values(key), counts)).collect();
        let named: Vec<(Vec<&str>, &CellCounts)> = named
            .iter()
            .map(|(values, counts)| (values.iter().map(|value| &**value).collect(), *counts))
            .collect();
        let mut events = Vec::new();
        for (kind, monitor) in AnomalyKind::RATES.into_iter().zip(&mut self.monitors) {
            let trials = named.iter().map(|(values, counts)| Trials {
                values,
                counts: kind.counts(counts),
            });
            let seen = trials.filter(|cell| cell.counts.trials > 0);
            events.extend(monitor.observe(slot, seen).into_iter().map(|event| (kind, event)));
        }
        for (kind, event) in events {
            self.heard(slot, kind, &event, outcome);
        }
    }

    fn heard(&mut self, slot: u64, kind: AnomalyKind, event: &Event, outcome: &mut Outcome) {
        let (Event::Opened(told) | Event::Changed(told) | Event::Closed(told)) = event;
        let place = self
            .incidents
            .iter()
            .position(|incident| incident.kind == kind && incident.id == told.id);
        match (event, place) {
            (Event::Closed(_), Some(place)) => outcome.notes.extend(self.incidents.remove(place).burst),
            (Event::Closed(_), None) => {}
            (_, Some(place)) => {
                if let Some(incident) = self.incidents.get_mut(place)
                    && incident.anomaly.is_none()
                {
                    incident.next_look = slot;
                }
            }
            (_, None) => self.incidents.push(Incident {
                kind,
                id: told.id,
                since: told.onset,
                opened: slot,
                anomaly: None,
                next_look: slot,
                burst: None,
            }),
        }
    }
}
