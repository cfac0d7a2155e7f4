//! Where a guard stood at a time, from the moments at which it came to stand elsewhere: for a request of then.

use serde::{Deserialize, Serialize};

use super::ledger::{PATIENCE_MS, State};

/// A guard came to stand somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// From 0, its beginning; what lies between two that do not follow one another was forgotten.
    pub number: u64,
    pub at_ms: u64,
    /// `Watching`, `Passed` or `Demoted`: that it holds follows from the time of the step.
    pub state: State,
}

/// The guard of one rule's enforcement, as it was at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardThen {
    pub rule: String,
    /// Revision that it began with.
    pub guard: u64,
    /// `None` where that is no longer known.
    pub stood: Option<StateSince>,
    /// Why it had taken the enforcement back.
    pub text: Option<String>,
}

/// Where a guard stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateSince {
    pub state: State,
    /// Milliseconds since 1970.
    pub since_ms: u64,
}

/// Where a guard with these moments stood at a time; `until_ms` is the end of the step that was set then. `None` where the
/// moment before was forgotten.
#[must_use]
pub fn state_at(moments: &[Moment], until_ms: Option<u64>, time_ms: u64) -> Option<StateSince> {
    let first = moments.first()?;
    let after = moments.partition_point(|moment| moment.at_ms <= time_ms);
    // A request that came before the guard by another machine's clock came at its beginning.
    let after = if first.number == 0 { after.max(1) } else { after };
    let here = moments.get(after.checked_sub(1)?)?;
    if moments
        .get(after)
        .is_some_and(|next| next.number != here.number + 1)
    {
        return None;
    }
    let holds_from = until_ms.unwrap_or(first.at_ms + PATIENCE_MS);
    if here.state == State::Watching && holds_from <= time_ms {
        return Some(StateSince {
            state: State::Holding,
            since_ms: holds_from.max(here.at_ms),
        });
    }
    Some(StateSince {
        state: here.state,
        since_ms: here.at_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(list: &[(u64, u64, State)]) -> Vec<Moment> {
        let moment = |(number, at_ms, state): &(u64, u64, State)| Moment {
            number: *number,
            at_ms: *at_ms,
            state: *state,
        };
        list.iter().map(moment).collect()
    }

    #[track_caller]
    fn case(list: &[(u64, u64, State)], until_ms: Option<u64>, time_ms: u64, expected: Option<(State, u64)>) {
        let found = state_at(&moments(list), until_ms, time_ms);
        assert_eq!(found.map(|stood| (stood.state, stood.since_ms)), expected);
    }

    #[test]
    fn a_guard_stands_where_it_last_came_to_stand() {
        use State::{Demoted, Passed, Watching};
        let list = [(0, 100, Watching), (1, 200, Passed), (2, 300, Demoted)];
        case(&list, None, 100, Some((Watching, 100)));
        case(&list, None, 199, Some((Watching, 100)));
        case(&list, None, 200, Some((Passed, 200)));
        case(&list, None, 1_000, Some((Demoted, 300)));
        case(&list, None, 99, Some((Watching, 100)));
        case(&[], None, 99, None);
    }

    #[test]
    fn one_that_cannot_tell_holds_from_the_end_of_its_step() {
        use State::{Holding, Passed, Watching};
        let list = [(0, 100, Watching), (1, 200, Passed), (2, 300, Watching)];
        case(&list, Some(150), 149, Some((Watching, 100)));
        case(&list, Some(150), 150, Some((Holding, 150)));
        case(&list, Some(150), 250, Some((Passed, 200)));
        case(&list, Some(150), 300, Some((Holding, 300)));
        case(&list, None, 100 + PATIENCE_MS, Some((Holding, 100 + PATIENCE_MS)));
    }

    #[test]
    fn what_was_forgotten_is_not_made_up() {
        use State::{Passed, Watching};
        let list = [(0, 100, Watching), (7, 200, Passed), (8, 300, Watching)];
        case(&list, None, 150, None);
        case(&list, None, 200, Some((Passed, 200)));
        // Of a database in which the beginning was not noted yet.
        case(&[(1, 200, Passed)], None, 150, None);
        case(&[(1, 200, Passed)], None, 200, Some((Passed, 200)));
    }
}
