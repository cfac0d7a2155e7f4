//! A cohort: "attribute is value" for none, one, two or all of the attributes, as small numbers.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hash, Hasher};

use serde::{Deserialize, Serialize};

/// Attributes of a cell: route, colo, country, asn, family, os, fingerprint, rule.
pub const MAX_ATTRIBUTES: usize = 8;

/// Values that one attribute may take before further ones are called `other`: the colos, ASNs or fingerprints of a
/// large registry, and 8 x 4,096 names of about 30 bytes are 1 MB.
pub const MAX_VALUES: usize = 4096;

/// What a value beyond [`MAX_VALUES`] is called.
pub const OTHER: &str = "other";

/// A value's number; 0 is "any".
type Value = u16;

/// A cohort as the number of each attribute's value, 0 where the attribute may be anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "[Value; MAX_ATTRIBUTES]", into = "[Value; MAX_ATTRIBUTES]")]
pub struct Key(u128);

/// Bits of a value.
const VALUE_BITS: usize = 16;

/// The lowest bit of each.
const LOWEST: u128 = u128::MAX / Value::MAX as u128;

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64((self.0 >> 64) as u64);
        state.write_u64(self.0 as u64);
    }
}

/// Multiplies and folds (as FxHash does): keys are numbers that we gave ourselves, so nobody can choose collisions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

/// A map by cohort.
/// The bits of the attributes of a mask, the first of which are the highest: keys are in the order of their values.
fn bits(mask: u8) -> u128 {
    let attributes = (0..MAX_ATTRIBUTES).filter(|at| mask >> at & 1 == 1);
    attributes.map(|at| u128::from(Value::MAX) << shift(at)).sum()
}

fn shift(at: usize) -> usize {
    (MAX_ATTRIBUTES - 1 - at) * VALUE_BITS
}

impl From<[Value; MAX_ATTRIBUTES]> for Key {
    fn from(values: [Value; MAX_ATTRIBUTES]) -> Self {
        let word = |word, value| word << VALUE_BITS | u128::from(value);
        Self(values.into_iter().fold(0, word))
    }
}

impl From<Key> for [Value; MAX_ATTRIBUTES] {
    fn from(Key(word): Key) -> Self {
        std::array::from_fn(|at| (word >> shift(at)) as Value)
    }
}

pub(crate) type KeyMap<T> = HashMap<Key, T, BuildHasherDefault<KeyHasher>>;

impl Key {
    /// Everything.
    pub const ROOT: Self = Self(0);

    /// No leaf is in it: no value has this number.
    pub(crate) const OF_NOBODY: Self = Self(u128::MAX);

    /// How many attributes are fixed.
    #[must_use]
    pub fn depth(self) -> usize {
        self.named().count_ones() as usize
    }

    /// Whether some request could be in both cohorts, as far as their attributes tell.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        let differs = Self(self.0 ^ other.0).named();
        differs & self.named() & other.named() == 0
    }

    /// The cohorts that fix one attribute of this one's.
    pub fn margins(self) -> impl Iterator<Item = Self> {
        (0..MAX_ATTRIBUTES)
            .map(move |at| self.masked(1 << at))
            .filter(|key| *key != Self::ROOT)
    }

    /// Only the attributes whose bit is set.
    fn masked(self, mask: u8) -> Self {
        Self(self.0 & bits(mask))
    }

    /// The lowest bit of each value that is there.
    fn named(self) -> u128 {
        let found = |bits: u128, by: usize| bits | bits >> by;
        [8, 4, 2, 1].into_iter().fold(self.0, found) & LOWEST
    }
}

/// Root, one attribute, two, or all of more than two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    Root,
    Margin,
    Pair,
    Leaf,
}

impl Level {
    #[must_use]
    pub fn of(key: Key) -> Self {
        match key.depth() {
            0 => Self::Root,
            1 => Self::Margin,
            2 => Self::Pair,
            _ => Self::Leaf,
        }
    }
}

/// Names of attributes and values, and their numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Names {
    attributes: Vec<Attribute>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "SavedAttribute")]
