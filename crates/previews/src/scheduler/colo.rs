//! FireLogs whose records are replayed in step: those of a colo, over which a volume is counted. Without a volume each
//! FireLog goes on by itself.

use blobwatch_rule_book::PreviewPlan;
use blobwatch_rulebook::Volume;

use super::log::Log;
use crate::volume::{Windows, fires};
use crate::{Partial, Slice, SliceCall, SliceTask};

#[derive(Debug, PartialEq)]
pub(super) struct Colo {
    pub(super) logs: Vec<Log>,
    /// None at its end.
    from_ms: Option<u64>,
    volume: Option<(Volume, Windows)>,
    /// Where the stretch ends whose matches are known, while it is counted.
    until_ms: Option<u64>,
}

impl Colo {
    pub(super) fn new(volume: Option<Volume>, since_ms: u64) -> Self {
        Self {
            logs: Vec::new(),
            from_ms: Some(since_ms),
            volume: volume.map(|volume| (volume, Windows::default())),
            until_ms: None,
        }
    }

    /// Whether something is left to be asked.
    pub(super) fn is_open(&self) -> bool {
        self.from_ms.is_some() && self.logs.iter().any(|log| !log.has_failed())
    }

    /// Places of the FireLogs that are to be asked now.
    pub(super) fn due(&self) -> impl Iterator<Item = usize> {
        let is_due = |log: &Log| self.is_open() && !log.has_answered() && !log.has_failed();
        let places = self.logs.iter().zip(0..);
        places.filter(move |(log, _)| is_due(log)).map(|(_, place)| place)
    }

    pub(super) fn call(&self, place: usize, plan: &PreviewPlan) -> Option<(String, SliceCall)> {
        let log = self.logs.get(place)?;
        let task = match (&self.volume, self.until_ms) {
            (None, _) => SliceTask::Count,
            (Some(_), None) => SliceTask::Match {
                fire_logs: self.logs.len() as u64,
            },
            (Some(_), Some(until_ms)) => SliceTask::CountFires {
                until_ms,
                fires: log.fires.clone(),
            },
        };
        let call = SliceCall {
            plan: plan.clone(),
            from_ms: self.from_ms?,
            task,
        };
        Some((log.name.clone(), call))
    }

    /// Takes a FireLog's answer; what it counted is returned.
    pub(super) fn take(&mut self, place: usize, answer: Option<Slice>) -> Partial {
        let is_matching = self.volume.is_some() && self.until_ms.is_none();
        self.logs
            .get_mut(place)
            .map(|log| log.take(answer, is_matching))
            .unwrap_or_default()
    }

    /// Goes on where every FireLog has answered.
    pub(super) fn advance(&mut self, end_ms: u64) {
        if !self.is_open() || self.due().next().is_some() {
            return;
        }
        let next_ms = self.logs.iter().filter_map(Log::next_ms).min();
        match &mut self.volume {
            // The stretch ends where the first of them could not go on.
            Some((volume, windows)) if self.until_ms.is_none() => {
                let until_ms = next_ms.unwrap_or(end_ms);
                let found: Vec<_> = self.logs.iter_mut().map(Log::take_matches).collect();
                for (log, fires) in self.logs.iter_mut().zip(fires(&found, until_ms, volume, windows)) {
                    log.fires = fires;
                }
                self.until_ms = Some(until_ms);
            }
            _ => {
                self.from_ms = next_ms;
                self.until_ms = None;
            }
        }
        self.logs.iter_mut().for_each(Log::ask_again);
    }
}
