//! The objects of which there is one: the Detector and the RuleBook.

use super::colo::{Document, ForOthers};
use super::counted::Counted;
use super::spent::{Part, Spent};
use crate::detect::cost::thread_cpu;
use anyhow::{Context, Result, anyhow};
use blobwatch_detector::{
    AllowedAddresses, Anomaly, AnomalyKind, Detector, answer, keep_sums, save_when_due,
};
use blobwatch_records::{CellBatch, OpenCohort, SLOT_S};
use blobwatch_rule_book::{Loads, RuleBookStore, take_load};
use blobwatch_rulebook::Rulebook;
use blobwatch_sql::{Native, Sql, Unpaced, at_once, number};
use blobwatch_wire::{ApiRequest, Problem};
use std::cell::RefCell;
use std::path::Path;

/// What the night of July 2020 is seen by.
const KINDS: [AnomalyKind; 2] = [AnomalyKind::ResumeSurge, AnomalyKind::StallSurge];

pub(crate) struct Centre {
    detector: Detector<Counted>,
    book: RuleBookStore<Counted>,
    loads: Loads,
    alarm_ms: u64,
    pub(super) spent: Spent,
    /// Milliseconds of CPU of each tick that tested a slot.
    pub(super) ticks_ms: Vec<f64>,
    /// Of the alarm that added up most before it ticked.
    pub(super) longest_sums_ms: f64,
    /// Milliseconds from the end of a slot until it was tested.
    pub(super) lags_ms: Vec<f64>,
    /// Bytes that the Detector holds.
    pub(super) bytes: i64,
    pub(super) most_bytes: i64,
    pub(super) batches: u64,
    pub(super) cells: u64,
    pub(super) cell_bytes: u64,
}

impl Centre {
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn open(folder: &Path, rulebook: &Rulebook, now_ms: u64) -> Result<Self> {
        let sql = |name| Native::open(&folder.join(name)).map(Counted::new);
        Ok(Self {
            detector: Detector::open(sql("detector.db")?, now_ms)?,
            book: RuleBookStore::open(sql("rulebook.db")?, rulebook, now_ms)?,
            loads: Loads::default(),
            alarm_ms: u64::MAX,
            spent: Spent::default(),
            ticks_ms: Vec::new(),
            longest_sums_ms: 0.0,
            lags_ms: Vec::new(),
            bytes: 0,
            most_bytes: 0,
            batches: 0,
            cells: 0,
            cell_bytes: 0,
        })
    }

    /// # Errors
    /// When it cannot be read.
    pub(crate) fn document(&self) -> Result<Document> {
        Ok(Document {
            epoch: self.book.epoch()?,
            text: serde_json::to_string(&self.book.document()?)?,
        })
    }

