//! The slot's counts to the sequential tests, and what they say of it.

use blobwatch_detect::incident::Event;

use super::slot_sums::SlotSums;
use super::{Engine, Incident, Outcome};
use crate::kind::AnomalyKind;

impl Engine {
    pub(super) fn feed(&mut self, slot: u64, sums: &SlotSums, outcome: &mut Outcome) {
        let mut events = Vec::new();
        for (kind, monitor) in AnomalyKind::RATES.into_iter().zip(&mut self.monitors) {
            let told = monitor.observe_table(slot, &sums.table(), sums.counts(kind));
            events.extend(told.into_iter().map(|event| (kind, event)));
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
