//! Which values of an attribute are told apart, and which are `other`.
//!
//! Clients choose what they call themselves and their system, and with what else they send they choose their fingerprint: one
//! of them can invent a thousand of each in a second. A value is broad once several networks sent it; of those that few send,
//! only some are told apart, and new ones slowly. So whoever invents values fills no table that others need. In scope:
//! the values that count. Not in scope: the cohorts made of them (`blobwatch_detect`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use blobwatch_detect::cohort::OTHER;
use blobwatch_pull::Family;
use blobwatch_records::{Cell, Event, FewNetworks};

/// Networks of a broad value.
const MIN_NETWORKS: usize = 3;

/// Broad values of an attribute; with the others below what a test tells apart (`blobwatch_detect::cohort::MAX_VALUES`).
const MAX_BROAD: usize = 3_500;

/// Narrow values of an attribute: what fewer networks send, or a FireLog of an older build. At some 15 cohorts each 2,000
/// of the 4,000 that a test has.
const MAX_NARROW: usize = 128;

/// So many are told apart at once: a small registry has no more.
const FREE_NARROW: usize = 32;

/// Further ones in an hour, and in how many slots they must have been seen.
const NARROW_PER_HOUR: u32 = 32;
const MIN_SLOTS: u8 = 3;

/// Values that are seen and not told apart yet: four slots of 1,000 new ones.
const MAX_CANDIDATES: usize = 4_096;

/// A value that was not seen for so long, half an hour, makes room.
const IDLE_SLOTS: u64 = 180;

/// New values of few networks in an hour that are worth a mark: a release of a client brings some dozens.
const MANY_NEW: u32 = 500;

/// Slots of an hour.
const HOUR_SLOTS: u64 = 360;

/// Values of the attributes that clients choose.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Admission {
    os: Values,
    fingerprint: Values,
    /// Of those that no list knows.
    family: Values,
}

/// What states of format 6 have.
#[derive(Debug, Deserialize)]
pub(crate) struct OlderAdmission {
    os: Values,
    fingerprint: Values,
}

impl From<OlderAdmission> for Admission {
    fn from(older: OlderAdmission) -> Self {
        Self {
            os: older.os,
            fingerprint: older.fingerprint,
            family: Values::default(),
        }
    }
}

/// What is known of one attribute.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Values {
    known: BTreeMap<String, ValueStanding>,
    broad: usize,
    narrow: usize,
    hour: u64,
    /// Of this hour.
    new: u32,
    new_narrow: u32,
    is_noted: bool,
    /// Nothing idle was found before this slot.
    look_again: u64,
    evicted: u64,
    other_requests: u64,
    /// Not saved: after a restart it begins with what the log has since the saved state.
    #[serde(skip)]
    saturated: Option<Stretch>,
}

/// A stretch of slots in which requests were counted as `other`, with pauses of less than an hour.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    first: u64,
    last: u64,
    requests: u64,
}

/// What is not told apart of an attribute at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Saturation {
    pub attribute: &'static str,
    /// Whose value was taken for `other`.
    pub requests: u64,
    /// Slots of the first and the last of them.
    pub first: u64,
    pub last: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Standing {
    Candidate,
    Narrow,
    Broad,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct ValueStanding {
    standing: Standing,
    slots: u8,
    last: u64,
    networks: FewNetworks,
}

/// How full the values of an attribute are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fill {
    pub attribute: &'static str,
    pub broad: usize,
    pub narrow: usize,
    /// Values that made room for others.
    pub evicted: u64,
    /// Requests whose value was taken for `other`.
    pub other_requests: u64,
}

impl Fill {
    pub(crate) const MAX_BROAD: usize = MAX_BROAD;
    pub(crate) const MAX_NARROW: usize = MAX_NARROW;
}

impl Admission {
    /// The cell with the values that are told apart in this slot; slots come in order.
    #[must_use]
    pub(crate) fn admit(&mut self, mut cell: Cell, slot: u64) -> Cell {
        let (requests, mut networks) = (u64::from(cell.counts.requests), cell.networks.clone());
        for event in Event::ALL {
            networks.take(cell.affected.of(event));
        }
        let values = [
            (&mut self.os, &mut cell.key.os),
            (&mut self.fingerprint, &mut cell.key.fingerprint),
        ];
        for (values, value) in values {
            if !value.is_empty() && **value != *OTHER && !values.admits(value, &networks, slot) {
                *value = Arc::from(OTHER);
                values.refuse(requests, slot);
            }
        }
        let family = &cell.key.family;
        if !family.is_known()
            && family.as_str() != OTHER
            && !self.family.admits(family.as_str(), &networks, slot)
        {
            cell.key.family = Family::of_name(OTHER).unwrap_or_default();
            self.family.refuse(requests, slot);
        }
        cell
    }

