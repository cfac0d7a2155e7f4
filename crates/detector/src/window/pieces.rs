//! A window as bytes, piece by piece.

use std::ops::Bound;

use super::{Bucket, Window};
use crate::engine::pieces::Writer;

/// How far a window is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum WindowPlace {
    #[default]
    Keys,
    Bucket(usize),
    /// The rows of a bucket after one.
    Rows(usize, Option<u32>),
}

/// Rows that are written at once: 3 KB each where all of their sketches are full.
const WRITTEN_ROWS: usize = 256;

impl Window {
    /// Writes what postcard writes of it, a piece at a time: what is at a place. The next one, and `None` where all is written.
    pub(in super::super) fn put_piece(
        &self,
        place: WindowPlace,
        out: &mut Writer,
    ) -> postcard::Result<Option<WindowPlace>> {
        Ok(match place {
            WindowPlace::Keys => {
                out.put(&self.keys.keys)?;
                out.put(&self.buckets.len())?;
                Some(WindowPlace::Bucket(0))
            }
            WindowPlace::Bucket(at) => match self.buckets.get(at) {
                Some(bucket) => {
                    out.put(&(bucket.first, bucket.last, bucket.rows.len()))?;
                    Some(WindowPlace::Rows(at, None))
                }
                None => None,
            },
            WindowPlace::Rows(at, after) => match self.buckets.get(at) {
                Some(bucket) => Some(
                    bucket
                        .put_rows(after, out)?
                        .map_or(WindowPlace::Bucket(at + 1), |last| {
                            WindowPlace::Rows(at, Some(last))
                        }),
                ),
                None => None,
            },
        })
    }
}

impl Bucket {
    /// Writes some rows, and what follows them after the last ones; the last of them where others follow.
    fn put_rows(&self, after: Option<u32>, out: &mut Writer) -> postcard::Result<Option<u32>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut last = None;
        let mut rows = self.rows.range((from, Bound::Unbounded));
        for row in rows.by_ref().take(WRITTEN_ROWS) {
            out.put(&row)?;
            last = Some(*row.0);
        }
        if rows.next().is_some() {
            return Ok(last);
        }
        out.put(&(&self.other, &self.sample, &self.cuts))?;
        Ok(None)
    }
}
