//! `blobwatch replay`: access logs in, what would have been flagged out.
//!
//! In scope: reading logs, putting requests in order, and running on them what a deployment runs on its records: the
//! history of `crates/records`, its cells, and `crates/detector`. Not in scope: those. Memory does not depend on the length of
//! the logs: each table has its bound, and says it.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use blobwatch_detector::clients_in_networks;
use blobwatch_records::Breadth;
use blobwatch_rulebook::{AnomalyBreadth, MAX_ANOMALY_BREADTH};
use clap::ValueEnum;
use clap::builder::RangedI64ValueParser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::clock::now_ms;
use crate::problem::Problem;
use crate::{Outcome, output};

mod count;
mod digests;
mod faults;
mod format;
mod judge;
mod log;
mod names;
mod order;
mod parquet_rows;
mod report;
mod request;
mod rules;
mod shown;
mod sizes;
mod source;
mod unrolled;
mod watch;

use blobwatch_logs::Field;
use faults::Faults;
use format::{Format, LogFormat, Options};
use judge::{Batch, Judge};
use log::{Log, ReadCounts};
use order::Order;
use report::{File, Report};
use request::{RangeEvidence, Reader};
use rules::Ruler;

/// Files of one run; each has its number in the ids of its lines.
const MAX_FILES: usize = 4096;

/// Say what would have been flagged in access logs
#[derive(clap::Args)]
#[command(long_about = ABOUT, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Logs, plain or packed with gzip, bzip2, xz or zstd; - reads standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// Format of the logs [default: recognised by the first lines of each]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Format string of the log, as nginx, Apache or Envoy have it in their configuration, or the name of a format: haproxy,
    /// envoy, alb, s3, nexus …
    #[arg(long, value_name = "FORMAT", value_parser = LogFormat::parse, conflicts_with = "format")]
    log_format: Option<LogFormat>,

    /// Meaning of a CSV column or a JSON key, as NAME=COLUMN; nested keys are `a.b[0].c`. May be repeated
    #[arg(long = "field", value_name = "NAME=COLUMN", value_parser = field)]
    fields: Vec<(String, Field)>,

    /// Say which rules of a rulebook would have fired, on whom, and how those pulls went; TOML or JSON by its extension
    #[arg(long, value_name = "FILE")]
    rulebook: Option<PathBuf>,

    /// Number of seconds by which lines may be out of order
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(0..=3600))]
    slack: u64,

    /// Clients that a fault must affect to be flagged; 1 for logs behind a proxy whose own address is in every line
    #[arg(long, value_name = "CLIENTS", default_value_t = AnomalyBreadth::default().clients, value_parser = breadth())]
    min_clients: u32,

    /// Networks (/24 or /48) that a fault must affect to be flagged
    #[arg(long, value_name = "NETWORKS", default_value_t = AnomalyBreadth::default().networks, value_parser = breadth())]
    min_networks: u32,

    /// Write JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,

    /// Write a Markdown report
    #[arg(long)]
    markdown: bool,
}

const ABOUT: &str = "Say what would have been flagged in access logs

Reads access logs of a registry or of the CDN in front of it, selects the blob requests, and analyses them as
Blobwatch analyses its own records: which downloads were resumed, made no progress, started over, had their range
refused or were cut short, for which cohort, since when. Nothing is sent anywhere.

Formats: Blobwatch's own export (GET requests?format=ndjson), Cloudflare Logpush (http_requests), CloudFront standard
logs, combined logs of nginx and Apache, distribution's logs, the logs of many proxies and registries, any that a format
string describes (--log-format), and any CSV, key=value or JSON lines. What Docker, Kubernetes, syslog or journald put
before or around lines is taken off. Several files are read in the order of their times; files that overlap are merged,
and a copy of another is left out. Lines that cannot be read are counted, and the first few shown; if most cannot, that is
an error.

