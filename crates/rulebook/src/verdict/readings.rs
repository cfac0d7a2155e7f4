//! Of one path that origins read in several ways: which reading's verdict holds.

use super::Verdict;
use blobwatch_pull::Action;

impl Verdict {
    /// Takes another reading's verdict where more is done by it or, if as much is, more would be: what one origin serves must
    /// not be had by what another one takes its path for. Matches of both are counted. Says whether it was taken.
    pub fn or_stricter(&mut self, other: Self) -> bool {
        let is_taken = other.strictness() > self.strictness();
        let rest = if is_taken {
            std::mem::replace(self, other).counts
        } else {
            other.counts
        };
        for count in rest {
            if !self.counts.contains(&count) {
                self.counts.push(count);
            }
        }
        is_taken
    }

    fn strictness(&self) -> (Action, Action) {
        let would = self.fired.iter().map(|fired| done(fired.would)).max();
        (done(self.action), would.unwrap_or_default())
    }
}

/// To let a request go on is to do nothing to it.
fn done(action: Action) -> Action {
    match action {
        Action::Allow => Action::None,
        action => action,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::VolumeCount;
    use blobwatch_pull::{Fired, Mode};

    fn verdict(action: Action, would: &[Action], keys: &[u64]) -> Verdict {
        let fired = |would: &Action| Fired {
            rule: "r".into(),
            version: 1,
            mode: Mode::Monitor,
            would: *would,
            applied: Action::None,
        };
        let count = |key: &u64| VolumeCount {
            rule: "r".into(),
            version: 1,
            key: *key,
        };
        Verdict {
            fired: would.iter().map(fired).collect(),
            action,
            decided_by: None,
            counts: keys.iter().map(count).collect(),
        }
    }

    #[test]
    fn what_does_more_holds_and_the_first_of_equals() {
        #[track_caller]
        fn case(first: (Action, &[Action]), other: (Action, &[Action]), is_taken: bool) {
            let mut held = verdict(first.0, first.1, &[]);
            let other = verdict(other.0, other.1, &[]);
            let expected = if is_taken { other.clone() } else { held.clone() };
            assert_eq!(held.or_stricter(other), is_taken, "{held:?}");
            assert_eq!(held, expected);
        }
        use Action::{Allow, Block, Detour, None, Tag, Throttle};
        case((None, &[]), (Block, &[]), true);
        case((Block, &[]), (None, &[Block]), false);
        case((Allow, &[]), (Block, &[]), true);
        case((Allow, &[]), (None, &[]), false);
        case((None, &[]), (Allow, &[]), false);
        case((Detour, &[]), (Throttle, &[]), true);
        case((Tag, &[]), (Tag, &[]), false);
        case((None, &[]), (None, &[Tag]), true);
        case((None, &[Tag]), (None, &[Tag, Block]), true);
        case((None, &[Block]), (None, &[Throttle]), false);
    }

    #[test]
    fn the_matches_of_both_are_counted_each_once() {
        for (action, is_taken) in [(Action::None, false), (Action::Block, true)] {
            let mut held = verdict(Action::None, &[], &[1, 2]);
            assert_eq!(held.or_stricter(verdict(action, &[], &[2, 3])), is_taken);
            let mut keys: Vec<u64> = held.counts.iter().map(|count| count.key).collect();
            keys.sort_unstable();
            assert_eq!(keys, [1, 2, 3]);
        }
    }
}