    fn attributes(&self) -> [(&'static str, &Values); 3] {
        [
            ("os", &self.os),
            ("fingerprint", &self.fingerprint),
            ("family", &self.family),
        ]
    }

    /// How full the values of each attribute are.
    #[must_use]
    pub(crate) fn fill(&self) -> [Fill; 3] {
        self.attributes()
            .map(|(attribute, values)| values.fill(attribute))
    }

    /// Attributes of which requests were counted as `other` within the last hour.
    pub(crate) fn saturation(&self, slot: u64) -> impl Iterator<Item = Saturation> {
        self.attributes()
            .into_iter()
            .filter_map(move |(attribute, values)| {
                let Stretch {
                    first,
                    last,
                    requests,
                } = values.stretch(slot)?;
                Some(Saturation {
                    attribute,
                    requests,
                    first,
                    last,
                })
            })
    }

    /// What is worth a mark: many new values within an hour, said once.
    pub(crate) fn note(&mut self) -> Option<String> {
        let named = [
            ("systems", &mut self.os),
            ("fingerprints", &mut self.fingerprint),
            ("programs", &mut self.family),
        ];
        let flooded = named
            .into_iter()
            .filter_map(|(name, values)| values.is_flooded().then_some(name));
        let what: Vec<&str> = flooded.collect();
        (!what.is_empty()).then(|| {
            format!(
                "more than {MANY_NEW} new {} within an hour, each of few networks: somebody may invent them; most are counted as {OTHER}",
                what.join(" and ")
            )
        })
    }
}

impl Values {
    fn refuse(&mut self, requests: u64, slot: u64) {
        self.other_requests += requests;
        let before = self.stretch(slot).unwrap_or(Stretch {
            first: slot,
            last: slot,
            requests: 0,
        });
        self.saturated = Some(Stretch {
            last: before.last.max(slot),
            requests: before.requests + requests,
            ..before
        });
    }

    /// Unless it ended an hour before the slot.
    fn stretch(&self, slot: u64) -> Option<Stretch> {
        self.saturated.filter(|stretch| slot < stretch.last + HOUR_SLOTS)
    }

    fn admits(&mut self, value: &str, networks: &FewNetworks, slot: u64) -> bool {
        self.enter(slot);
        let mut seen = match self.known.remove(value) {
            Some(seen) => seen,
            None => self.begun(),
        };
        seen.note(networks, slot);
        let standing = self.standing(&seen, slot);
        self.count(seen.standing, standing);
        seen.standing = standing;
        self.known.insert(value.to_owned(), seen);
        standing != Standing::Candidate
    }

    fn enter(&mut self, slot: u64) {
        let hour = slot / HOUR_SLOTS;
        if hour > self.hour {
            (self.hour, self.new, self.new_narrow, self.is_noted) = (hour, 0, 0, false);
        }
    }

    fn begun(&mut self) -> ValueStanding {
        self.new = self.new.saturating_add(1);
        if self.known.len() - self.broad - self.narrow >= MAX_CANDIDATES {
            self.forget_candidates();
        }
        ValueStanding {
            standing: Standing::Candidate,
            slots: 0,
            last: 0,
            networks: FewNetworks::default(),
        }
    }

    /// What a value deserves, where there is room for it.
    fn standing(&mut self, seen: &ValueStanding, slot: u64) -> Standing {
        let is_broad = seen.networks.count() >= MIN_NETWORKS;
        let has_lasted = seen.slots >= MIN_SLOTS && self.new_narrow < NARROW_PER_HOUR;
        match seen.standing {
            Standing::Broad => Standing::Broad,
            _ if is_broad && self.has_room(Standing::Broad, slot) => Standing::Broad,
            Standing::Narrow => Standing::Narrow,
            Standing::Candidate if self.narrow < FREE_NARROW => Standing::Narrow,
            Standing::Candidate if has_lasted && self.has_room(Standing::Narrow, slot) => {
                self.new_narrow += 1;
                Standing::Narrow
            }
            Standing::Candidate => Standing::Candidate,
        }
    }

    fn count(&mut self, before: Standing, after: Standing) {
        for (standing, count) in [
            (Standing::Narrow, &mut self.narrow),
            (Standing::Broad, &mut self.broad),
        ] {
            *count += usize::from(after == standing);
            *count -= usize::from(before == standing);
        }
    }

