//! Stages: the percentages that an enforcement goes through, each for a time.
//!
//! In scope: the steps as the document keeps them, and which comes next. Not in scope: whether a step may go on (the
//! guard says so) and who makes it (`crates/rule-book`, at the RuleBook's alarm).

use serde::{Deserialize, Serialize};

use super::document::ModeSetting;
use blobwatch_pull::Mode;

/// Steps of one schedule: 0.1, 1, 5, 10, 25, 50, 100 % and as many again.
pub const MAX_STEPS: usize = 16;

/// A step shorter than a slot of the guard's counts could never be judged, but for tests; an alarm rings by the second.
pub(crate) const MIN_STEP_MS: u64 = 1_000;

/// 90 days: records are gone by then, and with them what the step was judged by.
pub(crate) const MAX_STEP_MS: u64 = 90 * 86_400_000;

/// The steps of an enforcement, and where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stages {
    /// Position of the current step in `steps`.
    pub index: usize,
    /// Percentages grow from step to step.
    pub steps: Vec<Step>,
    /// Milliseconds since 1970: when the current step has lasted long enough; `None` on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
}

/// One percentage, for a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Step {
    /// Of client keys, above 0 and up to 100.
    pub percent: f64,
    /// Milliseconds; the last step has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts_ms: Option<u64>,
}

impl Stages {
    /// At the first step, from `now_ms` on.
    #[must_use]
    pub fn begin(steps: Vec<Step>, now_ms: u64) -> Self {
        let lasts_ms = steps.first().and_then(|step| step.lasts_ms);
        Self {
            index: 0,
            until_ms: lasts_ms.map(|lasts| now_ms.saturating_add(lasts)),
            steps,
        }
    }

    /// Of the current step.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        self.steps.get(self.index).map(|step| step.percent)
    }

    /// Whether the current step has lasted long enough to be followed by another.
    #[must_use]
    pub fn is_due(&self, now_ms: u64) -> bool {
        self.until_ms.is_some_and(|until| until <= now_ms) && self.index + 1 < self.steps.len()
    }
}

impl ModeSetting {
    /// The setting that follows at `now_ms`, when its step is over and another comes.
    #[must_use]
    pub fn next_stage(&self, now_ms: u64) -> Option<Self> {
        let stages = self.stages.as_ref().filter(|stages| stages.is_due(now_ms))?;
        let index = stages.index + 1;
        let step = stages.steps.get(index)?;
        Some(Self {
            percent: Some(step.percent),
            stages: Some(Stages {
                index,
                steps: stages.steps.clone(),
                until_ms: step.lasts_ms.map(|lasts| now_ms.saturating_add(lasts)),
            }),
            ..self.clone()
        })
    }

    /// The largest percentage that this setting comes to by itself; 0 where it does not enforce.
    #[must_use]
    pub fn goal(&self) -> f64 {
        match (self.mode, &self.stages) {
            (Mode::Enforce, Some(stages)) => stages.steps.last().map_or(0.0, |step| step.percent),
            (Mode::Enforce, None) => self.percent.unwrap_or(100.0),
            _ => 0.0,
        }
    }
}

/// What is wrong with the stages of a setting: places below it, and what was expected.
pub(super) fn faults(setting: &ModeSetting) -> Vec<(String, String)> {
    let Some(stages) = &setting.stages else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut add = |place: &str, message: String| found.push((place.to_owned(), message));
    let count = stages.steps.len();
    if setting.mode != Mode::Enforce {
        add(
            "stages",
            "expected no stages: only the mode enforce has them".to_owned(),
        );
    }
    if count == 0 || count > MAX_STEPS {
        add(
            "stages",
            format!("expected 1 to {MAX_STEPS} stages, found {count}"),
        );
    } else if stages.percent() != setting.percent {
        add(
            "percent",
            "expected the percentage of the current stage".to_owned(),
        );
    }
    let mut before = 0.0;
    for (at, step) in stages.steps.iter().enumerate() {
        let place = format!("stages[{at}]");
        if !(step.percent > before && step.percent <= 100.0) {
            let message = if before >= 100.0 {
                "expected no stage after the one of 100 percent".to_owned()
            } else {
                format!("expected above {before} and up to 100, found {}", step.percent)
            };
            add(&format!("{place}.percent"), message);
        }
        before = step.percent;
        if let Err(expected) = lasting(step, at + 1 == count) {
            add(&format!("{place}.minutes"), format!("expected {expected}"));
        }
    }
    found
}

