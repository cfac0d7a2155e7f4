//! States that older builds saved (formats 5 and 6): what was of fixed length then is not any more.
//!
//! Kinds that they did not test begin to learn; their tests take over the smaller share of the promise that each has now.

use std::collections::{BTreeMap, VecDeque};

use blobwatch_detect::monitor::Monitor;
use serde::Deserialize;

use super::watch::OlderWatch;
use super::{DAYS_PER_TEST, Engine, Incident, Past, Pending, Uncounted, max_cohorts, monitor};
use crate::anomaly::{Anomaly, HistoryEntry, Moment};
use crate::broad::Affected as Counted;
use crate::cliff::Cliff;
use crate::cohort::Cohort;
use crate::handling::Handling;
use crate::kind::AnomalyKind;
use crate::normal::{Normal, Sums};
use crate::rules::{Contrast, RouteChange, Suspect, Switch};
use crate::window::{Bucket, Row, Window};
use blobwatch_records::{Affected, Breadth, Cell, CellCounts, CellKey, Event, Evidence};

/// Counts of one cell, in the order of its stored bytes.
#[derive(Debug, Deserialize)]
struct Counts([u32; 26]);

/// Resumes, repeats, restarts, refusals and aborts.
#[derive(Debug, Deserialize)]
struct ByEvent([Breadth; 5]);

#[derive(Debug, Deserialize)]
struct OlderRow {
    counts: Counts,
    affected: Option<Box<ByEvent>>,
    evidence: Vec<Evidence>,
}

#[derive(Debug, Deserialize)]
struct OlderBucket {
    first: u64,
    last: u64,
    rows: BTreeMap<u32, OlderRow>,
    other: Counts,
}

#[derive(Debug, Deserialize)]
struct OlderWindow {
    keys: Vec<Option<CellKey>>,
    buckets: VecDeque<OlderBucket>,
}

#[derive(Debug, Deserialize)]
struct OlderNormal {
    combinations: BTreeMap<CellKey, [(f32, f32); 5]>,
    hour: u64,
}

#[derive(Debug, Deserialize)]
struct OlderCell {
    key: CellKey,
    counts: Counts,
    affected: ByEvent,
    evidence: Vec<Evidence>,
}

#[derive(Debug, Deserialize)]
struct OlderPending {
    cells: BTreeMap<CellKey, OlderCell>,
    other: Counts,
}

