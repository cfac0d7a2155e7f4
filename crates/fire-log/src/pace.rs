//! Reading in slices what may be merged or forgotten in a pause.

use crate::store::FireLogError;
use blobwatch_sql::{self as sql, Pace, StoreError, at_once};

/// What opening a block costs beside working on each of its records, as a share.
pub const OPENING: usize = 4;

/// The end of a call that never pauses.
///
/// # Errors
/// Those of the call.
pub(crate) fn unpaced<T>(call: impl Future<Output = Result<T, FireLogError>>) -> Result<T, FireLogError> {
    let paused = || StoreError::Corrupt("work that never pauses".to_owned());
    at_once(call).unwrap_or_else(|| Err(paused().into()))
}

/// Reads until no pause changed what is read; `attempt` answers `None` where rows were merged or forgotten in one.
///
/// # Errors
/// Those of `attempt`; also when rows are not what the rows beside them say.
pub async fn undisturbed<P: Pace, T>(
    pace: &P,
    attempt: impl AsyncFn(Option<&P>) -> Result<Option<T>, FireLogError>,
) -> Result<T, FireLogError> {
    let what = "a block with another number of records than its row says";
    let corrupt = || StoreError::Corrupt(what.to_owned());
    Ok(sql::undisturbed(pace, attempt).await?.ok_or_else(corrupt)?)
}