    /// Takes in what a second brought; the rulebook, where that changed it.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn take(&mut self, told: Vec<ForOthers>, now_ms: u64) -> Result<Option<Document>> {
        let mut is_changed = false;
        for others in told {
            for name in &others.new {
                self.book.fire_log_seen(name, self.book.revision()?, now_ms)?;
            }
            for load in &others.loads {
                self.spent.object_requests += 1;
                let (book, loads) = (&self.book, &mut self.loads);
                let taken = self
                    .spent
                    .of(Part::RuleBook, || take_load(book, loads, load, now_ms));
                is_changed |= taken.map_err(|problem| anyhow!("{}", problem.detail))?;
            }
            for body in others.cells {
                self.accept(&body, now_ms)?;
            }
        }
        if self.alarm_ms <= now_ms {
            self.tick(now_ms)?;
        }
        is_changed.then(|| self.document()).transpose()
    }

    fn accept(&mut self, body: &[u8], now_ms: u64) -> Result<()> {
        self.spent.object_requests += 1;
        self.batches += 1;
        self.cell_bytes += body.len() as u64;
        let detector = &mut self.detector;
        let mut taken = Ok(0);
        let held = allocation_counter::measure(|| {
            taken = self.spent.of(Part::Cells, || -> Result<usize> {
                let batch = CellBatch::decode(body)?;
                let cells = batch.cells.len();
                detector.accept(body, batch, now_ms)?;
                Ok(cells)
            });
        });
        self.hold(held.bytes_current, held.bytes_max);
        self.cells += taken? as u64;
        self.ring(now_ms)
    }

    fn hold(&mut self, more: i64, most: u64) {
        self.most_bytes = self
            .most_bytes
            .max(self.bytes + i64::try_from(most).unwrap_or(i64::MAX));
        self.bytes += more;
    }

    fn ring(&mut self, now_ms: u64) -> Result<()> {
        if let Some(due_ms) = self.detector.next_alarm_ms(now_ms)?
            && due_ms < self.alarm_ms
        {
            self.alarm_ms = due_ms;
            self.spent.alarms_set += 1;
        }
        Ok(())
    }

    fn tick(&mut self, now_ms: u64) -> Result<()> {
        let before = (self.detector.engine().ticked(), self.spent.seconds(Part::Ticks));
        self.spent.alarms += 1;
        self.add_up(now_ms)?;
        let detector = &mut self.detector;
        let mut ticked = Ok(());
        let held = allocation_counter::measure(|| {
            ticked = self.spent.of(Part::Ticks, || {
                detector.tick(now_ms)?;
                let saved = at_once(save_when_due(&RefCell::new(detector), now_ms, &Unpaced));
                saved.unwrap_or(Ok(()))
            });
        });
        self.hold(held.bytes_current, held.bytes_max);
        ticked?;
        let after = self.detector.engine().ticked();
        if let Some(slot) = after.filter(|_| after != before.0) {
            self.ticks_ms
                .push((self.spent.seconds(Part::Ticks) - before.1) * 1_000.0);
            self.lags_ms
                .push(now_ms.saturating_sub((slot + 1) * SLOT_S * 1_000) as f64);
        }
        self.alarm_ms = u64::MAX;
        self.ring(now_ms)
    }

    /// What the alarm does before it ticks.
    fn add_up(&mut self, now_ms: u64) -> Result<()> {
        let before_s = self.spent.seconds(Part::Sums);
        let detector = RefCell::new(&mut self.detector);
        let mut done = None;
        let held = allocation_counter::measure(|| {
            done = self
                .spent
                .of(Part::Sums, || at_once(keep_sums(&detector, now_ms, &Unpaced)));
        });
        self.hold(held.bytes_current, held.bytes_max);
        done.context("it paused")??;
        let took_ms = (self.spent.seconds(Part::Sums) - before_s) * 1_000.0;
        self.longest_sums_ms = self.longest_sums_ms.max(took_ms);
        Ok(())
    }

    /// Whom open anomalies are about.
    pub(crate) fn open_cohorts(&self) -> Vec<OpenCohort> {
        self.detector.open_cohorts()
    }

    /// The anomaly of the night, once it is open: what it says.
    pub(super) fn told(&self) -> Option<String> {
        let mut open = self.detector.engine().open();
        let found = open.find(|anomaly| anomaly.kinds.iter().any(|kind| KINDS.contains(kind)))?;
        Some(found.sentence())
    }

    pub(super) fn cohorts(&self) -> usize {
        self.detector.engine().cohorts()
    }

    /// What is open, whatever it is.
    pub(crate) fn open_anomalies(&self) -> impl Iterator<Item = &Anomaly> {
        self.detector.engine().open()
    }

    /// What is open, whatever the night.
    pub(super) fn sentences(&self) -> Vec<String> {
        self.detector
            .engine()
            .open()
            .map(|anomaly| anomaly.sentence())
            .collect()
    }

    /// Requests that were in no cohort.
    pub(super) fn other_requests(&self) -> u64 {
        self.detector.engine().uncounted().other_requests
    }

    pub(super) fn rows(&self) -> (u64, u64) {
        let sql = self.detector.sql();
        (sql.written(), sql.read())
    }

    /// Milliseconds of CPU that a call of the API takes.
    ///
    /// # Errors
    /// When it is refused.
    pub(super) fn ask(&self, path: &str, query: &str, now_ms: u64) -> Result<f64> {
        let call = ApiRequest::get(path, query, "bench", now_ms);
        let began = thread_cpu()?;
        let reply = at_once(answer(&self.detector, &call, AllowedAddresses::Public, &Unpaced));
        let reply: Result<_, Problem> = reply.ok_or_else(|| anyhow!("it paused"))?;
        reply.map_err(|problem| anyhow!("{path}: {}", problem.detail))?;
        Ok((thread_cpu()? - began).as_secs_f64() * 1_000.0)
    }

    /// Repeats the newest minute that is kept, as if so many had been before it.
    ///
    /// # Errors
    /// When SQLite refuses.
    pub(super) fn keep_minutes_before(&self, minutes: u64) -> Result<()> {
        let newest = "(SELECT max(minute) FROM minute_marginal)";
        let marginals = "route, family, os, fingerprint, country, colo, asn";
        for (table, columns) in [("minute", "bytes"), ("minute_marginal", marginals)] {
            let repeat = format!(
                "INSERT OR IGNORE INTO {table} (minute, {columns}) \
                 SELECT minute - ?, {columns} FROM {table} WHERE minute = {newest}"
            );
            for before in 1..=minutes {
                self.detector.sql().run(&repeat, &[number(before)])?;
            }
        }
        Ok(())
    }
}