fn lasting(step: &Step, is_last: bool) -> Result<(), &'static str> {
    match step.lasts_ms {
        None if is_last => Ok(()),
        None => Err("the duration of this stage, because another follows"),
        Some(_) if is_last => Err("no duration: nothing follows the last stage"),
        Some(lasts) if (MIN_STEP_MS..=MAX_STEP_MS).contains(&lasts) => Ok(()),
        Some(_) => Err("a second to 90 days"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Stages, Step, faults};
    use crate::ModeSetting;
    use blobwatch_pull::Mode;

    const NOW: u64 = 1_593_975_600_000;

    fn steps() -> Vec<Step> {
        [(1.0, Some(60_000)), (10.0, Some(120_000)), (100.0, None)]
            .map(|(percent, lasts_ms)| Step { percent, lasts_ms })
            .to_vec()
    }

    fn staged(steps: Vec<Step>) -> ModeSetting {
        let stages = Stages::begin(steps, NOW);
        ModeSetting {
            percent: stages.percent(),
            stages: Some(stages),
            ..ModeSetting::new("sweep", "default", Mode::Enforce)
        }
    }

    #[test]
    fn steps_follow_each_other_when_their_time_is_over() {
        let first = staged(steps());
        assert_eq!((first.percent, first.goal()), (Some(1.0), 100.0));
        assert_eq!(first.next_stage(NOW + 59_999), None);
        let second = first.next_stage(NOW + 61_000).unwrap();
        assert_eq!(second.percent, Some(10.0));
        assert_eq!(second.stages.as_ref().unwrap().until_ms, Some(NOW + 181_000));
        let third = second.next_stage(NOW + 181_000).unwrap();
        assert_eq!(
            (third.percent, third.stages.as_ref().unwrap().until_ms),
            (Some(100.0), None)
        );
        assert_eq!(third.next_stage(u64::MAX), None);
    }

    #[test]
    fn a_schedule_that_cannot_be_names_its_places() {
        #[track_caller]
        fn case(steps: Vec<(f64, Option<u64>)>, expected: &[&str]) {
            let steps = steps
                .into_iter()
                .map(|(percent, lasts_ms)| Step { percent, lasts_ms });
            let places: Vec<String> = faults(&staged(steps.collect()))
                .into_iter()
                .map(|(place, _)| place)
                .collect();
            assert_eq!(places, expected);
        }
        case(vec![(1.0, Some(1_000)), (100.0, None)], &[]);
        case(vec![(100.0, None)], &[]);
        case(vec![], &["stages"]);
        case(vec![(5.0, Some(1_000)), (5.0, None)], &["stages[1].percent"]);
        case(
            vec![(0.0, Some(1_000)), (100.5, None)],
            &["stages[0].percent", "stages[1].percent"],
        );
        case(vec![(f64::NAN, None)], &["percent", "stages[0].percent"]);
        case(
            vec![(1.0, None), (2.0, Some(1_000))],
            &["stages[0].minutes", "stages[1].minutes"],
        );
        case(vec![(1.0, Some(999)), (2.0, None)], &["stages[0].minutes"]);
        let monitored = ModeSetting {
            mode: Mode::Monitor,
            ..staged(steps_of_two())
        };
        assert_eq!(faults(&monitored)[0].0, "stages");
    }

    fn steps_of_two() -> Vec<Step> {
        steps().into_iter().skip(1).collect()
    }
}
