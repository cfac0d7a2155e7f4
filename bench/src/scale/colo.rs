//! One data centre: its isolates, and its FireLogs, second by second, by the same calls that the objects make.

use super::counted::Counted;
use super::played_request::PlayedRequest;
use super::spent::{Part, Spent};
use anyhow::{Context, Result};
use blobwatch_fire_log::{FireLog, handover};
use blobwatch_isolate::{Config, Isolate};
use blobwatch_records::OpenCohort;
use blobwatch_rulebook::{LoadReport, Plan, Program};
use blobwatch_sql::{Native, Unpaced, at_once};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How long a batch is on its way.
const FLUSH_MS: u64 = 20;

/// The rulebook as FireLogs are told of it.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) epoch: u64,
    pub(crate) text: String,
}

/// What a second brought for the objects of which there is one.
#[derive(Default)]
pub(crate) struct ForOthers {
    pub(super) cells: Vec<Vec<u8>>,
    pub(super) loads: Vec<LoadReport>,
    /// FireLogs that ask for the rulebook for the first time.
    pub(super) new: Vec<String>,
}

struct Log {
    log: FireLog<Counted>,
    /// When its alarm rings; setting it earlier is a row.
    alarm_ms: u64,
    spent_s: f64,
}

pub(crate) struct Colo {
    isolates: Vec<Isolate>,
    logs: BTreeMap<String, Log>,
    folder: PathBuf,
    document: Document,
    pub(super) spent: Spent,
}

impl Colo {
    /// # Errors
    /// When an isolate cannot be configured.
    pub(crate) fn new(
        rank: usize,
        isolates: usize,
        (shipped, document): (&[u8], &Document),
        folder: &Path,
    ) -> Result<Self> {
        let isolate = |number: usize| -> Result<Isolate> {
            let number = format!("{:012x}", (rank << 16) + number + 1);
            let origin = "https://origin.example";
            let (config, _) = Config::read(&number, "a secret", "", origin, &[]).context("no isolate")?;
            Ok(Isolate::new(config, Program::decode(shipped)?))
        };
        Ok(Self {
            isolates: (0..isolates).map(isolate).collect::<Result<_>>()?,
            logs: BTreeMap::new(),
            folder: folder.to_owned(),
            document: document.clone(),
            spent: Spent::default(),
        })
    }

    pub(super) fn fire_logs(&self) -> usize {
        self.logs.len()
    }

    pub(super) fn isolates(&self) -> usize {
        self.isolates.len()
    }

    /// Seconds of CPU of its busiest FireLog.
    pub(super) fn busiest_s(&self) -> f64 {
        self.logs.values().map(|log| log.spent_s).fold(0.0, f64::max)
    }

    pub(super) fn rows(&self) -> (u64, u64) {
        let sqls = self.logs.values().map(|log| log.log.sql());
        sqls.fold((0, 0), |(written, read), sql| {
            (written + sql.written(), read + sql.read())
        })
    }

    /// Milliseconds that a record is late at its FireLog, of the minute before.
    pub(super) fn lag_ms(&mut self, now_ms: u64) -> Vec<f64> {
        let loads = self.logs.values_mut().map(|log| log.log.load(now_ms));
        loads
            .filter(|load| load.records > 0)
            .map(|load| load.lag_ms())
            .collect()
    }

    /// # Errors
    /// When SQLite refuses.
    pub(crate) fn push(&mut self, document: &Document) -> Result<()> {
        self.document = document.clone();
        for log in self.logs.values_mut() {
            log.log.keep_rulebook(document.epoch, &document.text)?;
            self.spent.object_requests += 1;
        }
        Ok(())
    }

    pub(super) fn tell(&mut self, open: &[OpenCohort]) {
        for log in self.logs.values_mut() {
            log.log.open_cohorts(open.to_vec());
        }
    }

    /// # Errors
    /// When something refuses what it should take.
    pub(crate) fn second(&mut self, second: u64, asked: &[PlayedRequest]) -> Result<ForOthers> {
        let mut others = ForOthers::default();
        self.spent.requests += asked.len() as u64;
        let share = asked.len().div_ceil(self.isolates.len()).max(1);
        // Neighbours in time go to one isolate: of the second only, so that none has a client to itself.
        for (at, asked) in asked.chunks(share).enumerate() {
            self.serve((at + second as usize) % self.isolates.len(), asked, &mut others)?;
        }
        let now_ms = (second + 1) * 1_000;
        for at in 0..self.isolates.len() {
            self.flush(at, now_ms, &mut others)?;
        }
        self.ring(now_ms, &mut others)?;
        Ok(others)
    }