struct Attribute {
    name: String,
    values: Vec<String>,
    numbers: BTreeMap<String, Value>,
    /// Numbers whose value was forgotten: they are given again, the lowest first.
    #[serde(skip)]
    free: BTreeSet<Value>,
}

/// What is kept of an attribute: a number is free where its value has another or none.
#[derive(Deserialize)]
struct SavedAttribute {
    name: String,
    values: Vec<String>,
    numbers: BTreeMap<String, Value>,
}

impl From<SavedAttribute> for Attribute {
    fn from(
        SavedAttribute {
            name,
            values,
            numbers,
        }: SavedAttribute,
    ) -> Self {
        let is_free =
            |(number, value): (Value, &String)| (numbers.get(value) != Some(&number)).then_some(number);
        let free = (1..).zip(&values).filter_map(is_free).collect();
        Self {
            name,
            values,
            numbers,
            free,
        }
    }
}

impl Names {
    /// Names at most [`MAX_ATTRIBUTES`] attributes; further ones are left out.
    #[must_use]
    pub fn new(attributes: impl IntoIterator<Item = String>) -> Self {
        let attribute = |name| Attribute {
            name,
            values: Vec::new(),
            numbers: BTreeMap::new(),
            free: BTreeSet::new(),
        };
        let mut names = Self {
            attributes: attributes
                .into_iter()
                .take(MAX_ATTRIBUTES)
                .map(attribute)
                .collect(),
        };
        for attribute in &mut names.attributes {
            attribute.number(OTHER);
        }
        names
    }

    /// The leaf of a cell with these values, in the order of the attributes. `None` where their number is not the
    /// attributes'.
    pub fn leaf(&mut self, values: &[&str]) -> Option<Key> {
        if values.len() != self.attributes.len() {
            return None;
        }
        let mut key = [0; MAX_ATTRIBUTES];
        for ((slot, attribute), value) in key.iter_mut().zip(&mut self.attributes).zip(values) {
            *slot = attribute.number(value);
        }
        Some(key.into())
    }

    /// How many attributes there are.
    pub(crate) fn len(&self) -> usize {
        self.attributes.len()
    }

    /// The leaf of a row of a table.
    pub(crate) fn leaf_of(&mut self, row: &[u32; MAX_ATTRIBUTES], numbers: &mut Numbers<'_>) -> Key {
        let mut key = [0; MAX_ATTRIBUTES];
        let places = key.iter_mut().zip(&mut self.attributes);
        for (((slot, attribute), at), known) in places.zip(row).zip(&mut numbers.0) {
            *slot = known.number(*at, attribute);
        }
        key.into()
    }

    /// The cohort that fixes one attribute. `None` where the value has no number.
    #[must_use]
    pub(crate) fn margin(&self, attribute: &str, value: &str) -> Option<Key> {
        let mut key = [0; MAX_ATTRIBUTES];
        let mut named = key.iter_mut().zip(&self.attributes);
        let (slot, attribute) = named.find(|(_, known)| known.name == attribute)?;
        *slot = *attribute.numbers.get(value)?;
        Some(key.into())
    }

    /// Forgets the values that none of these cohorts has, of attributes that have no number left for another.
    pub(crate) fn forget_unused(&mut self, used: impl Iterator<Item = Key>) {
        if self.attributes.iter().all(|attribute| !attribute.is_full()) {
            return;
        }
        let mut numbers = vec![BTreeSet::new(); self.attributes.len()];
        for key in used {
            for (numbers, value) in numbers.iter_mut().zip(<[Value; MAX_ATTRIBUTES]>::from(key)) {
                numbers.insert(value);
            }
        }
        for (attribute, used) in self.attributes.iter_mut().zip(&numbers) {
            attribute.forget_unused(used);
        }
    }

    /// Pairs of attribute and value; empty for the root.
    #[must_use]
    pub fn cohort(&self, key: Key) -> Vec<(String, String)> {
        let named = |(attribute, value): (&Attribute, Value)| {
            let text = attribute.values.get(usize::from(value).checked_sub(1)?)?;
            Some((attribute.name.clone(), text.clone()))
        };
        let values = <[Value; MAX_ATTRIBUTES]>::from(key);
        self.attributes.iter().zip(values).filter_map(named).collect()
    }

