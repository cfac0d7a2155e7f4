//! Queries over millions of stored records, on a database file made with the FireLog's own code.
//!
//! In scope: the time from a filter to the last record of a page, in this process. Not in scope: HTTP, several FireLogs,
//! Wasm. The file is kept under the results and used again.

mod traffic;

use crate::figure::{Figure, Target};
use crate::report::Report;
use crate::workspace;
use anyhow::{Context, Result};
use blobwatch_fire_log::{Budget, Dimension, Filter, FireLog, Kind, Summary, scan_page, summarise};
use blobwatch_pull::{ClientKey, RecordId};
use blobwatch_records::{Builder, Flush, RulebookVersion};
use blobwatch_sql::{Native, Unpaced, at_once};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;
pub(crate) use traffic::{RARE_RULE, ROUTES, SPAN_MS, START_MS, Traffic};

/// The target of the project's promise, in milliseconds.
const TARGET_MS: f64 = 100.0;

/// Records of a batch while the file is made: large ones make it faster, and merging them gives the same segments.
const BATCH: usize = 2_000;

/// What `query` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Stored records
    #[arg(long, default_value_t = 5_000_000)]
    records: u32,
    /// Runs of each query, each with other values
    #[arg(long, default_value_t = 31)]
    runs: u32,
}

pub(crate) fn run(args: &Args) -> Result<Report> {
    let path = database(args.records)?;
    let bytes = std::fs::metadata(&path)?.len();
    let log = FireLog::open(Native::open(&path)?)?;
    let bench = Bench { log, runs: args.runs };
    Ok(Report {
        name: "query",
        setup: json!({ "records": args.records, "runs": args.runs, "limit": 100, "bytes": bytes, "segment_records": 8192 }),
        figures: bench.figures(bytes as f64 / f64::from(args.records))?,
    })
}

/// A FireLog's database with so many records, made when it is first asked for.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn database(records: u32) -> Result<PathBuf> {
    std::fs::create_dir_all(workspace::results())?;
    let path = workspace::results().join(format!("query-{records}.db"));
    if !path.exists() {
        make(&path, records).inspect_err(|_| drop(std::fs::remove_file(&path)))?;
    }
    Ok(path)
}

/// Makes a new database.
fn make(path: &Path, records: u32) -> Result<()> {
    eprintln!("storing {records} records in {} (once)", path.display());
    let part = path.with_extension("part");
    drop(std::fs::remove_file(&part));
    fill(FireLog::open(Native::open(&part)?)?, records, START_MS)?;
    std::fs::rename(&part, path).context("failed to keep the database")
}

/// Fills a database as flushes and alarms would, with records of [`SPAN_MS`] from a time on.
///
/// # Errors
/// When SQLite refuses.
pub(crate) fn fill(mut log: FireLog<Native>, records: u32, start_ms: u64) -> Result<()> {
    let mut traffic = Traffic::new(records, start_ms);
    let mut seq = 0;
    loop {
        let mut block = Builder::default();
        traffic.by_ref().take(BATCH).for_each(|record| block.push(record));
        if block.is_empty() {
            break;
        }
        seq += 1;
        let (losses, volumes, addresses) = Default::default();
        let flush = Flush {
            isolate: seq % 5,
            seq,
            held: RulebookVersion {
                epoch: 0,
                revision: 1,
            },
            losses,
            volumes,
            addresses,
            segment: block.encode(),
        };
        log.accept(&flush.encode(), start_ms)?;
        if seq % 8 == 0 {
            log.tend(start_ms + seq * 100_000)?;
        }
    }
    while log.tend(start_ms + (seq + 10) * 100_000)?.more {}
    Ok(())
}

struct Bench {
    log: FireLog<Native>,
    runs: u32,
}

