//! Sizes of blobs, learned from answers that gave them whole.

/// Places of the table, at 16 bytes 4 MiB. Two blobs that share one learn their sizes anew in turn.
const PLACES: usize = 1 << 18;

pub(super) struct Sizes {
    places: Vec<(u64, u64)>,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            places: vec![(0, 0); PLACES],
        }
    }
}

impl Sizes {
    /// Takes in the length of an answer that was meant to be whole; the most that was seen of the blob.
    pub(super) fn learn(&mut self, digest: u64, length: u64) -> u64 {
        let Some(place) = self.places.get_mut(digest as usize % PLACES) else {
            return length;
        };
        if place.0 == digest {
            place.1 = place.1.max(length);
        } else {
            *place = (digest, length);
        }
        place.1
    }

    pub(super) fn get(&self, digest: u64) -> Option<u64> {
        let place = self.places.get(digest as usize % PLACES);
        place
            .filter(|place| place.0 == digest && place.1 > 0)
            .map(|place| place.1)
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACES, Sizes};

    #[test]
    fn the_most_that_was_seen_is_the_size() {
        let mut sizes = Sizes::default();
        assert_eq!(sizes.get(7), None);
        sizes.learn(7, 100);
        assert_eq!((sizes.learn(7, 40), sizes.get(7)), (100, Some(100)));
    }

    #[test]
    fn a_blob_in_the_same_place_takes_it() {
        let mut sizes = Sizes::default();
        sizes.learn(7, 100);
        sizes.learn(7 + PLACES as u64, 5);
        assert_eq!((sizes.get(7), sizes.get(7 + PLACES as u64)), (None, Some(5)));
    }
}
