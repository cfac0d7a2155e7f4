//! Combinations of attribute values, as small numbers.

use std::collections::HashMap;

use blobwatch_detect::cohort::OTHER;

/// Combinations that are told apart: each at some 150 bytes of names 30 MB. The monitor follows 20,000 cohorts; what
/// lies beyond this is counted as [`OTHER`] in every attribute.
const MAX_LEAVES: usize = 200_000;

pub(super) struct Leaves {
    pub(super) attributes: Vec<String>,
    values: Vec<Vec<String>>,
    numbers: HashMap<Box<str>, u32>,
    key: String,
}

impl Leaves {
    pub(super) fn new(attributes: Vec<String>) -> Self {
        let other = vec![OTHER.to_owned(); attributes.len()];
        Self {
            attributes,
            values: vec![other],
            numbers: HashMap::new(),
            key: String::new(),
        }
    }

    /// The number of a combination, one value for each attribute.
    pub(super) fn number<'v>(&mut self, values: impl Iterator<Item = &'v str>) -> u32 {
        self.key.clear();
        for value in values {
            self.key.push_str(value);
            self.key.push('\0');
        }
        if let Some(number) = self.numbers.get(self.key.as_str()) {
            return *number;
        }
        let Some(number) = u32::try_from(self.values.len())
            .ok()
            .filter(|_| self.values.len() < MAX_LEAVES)
        else {
            return 0;
        };
        let split = self.key.split_terminator('\0').map(str::to_owned);
        self.values.push(split.collect());
        self.numbers.insert(self.key.as_str().into(), number);
        number
    }

    pub(super) fn values(&self, leaf: u32) -> &[String] {
        self.values.get(leaf as usize).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::{Leaves, MAX_LEAVES};

    #[test]
    fn a_combination_keeps_its_number() {
        let mut leaves = Leaves::new(vec!["a".into(), "b".into()]);
        let one = leaves.number(["x", "y"].into_iter());
        let two = leaves.number(["x", ""].into_iter());
        assert_eq!(leaves.number(["x", "y"].into_iter()), one);
        assert_eq!(
            (leaves.values(one), leaves.values(two)),
            (&["x".into(), "y".into()][..], &["x".into(), String::new()][..])
        );
    }

    #[test]
    fn combinations_beyond_the_bound_are_other() {
        let mut leaves = Leaves::new(vec!["a".into()]);
        for value in 0..MAX_LEAVES + 10 {
            leaves.number([value.to_string().as_str()].into_iter());
        }
        let further = leaves.number(["further"].into_iter());
        assert_eq!(leaves.values(further), ["other"]);
    }
}
