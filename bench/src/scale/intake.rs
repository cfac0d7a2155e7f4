//! How many records a second one FireLog takes in: batches that isolates made, taken in, counted, merged.

use super::counted::Counted;
use super::spent::{Part, Spent};
use super::world::Clients;
use crate::figure::{Figure, Target};
use anyhow::{Context, Result};
use blobwatch_fire_log::FireLog;
use blobwatch_isolate::{Config, Isolate};
use blobwatch_rulebook::{Compiled, Plan, Program, starter};
use blobwatch_sql::Native;
use std::path::Path;

/// Records that a second of the world has, from so many isolates.
const RATE: f64 = 4_000.0;
const ISOLATES: u64 = 60;

/// Seconds of the world that are taken in.
const SECONDS: u64 = 90;

const TARGET: Target = Target::AtLeast(20_000.0);

/// # Errors
/// When SQLite refuses.
pub(super) fn run(folder: &Path, start_s: u64) -> Result<Vec<Figure>> {
    let batches = batches(start_s)?;
    let mut log = FireLog::open(Counted::new(Native::open(&folder.join("intake.db"))?))?;
    log.be_named("fl1-iad-0")?;
    let mut spent = Spent::default();
    let (mut taken, mut longest) = (0u64, [0.0f64; 2]);
    for (now_ms, records, body) in &batches {
        let before = spent.seconds(Part::Flushes);
        spent.of(Part::Flushes, || {
            log.accept(body, *now_ms).map(|reply| reply.encode())
        })?;
        longest[0] = longest[0].max(spent.seconds(Part::Flushes) - before);
        taken += records;
        while log.next_alarm_ms(*now_ms) <= *now_ms {
            let before = spent.seconds(Part::Alarms);
            spent.of(Part::Alarms, || log.tend(*now_ms))?;
            for batch in log.due_cells(*now_ms)? {
                log.cells_acknowledged(batch.seq);
            }
            longest[1] = longest[1].max(spent.seconds(Part::Alarms) - before);
        }
    }
    let seconds = spent.all_seconds();
    let share = spent.seconds(Part::Flushes) / seconds;
    let ms = |seconds: f64| vec![seconds * 1_000.0];
    Ok(vec![
        Figure::new(
            "records a second into one FireLog",
            "",
            vec![taken as f64 / seconds],
            TARGET,
        ),
        Figure::new("of its time, flushes", "", vec![share], Target::None),
        Figure::new("the longest flush", "ms", ms(longest[0]), Target::None),
        Figure::new("the longest step of an alarm", "ms", ms(longest[1]), Target::None),
    ])
}

/// When they come, how many records each has, and their bytes.
fn batches(start_s: u64) -> Result<Vec<(u64, u64, Vec<u8>)>> {
    let shipped = Program::from(Compiled::build(starter()?)?).encode();
    let isolate = |number: u64| -> Result<Isolate> {
        let (config, _) = Config::read(
            &format!("{number:012x}"),
            "a secret",
            "",
            "https://o.example",
            &[],
        )
        .context("no isolate")?;
        Ok(Isolate::new(config, Program::decode(&shipped)?))
    };
    let mut isolates: Vec<Isolate> = (1..=ISOLATES).map(isolate).collect::<Result<_>>()?;
    let mut clients = Clients::new(0, RATE);
    let mut batches = Vec::new();
    for second in start_s..start_s + SECONDS {
        for (asked, at) in clients
            .second(second, false)
            .iter()
            .zip((0..isolates.len()).cycle())
        {
            let isolate = isolates.get_mut(at).context("no isolate")?;
            if let Plan::Watch(watched) = isolate.decide(&asked.facts, true)? {
                isolate.settle(watched.id, &asked.seen(watched.observe));
            }
        }
        let now_ms = (second + 1) * 1_000 + 20;
        for isolate in &mut isolates {
            let records = isolate.buffered() as u64;
            if let Some(flush) = isolate.next_flush(now_ms) {
                let reply = blobwatch_records::Reply {
                    ack: blobwatch_records::Flush::decode(&flush.body)?.seq,
                    ..blobwatch_records::Reply::default()
                };
                isolate.learn(&flush.to, &reply.encode(), now_ms)?;
                batches.push((now_ms, records, flush.body));
            }
        }
    }
    Ok(batches)
}