    fn has_room(&mut self, standing: Standing, slot: u64) -> bool {
        let (count, most) = match standing {
            Standing::Broad => (self.broad, MAX_BROAD),
            _ => (self.narrow, MAX_NARROW),
        };
        count < most || self.make_room(standing, slot)
    }

    /// Forgets those that were not seen for longest, of which some are at once.
    fn make_room(&mut self, standing: Standing, slot: u64) -> bool {
        if slot < self.look_again {
            return false;
        }
        let is_idle = |seen: &ValueStanding| seen.standing == standing && seen.last + IDLE_SLOTS <= slot;
        let idle = self.known.iter().filter(|(_, seen)| is_idle(seen));
        let mut idle: Vec<(u64, String)> = idle.map(|(value, seen)| (seen.last, value.clone())).collect();
        if idle.is_empty() {
            self.look_again = slot + 1;
            return false;
        }
        idle.sort_unstable();
        idle.truncate(idle.len().div_ceil(8));
        for (_, value) in &idle {
            self.known.remove(value);
            self.count(standing, Standing::Candidate);
        }
        self.evicted += idle.len() as u64;
        true
    }

    /// Half of them: those of fewest networks, seen in fewest slots, longest ago.
    fn forget_candidates(&mut self) {
        let candidates = self
            .known
            .iter()
            .filter(|(_, seen)| seen.standing == Standing::Candidate);
        let mut by_weight: Vec<_> = candidates
            .map(|(value, seen)| (seen.networks.count(), seen.slots, seen.last, value.clone()))
            .collect();
        by_weight.sort_unstable();
        by_weight.truncate(MAX_CANDIDATES / 2);
        for (.., value) in by_weight {
            self.known.remove(&value);
        }
    }

    fn fill(&self, attribute: &'static str) -> Fill {
        Fill {
            attribute,
            broad: self.broad,
            narrow: self.narrow,
            evicted: self.evicted,
            other_requests: self.other_requests,
        }
    }