The result depends on what the log contains. With the request's Range everything can be evaluated; with only the
answer's Content-Range, all except ignored ranges; with only status and bytes, a 206 counts as a resume by its length,
downloads without progress and refused ranges are not seen, and the report says so. nginx can log both:
  log_format blobs '$remote_addr - - [$time_local] \"$request\" $status $body_bytes_sent \"-\" \"$http_user_agent\" '
                   '\"$http_range\" \"$sent_http_content_range\"';";

const EXAMPLES: &str = "Examples:
  blobwatch replay access.log
  blobwatch replay access.log.2.gz access.log.1.gz access.log
  zcat logs/*.gz | blobwatch replay -
  blobwatch replay --min-clients 3 --min-networks 1 office.log
  blobwatch replay --log-format haproxy haproxy.log
  blobwatch replay --log-format '$remote_addr [$time_local] \"$request\" $status $body_bytes_sent \"$http_user_agent\"' a.log
  blobwatch replay --rulebook rulebook.toml access.log
  docker compose logs -t registry | blobwatch replay -
  blobwatch replay --markdown logpush-20200705.json.gz > incident.md
  blobwatch replay --json export.ndjson | jq '.anomalies[].sentence'
  blobwatch replay --format csv --field time=ts --field path=uri --field status=code --field address=ip \\
      --field user-agent=agent --field range=http_range --field colo=pop requests.csv

Exit codes: 0 nothing found, 1 an anomaly found, 2 usage or input error";

fn breadth() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=i64::from(MAX_ANOMALY_BREADTH))
}

fn field(text: &str) -> Result<(String, Field), String> {
    let (name, column) = text.split_once('=').ok_or("expected NAME=COLUMN")?;
    let field = Field::from_str(name, true).map_err(|_| {
        let names: Vec<String> = Field::value_variants().iter().map(name_of).collect();
        format!("expected one of {}, found {name:?}", names.join(", "))
    })?;
    Ok((column.to_owned(), field))
}

fn name_of<T: ValueEnum>(value: &T) -> String {
    value
        .to_possible_value()
        .map(|value| value.get_name().to_owned())
        .unwrap_or_default()
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    let report = Replay::open(arguments)?.run()?;
    if arguments.json {
        output::json_line(&format!("{:#}", report.json()))?;
    } else if arguments.markdown {
        output::text(&report.markdown())?;
    } else {
        output::text(&report.text())?;
    }
    if let Some(unread) = report.unread() {
        return Err(unread);
    }
    Ok(if report.anomalies.is_empty() {
        Outcome::Nothing
    } else {
        Outcome::Found
    })
}

struct Replay {
    /// Those that have not begun yet, the next one last.
    later: Vec<Log>,
    active: Vec<Log>,
    files: Vec<File>,
    slack_ms: u64,
    lacks_years: bool,
    least: AnomalyBreadth,
    read: Arc<AtomicU64>,
    reader: Reader,
    order: Order,
    judge: Judge,
    faults: Faults,
    totals: ReadCounts,
    progress: ProgressBar,
}

impl Replay {
    fn open(arguments: &Arguments) -> Result<Self, Problem> {
        if arguments.files.len() > MAX_FILES {
            return Err(Problem::File {
                file: format!("{} files", arguments.files.len()),
                expected: format!("at most {MAX_FILES} files"),
            });
        }
        let read = Arc::new(AtomicU64::new(0));
        let options = Options {
            format: arguments.format,
            log_format: arguments.log_format.clone(),
            fields: arguments.fields.clone(),
            now_ms: now_ms(),
            has_carried_times: false,
        };
        let mut logs = Vec::new();
        for (number, path) in (0..).zip(&arguments.files) {
            logs.push(Log::open(path, number, &options, &read)?);
        }
        let file = |log: &Log| File {
            file: log.name(),
            format: log.title(),
            is_export: log.format() == Format::Blobwatch,
            same_as: None,
        };
        let mut files: Vec<File> = logs.iter().map(file).collect();
        leave_out_copies(&mut logs, &mut files);
        let lacks_years = logs.iter().any(Log::lacks_years);
        logs.sort_by_key(|log| std::cmp::Reverse(log.begins_ms));
        let ruler = arguments.rulebook.as_deref().map(Ruler::open).transpose()?;
        let reader = Reader::new(ruler);
        let least = AnomalyBreadth {
            clients: arguments.min_clients,
            networks: arguments.min_networks,
        };
        let judge =
            Judge::begin(reader.names.meanings(), reader.digests.clone(), least).map_err(|source| {
                Problem::Read {
                    file: "a thread to judge requests".to_owned(),
                    source,
                }
            })?;
        Ok(Self {
            later: logs,
            active: Vec::new(),
            files,
            slack_ms: arguments.slack * 1000,
            lacks_years,
            least,
            reader,
            order: Order::default(),
            judge,
            faults: Faults::default(),
            totals: ReadCounts::default(),
            progress: progress(&arguments.files),
            read,
        })
    }

    fn run(mut self) -> Result<Report, Problem> {
        // What was read to tell the formats is read again.
        self.read.store(0, Ordering::Relaxed);
        while let Some(at) = self.next_log() {
            let Some(log) = self.active.get_mut(at) else { break };
            let goes_on = log.advance(
                &self.read,
                &mut self.reader,
                &mut self.order,
                &mut self.faults,
                &mut self.totals,
            )?;
            if !goes_on {
                self.active.swap_remove(at);
            }
            let newest = |logs: &[Log]| logs.iter().map(|log| log.newest_ms).min();
            let oldest = newest(&self.active).into_iter().chain(newest(&self.later)).min();
            let slack_ms = self.slack_ms.max(self.reader.seen.longest_ms);
            self.pass_on(oldest.map_or(0, |oldest| oldest.saturating_sub(slack_ms)));
            self.progress.set_position(self.read.load(Ordering::Relaxed));
        }
        self.pass_on(u64::MAX);
        Ok(self.report())
    }

    /// The log that is furthest behind, among those that have begun by then.
    fn next_log(&mut self) -> Option<usize> {
        let behind = |logs: &[Log]| {
            let newest = logs.iter().enumerate().map(|(at, log)| (log.newest_ms, at));
            newest.min()
        };
        let now_ms = behind(&self.active).map(|(newest, _)| newest);
        let begins = |log: &Log| now_ms.is_none_or(|now_ms| log.begins_ms <= now_ms);
        if self.later.last().is_some_and(begins) {
            self.active.extend(self.later.pop());
            return self.next_log();
        }
        behind(&self.active).map(|(_, at)| at)
    }

    /// Has judged what nothing older is expected before.
    fn pass_on(&mut self, until_ms: u64) {
        let due: Batch = std::iter::from_fn(|| self.order.take(until_ms)).collect();
        self.judge.take(due);
    }

    fn report(mut self) -> Report {
        let found = self.judge.finish();
        self.progress.finish_and_clear();
        let mut limits = std::mem::take(&mut self.faults.cuts);
        limits.extend(self.lacks_years.then(|| {
            "times have neither a year nor a zone: they are taken for the newest that can be, in UTC"
                .to_owned()
        }));
        limits.extend(self::limits(self.reader.seen, self.totals.requests));
        limits.extend(one_sender(&found.senders, self.reader.seen, self.totals.requests));
        limits.extend(too_few(&found.senders, self.least));
        let meanings = self.reader.names.meanings();
        let ruler = self.reader.ruler.as_ref();
        let rules = ruler.map_or_else(Vec::new, |ruler| {
            ruler.findings(&found.rules, &found.totals, &meanings)
        });
        Report {
            files: self.files,
            lines: self.totals.lines,
            read: self.totals.requests,
            late: self.order.late,
            faults: self.faults,
            totals: found.totals,
            rules,
            span: found.span,
            limits,
            notes: found.notes,
            anomalies: found.anomalies,
        }
    }
}

/// Takes out logs of which another has all lines.
fn leave_out_copies(logs: &mut Vec<Log>, files: &mut [File]) {
    // Of two that are the same, the later one goes.
    for at in (0..logs.len()).rev() {
        let Some(log) = logs.get(at) else { continue };
        let is_other = |(place, other): &(usize, &Log)| *place != at && log.is_within(other);
        let Some((_, other)) = logs.iter().enumerate().find(is_other) else {
            continue;
        };
        if let Some(file) = files.get_mut(usize::from(log.number())) {
            file.same_as = Some(other.name());
        }
        logs.remove(at);
    }
}

/// Whether the log shows a proxy where it should show clients.
fn one_sender(senders: &Breadth, seen: RangeEvidence, requests: u64) -> Option<String> {
    /// As many requests as one client may well make alone.
    const FEW: u64 = 20;
    if requests < FEW {
        return None;
    }
    if seen.addresses == 0 {
        return Some(
            "the log has no addresses of clients: all count as one (--field address=NAME names a field)"
                .to_owned(),
        );
    }
    (senders.count_clients() == 1).then(|| {
        "all requests come from one address: most likely a proxy stands before what writes this log. Log whom it names \
         (X-Forwarded-For) and name that field (--field address=NAME, or $http_x_forwarded_for in --log-format), or set \
         --min-clients and --min-networks to 1"
            .to_owned()
    })
}

/// Whether nobody in the logs could be flagged, whatever happened to them.
fn too_few(senders: &Breadth, least: AnomalyBreadth) -> Option<String> {
    let (clients, networks) = (senders.count_clients(), senders.count_networks());
    let is_few = clients < u64::from(least.clients) || networks < u64::from(least.networks);
    (is_few && clients > 0).then(|| {
        format!(
            "too few clients for anything to be flagged: {} in all, and a fault must affect at least {} in {} (--min-clients, \
             --min-networks)",
            clients_in_networks(clients, networks),
            least.clients,
            least.networks
        )
    })
}

/// What logs like these do not show.
fn limits(seen: RangeEvidence, requests: u64) -> Vec<String> {
    let mut limits = Vec::new();
    if requests == 0 {
        limits.push("no blob requests were found (GET or HEAD of /v2/<name>/blobs/<digest>)".to_owned());
        return limits;
    }
    if seen.bare_206 > 0 {
        limits.push(format!(
            "{} answers are 206, and the log has neither Range nor Content-Range: a 206 of the last bytes of a blob counts \
             as a resume, one of whole MiB as a tile, others as neither. Downloads without progress and refused ranges \
             cannot be evaluated; restarts, bodies cut short and missing traffic can",
            seen.bare_206
        ));
    } else if seen.content_ranges > 0 {
        limits.push(
            "the log has the answers' Content-Range but not the requests' Range: a part that reaches the end of a blob of \
             known size counts as a resume; ignored ranges (200) cannot be told from requests without a range"
                .to_owned(),
        );
    } else if seen.ranges == 0 {
        limits.push(
            "the log shows no ranges: only failed and refused starts, restarts, redirects, bodies cut short and missing \
             traffic can be evaluated"
                .to_owned(),
        );
    }
    if seen.longest_ms == 0 {
        limits.push(
            "the log does not say how long answers took: slow downloads cannot be evaluated".to_owned(),
        );
    }
    if seen.lengths == 0 {
        limits.push(
            "the log has no body sizes: bodies cut short cannot be evaluated, and without any length all blobs count \
             as large"
                .to_owned(),
        );
    }
    limits
}

/// On a terminal, how much of the files was read; nowhere else.
fn progress(files: &[PathBuf]) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let length = |path: &PathBuf| std::fs::metadata(path).map(|data| data.len()).ok();
    let total: Option<u64> = files.iter().map(length).sum();
    let template = match total {
        Some(_) => "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        None => "{spinner} {bytes} {bytes_per_sec}",
    };
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(5));
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