#[derive(Debug, Deserialize)]
struct OlderSuspect {
    rule: String,
    lift: f64,
    share: f64,
    events: u64,
    contrast: Contrast,
    switched_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OlderAnomaly {
    id: u64,
    kinds: Vec<AnomalyKind>,
    onset_ms: u64,
    opened_ms: u64,
    closed_ms: Option<u64>,
    reopened: u32,
    cohort: Cohort,
    baseline: f64,
    observed: f64,
    affected: Counted,
    rules: Vec<OlderSuspect>,
    routes: Vec<RouteChange>,
    evidence: Vec<String>,
    history: Vec<OlderEntry>,
}

#[derive(Debug, Deserialize)]
struct OlderEntry {
    time_ms: u64,
    moment: Moment,
    text: String,
}

/// An engine as these builds saved it.
#[derive(Debug, Deserialize)]
pub(crate) struct OlderEngine {
    monitors: Vec<Monitor>,
    window: OlderWindow,
    normal: OlderNormal,
    cliff: Cliff,
    pending: BTreeMap<u64, OlderPending>,
    ticked: Option<u64>,
    rolled: u64,
    incidents: Vec<Incident>,
    open: Vec<OlderWatch>,
    closed: Vec<OlderWatch>,
    past: Vec<Past>,
    switches: Vec<Switch>,
    next_id: u64,
    uncounted: Uncounted,
    totals: BTreeMap<String, [u64; 10]>,
}

impl From<OlderEngine> for Engine {
    fn from(older: OlderEngine) -> Self {
        let mut monitors = older.monitors;
        for (monitor, kind) in monitors.iter_mut().zip(AnomalyKind::RATES) {
            monitor.promise(DAYS_PER_TEST, max_cohorts(kind));
        }
        let known = monitors.len();
        monitors.extend(AnomalyKind::RATES.into_iter().skip(known).map(monitor));
        let pending = older.pending.into_iter();
        let totals = older.totals.into_iter();
        Self {
            monitors,
            window: older.window.into(),
            normal: older.normal.into(),
            cliff: older.cliff,
            pending: pending.map(|(slot, pending)| (slot, pending.into())).collect(),
            ticked: older.ticked,
            rolled: older.rolled,
            incidents: older.incidents,
            open: older.open.into_iter().map(Into::into).collect(),
            closed: older.closed.into_iter().map(Into::into).collect(),
            past: older.past,
            switches: older.switches,
            next_id: older.next_id,
            uncounted: older.uncounted,
            totals: totals
                .map(|(route, sums)| (route, sums.to_vec().into()))
                .collect(),
            ..Self::default()
        }
    }
}

impl From<Counts> for CellCounts {
    fn from(Counts(known): Counts) -> Self {
        known.to_vec().into()
    }
}

impl From<ByEvent> for Affected {
    fn from(ByEvent(known): ByEvent) -> Self {
        let mut affected = Self::default();
        for (event, breadth) in Event::ALL.into_iter().zip(known) {
            affected.merge_event(event, &breadth);
        }
        affected
    }
}

impl From<OlderRow> for Row {
    fn from(older: OlderRow) -> Self {
        Self {
            counts: older.counts.into(),
            affected: older.affected.map(|affected| Box::new((*affected).into())),
            evidence: older.evidence,
            blobs: Vec::new(),
        }
    }
}

impl From<OlderWindow> for Window {
    fn from(older: OlderWindow) -> Self {
        let bucket = |bucket: OlderBucket| Bucket {
            first: bucket.first,
            last: bucket.last,
            rows: bucket
                .rows
                .into_iter()
                .map(|(number, row)| (number, row.into()))
                .collect(),
            other: bucket.other.into(),
            ..Bucket::default()
        };
        Self::of_parts(older.keys, older.buckets.into_iter().map(bucket).collect())
    }
}

impl From<OlderNormal> for Normal {
    fn from(older: OlderNormal) -> Self {
        let sums = |(key, sums): (CellKey, [(f32, f32); 5])| (key, Sums::from(sums.to_vec()));
        Self::of_parts(older.combinations.into_iter().map(sums).collect(), older.hour)
    }
}

impl From<OlderPending> for Pending {
    fn from(older: OlderPending) -> Self {
        let cell = |(key, cell): (CellKey, OlderCell)| {
            let cell = Cell {
                counts: cell.counts.into(),
                affected: cell.affected.into(),
                evidence: cell.evidence,
                ..Cell::new(cell.key)
            };
            (key, cell)
        };
        Self {
            cells: older.cells.into_iter().map(cell).collect(),
            other: older.other.into(),
            ..Self::default()
        }
    }
}

impl From<OlderAnomaly> for Anomaly {
    fn from(older: OlderAnomaly) -> Self {
        let suspect = |suspect: OlderSuspect| Suspect {
            rule: suspect.rule,
            lift: suspect.lift,
            share: suspect.share,
            events: suspect.events,
            contrast: suspect.contrast,
            switched_ms: suspect.switched_ms,
            switched: None,
        };
        let entry = |entry: OlderEntry| HistoryEntry {
            time_ms: entry.time_ms,
            moment: entry.moment,
            text: entry.text,
            by: None,
        };
        Self {
            id: older.id,
            kinds: older.kinds,
            onset_ms: older.onset_ms,
            opened_ms: older.opened_ms,
            closed_ms: older.closed_ms,
            reopened: older.reopened,
            cohort: older.cohort,
            named: None,
            baseline: older.baseline,
            observed: older.observed,
            affected: older.affected,
            rules: older.rules.into_iter().map(suspect).collect(),
            routes: older.routes,
            windows: Vec::new(),
            evidence: older.evidence,
            history: older.history.into_iter().map(entry).collect(),
            detail: String::new(),
            responses: Vec::new(),
            handling: Handling::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OlderWatch;
    use crate::anomaly::Moment;
    use crate::engine::watch::Watch;
    use crate::kind::AnomalyKind;
    use crate::rules::Contrast;
    use blobwatch_records::Breadth;

    /// What postcard writes of a struct is what it writes of a tuple of its fields.
    #[test]
    fn an_open_anomaly_of_an_older_build_goes_on() {
        let suspect = ("botnet-sig", 210.0, 0.97, 900u64, Contrast::Inside, Some(7u64));
        let named = (
            12u64,
            vec![AnomalyKind::StallSurge],
            1u64,
            2u64,
            None::<u64>,
            3u32,
            Vec::<()>::new(),
            0.004,
            0.152,
            (1204u64, 212u64, true),
            vec![suspect],
        );
        let told = (
            Vec::<()>::new(),
            vec!["01M8"],
            vec![(2u64, Moment::Opened, "docker: resumes")],
        );
        let watch = (
            31u64,
            32u64,
            u64::MAX,
            Vec::<()>::new(),
            Breadth::default(),
            33u64,
            None::<(f64, u32)>,
        );
        let bytes = postcard::to_allocvec(&(named, told, watch)).unwrap();
        let watch: Watch = postcard::from_bytes::<OlderWatch>(&bytes).unwrap().into();
        let anomaly = &watch.anomaly;
        assert_eq!(
            (anomaly.id, anomaly.kind(), watch.onset),
            (12, AnomalyKind::StallSurge, 31)
        );
        assert_eq!(
            (anomaly.affected.clients, &*anomaly.rules[0].rule),
            (1204, "botnet-sig")
        );
        assert_eq!((anomaly.history.len(), &*anomaly.detail), (1, ""));
        let saved = postcard::to_allocvec(&watch).unwrap();
        let again: Watch = postcard::from_bytes(&saved).unwrap();
        assert_eq!(again.anomaly, watch.anomaly);
    }
}