impl Bench {
    fn figures(&self, bytes_a_record: f64) -> Result<Vec<Figure>> {
        let at_most = Target::AtMost(TARGET_MS);
        let window = |kind, hours: u64, rule: &'static str| {
            move |run: u32| {
                let until_ms = START_MS + SPAN_MS - u64::from(run) * 3_600_000;
                Filter {
                    kind,
                    since_ms: Some(until_ms - hours * 3_600_000),
                    until_ms: Some(until_ms),
                    routes: vec![
                        ROUTES
                            .into_iter()
                            .cycle()
                            .skip(run as usize % 3)
                            .take(1)
                            .collect(),
                    ],
                    rules: if rule.is_empty() {
                        vec![format!("rule-{}", run % 4)]
                    } else {
                        vec![rule.to_owned()]
                    },
                    ..Filter::default()
                }
            }
        };
        let client = |run: u32| Filter {
            clients: vec![ClientKey(traffic::client(run * 97))],
            ..Filter::default()
        };
        Ok(vec![
            self.page(
                "requests: route, rule, 1 h",
                at_most,
                window(Kind::Requests, 1, ""),
            )?,
            self.page("fires: route, rule, 24 h", at_most, window(Kind::Fires, 24, ""))?,
            self.page(
                "fires: route, a rule that fires on 1 in 100,000, 24 h",
                at_most,
                window(Kind::Fires, 24, RARE_RULE),
            )?,
            self.page(
                "fires: route, a rule that fires on 1 in 100,000, 5 days",
                at_most,
                window(Kind::Fires, 120, RARE_RULE),
            )?,
            self.page("fires: a rule that never fired, all 7 days", Target::None, |_| {
                Filter {
                    rules: vec!["nothing".to_owned()],
                    ..Filter::default()
                }
            })?,
            self.page("requests: one client, all 7 days", Target::None, client)?,
            self.summary()?,
            Figure::new("stored bytes a record", "B", vec![bytes_a_record], Target::None),
        ])
    }

    fn page(&self, name: &str, target: Target, filter: impl Fn(u32) -> Filter) -> Result<Figure> {
        let mut samples = Vec::new();
        let mut found = 0;
        for run in 0..self.runs {
            let filter = filter(run);
            let began = Instant::now();
            found += self.answer(&filter)?;
            samples.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        let name = format!("{name} ({} found)", found / self.runs as usize);
        Ok(Figure::new(name, "ms", samples, target))
    }

    /// The first 100 matches, in as many calls as the work budget of one call asks for.
    fn answer(&self, filter: &Filter) -> Result<usize> {
        let (mut before, mut found) = (RecordId(u128::MAX), 0);
        while before > RecordId(0) && found < 100 {
            let (sql, budget) = (self.log.sql(), Budget::default());
            let page = scan_page(sql, filter, before, 100 - found, budget, &Unpaced);
            let page = at_once(page).context("it paused")??;
            found += page.records.len();
            before = page.floor;
        }
        Ok(found)
    }

    fn summary(&self) -> Result<Figure> {
        let by = [Dimension::Rule, Dimension::Route];
        let since_ms = Some(START_MS + SPAN_MS - 24 * 3_600_000);
        let filter = Filter {
            kind: Kind::Fires,
            since_ms,
            ..Filter::default()
        };
        let mut samples = Vec::new();
        for _ in 0..self.runs.min(5) {
            let began = Instant::now();
            let mut summary = Summary::default();
            let mut before = Some(RecordId(u128::MAX));
            while let Some(at) = before {
                let part = summarise(self.log.sql(), &filter, &by, at, Budget::default(), &Unpaced);
                let part = at_once(part).context("it paused")??;
                before = part.before.as_ref().map(|id| id.parse()).transpose()?;
                summary.absorb(part);
            }
            drop(serde_json::to_string(&summary.finish(&by, 100))?);
            samples.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(Figure::new(
            "fires/summary by rule and route, 24 h",
            "ms",
            samples,
            Target::None,
        ))
    }
}
