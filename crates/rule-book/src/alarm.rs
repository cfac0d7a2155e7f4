//! When the RuleBook's alarm has something to do.

use crate::calls::next_change_ms;
use crate::store::{NoticeKind, RuleBookStore};
use blobwatch_sql::Sql;
use blobwatch_wire::Problem;

/// Whatever comes first: a push or a notice that is tried again, or a change that a schedule makes. `None` while nothing
/// waits.
///
/// # Errors
/// When the store cannot be read.
pub fn next_alarm_ms<S: Sql>(store: &RuleBookStore<S>, now_ms: u64) -> Result<Option<u64>, Problem> {
    let mut times = vec![store.next_push_ms()?, next_change_ms(store, now_ms)?];
    for kind in NoticeKind::ALL {
        times.push(store.next_notice_ms(kind)?);
    }
    Ok(times.into_iter().flatten().min())
}
