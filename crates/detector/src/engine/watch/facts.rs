//! What an anomaly is described from.

use crate::breadths::Breadths;
use crate::cohort::Cohort;
use crate::engine::Past;
use crate::kind::AnomalyKind;
use crate::locate::Span;
use crate::naming;
use crate::naming::Naming;
use crate::normal::Rates;
use crate::rules::Switch;
use crate::upstream::UpstreamFires;
use crate::window::{Bucket, Window};
use blobwatch_records::CellKey;
use blobwatch_upstream::UpstreamWindow;

#[derive(Clone, Copy)]
pub(in crate::engine) struct Facts<'a> {
    pub(in crate::engine) window: &'a Window,
    pub(in crate::engine) switches: &'a [Switch],
    pub(in crate::engine) past: &'a [Past],
    pub(in crate::engine) breadths: &'a Breadths,
    pub(in crate::engine) upstream: &'a UpstreamFires,
    pub(in crate::engine) windows: &'a [UpstreamWindow],
}

impl Facts<'_> {
    /// What an anomaly was about that is over.
    pub(in crate::engine) fn was_wrong(&self, bucket: &Bucket, key: &CellKey) -> bool {
        let held = |past: &Past| past.holds(bucket.first, bucket.last, key);
        self.past.iter().any(held)
    }

    /// A cohort's name by all attributes.
    pub(in crate::engine) fn naming(
        &self,
        kind: AnomalyKind,
        cohort: &Cohort,
        span: Span,
        rates: &Rates,
        before: Option<&Cohort>,
    ) -> Naming {
        let least = self.breadths.of_events(self.window, kind, cohort, span);
        let question = naming::Question {
            window: self.window,
            kind,
            cohort,
            span,
            rates,
            was_wrong: &|bucket, key| self.was_wrong(bucket, key),
            min_networks: least.networks,
        };
        naming::name(&question, before)
    }
}
