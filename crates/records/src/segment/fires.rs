//! Records of a block, by the rays of their requests; and rules of other parties that turn out to have fired on them.

use std::collections::HashMap;

use super::block::{Block, Row, place_of};
use super::entries::{RayForm, Treatment};
use blobwatch_pull::{Fired, Origin, RecordId};
use blobwatch_wire::{DecodeError, Reader, unhex};

/// Rules of other parties that one record names: a request meets some ten phases of a CDN.
const MAX_UPSTREAM: usize = 16;

/// What two sides call one request by, whichever data centre they name beside it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RayKey {
    Hex(u64),
    Text(String),
}

impl RayKey {
    /// `None` where there is no ray.
    #[must_use]
    pub fn of(ray: &str) -> Option<Self> {
        if ray.is_empty() {
            return None;
        }
        let digits = ray
            .split_once('-')
            .map_or(ray, |(digits, _)| digits)
            .to_ascii_lowercase();
        let raw = if digits.len() == 16 {
            unhex::<8>(&digits)
        } else {
            None
        };
        Some(match raw {
            Some(raw) => Self::Hex(u64::from_be_bytes(raw)),
            None => Self::Text(ray.to_owned()),
        })
    }

    /// The next one of a block.
    pub(super) fn read(form: RayForm, rays: &mut Reader<'_>) -> Result<Option<Self>, DecodeError> {
        match form {
            RayForm::Absent => Ok(None),
            RayForm::Hex | RayForm::HexColo => Ok(Some(Self::Hex(rays.word()?))),
            RayForm::Text => Ok(Self::of(rays.text()?)),
        }
    }
}

impl Block {
    #[must_use]
    pub fn ray_key(&self, row: &Row) -> Option<RayKey> {
        match self.treatment(row)?.shape.ray {
            RayForm::Absent => None,
            RayForm::Hex | RayForm::HexColo => Some(RayKey::Hex(row.ray)),
            RayForm::Text => RayKey::of(self.rays.get(row.ray as usize)?),
        }
    }

    /// Adds rules of other parties to records, each once; the records that have another one now. Records that are not here are
    /// passed over, and so are rules for which a record has no room.
    pub fn add_fires(&mut self, fires: &HashMap<RecordId, Vec<Fired>>) -> Vec<RecordId> {
        let mut changed = Vec::new();
        for place in 0..self.rows.len() {
            let Some(row) = self.rows.get(place).copied() else {
                break;
            };
            let Some(more) = fires.get(&row.id) else { continue };
            let Some(treatment) = self.treatment(&row).and_then(|known| with_fires(known, more)) else {
                continue;
            };
            let treatment = place_of(&mut self.treatments, treatment);
            if let Some(row) = self.rows.get_mut(place) {
                row.treatment = treatment;
                changed.push(row.id);
            }
        }
        changed
    }
}

/// `None` where nothing is new.
fn with_fires(treatment: &Treatment, more: &[Fired]) -> Option<Treatment> {
    let mut fired = treatment.fired.clone();
    for one in more {
        let upstream = fired
            .iter()
            .filter(|known| Origin::of(&known.rule) == Origin::Upstream);
        if upstream.count() < MAX_UPSTREAM && !fired.contains(one) {
            fired.push(one.clone());
        }
    }
    (fired.len() > treatment.fired.len()).then(|| Treatment {
        fired,
        ..treatment.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{Builder, decode, split};
    use blobwatch_pull::{Action, Mode, Record, sample};

    fn open(records: &[Record]) -> Block {
        let mut builder = Builder::default();
        records.iter().cloned().for_each(|record| builder.push(record));
        let bytes = builder.encode();
        let (front, back) = split(&bytes).unwrap();
        Block::open(front, back).unwrap()
    }

    fn encode(block: Block) -> Vec<u8> {
        let mut builder = Builder::default();
        builder.append(block);
        builder.encode()
    }

    fn upstream(rule: &str) -> Fired {
        sample::fired(rule, 0, Mode::Enforce, Action::Block, Action::Block)
    }

    #[test]
    fn a_ray_is_the_same_whoever_writes_it() {
        let hex = RayKey::of("5ae0123456789abc");
        assert!(hex.is_some());
        assert_eq!(RayKey::of("5ae0123456789abc-IAD"), hex);
        assert_eq!(RayKey::of("5AE0123456789ABC-FRA"), hex);
        assert_ne!(RayKey::of("5ae0123456789abd"), hex);
        assert_eq!(RayKey::of(""), None);
        let text = "Vh-0_kT3n==";
        assert_eq!(RayKey::of(text), Some(RayKey::Text(text.to_owned())));
    }

    #[test]
    fn a_block_knows_the_rays_of_its_records() {
        for ray in [
            "",
            "5ae0123456789abc",
            "5ae0123456789abc-IAD",
            "5ae0123456789abc-FRA",
            "x-y",
        ] {
            let record = Record {
                ray: ray.to_owned(),
                ..sample::full()
            };
            let block = open(&[record]);
            assert_eq!(block.ray_key(&block.rows()[0]), RayKey::of(ray), "{ray}");
        }
    }

    #[test]
    fn fires_are_added_once_and_change_nothing_else() {
        let (full, other) = (sample::full(), sample::sparse());
        let mut block = open(&[full.clone(), other.clone()]);
        let fires = HashMap::from([(full.id, vec![upstream("cf:a"), upstream("cf:b")])]);
        assert_eq!(block.add_fires(&fires), [full.id]);
        assert_eq!(block.add_fires(&fires), []);
        let mut expected = full;
        expected.fired.extend([upstream("cf:a"), upstream("cf:b")]);
        assert_eq!(decode(&encode(block)).unwrap(), [other, expected]);
    }

    #[test]
    fn a_record_names_few_rules_of_others() {
        let full = sample::full();
        let mut block = open(std::slice::from_ref(&full));
        let many = (0..100).map(|rule| upstream(&format!("cf:{rule}"))).collect();
        block.add_fires(&HashMap::from([(full.id, many)]));
        let fired = decode(&encode(block)).unwrap().remove(0).fired.len();
        assert_eq!(fired, full.fired.len() + MAX_UPSTREAM);
    }
}
