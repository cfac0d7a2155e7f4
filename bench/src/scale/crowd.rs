//! As many cells as FireLogs may send: one Detector for all colos, each with a full batch in every slot.

use super::calls::calls;
use super::centre::Centre;
use super::colo::ForOthers;
use super::spent::Part;
use super::world::colo_name;
use crate::detect::cost::cell;
use crate::figure::{Figure, Target};
use anyhow::Result;
use blobwatch_detect::simulate::Random;
use blobwatch_pull::Family;
use blobwatch_records::{CellBatch, CellKey, MAX_CELLS, SLOT_S};
use blobwatch_rulebook::starter;
use std::path::Path;
use std::sync::Arc;

/// Starts of a cell in a slot: 60,000 requests a second over 300 colos with 384 cells each.
const STARTS: u32 = 5;

/// Slots before anything is counted, so that cohorts are tested and the window is full, and slots that are.
const WARM_UP: u64 = 36;

/// The promise of a tick, in milliseconds, and of memory, in MB.
const TICK: Target = Target::AtMost(1_000.0);
const MEMORY: Target = Target::AtMost(100.0);

/// # Errors
/// When SQLite refuses.
pub(super) fn run(colos: usize, slots: u64, folder: &Path, start_s: u64) -> Result<Vec<Figure>> {
    let folder = folder.join("crowd");
    std::fs::create_dir_all(&folder)?;
    let mut centre = Centre::open(&folder, &starter()?, start_s * 1_000)?;
    let mut random = Random::new(300);
    let mut accepted_ms = Vec::new();
    let first = start_s / SLOT_S;
    for slot in first..first + WARM_UP + slots {
        let before_s = centre.spent.seconds(Part::Cells);
        let cells = (0..colos).map(|colo| batch(colo, slot, slot - first + 1, &mut random).encode());
        let told = ForOthers {
            cells: cells.collect(),
            ..ForOthers::default()
        };
        let end_ms = (slot + 1) * SLOT_S * 1_000;
        centre.take(vec![told], end_ms + 4_000)?;
        // Its alarm, once all of the slot is here.
        centre.take(Vec::new(), end_ms + 7_000)?;
        if slot >= first + WARM_UP {
            accepted_ms.push((centre.spent.seconds(Part::Cells) - before_s) * 1_000.0);
        }
        if slot + 1 == first + WARM_UP {
            centre.ticks_ms.clear();
            (centre.batches, centre.cells, centre.cell_bytes) = (0, 0, 0);
        }
    }
    let now_ms = (first + WARM_UP + slots) * SLOT_S * 1_000;
    let mb = |bytes: i64| vec![bytes as f64 / 1e6];
    let name = |what: &str| format!("{colos} x {MAX_CELLS} cells: {what}");
    let mut figures = vec![
        Figure::new(
            name("batches of a slot taken in"),
            "ms",
            accepted_ms,
            Target::None,
        ),
        Figure::new(name("CPU of a tick"), "ms", centre.ticks_ms.clone(), TICK),
        Figure::new(name("held at the end"), "MB", mb(centre.bytes), Target::None),
        Figure::new(name("held at most"), "MB", mb(centre.most_bytes), MEMORY),
        Figure::new(
            name("a batch"),
            "kB",
            vec![centre.cell_bytes as f64 / 1e3 / centre.batches as f64],
            Target::None,
        ),
        Figure::new(name("cohorts"), "", vec![centre.cohorts() as f64], Target::None),
    ];
    let times = calls(&centre, now_ms)?;
    let call = |(call, times_ms): (String, Vec<f64>)| {
        Figure::new(name(&call), "ms", times_ms, Target::AtMost(300.0))
    };
    figures.extend(times.into_iter().map(call));
    Ok(figures)
}

fn batch(colo: usize, slot: u64, seq: u64, random: &mut Random) -> CellBatch {
    let cells = (0..MAX_CELLS).map(|at| cell(key(colo, at), STARTS, random));
    let mut cells: Vec<_> = cells.collect();
    cells.sort_by(|a, b| a.key.cmp(&b.key));
    CellBatch {
        source: format!("fl1-{}-0", colo_name(colo).to_ascii_lowercase()),
        epoch: 1,
        seq,
        slot,
        cells,
        ..CellBatch::default()
    }
}

/// 24 client builds in 16 networks of every colo's own, of some hundreds in all.
fn key(colo: usize, at: usize) -> CellKey {
    let (build, network) = (at % 24, at / 24);
    let families = ["docker", "containerd", "podman", "buildkit", "crane", "curl"];
    let family = families.get(build % 6).copied().unwrap_or_default();
    CellKey {
        route: Arc::from(if build % 2 == 0 { "hub" } else { "charts" }),
        colo: colo_name(colo),
        country: format!("N{:02}", (colo * 3 + network % 4) % 90),
        asn: Some(((colo / 4) * 7 + network * 13) as u32 % 900),
        family: Family::of_name(family).unwrap_or_default(),
        os: format!("os{}", build % 8),
        fingerprint: format!("bw1-{build}"),
        rules: Vec::new(),
    }
}