    fn serve(&mut self, at: usize, asked: &[PlayedRequest], others: &mut ForOthers) -> Result<()> {
        for part in asked.chunks(64) {
            let isolate = self.isolates.get_mut(at).context("no isolate")?;
            self.spent.of(Part::Requests, || -> Result<()> {
                for request in part {
                    let plan = isolate.decide(&request.facts, true)?;
                    if let Plan::Watch(watched) = plan {
                        if watched.observe {
                            isolate.answered(watched.id, &request.seen(false));
                        }
                        isolate.settle(watched.id, &request.seen(watched.observe));
                    }
                }
                Ok(())
            })?;
            let now_ms = part.last().map_or(0, |request| request.time_ms);
            self.flush(at, now_ms, others)?;
        }
        Ok(())
    }

    fn flush(&mut self, at: usize, now_ms: u64, others: &mut ForOthers) -> Result<()> {
        loop {
            let isolate = self.isolates.get_mut(at).context("no isolate")?;
            let flush = self.spent.of(Part::Requests, || isolate.next_flush(now_ms));
            let Some(flush) = flush else {
                return Ok(());
            };
            self.find(&flush.to, others)?;
            self.take_over(&flush.to, now_ms)?;
            let log = self.logs.get_mut(&flush.to).context("no FireLog")?;
            let arrival_ms = now_ms + FLUSH_MS;
            let before_s = self.spent.seconds(Part::Flushes);
            let reply = self.spent.of(Part::Flushes, || {
                log.log
                    .accept(&flush.body, arrival_ms)
                    .map(|reply| reply.encode())
            })?;
            log.spent_s += self.spent.seconds(Part::Flushes) - before_s;
            self.spent.object_requests += 1;
            self.spent.flushes += 1;
            let due_ms = log.log.next_alarm_ms(arrival_ms);
            if log.alarm_ms > due_ms {
                log.alarm_ms = due_ms;
                self.spent.alarms_set += 1;
            }
            let isolate = self.isolates.get_mut(at).context("no isolate")?;
            self.spent
                .of(Part::Requests, || isolate.learn(&flush.to, &reply, arrival_ms))?;
        }
    }

    /// The FireLog of a name, made when it is first sent something.
    fn find(&mut self, name: &str, others: &mut ForOthers) -> Result<()> {
        if self.logs.contains_key(name) {
            return Ok(());
        }
        let sql = Counted::new(Native::open(&self.folder.join(format!("{name}.db")))?);
        let mut log = FireLog::open(sql)?;
        log.be_named(name)?;
        log.keep_rulebook(self.document.epoch, &self.document.text)?;
        self.spent.object_requests += 1;
        others.new.push(name.to_owned());
        let log = Log {
            log,
            alarm_ms: u64::MAX,
            spent_s: 0.0,
        };
        self.logs.insert(name.to_owned(), log);
        Ok(())
    }

    /// As the object does before its first batch since the number of its colo has changed.
    fn take_over(&mut self, name: &str, now_ms: u64) -> Result<()> {
        let log = &mut self.logs.get_mut(name).context("no FireLog")?.log;
        let Some((fire_logs, place, names)) = log.predecessors(now_ms) else {
            return Ok(());
        };
        log.takes_over(now_ms);
        for other in names {
            let Some(before) = self.logs.get_mut(&other) else {
                continue;
            };
            let asked = RefCell::new(&mut before.log);
            let handed = self.spent.of(Part::Alarms, || {
                at_once(handover(&asked, (fire_logs, place), &Unpaced)).context("it paused")
            })??;
            self.spent.object_requests += 1;
            let log = &mut self.logs.get_mut(name).context("no FireLog")?.log;
            log.take_handover(&handed.encode(), (fire_logs, place))?;
        }
        Ok(())
    }

    /// The alarms that are due.
    fn ring(&mut self, now_ms: u64, others: &mut ForOthers) -> Result<()> {
        for log in self.logs.values_mut().filter(|log| log.alarm_ms <= now_ms) {
            let before_s = self.spent.seconds(Part::Alarms);
            loop {
                self.spent.alarms += 1;
                if !self.spent.of(Part::Alarms, || log.log.tend(now_ms))?.more {
                    break;
                }
            }
            others.loads.extend(log.log.load_report(now_ms));
            loop {
                let due = self.spent.of(Part::Alarms, || log.log.due_cells(now_ms))?;
                log.log.cells_tried(now_ms);
                if due.is_empty() {
                    break;
                }
                for batch in due {
                    others.cells.push(batch.body);
                    log.log.cells_acknowledged(batch.seq);
                }
            }
            log.alarm_ms = log.log.next_alarm_ms(now_ms);
            self.spent.alarms_set += 1;
            log.spent_s += self.spent.seconds(Part::Alarms) - before_s;
        }
        Ok(())
    }
}
