//! What one guard counts in a FireLog: by cohort, and of each network as much as it may fill.

use super::counts::{Arm, Cohort, CohortCounts, Counts, MAX_COHORTS, MAX_TOLD, note, told};
use super::health::Standing;
use super::networks::Networks;
use super::system::system;
use super::watch::Open;
use blobwatch_pull::{NetworkKey, Record};

/// The counts of one guard.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) cohorts: Vec<CohortCounts>,
    pub(super) networks: Networks,
}

impl Tally {
    /// Counts the first minute of a client that was let through.
    pub(super) fn minute(&mut self, open: &Open) {
        self.arm(open.cohort, open.enforced, |arm| {
            arm.judged += 1;
            arm.bad_clients += u32::from(open.bad > 0);
            arm.pulls += u32::from(open.good) + u32::from(open.bad);
            arm.bad_pulls += u32::from(open.bad);
        });
        if open.enforced && open.bad > 0 {
            self.change(open.cohort, |counts| note(&mut counts.bad_networks, open.network));
        }
    }

    /// Counts a client.
    pub(super) fn tell(&mut self, cohort: u8, enforced: bool, standing: Standing) {
        self.arm(cohort, enforced, |arm| {
            arm.clients += 1;
            arm.healthy += u32::from(standing == Standing::Clean);
            arm.unknown += u32::from(standing == Standing::Unknown);
        });
    }

    /// Whether the client, whose past is known, is among those that the tests count.
    pub(super) fn sample(&mut self, cohort: u8, network: NetworkKey, standing: Standing) -> bool {
        let counts = standing != Standing::Unknown && self.networks.takes_known(network);
        if counts {
            let (is_clean, has_room) = (standing == Standing::Clean, told(&self.cohorts) < MAX_TOLD);
            self.change(cohort, |cohort| {
                cohort.counts.sample.known += 1;
                cohort.counts.sample.clean += u32::from(is_clean);
                if is_clean {
                    note(&mut cohort.clean_networks, network);
                    cohort.count_clean(network, has_room);
                }
            });
        }
        counts
    }

    /// The same of one without a past, by its first minute.
    pub(super) fn sample_new(&mut self, cohort: u8, network: NetworkKey, is_clean: bool) {
        if self.networks.takes_new(network) {
            self.change(cohort, |cohort| {
                cohort.counts.sample.new += 1;
                cohort.counts.sample.new_clean += u32::from(is_clean);
            });
        }
    }

    /// Adds the downloads of a client before it was counted.
    pub(super) fn past(&mut self, cohort: u8, (good, bad): (u8, u8)) {
        self.change(cohort, |cohort| {
            cohort.counts.past.good += u32::from(good);
            cohort.counts.past.bad += u32::from(bad);
        });
    }

    fn arm(&mut self, cohort: u8, enforced: bool, change: impl FnOnce(&mut Arm)) {
        self.change(cohort, |cohort| {
            let Counts {
                enforced: inside,
                held_out,
                ..
            } = &mut cohort.counts;
            change(if enforced { inside } else { held_out });
        });
    }

    fn change(&mut self, cohort: u8, change: impl FnOnce(&mut CohortCounts)) {
        if let Some(counts) = self.cohorts.get_mut(usize::from(cohort)) {
            change(counts);
        }
    }

    /// Position of the record's cohort, or of the one that takes what finds no place.
    pub(super) fn cohort(&mut self, record: &Record) -> u8 {
        let own = Cohort {
            family: Some(record.family.listed()),
            os: system(&record.os).to_owned(),
        };
        if let Some(at) = self.place_of(&own) {
            return at;
        }
        let own_places = (self.cohorts.iter()).filter(|known| known.cohort.family.is_some());
        let has_room = own_places.count() < MAX_COHORTS && self.networks.takes_place(record.network);
        let cohort = if has_room { own } else { Cohort::default() };
        self.place_of(&cohort).unwrap_or_else(|| {
            self.cohorts.push(CohortCounts::of(cohort));
            self.cohorts.len().saturating_sub(1) as u8
        })
    }

    fn place_of(&self, cohort: &Cohort) -> Option<u8> {
        let at = self.cohorts.iter().position(|known| known.cohort == *cohort);
        at.map(|at| at as u8)
    }
}
