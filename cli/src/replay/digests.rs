//! How digests are written, for those that are said to people: requests carry a hash of theirs.

use std::sync::{Arc, Mutex, PoisonError};

use blobwatch_wire::{hex, unhex_any_case};

/// Places of the table, at 40 bytes 2.6 MB. Of two blobs that share one the later is known.
const PLACES: usize = 1 << 16;

/// Bytes of a SHA-256; other digests are said as unknown.
const BYTES: usize = 32;

/// A request's hash, and the digest that it is of.
type Place = (u64, [u8; BYTES]);

/// Written while lines are read, read where requests are judged.
#[derive(Clone)]
pub(super) struct Digests(Arc<Mutex<Vec<Place>>>);

impl Default for Digests {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(vec![(0, [0; BYTES]); PLACES])))
    }
}

impl Digests {
    pub(super) fn learn(&self, hash: u64, digest: &str) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Most blobs are asked for again and again, and reading 64 digits takes as long as reading the line.
        let place = places
            .get_mut(hash as usize % PLACES)
            .filter(|place| place.0 != hash);
        let bytes = |text: &str| unhex_any_case(text.strip_prefix("sha256:").unwrap_or(text));
        if let Some((place, bytes)) = place.and_then(|place| Some((place, bytes(digest)?))) {
            *place = (hash, bytes);
        }
    }

    pub(super) fn text(&self, hash: u64) -> Option<String> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, bytes) = places.get(hash as usize % PLACES)?;
        (*known == hash).then(|| format!("sha256:{}", hex(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::Digests;

    #[test]
    fn digests_are_said_as_they_were_written() {
        let digests = Digests::default();
        let text = format!("sha256:{}", "0123456789abcdef".repeat(4));
        digests.learn(7, &text);
        digests.learn(8, "sha512:00");
        assert_eq!(digests.text(7), Some(text));
        assert_eq!((digests.text(8), digests.text(7 + (1 << 16))), (None, None));
    }
}
