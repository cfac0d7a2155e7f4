//! Which blobs are behind an event: the few that come most often.

use serde::{Deserialize, Serialize};

/// Blobs that are told apart in one cell. One that is broken is most of what is seen; of four, each that has a fifth of
/// the events is kept.
pub(crate) const MAX_BLOBS: usize = 4;

/// A blob, and how often it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobCount {
    pub digest: String,
    pub times: u32,
}

/// Counts a blob. Where there is no room all of them lose (Misra and Gries, "Finding repeated elements", 1982): what is
/// kept was seen at least as often as it says.
pub fn note_blob(blobs: &mut Vec<BlobCount>, digest: &str, times: u32) {
    if let Some(known) = blobs.iter_mut().find(|blob| blob.digest == digest) {
        known.times = known.times.saturating_add(times);
        return;
    }
    if blobs.len() < MAX_BLOBS {
        blobs.push(BlobCount {
            digest: digest.to_owned(),
            times,
        });
        return;
    }
    let least = blobs
        .iter()
        .map(|blob| blob.times)
        .min()
        .unwrap_or_default()
        .min(times);
    for blob in blobs.iter_mut() {
        blob.times -= least;
    }
    blobs.retain(|blob| blob.times > 0);
    if times > least && blobs.len() < MAX_BLOBS {
        blobs.push(BlobCount {
            digest: digest.to_owned(),
            times: times - least,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{BlobCount, MAX_BLOBS, note_blob};

    #[test]
    fn the_most_frequent_blob_stays_whatever_comes() {
        let mut blobs: Vec<BlobCount> = Vec::new();
        for n in 0..1000 {
            note_blob(&mut blobs, "sha256:bad", 1);
            note_blob(&mut blobs, &format!("sha256:{n}"), 1);
            assert!(blobs.len() <= MAX_BLOBS);
        }
        let most = blobs.iter().max_by_key(|blob| blob.times).unwrap();
        assert_eq!(most.digest, "sha256:bad");
        assert!((500..=1000).contains(&most.times), "{}", most.times);
    }
}
