//! The longest that the Detector, a FireLog and a preview compute between two pauses, in CPU time of this process.
//!
//! In scope: some 20,000 cohorts through an hour of health and a fault, saved, opened again and asked for everything; records that come to a
//! full FireLog; and a preview of stored records, from its slices to its report. Not in scope: Wasm, which takes several times as long, and
//! turns of the event loop; `stalls` on workerd has both.

mod fire_log;

use crate::detect::cost::{batch, thread_cpu};
use crate::figure::{Figure, Target};
use crate::preview::{CANDIDATES, plan};
use crate::query::database;
use anyhow::{Context, Result, anyhow};
use blobwatch_detect::simulate::Random;
use blobwatch_detector::{AllowedAddresses, Detector, answer, keep_sums, report_facts, save_when_due};
use blobwatch_previews::{Budget, Partial, Replay, Report, Slice, SliceCall, SliceTask, scan_slice};
use blobwatch_records::{CellBatch, SLOT_S};
use blobwatch_sql::{Native, Pace, Slices, at_once};
use blobwatch_wire::ApiRequest;
use std::cell::{Cell, RefCell};
use std::future::ready;
use std::time::Duration;

/// Natively; Wasm on a slower machine has the rest of 50 ms.
const TARGET: Target = Target::AtMost(12.0);

/// Client builds in places: 20,000 cohorts of all kinds.
const LEAVES: usize = 3_000;
const STARTS: u32 = 40;

/// An hour of health, then a fault.
const HEALTHY_SLOTS: u64 = 400;
const SLOTS: u64 = 460;
const FIRST: u64 = 170_000_000;

/// How long each stretch was, in milliseconds.
struct Stretches {
    began: Cell<Duration>,
    all: RefCell<Vec<f64>>,
}

impl Stretches {
    fn begin() -> Result<Self> {
        Ok(Self {
            began: Cell::new(thread_cpu()?),
            all: RefCell::default(),
        })
    }

    fn note(&self) {
        if let Ok(now) = thread_cpu() {
            let stretch = now.saturating_sub(self.began.replace(now));
            self.all.borrow_mut().push(stretch.as_secs_f64() * 1e3);
        }
    }

    /// Of everything since it began.
    fn longest(&self) -> f64 {
        self.note();
        self.all.borrow().iter().copied().fold(0.0, f64::max)
    }
}

fn pace(stretches: &Stretches) -> impl Pace {
    Slices::new(|| {
        stretches.note();
        ready(())
    })
}

/// # Errors
/// When SQLite refuses, or the CPU clock cannot be read.
pub(super) fn run(records: u32) -> Result<Vec<Figure>> {
    let mut figures = detector()?;
    figures.extend(fire_log::figures(records)?);
    figures.extend(preview(records)?);
    Ok(figures)
}

fn longest(name: &str, samples: Vec<f64>) -> Figure {
    Figure::new(format!("{name}: longest stretch"), "ms", samples, TARGET)
}

