//! Values by combination: found by hash, and gone through in the order in which combinations came, which is the same in every run.

use super::places::Places;
use blobwatch_records::CellKey;

#[derive(Debug)]
pub(crate) struct KeyTable<V> {
    places: Places,
    values: Vec<(CellKey, V)>,
}

impl<V> Default for KeyTable<V> {
    fn default() -> Self {
        Self {
            places: Places::default(),
            values: Vec::new(),
        }
    }
}

impl<V> KeyTable<V> {
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The number of a combination in the order in which they came.
    pub(crate) fn place(&self, key: &CellKey) -> Option<usize> {
        self.places.find(key, |at| key_at(&self.values, at))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&CellKey, &V)> {
        self.values.iter().map(|(key, value)| (key, value))
    }

    /// Takes in something of a combination, which begins with nothing; its number.
    pub(crate) fn add(&mut self, key: CellKey, take: impl FnOnce(&mut V)) -> usize
    where
        V: Default,
    {
        let next = self.values.len();
        let at = self.places.place(&key, |at| key_at(&self.values, at), next);
        if at == next {
            self.values.push((key, V::default()));
        }
        if let Some((_, value)) = self.values.get_mut(at) {
            take(value);
        }
        at
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
        self.places.clear();
        for ((key, _), at) in self.values.iter().zip(0..) {
            self.places.place(key, |at| key_at(&self.values, at), at);
        }
    }
}

fn key_at<V>(values: &[(CellKey, V)], at: usize) -> Option<&CellKey> {
    values.get(at).map(|(key, _)| key)
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

    fn get(table: &KeyTable<u64>, asn: u32) -> Option<u64> {
        let place = table.place(&key(asn))?;
        table.iter().nth(place).map(|(_, sum)| *sum)
    }

    #[test]
    fn what_comes_again_is_added_where_it_is() {
        let mut table = table(&[3, 1]);
        table.add(key(0), |sum| *sum += 4);
        let all: Vec<(u32, u64)> = table.iter().map(|(key, sum)| (key.asn.unwrap(), *sum)).collect();
        assert_eq!((all, table.len()), (vec![(0, 7), (1, 1)], 2));
        assert_eq!((get(&table, 1), get(&table, 2)), (Some(1), None));
    }

    #[test]
    fn the_lightest_go_and_of_those_alike_the_first() {
        let mut table = table(&[3, 1, 2, 1, 2, 9]);
        table.drop_lightest(3, |sum| *sum);
        let left: Vec<u64> = table.iter().map(|(_, sum)| *sum).collect();
        assert_eq!(left, [3, 2, 9]);
        assert_eq!((get(&table, 2), get(&table, 4)), (None, Some(2)));
        table.add(key(5), |sum| *sum += 1);
        assert_eq!(get(&table, 5), Some(10), "places are those after it");
    }
}
