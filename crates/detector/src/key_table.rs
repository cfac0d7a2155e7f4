//! Values by combination: found by hash, and gone through in the order in which combinations came, which is the same in every run.

use std::collections::HashMap;

use blobwatch_records::CellKey;

#[derive(Debug)]
pub(crate) struct KeyTable<V> {
    places: HashMap<CellKey, usize>,
    values: Vec<(CellKey, V)>,
}

impl<V> Default for KeyTable<V> {
    fn default() -> Self {
        Self {
            places: HashMap::new(),
            values: Vec::new(),
        }
    }
}

impl<V> KeyTable<V> {
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn get(&self, key: &CellKey) -> Option<&V> {
        let (_, value) = self.values.get(*self.places.get(key)?)?;
        Some(value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&CellKey, &V)> {
        self.values.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&CellKey, &mut V)> {
        self.values.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// Takes in something of a combination, which begins with nothing.
    pub(crate) fn add(&mut self, key: CellKey, take: impl FnOnce(&mut V))
    where
        V: Default,
    {
        let next = self.values.len();
        let at = *self.places.entry(key.clone()).or_insert(next);
        if at == next {
            self.values.push((key, V::default()));
        }
        if let Some((_, value)) = self.values.get_mut(at) {
            take(value);
        }
    }

    /// The same combinations with other values.
    pub(crate) fn map<W>(self, other: impl Fn(V) -> W) -> KeyTable<W> {
        let values = self.values.into_iter();
        KeyTable {
            places: self.places,
            values: values.map(|(key, value)| (key, other(value))).collect(),
        }
    }

    /// Drops so many that weigh least.
    pub(crate) fn drop_lightest(&mut self, count: usize, weight: impl Fn(&V) -> u64) {
        let mut weights: Vec<(u64, usize)> = (self.values.iter().zip(0..))
            .map(|((_, value), at)| (weight(value), at))
            .collect();
        if count == 0 || count > weights.len() {
            return;
        }
        let (_, most, _) = weights.select_nth_unstable(count - 1);
        let most = *most;
        let mut at = 0;
        self.values.retain(|(_, value)| {
            at += 1;
            (weight(value), at - 1) > most
        });
        let places = self.values.iter().zip(0..);
        self.places = places.map(|((key, _), at)| (key.clone(), at)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::KeyTable;
    use blobwatch_pull::Family;
    use blobwatch_records::CellKey;

    fn key(asn: u32) -> CellKey {
        CellKey {
            route: "hub".into(),
            colo: "FRA".into(),
            country: "".into(),
            asn: Some(asn),
            family: Family::Docker,
            os: "".into(),
            fingerprint: "".into(),
            rules: Vec::new(),
        }
    }

    fn table(weights: &[u64]) -> KeyTable<u64> {
        let mut table = KeyTable::default();
        for (weight, asn) in weights.iter().zip(0..) {
            table.add(key(asn), |sum| *sum += weight);
        }
        table
    }

    #[test]
    fn what_comes_again_is_added_where_it_is() {
        let mut table = table(&[3, 1]);
        table.add(key(0), |sum| *sum += 4);
        let all: Vec<(u32, u64)> = table.iter().map(|(key, sum)| (key.asn.unwrap(), *sum)).collect();
        assert_eq!((all, table.len()), (vec![(0, 7), (1, 1)], 2));
        assert_eq!((table.get(&key(1)), table.get(&key(2))), (Some(&1), None));
    }

    #[test]
    fn the_lightest_go_and_of_those_alike_the_first() {
        let mut table = table(&[3, 1, 2, 1, 2, 9]);
        table.drop_lightest(3, |sum| *sum);
        let left: Vec<u64> = table.iter().map(|(_, sum)| *sum).collect();
        assert_eq!(left, [3, 2, 9]);
        assert_eq!((table.get(&key(2)), table.get(&key(4))), (None, Some(&2)));
        table.add(key(5), |sum| *sum += 1);
        assert_eq!(table.get(&key(5)), Some(&10), "places are those after it");
    }
}