    /// Which cohorts of a leaf are tracked: everything, each attribute, each pair, and the leaf.
    #[must_use]
    pub fn tracked(&self) -> TrackedCohort {
        let all: u8 = (0..self.attributes.len()).fold(0, |mask, at| mask | 1 << at);
        let masks = (0..=all).filter(|mask| mask & all == *mask && (mask.count_ones() <= 2 || *mask == all));
        TrackedCohort::from(masks.collect::<Vec<u8>>())
    }
}

impl Attribute {
    fn number(&mut self, value: &str) -> Value {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        if self.is_full() {
            return 1;
        }
        let number = self.new_number(value);
        self.numbers.insert(value.to_owned(), number);
        number
    }

    fn new_number(&mut self, value: &str) -> Value {
        if let Some(number) = self.free.pop_first()
            && let Some(place) = self.values.get_mut(usize::from(number) - 1)
        {
            value.clone_into(place);
            return number;
        }
        self.values.push(value.to_owned());
        Value::try_from(self.values.len()).unwrap_or(1)
    }

    fn is_full(&self) -> bool {
        self.values.len() >= MAX_VALUES && self.free.is_empty()
    }

    fn forget_unused(&mut self, used: &BTreeSet<Value>) {
        if self.is_full() {
            self.numbers
                .retain(|value, number| value == OTHER || used.contains(number));
            let numbers = &self.numbers;
            let named = (1..).zip(&self.values);
            self.free = named
                .filter_map(|(number, value)| (numbers.get(value) != Some(&number)).then_some(number))
                .collect();
        }
    }
}

/// The numbers here of a table's values, looked up as they are needed: a value that nothing is counted of takes none.
pub(crate) struct Numbers<'a>(Vec<TableNumbers<'a>>);

/// Those of one attribute; 0 where it was not looked up.
struct TableNumbers<'a> {
    names: &'a [String],
    known: Vec<Value>,
}

impl<'a> Numbers<'a> {
    pub(crate) fn of(names: &'a [Vec<String>]) -> Self {
        let of_one = |names: &'a Vec<String>| TableNumbers {
            names,
            known: vec![0; names.len()],
        };
        Self(names.iter().map(of_one).collect())
    }
}

impl TableNumbers<'_> {
    fn number(&mut self, at: u32, attribute: &mut Attribute) -> Value {
        let at = at as usize;
        match (self.known.get_mut(at), self.names.get(at)) {
            (Some(known), Some(name)) => {
                if *known == 0 {
                    *known = attribute.number(name);
                }
                *known
            }
            _ => attribute.number(OTHER),
        }
    }
}

/// Sets of attributes whose cohorts are tracked, one bit an attribute.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<u8>", into = "Vec<u8>")]
pub struct TrackedCohort {
    masks: Vec<u8>,
    /// What each of them leaves of a leaf.
    bits: Vec<u128>,
}

impl From<Vec<u8>> for TrackedCohort {
    fn from(masks: Vec<u8>) -> Self {
        let bits = masks.iter().copied().map(bits).collect();
        Self { masks, bits }
    }
}

impl From<TrackedCohort> for Vec<u8> {
    fn from(tracked: TrackedCohort) -> Self {
        tracked.masks
    }
}

impl TrackedCohort {
    /// In how many tracked cohorts a leaf is.
    pub(crate) fn len(&self) -> usize {
        self.masks.len()
    }

    /// The tracked cohorts that a leaf is in, each once.
    pub fn cohorts(&self, leaf: Key) -> impl Iterator<Item = Key> {
        self.bits.iter().map(move |bits| Key(leaf.0 & bits))
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Level, MAX_VALUES, Names, OTHER};
    use crate::simulate::Random;

    fn names(count: usize) -> Names {
        Names::new((0..count).map(|at| format!("a{at}")))
    }