    fn is_flooded(&mut self) -> bool {
        let is_news = self.new > MANY_NEW && !self.is_noted;
        self.is_noted |= is_news;
        is_news
    }
}

impl ValueStanding {
    fn note(&mut self, networks: &FewNetworks, slot: u64) {
        if self.slots == 0 || self.last != slot {
            self.slots = self.slots.saturating_add(1);
            self.last = slot;
        }
        self.networks.merge(networks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobwatch_pull::NetworkKey;
    use blobwatch_records::CellKey;

    fn cell(os: &str, networks: &[u64]) -> Cell {
        let mut cell = Cell::new(CellKey {
            route: "hub".into(),
            colo: "FRA".into(),
            country: "".into(),
            asn: None,
            family: Family::Docker,
            os: os.into(),
            fingerprint: "".into(),
            rules: Vec::new(),
        });
        cell.counts.requests = 1;
        networks
            .iter()
            .for_each(|network| cell.networks.insert(NetworkKey(*network)));
        cell
    }

    fn is_told_apart(admission: &mut Admission, os: &str, networks: &[u64], slot: u64) -> bool {
        &*admission.admit(cell(os, networks), slot).key.os == os
    }

    /// One network invents so many values a slot.
    fn flood(admission: &mut Admission, slots: std::ops::Range<u64>, a_slot: u64) -> usize {
        let mut admitted = 0;
        for slot in slots {
            for n in 0..a_slot {
                let os = format!("invented{}", slot * a_slot + n);
                admitted += usize::from(is_told_apart(admission, &os, &[1], slot));
            }
        }
        admitted
    }

    #[test]
    fn what_is_not_told_apart_is_said_for_an_hour() {
        let mut admission = Admission::default();
        assert_eq!(admission.saturation(0).count(), 0);
        flood(&mut admission, 100..102, 1_000);
        let said: Vec<Saturation> = admission.saturation(102).collect();
        let expected = Saturation {
            attribute: "os",
            requests: 2_000 - FREE_NARROW as u64,
            first: 100,
            last: 101,
        };
        assert_eq!(said, [expected]);
        assert_eq!(admission.saturation(101 + HOUR_SLOTS - 1).count(), 1);
        assert_eq!(admission.saturation(101 + HOUR_SLOTS).count(), 0);
        let later = 101 + 2 * HOUR_SLOTS;
        flood(&mut admission, later..later + 1, 1_000);
        assert_eq!(admission.saturation(later).next().unwrap().first, later);
    }

    #[test]
    fn names_that_programs_choose_are_told_apart_as_systems_are() {
        let mut admission = Admission::default();
        let mut program = |name: &str, networks: &[u64], slot: u64| {
            let mut named = cell("", networks);
            named.key.family = Family::of_name(name).unwrap();
            admission.admit(named, slot).key.family
        };
        let admitted = (0..2_000).filter(|n| program(&format!("invented{n}"), &[1], 7).as_str() != OTHER);
        assert_eq!(admitted.count(), FREE_NARROW);
        assert_eq!(program("builder", &[1], 8).as_str(), OTHER);
        assert_eq!(
            program("builder", &[2, 3], 8).as_str(),
            "builder",
            "of three networks"
        );
        for known in Family::known() {
            assert_eq!(program(known, &[1], 8).as_str(), known);
        }
        assert_eq!(program(OTHER, &[1], 8).as_str(), OTHER);
        let said: Vec<&str> = admission.saturation(8).map(|of| of.attribute).collect();
        assert_eq!(said, ["family"]);
        assert!(admission.note().unwrap().contains("new programs within an hour"));
    }

    #[test]
    fn a_small_registry_s_values_are_told_apart_at_once() {
        let mut admission = Admission::default();
        assert!((0..FREE_NARROW).all(|n| is_told_apart(&mut admission, &n.to_string(), &[1], 7)));
        assert!(!is_told_apart(&mut admission, "one more", &[1], 7));
        assert!(is_told_apart(&mut admission, "", &[1], 7), "what nobody said");
    }

    #[test]
    fn values_of_several_networks_are_told_apart_beside_a_flood() {
        let mut admission = Admission::default();
        let admitted = flood(&mut admission, 0..360, 1_000);
        assert_eq!(admitted, FREE_NARROW, "seen once each");
        assert!(!is_told_apart(&mut admission, "new", &[7], 360));
        assert!(!is_told_apart(&mut admission, "new", &[8], 360));
        flood(&mut admission, 361..362, 1_000);
        assert!(
            is_told_apart(&mut admission, "new", &[9], 362),
            "of three networks by now"
        );
        let [os, ..] = admission.fill();
        assert_eq!((os.broad, os.narrow), (1, FREE_NARROW));
        assert!(os.other_requests > 350_000, "{os:?}");
        assert!(admission.os.known.len() <= MAX_CANDIDATES + FREE_NARROW + 1);
    }

    #[test]
    fn narrow_values_that_last_are_told_apart_slowly() {
        let mut admission = Admission::default();
        let mut told_apart = |slot: u64| {
            (0..500)
                .filter(|n| is_told_apart(&mut admission, &n.to_string(), &[1], slot))
                .count()
        };
        assert_eq!(told_apart(1), FREE_NARROW);
        assert_eq!(told_apart(2), FREE_NARROW);
        let an_hour = FREE_NARROW + NARROW_PER_HOUR as usize;
        assert_eq!((told_apart(3), told_apart(359)), (an_hour, an_hour));
        assert_eq!(told_apart(361), an_hour + NARROW_PER_HOUR as usize);
        let last = (2..20).map(|hour| told_apart(hour * HOUR_SLOTS + 1)).last();
        assert_eq!(last, Some(MAX_NARROW));
    }

    #[test]
    fn what_is_idle_makes_room() {
        let mut admission = Admission::default();
        for n in 0..MAX_BROAD {
            assert!(is_told_apart(&mut admission, &n.to_string(), &[1, 2, 3], 10));
        }
        for n in 0..=MAX_NARROW {
            is_told_apart(&mut admission, &format!("narrow{n}"), &[1], 10);
        }
        assert!(!is_told_apart(&mut admission, "new", &[1, 2, 3], 11), "no room");
        assert!(is_told_apart(&mut admission, "7", &[1], 10 + IDLE_SLOTS));
        assert!(is_told_apart(&mut admission, "new", &[1, 2, 3], 10 + IDLE_SLOTS));
        assert!(
            is_told_apart(&mut admission, "7", &[1], 10 + IDLE_SLOTS),
            "seen lately"
        );
        let [os, ..] = admission.fill();
        assert!(os.broad <= MAX_BROAD && os.evicted > 0, "{os:?}");
    }

    #[test]
    fn a_flood_is_noted_once_an_hour() {
        let mut admission = Admission::default();
        flood(&mut admission, 0..10, 10);
        assert_eq!(admission.note(), None);
        flood(&mut admission, 10..20, 100);
        let note = admission.note().unwrap();
        assert!(
            note.starts_with("more than 500 new systems within an hour"),
            "{note}"
        );
        assert_eq!(admission.note(), None);
        flood(&mut admission, 360..370, 100);
        assert!(admission.note().is_some());
    }
}
