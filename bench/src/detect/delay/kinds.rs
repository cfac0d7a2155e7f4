//! Delay of each kind by the volume of a cohort and by how many of its pulls are hit.
//!
//! What is healthy are the shares of the simulated months (`world.rs`). What is measured is the test alone: an anomaly also
//! needs as many clients as `anomaly_breadth` says.

use super::{Fault, Health, Plan, delays, figures_of};
use crate::figure::{Figure, Target};
use blobwatch_detector::AnomalyKind;
use std::panic::resume_unwind;

/// Blob starts of the cohort in a minute.
const VOLUMES: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];

/// Of its pulls, those that are hit.
const HIT: [f64; 3] = [0.05, 0.2, 1.0];

/// What a kind counts while nothing is wrong.
struct Profile {
    kind: AnomalyKind,
    /// Trials for each blob start, and the share of events.
    trials: f64,
    rate: f64,
    effect: Effect,
}

/// What a pull that is hit does.
enum Effect {
    /// It is a trial as ever, and an event.
    Hits,
    /// Of the starts, this share comes again as one more trial, which is an event.
    Adds(f64),
}

const PROFILES: [Profile; 11] = [
    adding(AnomalyKind::ResumeSurge, 0.35, 0.0045, LARGE),
    // Its trials are resumes, of which there are hardly any in health.
    adding(AnomalyKind::StallSurge, 0.0016, 0.03, LARGE),
    adding(AnomalyKind::RestartSurge, 0.7, 0.01, 0.7),
    hitting(AnomalyKind::RangeRefused, 0.1, 0.001),
    hitting(AnomalyKind::AbortSurge, 0.1, 0.01),
    hitting(AnomalyKind::StartFailed, 1.0, 0.001),
    hitting(AnomalyKind::StartRefused, 1.0, 0.004),
    // Of a registry that redirects.
    hitting(AnomalyKind::TargetUnreached, 1.0, 0.01),
    hitting(AnomalyKind::RangeLoop, 1.0, 0.0002),
    hitting(AnomalyKind::SlowSurge, 0.035, 0.025),
    hitting(AnomalyKind::ContentSuspect, 0.1, 0.0005),
];

/// Of blob starts, those of 1 MiB or more.
const LARGE: f64 = 0.35;

const fn hitting(kind: AnomalyKind, trials: f64, rate: f64) -> Profile {
    Profile {
        kind,
        trials,
        rate,
        effect: Effect::Hits,
    }
}

const fn adding(kind: AnomalyKind, trials: f64, rate: f64, reach: f64) -> Profile {
    Profile {
        kind,
        trials,
        rate,
        effect: Effect::Adds(reach),
    }
}

impl Profile {
    fn fault(&self, volume: f64, hit: f64) -> Fault {
        match self.effect {
            Effect::Hits => Fault::Hits(hit),
            Effect::Adds(reach) => Fault::Adds(volume * reach * hit),
        }
    }

    fn figures(&self, plan: Plan, volume: f64) -> Vec<Figure> {
        let health = Health {
            per_minute: volume * self.trials,
            rate: self.rate,
            usual: self.kind.usual(),
        };
        let faults = HIT.map(|hit| self.fault(volume, hit));
        let delays = delays(plan, health, &faults);
        let of_share = |(hit, delays): (f64, Vec<_>)| {
            let kind = self.kind.as_str();
            let name = |who: &str| format!("{kind}, {} % hit, {volume} starts a minute: {who}", 100.0 * hit);
            figures_of(&delays, name, Target::None)
        };
        HIT.into_iter().zip(delays).flat_map(of_share).collect()
    }
}

/// A volume of all kinds at a time on each core.
pub(in crate::detect) fn run(plan: Plan) -> Vec<Figure> {
    let of_volume = |volume: f64| {
        let all = PROFILES.iter().map(move |profile| profile.figures(plan, volume));
        all.collect::<Vec<_>>()
    };
    let by_volume: Vec<Vec<Vec<Figure>>> = std::thread::scope(|scope| {
        let threads = VOLUMES.map(|volume| scope.spawn(move || of_volume(volume)));
        let figures = threads.map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        figures.into()
    });
    by_volume.into_iter().flatten().flatten().collect()
}