    #[test]
    fn a_leaf_is_in_root_margins_pairs_and_itself_once() {
        #[track_caller]
        fn case(attributes: usize, cohorts: usize) {
            let mut names = names(attributes);
            let leaf = names.leaf(&vec!["x"; attributes]).unwrap();
            let mut found: Vec<Key> = names.tracked().cohorts(leaf).collect();
            found.sort();
            found.dedup();
            assert_eq!(found.len(), cohorts, "{attributes}");
        }
        case(0, 1);
        case(1, 2);
        case(2, 4);
        case(3, 8);
        case(8, 1 + 8 + 28 + 1);
    }

    #[test]
    fn a_key_is_its_values_in_their_order() {
        let values = [0, 1, 2, 255, 256, 4_096, u16::MAX];
        let mut random = Random::new(3);
        let mut any = || std::array::from_fn(|_| values[random.next_u64() as usize % values.len()]);
        for mask in (0..=u8::MAX).cycle().take(4_096) {
            let (a, b): ([u16; 8], [u16; 8]) = (any(), any());
            let (first, second) = (Key::from(a), Key::from(b));
            assert_eq!(<[u16; 8]>::from(first), a);
            assert_eq!(first.cmp(&second), a.cmp(&b));
            assert_eq!(first.depth(), a.iter().filter(|value| **value != 0).count());
            let overlap = a.iter().zip(b).all(|(a, b)| *a == 0 || b == 0 || *a == b);
            assert_eq!(first.overlaps(second), overlap, "{a:?} {b:?}");
            let left = |at: usize| if mask >> at & 1 == 1 { a[at] } else { 0 };
            assert_eq!(<[u16; 8]>::from(first.masked(mask)), std::array::from_fn(left));
        }
    }

    #[test]
    fn names_come_back() {
        let mut names = names(3);
        let leaf = names.leaf(&["x", "y", "z"]).unwrap();
        let pair = leaf.masked(0b101);
        assert_eq!(
            names.cohort(pair),
            [("a0".into(), "x".into()), ("a2".into(), "z".into())]
        );
        assert_eq!(Level::of(pair), Level::Pair);
        assert_eq!(names.leaf(&["x"]), None);
    }

    #[test]
    fn values_beyond_the_bound_are_other() {
        let mut names = names(1);
        for i in 0..2 * MAX_VALUES {
            names.leaf(&[&i.to_string()]);
        }
        let key = names.leaf(&["one more"]).unwrap();
        assert_eq!(names.cohort(key), [("a0".into(), OTHER.into())]);
    }

    /// Once values are forgotten, new ones have names of their own, also after the names were saved and read.
    #[test]
    fn unused_values_make_room() {
        let mut names = names(2);
        let kept = names.leaf(&["kept", "x"]).unwrap();
        for i in 0..2 * MAX_VALUES {
            names.leaf(&[&i.to_string(), "x"]);
        }
        names.forget_unused([kept].into_iter());
        assert_eq!(names.leaf(&["kept", "x"]), Some(kept));
        let mut read = names.clone();
        for attribute in &mut read.attributes {
            *attribute = super::Attribute::from(super::SavedAttribute {
                name: attribute.name.clone(),
                values: attribute.values.clone(),
                numbers: attribute.numbers.clone(),
            });
        }
        for i in 0..MAX_VALUES - 3 {
            let value = format!("new{i}");
            let key = names.leaf(&[&value, "x"]).unwrap();
            assert_eq!(names.cohort(key)[0].1, value);
            assert_eq!(read.leaf(&[&value, "x"]), Some(key));
        }
        assert_eq!(names.cohort(kept)[0].1, "kept");
    }

    #[test]
    fn cohorts_overlap_unless_an_attribute_differs() {
        let mut names = names(2);
        let (a, b) = (names.leaf(&["x", "y"]).unwrap(), names.leaf(&["x", "z"]).unwrap());
        assert!(
            a.overlaps(a.masked(1)) && a.overlaps(b.masked(1)) && a.overlaps(Key::ROOT) && !a.overlaps(b)
        );
    }
}
