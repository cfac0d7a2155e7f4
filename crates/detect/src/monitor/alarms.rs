//! Incidents opened, renamed and closed after a slot was scored.

use super::{Monitor, slots_per_day};
use crate::baseline::Baseline;
use crate::cohort::{Key, Level};
use crate::dispersion::Block;
use crate::incident::{Event, Incident, Suspect};
use crate::sequential::Evidence;

/// Incidents that are open at a time. What alarms beyond it joins the last one.
const MAX_OPEN: usize = 32;

/// Closed incidents that can reopen.
const MAX_CLOSED: usize = 64;

/// An incident that comes back within six hours is the same one.
const REOPEN_DAYS: f64 = 0.25;

/// What lasts three days is the new normal.
const ADOPT_DAYS: f64 = 3.0;

/// Another cohort must be ahead by so many nats to take over the name; keeps it from changing back and forth.
const RENAME_NATS: f64 = 2.0;

impl Monitor {
    /// Decides what the scored slot means for the incidents.
    pub(super) fn judge(&mut self, slot: u64, scored: &[usize]) -> Vec<Event> {
        let mut suspects: Vec<Suspect> = scored.iter().filter_map(|at| self.suspect(*at)).collect();
        suspects.sort_by(Suspect::before);
        let mut events = Vec::new();
        self.rename(&suspects, &mut events);
        for suspect in suspects.iter().filter(|suspect| suspect.surplus() >= 0.0) {
            events.extend(self.alarm(slot, suspect));
        }
        self.close(slot, scored, &mut events);
        events
    }

    fn suspect(&self, at: usize) -> Option<Suspect> {
        let cohort = self.cohorts.get(at)?;
        let threshold = self.budget.threshold(Level::of(cohort.key));
        cohort.evidence.suspects().then(|| Suspect::of(cohort, threshold))
    }

    /// Names incidents after a cohort with more evidence, until they begin to recover.
    fn rename(&mut self, suspects: &[Suspect], events: &mut Vec<Event>) {
        for incident in &mut self.open {
            let overlapping = |suspect: &&Suspect| incident.lead.overlaps(suspect.key);
            let Some(best) = suspects.iter().find(overlapping) else {
                continue;
            };
            let lead = suspects.iter().find(|suspect| suspect.key == incident.lead);
            let behind = lead.is_some_and(|lead| best.surplus() > lead.surplus() + RENAME_NATS);
            if behind && !incident.recovery.heals() {
                incident.name(best);
                incident.join(best.key);
                events.push(Event::Changed(incident.anomaly(self.names.cohort(incident.lead))));
            }
        }
    }

    /// A cohort reached its threshold: it joins an incident, reopens one, or opens one.
    fn alarm(&mut self, slot: u64, suspect: &Suspect) -> Option<Event> {
        if let Some(incident) = self.open.iter_mut().find(|incident| incident.holds(suspect.key)) {
            incident.join(suspect.key);
            return None;
        }
        if self.open.len() >= MAX_OPEN {
            return None;
        }
        let incident = self.recent(slot, suspect).unwrap_or_else(|| {
            self.next_id += 1;
            Incident::open(self.next_id - 1, slot, suspect)
        });
        let event = Event::Opened(incident.anomaly(self.names.cohort(incident.lead)));
        self.for_overlapping(incident.lead, |cohort| {
            cohort.baseline.discard();
            cohort.block = Block::default();
        });
        self.open.push(incident);
        Some(event)
    }

    /// The incident closed not long ago that this cohort was part of, opened again.
    fn recent(&mut self, slot: u64, suspect: &Suspect) -> Option<Incident> {
        let since = slot.saturating_sub(self.slots(REOPEN_DAYS));
        self.closed
            .retain(|incident| incident.closed.is_some_and(|closed| closed >= since));
        let at = self
            .closed
            .iter()
            .position(|incident| incident.holds(suspect.key))?;
        let mut incident = self.closed.remove(at);
        incident.reopen(slot, suspect);
        Some(incident)
    }

    /// Closes the incidents whose named cohort is healthy again, or has been as it is for so long that it is normal.
    fn close(&mut self, slot: u64, scored: &[usize], events: &mut Vec<Event>) {
        let adopted_after = self.slots(ADOPT_DAYS);
        for mut incident in std::mem::take(&mut self.open) {
            let lead = scored
                .iter()
                .filter_map(|at| self.cohorts.get(*at))
                .find(|c| c.key == incident.lead);
            if let Some(lead) = lead
                && slot > incident.opened
            {
                incident.observe(lead);
            }
            let adopted = slot - incident.opened >= adopted_after;
            let healed = incident.recovery.is_healed(self.slot_seconds, incident.reopened);
            if !adopted && !healed {
                self.open.push(incident);
                continue;
            }
            self.end(&mut incident, slot, adopted);
            events.push(Event::Closed(incident.anomaly(self.names.cohort(incident.lead))));
            self.keep_closed(incident);
        }
    }

    /// Takes what an open incident alarmed at for normal from now on: there is a reason for it that is no fault.
    pub fn adopt(&mut self, id: u64, slot: u64) {
        if let Some(at) = self.open.iter().position(|incident| incident.id == id) {
            let mut incident = self.open.remove(at);
            self.end(&mut incident, slot, true);
        }
    }

    /// Starts the tests of an incident's cohorts afresh; what became normal is learned afresh as well.
    fn end(&mut self, incident: &mut Incident, slot: u64, adopted: bool) {
        incident.closed = Some(slot);
        let seconds = slot * self.slot_seconds;
        // What alarmed with it has its evidence from the time that is over: it would open another one.
        for cohort in self
            .cohorts
            .iter_mut()
            .filter(|cohort| incident.holds(cohort.key))
        {
            cohort.evidence = Evidence::default();
            if adopted {
                cohort.baseline = Baseline::new(seconds);
            }
        }
    }

    fn keep_closed(&mut self, incident: Incident) {
        if self.closed.len() >= MAX_CLOSED {
            self.closed.remove(0);
        }
        self.closed.push(incident);
    }

    fn for_overlapping(&mut self, key: Key, mut change: impl FnMut(&mut crate::cohorts::Cohort)) {
        self.cohorts
            .iter_mut()
            .filter(|cohort| cohort.key.overlaps(key))
            .for_each(&mut change);
    }

    fn slots(&self, days: f64) -> u64 {
        (days * slots_per_day(self.slot_seconds)).ceil().max(1.0) as u64
    }
}
