//! As many cells as FireLogs may send: one Detector for all colos, each with a full batch in every slot.

use super::calls::calls;
use super::centre::Centre;
use super::colo::ForOthers;
use super::spent::Part;
use super::world::colo_name;
use crate::detect::cost::{cell, count};
use crate::figure::{Figure, Target};
use anyhow::Result;
use blobwatch_detect::simulate::Random;
use blobwatch_pull::Family;
use blobwatch_records::{Affected, CellBatch, CellKey, MAX_CELLS, SLOT_S};
use blobwatch_rulebook::starter;
use std::path::Path;
use std::sync::Arc;

/// Starts of a cell in a slot: 60,000 requests a second over 300 colos with 384 cells each.
const STARTS: u32 = 5;

/// Slots before anything is counted, so that cohorts are tested and the window is full, and slots that are.
const WARM_UP: u64 = 36;

/// Slots of a fault of every kind, in which each kind's alarm is looked at in every slot: nobody is known to be hit, so it is no
/// anomaly.
const ALARMED: u64 = 12;
const HIT_COLOS: usize = 30;
const HIT_SYSTEM: &str = "os3";

/// Minutes that are kept when calls are measured: a day.
const MINUTES: u64 = 1_440;

/// The promise of a tick, in milliseconds, and of memory, in MB.
const TICK: Target = Target::AtMost(1_000.0);
const MEMORY: Target = Target::AtMost(100.0);

/// What comes slot by slot.
struct Crowd {
    centre: Centre,
    colos: usize,
    random: Random,
    first: u64,
    slot: u64,
}

/// # Errors
/// When SQLite refuses.
pub(super) fn run(colos: usize, slots: u64, folder: &Path, start_s: u64) -> Result<Vec<Figure>> {
    let folder = folder.join("crowd");
    std::fs::create_dir_all(&folder)?;
    let first = start_s / SLOT_S;
    let mut crowd = Crowd {
        centre: Centre::open(&folder, &starter()?, start_s * 1_000)?,
        colos,
        random: Random::new(300),
        first,
        slot: first,
    };
    crowd.play(WARM_UP, MAX_CELLS, false)?;
    let centre = &mut crowd.centre;
    (centre.batches, centre.cell_bytes) = (0, 0);
    let (accepted_ms, ticks_ms) = crowd.play(slots, MAX_CELLS, false)?;
    let batch_kb = crowd.centre.cell_bytes as f64 / 1e3 / crowd.centre.batches as f64;
    let held = std::mem::take(&mut crowd.centre.most_bytes);
    let (_, alarmed_ms) = crowd.play(ALARMED, MAX_CELLS, true)?;
    let (small_ms, _) = crowd.play(2, 1, false)?;
    let centre = &crowd.centre;
    let mb = |bytes: i64| vec![bytes as f64 / 1e6];
    let name = |what: &str| format!("{colos} x {MAX_CELLS} cells: {what}");
    let mut figures = vec![
        Figure::new(
            name("batches of a slot taken in"),
            "ms",
            accepted_ms,
            Target::None,
        ),
        Figure::new(name("the same of one cell each"), "ms", small_ms, Target::None),
        Figure::new(name("CPU of a tick"), "ms", ticks_ms, TICK),
        Figure::new(name("CPU of a tick, every kind alarms"), "ms", alarmed_ms, TICK),
        Figure::new(
            name("longest adding up of minutes"),
            "ms",
            vec![centre.longest_sums_ms],
            Target::None,
        ),
        Figure::new(name("held at the end"), "MB", mb(centre.bytes), Target::None),
        Figure::new(name("held at most"), "MB", mb(held), MEMORY),
        Figure::new(
            name("held at most, every kind alarms"),
            "MB",
            mb(centre.most_bytes),
            MEMORY,
        ),
        Figure::new(name("a batch"), "kB", vec![batch_kb], Target::None),
        Figure::new(name("cohorts"), "", vec![centre.cohorts() as f64], Target::None),
    ];
    centre.keep_minutes_before(MINUTES)?;
    let call = |(call, times_ms): (String, Vec<f64>)| {
        let target = if call.contains("since") {
            Target::None
        } else {
            Target::AtMost(300.0)
        };
        Figure::new(name(&call), "ms", times_ms, target)
    };
    figures.extend(calls(centre, crowd.slot * SLOT_S * 1_000)?.into_iter().map(call));
    Ok(figures)
}

impl Crowd {
    /// Plays so many slots with so many cells of each colo; the milliseconds of CPU that taking them in took, and those of ticks.
    fn play(&mut self, slots: u64, cells: usize, is_hit: bool) -> Result<(Vec<f64>, Vec<f64>)> {
        self.centre.ticks_ms.clear();
        let mut accepted_ms = Vec::new();
        for _ in 0..slots {
            let before_s = self.centre.spent.seconds(Part::Cells);
            let batches = (0..self.colos).map(|colo| self.batch(colo, cells, is_hit));
            let told = ForOthers {
                cells: batches.map(|batch| batch.encode()).collect(),
                ..ForOthers::default()
            };
            self.slot += 1;
            let end_ms = self.slot * SLOT_S * 1_000;
            self.centre.take(vec![told], end_ms + 4_000)?;
            // Its alarm, once all of the slot is here.
            self.centre.take(Vec::new(), end_ms + 7_000)?;
            accepted_ms.push((self.centre.spent.seconds(Part::Cells) - before_s) * 1_000.0);
        }
        Ok((accepted_ms, self.centre.ticks_ms.clone()))
    }

    fn batch(&mut self, colo: usize, cells: usize, is_hit: bool) -> CellBatch {
        let cells = (0..cells).map(|at| cell(key(colo, at), STARTS, &mut self.random));
        let mut cells: Vec<_> = cells.collect();
        if is_hit && colo < HIT_COLOS {
            let hit = cells.iter_mut().filter(|cell| &*cell.key.os == HIT_SYSTEM);
            hit.for_each(|cell| {
                count(&mut cell.counts, STARTS);
                cell.affected = Affected::default();
            });
        }
        cells.sort_by(|a, b| a.key.cmp(&b.key));
        CellBatch {
            source: format!("fl1-{}-0", colo_name(colo).to_ascii_lowercase()),
            epoch: 1,
            seq: self.slot - self.first + 1,
            slot: self.slot,
            cells,
            ..CellBatch::default()
        }
    }
}

/// 24 client builds in 16 networks of every colo's own, of some hundreds in all.
fn key(colo: usize, at: usize) -> CellKey {
    let (build, network) = (at % 24, at / 24);
    let families = ["docker", "containerd", "podman", "buildkit", "crane", "curl"];
    let family = families.get(build % 6).copied().unwrap_or_default();
    CellKey {
        route: Arc::from(if build % 2 == 0 { "hub" } else { "charts" }),
        colo: colo_name(colo).into(),
        country: format!("N{:02}", (colo * 3 + network % 4) % 90).into(),
        asn: Some(((colo / 4) * 7 + network * 13) as u32 % 900),
        family: Family::of_name(family).unwrap_or_default(),
        os: format!("os{}", build % 8).into(),
        fingerprint: format!("bw1-{build}").into(),
        rules: Vec::new(),
    }
}
