//! What a tick of the whole Detector costs: CPU of this thread, and what its state weighs, by tracked cohorts and at ten
//! times the requests. Every kind has trials and events, and every batch as many sampled requests as a FireLog sends.

use super::samples::Samples;
use crate::figure::{Figure, Target};
use anyhow::{Context, Result};
use blobwatch_detect::simulate::Random;
use blobwatch_detector::Engine;
use blobwatch_pull::{ClientKey, Family, NetworkKey};
use blobwatch_records::{Cell, CellBatch, CellCounts, CellKey, Event};
use nix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::time::Duration;

/// Cohorts wanted, and leaves that make about as many over all kinds.
const SIZES: [(usize, usize); 3] = [(100, 2), (2_000, 40), (20_000, 3_000)];

/// Ticks before it is timed, and timed ones.
const WARM_UP: u64 = 60;
const TICKS: u64 = 120;

const TARGET_MS: f64 = 50.0;
const TARGET_MB: f64 = 64.0;

/// # Errors
/// When the CPU clock cannot be read.
pub(super) fn run() -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (wanted, leaves) in SIZES {
        for (times, starts) in [("", 40), (", 10 x the requests", 400)] {
            let last = wanted == 20_000;
            let target = |limit| if last { Target::AtMost(limit) } else { Target::None };
            let mut measured = Err(anyhow::anyhow!("nothing was measured"));
            let mut kept = None;
            let memory = allocation_counter::measure(|| match ticks(leaves, starts) {
                Ok((engine, times)) => {
                    measured = Ok((engine.cohorts(), times));
                    kept = Some(engine);
                }
                Err(error) => measured = Err(error),
            });
            drop(kept);
            let (cohorts, times_ms) = measured?;
            let name = |what: &str| format!("{cohorts} cohorts{times}: {what}");
            figures.push(Figure::new(
                name("CPU of a tick"),
                "ms",
                times_ms,
                target(TARGET_MS),
            ));
            let megabytes = memory.bytes_current as f64 / 1e6;
            figures.push(Figure::new(
                name("memory"),
                "MB",
                vec![megabytes],
                target(TARGET_MB),
            ));
        }
    }
    Ok(figures)
}

/// CPU time of this thread: other work on the machine does not disturb the figures.
///
/// # Errors
/// When the clock cannot be read.
pub(crate) fn thread_cpu() -> Result<Duration> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)
        .context("failed to read the CPU clock of a thread")?;
    Ok(time.into())
}

fn ticks(leaves: usize, starts: u32) -> Result<(Engine, Vec<f64>)> {
    let (mut engine, mut random) = (Engine::default(), Random::new(9));
    let mut samples = Samples::new();
    let mut times = Vec::new();
    let first = 170_000_000;
    for slot in first..first + WARM_UP + TICKS {
        let batches = (0..leaves.div_ceil(300)).map(|part| batch(part, slot, leaves, starts, &mut random));
        let mut batches: Vec<CellBatch> = batches.collect();
        batches.iter_mut().for_each(|batch| samples.add_to(batch));
        let start = thread_cpu()?;
        for batch in batches {
            engine.add(batch, slot);
        }
        engine.tick(slot);
        let spent = thread_cpu()? - start;
        if slot >= first + WARM_UP {
            times.push(spent.as_secs_f64() * 1e3);
        }
    }
    Ok((engine, times))
}

/// The cells of up to 300 leaves in a slot.
pub(crate) fn batch(part: usize, slot: u64, leaves: usize, starts: u32, random: &mut Random) -> CellBatch {
    CellBatch {
        source: format!("fl1-C{part}-0"),
        epoch: 1,
        seq: slot,
        slot,
        cells: (part * 300..leaves.min(part * 300 + 300))
            .map(|leaf| cell(key(leaf), starts, random))
            .collect(),
        ..CellBatch::default()
    }
}

/// A client build in a colo.
fn key(leaf: usize) -> CellKey {
    CellKey {
        route: Arc::from(["hub", "charts"].get(leaf % 2).copied().unwrap_or_default()),
        colo: format!("C{:02}", leaf * 7 % 30).into(),
        country: format!("N{:02}", leaf * 11 % 25).into(),
        asn: Some((leaf * 13 % 600) as u32),
        family: Family::Docker,
        os: format!("os{}", leaf * 5 % 8).into(),
        fingerprint: format!("bw1-{}", leaf * 17 % 300).into(),
        rules: Vec::new(),
    }
}

/// Its requests of a slot, with one event of each kind now and then.
pub(crate) fn cell(key: CellKey, starts: u32, random: &mut Random) -> Cell {
    let mut cell = Cell::new(key);
    let events = random.binomial(u64::from(starts), 0.01) as u32;
    cell.counts = CellCounts {
        requests: starts + events,
        starts,
        large_starts: starts / 3,
        known_starts: starts / 2,
        resumes: events,
        large_resumes: events,
        repeats: events / 2,
        restarts: events,
        ranged: starts / 4,
        refused: events / 2,
        observed: starts / 4,
        aborted: events.min(starts / 4),
        failed: events / 2,
        turned_away: events / 2,
        redirected: starts / 4,
        unreached: events.min(starts / 4) / 2,
        behind: events / 2,
        looped: events / 4,
        paced: starts / 4,
        slow: events.min(starts / 4),
        fetched: starts / 4,
        suspect: events.min(starts / 4) / 2,
        ..CellCounts::default()
    };
    (0..3).for_each(|_| cell.networks.insert(NetworkKey(random.next_u64())));
    for _ in 0..events.min(8) {
        for event in Event::ALL {
            let (client, network) = (random.next_u64(), random.next_u64());
            cell.affected
                .insert(event, ClientKey(client), NetworkKey(network));
        }
    }
    cell
}

/// So many events of each kind.
pub(crate) fn count(counts: &mut CellCounts, events: u32) {
    (counts.resumes, counts.large_resumes, counts.repeats) = (events, events, events);
    (counts.restarts, counts.unreached) = (events, events.min(counts.redirected));
    counts.refused = events.min(counts.ranged);
    counts.aborted = events.min(counts.observed);
    (counts.failed, counts.turned_away, counts.looped) = (events, events, events);
    (counts.slow, counts.suspect) = (events.min(counts.paced), events.min(counts.fetched));
    counts.requests = counts.starts + 3 * events;
}
