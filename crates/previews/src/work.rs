//! Long work on what was counted, in slices.

use blobwatch_sql::{Pace, SLICE_RECORDS};

/// Cells that cost as much as a record: each is compared with lists of values.
pub(super) const CELLS: usize = 4;

/// Pairs of a sample, or sums of a cell, that cost as much as a record.
pub(super) const PAIRS: usize = 16;

/// What cannot be cut, and takes about as long as a slice may.
pub(super) const WHOLE_SLICE: usize = SLICE_RECORDS;

/// Does the same with each item; so many of them cost as much as a record.
pub(super) async fn each<T>(
    items: impl IntoIterator<Item = T>,
    per_record: usize,
    pace: &impl Pace,
    mut body: impl FnMut(T),
) {
    let mut done = 0;
    for item in items {
        body(item);
        done += 1;
        if done == per_record {
            done = 0;
            pace.spent(1).await;
        }
    }
}
