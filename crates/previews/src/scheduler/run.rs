//! A preview in the middle.

use blobwatch_records::colo_of;
use blobwatch_rule_book::{PreviewPlan, Stamp};
use blobwatch_sql::Pace;

use super::MAX_SLICES;
use super::colo::Colo;
use super::log::Log;
use crate::{End, Partial, Preview, Progress, Report, Slice, SliceCall, Status};

#[derive(Debug, PartialEq)]
pub(crate) struct Run {
    preview: Preview,
    plan: PreviewPlan,
    colos: Vec<Colo>,
    whole: Partial,
    /// Why a FireLog does not answer, where that is known.
    refused: Option<String>,
}

impl Run {
    pub(crate) fn new(preview: Preview, plan: PreviewPlan, names: Vec<String>) -> Self {
        Self {
            preview,
            colos: colos(&plan, names),
            plan,
            whole: Partial::default(),
            refused: None,
        }
    }

    pub(super) fn refused(&mut self, why: String) {
        self.refused = Some(why);
    }

    pub(super) const fn preview(&self) -> &Preview {
        &self.preview
    }

    /// The next slices: of the first FireLogs that are to be asked.
    pub(crate) fn ask(&self) -> Vec<(String, SliceCall)> {
        let call = |(colo, place): (usize, usize)| self.colos.get(colo)?.call(place, &self.plan);
        self.due().into_iter().filter_map(call).collect()
    }

    /// Places of colos, and of FireLogs in them.
    fn due(&self) -> Vec<(usize, usize)> {
        let colos = self.colos.iter().zip(0..);
        let due = colos.flat_map(|(colo, at)| colo.due().map(move |place| (at, place)));
        due.take(MAX_SLICES).collect()
    }

    /// Takes the answers to [`Self::ask`], in its order; says whether one is missing.
    pub(crate) async fn take(&mut self, slices: Vec<Option<Slice>>, pace: &impl Pace) -> bool {
        let mut has_failed = false;
        for ((colo, place), slice) in self.due().into_iter().zip(slices) {
            has_failed |= slice.is_none();
            if let Some(colo) = self.colos.get_mut(colo) {
                self.whole.join(colo.take(place, slice), pace).await;
            }
        }
        for colo in &mut self.colos {
            colo.advance(self.plan.until_ms);
        }
        has_failed
    }

    pub(crate) fn progress(&self) -> Progress {
        let scanned = self.logs().map(|log| log.scanned).sum();
        let left: u64 = self.logs().map(|log| log.left).sum();
        Progress {
            scanned,
            total: scanned + left,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        !self.colos.iter().any(Colo::is_open)
    }

    fn logs(&self) -> impl Iterator<Item = &Log> {
        self.colos.iter().flat_map(|colo| &colo.logs)
    }

    #[cfg(test)]
    pub(crate) fn whole(self) -> Partial {
        self.whole
    }

    /// What comes of it, once it is over.
    pub(super) async fn end(&mut self, pace: &impl Pace) -> End {
        let failed = self.logs().filter(|log| log.has_failed());
        let incomplete: Vec<String> = failed.map(|log| log.name.clone()).collect();
        if !incomplete.is_empty() && incomplete.len() == self.logs().count() {
            let unknown = || "no FireLog answered".to_owned();
            let error = self.refused.clone().unwrap_or_else(unknown);
            return End::Failed { error };
        }
        let error = self.refused.clone().filter(|_| !incomplete.is_empty());
        let whole = std::mem::take(&mut self.whole);
        End::Done {
            report: Box::new(Report::of(&self.plan, whole, pace).await),
            incomplete,
            error,
        }
    }

    /// What the RuleBook is told of that end.
    pub(super) fn stamp(&self, end: &End, now_ms: u64) -> Option<Stamp> {
        let End::Done {
            report, incomplete, ..
        } = end
        else {
            return None;
        };
        let done = Preview {
            status: Status::Done,
            ended_ms: Some(now_ms),
            incomplete: incomplete.clone(),
            report: Some((**report).clone()),
            ..self.preview.clone()
        };
        done.stamp()
    }
}

/// FireLogs that go on together.
fn colos(plan: &PreviewPlan, names: Vec<String>) -> Vec<Colo> {
    let volume = plan.rule().and_then(|rule| rule.volume);
    let mut colos: Vec<(String, Colo)> = Vec::new();
    for name in names {
        let shared = volume.and_then(|_| colo_of(&name)).unwrap_or(&name).to_owned();
        let known = colos.iter_mut().find(|(colo, _)| *colo == shared);
        match known {
            Some((_, colo)) => colo.logs.push(Log::new(name)),
            None => {
                let mut colo = Colo::new(volume, plan.since_ms);
                colo.logs.push(Log::new(name));
                colos.push((shared, colo));
            }
        }
    }
    colos.into_iter().map(|(_, colo)| colo).collect()
}
