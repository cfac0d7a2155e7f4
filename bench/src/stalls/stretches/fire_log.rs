//! What a FireLog full of records does with those that come: it takes batches in, counts, merges and forgets.

use super::{Stretches, longest, pace, worst};
use crate::figure::Figure;
use crate::query::{SPAN_MS, START_MS, Traffic, database};
use anyhow::{Context, Result};
use blobwatch_fire_log::{FireLog, tend, wake};
use blobwatch_pull::{Record, RecordId};
use blobwatch_records::{Builder, Flush, RulebookVersion};
use blobwatch_sql::{Native, at_once};
use std::cell::RefCell;
use std::path::Path;

/// Records a second, as `stalls` sends them on workerd, and for how long: merges come once a minute.
const RATE: usize = 250;
const SECONDS: u64 = 200;

/// Isolates that send in turn.
const ISOLATES: u64 = 4;

/// # Errors
/// When SQLite refuses, or the CPU clock cannot be read.
pub(super) fn figures(records: u32) -> Result<Vec<Figure>> {
    let folder = std::env::temp_dir().join(format!("blobwatch-stretches-log-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("fire_log.sqlite");
    std::fs::copy(database(records)?, &file).context("failed to copy the database")?;
    let outcome = of_file(&file);
    std::fs::remove_dir_all(&folder).context("failed to remove the database")?;
    outcome
}

fn of_file(file: &Path) -> Result<Vec<Figure>> {
    let stretches = Stretches::begin()?;
    let mut log = FireLog::open_asleep(Native::open(file)?)?;
    at_once(wake(&RefCell::new(&mut log), &pace(&stretches))).context("it paused")??;
    let waking = stretches.longest();
    log.be_named("fl1-iad-0")?;
    let mut traffic = Traffic::new(u32::MAX, START_MS);
    let (mut accepted, mut tended) = (Vec::new(), Vec::new());
    for second in 0..SECONDS {
        let now_ms = START_MS + SPAN_MS + second * 1000;
        let records: Vec<Record> = traffic.by_ref().take(RATE).collect();
        let body = flush(second, now_ms, records).encode();
        let stretches = Stretches::begin()?;
        log.accept(&body, now_ms + 200)?;
        accepted.push(stretches.longest());
        let stretches = Stretches::begin()?;
        at_once(tend(&RefCell::new(&mut log), now_ms + 500, &pace(&stretches))).context("it paused")??;
        tended.push(stretches.longest());
        let sent: Vec<u64> = log.due_cells(u64::MAX)?.iter().map(|sent| sent.seq).collect();
        sent.into_iter().for_each(|seq| log.cells_acknowledged(seq));
    }
    Ok(vec![
        longest("a FireLog that wakes", vec![waking]),
        longest("  a batch that comes", vec![worst(&accepted)]),
        longest("  counting, merging, forgetting", vec![worst(&tended)]),
    ])
}

fn flush(second: u64, now_ms: u64, records: Vec<Record>) -> Flush {
    let isolate = second % ISOLATES;
    let mut block = Builder::default();
    for (counter, record) in (0..).zip(records) {
        let id = RecordId::from_parts(
            now_ms - 1000 + u64::from(counter) * 1000 / RATE as u64,
            isolate,
            counter,
        );
        block.push(Record { id, ..record });
    }
    let (losses, volumes, addresses) = Default::default();
    Flush {
        isolate,
        seq: 1_000_000 + second,
        held: RulebookVersion {
            epoch: 0,
            revision: 1,
        },
        losses,
        volumes,
        addresses,
        segment: block.encode(),
    }
}
