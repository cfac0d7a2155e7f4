//! `blobwatch archive`: records, anomalies and the audit log as Parquet files, for engines that others know.
//!
//! In scope: what is archived already, what is due, and files that a reader never sees by halves. Not in scope: how long
//! an archive is kept, which is for whoever owns the place. docs/archive.md says what is where.

use blobwatch_wire::{EXPECTED_TIME, parse_time, rfc3339};

use crate::api::{Api, Deployment};
use crate::clock::now_ms;
use crate::export::oldest_ms;
use crate::problem::Problem;
use crate::{Outcome, output};
use archive_run::ArchiveRun;
use book::Book;
use place::Place;
use schemas::Schemas;

mod anomalies;
mod audit;
mod book;
mod column;
mod late;
mod line;
mod manifest;
mod parts;
mod place;
mod read_ids;
mod records;
mod schemas;
mod table;
mod archive_run;

/// Copy records, anomalies and the audit log to Parquet files
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Folder of the archive, which is made if it does not exist, or s3://BUCKET/PREFIX
    #[arg(long, value_name = "FOLDER|S3")]
    to: String,
    /// Address of an S3 service other than AWS, such as <https://ACCOUNT.r2.cloudflarestorage.com>
    #[arg(long, env = "AWS_ENDPOINT_URL", value_name = "URL")]
    endpoint: Option<String>,
    /// Archive records up to this time: RFC 3339, or -15m. Younger records may still change
    #[arg(long, default_value = "-15m", allow_hyphen_values = true)]
    until: String,
    #[command(flatten)]
    deployment: Deployment,
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch archive --to /var/lib/blobwatch-archive
  blobwatch archive --to s3://logs/blobwatch --endpoint https://ACCOUNT.r2.cloudflarestorage.com
  duckdb -c \"select count(*) from read_parquet('/var/lib/blobwatch-archive/records/*/*/*.parquet')\"

Run it once an hour: each run continues where the last one ended, also if that was killed, and adds records that came
late. A token with the role viewer is enough; with an analyst's, the dashboard shows each run. A bucket needs AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for AWS, AWS_REGION.

Exit codes: 0 archived, 2 usage or another error";

/// What is archived at one time.
struct Clock {
    now_ms: u64,
    /// Records from here on are left for the next run.
    until_ms: u64,
    /// No record is older.
    oldest_ms: u64,
}

impl Clock {
    fn of(arguments: &Arguments, api: &Api) -> Result<Self, Problem> {
        let now_ms = now_ms();
        let until_ms = parse_time(&arguments.until, now_ms)
            .filter(|until_ms| *until_ms <= now_ms)
            .ok_or_else(|| Problem::Usage(format!("--until: {EXPECTED_TIME}, not in the future")))?;
        Ok(Self {
            now_ms,
            until_ms,
            oldest_ms: oldest_ms(api, now_ms)?,
        })
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    let api = Api::new(&arguments.deployment)?;
    let place = Place::open(&arguments.to, arguments.endpoint.as_deref())?;
    let clock = Clock::of(arguments, &api)?;
    let mut told = ArchiveRun::default();
    let archived = archive(&api, &place, &clock, &mut told);
    told.tell(&api, &arguments.to, archived.as_ref().err());
    output::line(&archived?)?;
    Ok(Outcome::Nothing)
}

/// Archives what is due; what it came to, in words.
fn archive(api: &Api, place: &Place, clock: &Clock, told: &mut ArchiveRun) -> Result<String, Problem> {
    let mut book = Book::open(place, clock.oldest_ms)?;
    told.missing = skip_deleted(&mut book, clock.oldest_ms);
    let steps = steps(api, &mut book, clock, told);
    told.until_ms = ArchiveRun::of(&book.manifest);
    let (anomalies, entries) = steps?;
    Ok(format!(
        "archived {} records up to {}, {} late ones, {anomalies} anomalies, {entries} audit entries",
        told.records,
        rfc3339(book.manifest.until_ms),
        told.late
    ))
}

/// How many anomalies and entries of the audit log were archived beside the records.
fn steps(
    api: &Api,
    book: &mut Book<'_>,
    clock: &Clock,
    told: &mut ArchiveRun,
) -> Result<(u64, u64), Problem> {
    let schemas = Schemas::new();
    told.records = records::archive(api, book, &schemas, clock)?;
    told.late = late::archive(api, book, &schemas, clock)?;
    let anomalies = anomalies::archive(api, book, &schemas)?;
    let entries = audit::archive(api, book, &schemas)?;
    Ok((anomalies, entries))
}

/// Begins with the oldest record that there can be; what was deleted before it was archived, in words.
fn skip_deleted(book: &mut Book<'_>, oldest_ms: u64) -> Option<String> {
    let until_ms = book.manifest.until_ms;
    let is_missing = until_ms < oldest_ms && !book.manifest.spans.is_empty();
    book.manifest.until_ms = until_ms.max(oldest_ms);
    is_missing.then(|| {
        let (from, until) = (rfc3339(until_ms), rfc3339(oldest_ms));
        let missing = format!(
            "records from {from} to {until} were deleted before they were archived: run it more often"
        );
        output::complain(&missing);
        missing
    })
}
