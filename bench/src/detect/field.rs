//! Incidents as people report them: after how long each is flagged, and whether what is healthy stays quiet. The stories are
//! those of the program's own test, of three healthy hours and one of the story; once as a log through `blobwatch replay`, and
//! once as requests through an isolate, a FireLog and the Detector.

mod live;
mod replay;

use anyhow::Result;

use crate::figure::{Figure, Target};
use field_logs::{BEGIN_S, FAULTS, HEALTHY, Line, Span, Story, log};

#[path = "../../../cli/tests/field_logs/mod.rs"]
mod field_logs;

const SPAN: Span = Span {
    healthy_s: 3 * 3600,
    story_s: 3600,
};

/// Minutes in which each is to be flagged.
const WITHIN: Target = Target::AtMost(5.0);
const NONE: Target = Target::AtMost(0.0);

/// An anomaly as it was last told.
struct OpenedAnomaly {
    kinds: Vec<String>,
    sentence: String,
    opened_ms: u64,
}

/// What becomes of a story.
type Play = fn(Story, u64) -> Result<Vec<OpenedAnomaly>>;

/// # Errors
/// When the program is not built, or a story is read in another way than it is meant.
pub(super) fn run(seed: u64) -> Result<Vec<Figure>> {
    let mut figures = played("replay", replay::play, seed)?;
    figures.extend(played("live", live::play, seed)?);
    Ok(figures)
}

fn played(way: &str, play: Play, seed: u64) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (story, seed) in FAULTS.into_iter().zip(seed..) {
        let found = play(story, seed)?;
        for anomaly in &found {
            println!("{way}, {story:?}: {}", anomaly.sentence);
        }
        let minutes = found.iter().filter_map(|anomaly| anomaly.delay(story));
        let minutes = minutes.reduce(f64::min).unwrap_or(f64::INFINITY);
        let name = format!("{way}: {story:?}");
        figures.push(Figure::new(name, "minutes", vec![minutes], WITHIN));
    }
    for (story, seed) in HEALTHY.into_iter().zip(seed..) {
        let found = play(story, seed)?;
        for anomaly in &found {
            println!("{way}, {story:?} (healthy): {}", anomaly.sentence);
        }
        let name = format!("{way}: {story:?} (healthy)");
        figures.push(Figure::new(name, "anomalies", vec![found.len() as f64], NONE));
    }
    Ok(figures)
}

impl OpenedAnomaly {
    /// Minutes from the fault's begin to an anomaly of its kind that says its words.
    fn delay(&self, story: Story) -> Option<f64> {
        let (kind, words) = story.expected();
        let is_it =
            self.kinds.iter().any(|one| one == kind) && words.iter().all(|word| self.sentence.contains(word));
        let began_ms = (BEGIN_S + SPAN.healthy_s) * 1000;
        is_it.then(|| self.opened_ms.saturating_sub(began_ms) as f64 / 60_000.0)
    }
}