fn detector() -> Result<Vec<Figure>> {
    let folder = std::env::temp_dir().join(format!("blobwatch-stretches-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("detector.sqlite");
    let outcome = of_detector(&file);
    std::fs::remove_dir_all(&folder).context("failed to remove the database")?;
    outcome
}

fn of_detector(file: &std::path::Path) -> Result<Vec<Figure>> {
    let mut detector = Detector::open(Native::open(file)?, FIRST * SLOT_S * 1000)?;
    let (mut healthy, mut faulty) = (Vec::new(), Vec::new());
    let (mut accepted, mut saved) = (Vec::new(), Vec::new());
    let mut random = Random::new(9);
    let mut now_ms = 0;
    for slot in FIRST..FIRST + SLOTS {
        let is_faulty = slot >= FIRST + HEALTHY_SLOTS;
        now_ms = (slot + 1) * SLOT_S * 1000 + 7_000;
        let stretches = Stretches::begin()?;
        detector.tick(now_ms)?;
        stretches.note();
        let shared = RefCell::new(&mut detector);
        at_once(keep_sums(&shared, now_ms, &pace(&stretches))).context("it paused")??;
        let ticks = if is_faulty { &mut faulty } else { &mut healthy };
        ticks.push(stretches.longest());
        let stretches = Stretches::begin()?;
        at_once(save_when_due(&shared, now_ms, &pace(&stretches))).context("it paused")??;
        saved.push(stretches.longest());
        for part in 0..LEAVES.div_ceil(300) {
            let mut batch = batch(part, slot, LEAVES, STARTS, &mut random);
            if is_faulty {
                fault(&mut batch);
            }
            let (bytes, stretches) = (batch.encode(), Stretches::begin()?);
            detector.accept(&bytes, batch, now_ms)?;
            accepted.push(stretches.longest());
        }
    }
    let setup = format!("{} cohorts", detector.engine().cohorts());
    let mut figures = vec![
        longest(&format!("{setup}, ticks in health"), vec![worst(&healthy)]),
        longest("ticks in a fault", vec![worst(&faulty)]),
        longest("saving", vec![worst(&saved)]),
        longest("a batch that comes", vec![worst(&accepted)]),
    ];
    for path in [
        "timeline?by=fingerprint",
        "timeline",
        "cohorts?x=colo&y=os",
        "anomalies",
        "metrics",
    ] {
        figures.push(longest(path, vec![asked(&detector, path, now_ms)?]));
    }
    let open = detector.engine().open().count();
    let id = detector.engine().open().next().map(|anomaly| anomaly.name());
    if let Some(id) = id {
        let stretches = Stretches::begin()?;
        at_once(report_facts(&detector, &id, now_ms, &pace(&stretches)))
            .context("it paused")?
            .map_err(|problem| anyhow!("{problem:?}"))?;
        figures.push(longest(
            &format!("a report of {open} open"),
            vec![stretches.longest()],
        ));
    }
    drop(detector);
    let stretches = Stretches::begin()?;
    drop(Detector::open(Native::open(file)?, now_ms)?);
    figures.push(longest("opening its state and log", vec![stretches.longest()]));
    Ok(figures)
}

fn worst(samples: &[f64]) -> f64 {
    samples.iter().copied().fold(0.0, f64::max)
}

/// Downloads of one system are resumed.
fn fault(batch: &mut CellBatch) {
    for cell in batch.cells.iter_mut().filter(|cell| &*cell.key.os == "os3") {
        let counts = &mut cell.counts;
        counts.resumes += counts.starts / 4;
        counts.large_resumes += counts.large_starts / 4;
        counts.requests += counts.starts / 4;
    }
}

fn asked(detector: &Detector<Native>, path: &str, now_ms: u64) -> Result<f64> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let call = ApiRequest::get(path, query, "bench", now_ms);
    let stretches = Stretches::begin()?;
    at_once(answer(
        detector,
        &call,
        AllowedAddresses::Public,
        &pace(&stretches),
    ))
    .context("it paused")?
    .map_err(|problem| anyhow!("{problem:?}"))?;
    Ok(stretches.longest())
}

fn preview(records: u32) -> Result<Vec<Figure>> {
    let sql = Native::open(&database(records)?)?;
    let mut figures = Vec::new();
    for (name, expression) in CANDIDATES {
        let plan = plan(expression)?;
        let mut replay = Replay::new(&plan).map_err(|error| anyhow!("{error}"))?;
        let (mut whole, mut from_ms) = (Partial::default(), Some(plan.since_ms));
        let (mut scanning, mut telling) = (Vec::new(), Vec::new());
        while let Some(from_now_ms) = from_ms {
            let call = SliceCall {
                plan: plan.clone(),
                from_ms: from_now_ms,
                task: SliceTask::Count,
            };
            let stretches = Stretches::begin()?;
            let pace = pace(&stretches);
            let slice = scan_slice(&sql, &mut replay, &call, Budget::default(), &pace);
            let slice = at_once(slice).context("it paused")??;
            scanning.push(stretches.longest());
            let stretches = Stretches::begin()?;
            let pace = self::pace(&stretches);
            let text = serde_json::to_string(&slice)?;
            stretches.note();
            let slice: Slice = serde_json::from_str(&text)?;
            stretches.note();
            from_ms = slice.next_ms;
            at_once(whole.join(slice.part, &pace)).context("it paused")?;
            telling.push(stretches.longest());
        }
        let stretches = Stretches::begin()?;
        let report = at_once(Report::of(&plan, whole, &self::pace(&stretches))).context("it paused")?;
        drop(serde_json::to_string(&report)?);
        figures.push(longest(
            &format!("preview, {name}: counting"),
            vec![worst(&scanning)],
        ));
        figures.push(longest("  telling and joining", vec![worst(&telling)]));
        figures.push(longest("  the report", vec![stretches.longest()]));
    }
    Ok(figures)
}
