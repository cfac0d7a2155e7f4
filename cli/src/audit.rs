//! `blobwatch audit pull | verify`: the audit log as a file, and whether it is whole.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use blobwatch_rule_book::{AuditEntry, AuditItem, Chain, ChainReport};

use crate::api::{Api, Deployment};
use crate::problem::Problem;
use crate::{Outcome, input, output};

/// Pull a deployment's audit log, and check that it was not changed
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Write the whole log as NDJSON, oldest entry first
    #[command(after_help = EXAMPLES)]
    Pull {
        /// Output file; - writes to standard output
        #[arg(default_value = "-")]
        file: PathBuf,
        #[command(flatten)]
        deployment: Deployment,
    },
    /// Check the chain of an export, offline
    #[command(after_help = EXAMPLES)]
    Verify {
        /// NDJSON of pull, or JSON of GET audit; - reads standard input
        file: PathBuf,
        /// Hash that the last entry must have, kept elsewhere
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
        /// Entry after which the export begins, as NUMBER:HASH
        #[arg(long, value_name = "SEQ:HASH", value_parser = place)]
        after: Option<(u64, String)>,
        /// Write the result as JSON
        #[arg(long)]
        json: bool,
    },
}

const EXAMPLES: &str = "Examples:
  blobwatch audit pull audit.ndjson --url https://registry.example.com
  blobwatch audit verify audit.ndjson
  blobwatch audit verify audit.ndjson --head fb3b6874…
  blobwatch audit pull --url https://registry.example.com | blobwatch audit verify -

Each entry contains the hash of the previous one. If a log was changed, cut in the middle or reordered, the chain
breaks, and verify says at which entry. A log that was rewritten as a whole or cut at its end has no break: keep the
head's hash elsewhere and pass it as --head.

Exit codes: 0 intact, 1 broken, 2 usage or input error";

/// Bytes of an export that is no NDJSON, which is read whole.
const MAX_LIST: u64 = 256 << 20;

/// Bytes of one entry: `before` and `after` of a whole rulebook.
const MAX_ENTRY: u64 = 8 << 20;

fn place(text: &str) -> Result<(u64, String), String> {
    let (seq, hash) = text.split_once(':').ok_or("expected NUMBER:HASH")?;
    let seq = seq
        .parse()
        .map_err(|_| "expected the number of an entry before the colon")?;
    Ok((seq, hash.to_owned()))
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    match &arguments.command {
        Command::Pull { file, deployment } => pull(file, &Api::new(deployment)?),
        Command::Verify {
            file,
            head,
            after,
            json,
        } => verify(file, head.as_deref(), after.as_ref(), *json),
    }
}

fn pull(file: &Path, api: &Api) -> Result<Outcome, Problem> {
    let mut export = api.stream("audit?format=ndjson")?;
    let copied = if file == Path::new("-") {
        io::copy(&mut export, &mut output::stream())
    } else {
        File::create(file)
            .map_err(|source| Problem::Create {
                file: input::name(file),
                source,
            })
            .map(|mut out| io::copy(&mut export, &mut out))?
    };
    copied.map_err(|error| Problem::Api(format!("the export was interrupted: {error}")))?;
    Ok(Outcome::Nothing)
}

fn verify(
    file: &Path,
    head: Option<&str>,
    after: Option<&(u64, String)>,
    as_json: bool,
) -> Result<Outcome, Problem> {
    let mut chain = after.map_or_else(Chain::default, |(seq, hash)| Chain::after(*seq, hash));
    let mut reader = BufReader::new(input::open(file)?);
    walk(&mut reader, &mut chain, file)?;
    let mut report = chain.report();
    if report.ok
        && let Some(head) = head
        && !report.head.eq_ignore_ascii_case(head)
    {
        report.ok = false;
        report.broken = Some(blobwatch_rule_book::Broken {
            seq: report.entries + after.map_or(0, |(seq, _)| *seq),
            why: format!(
                "it is the last entry and its hash is {}, expected {head}: entries are missing, or all were rewritten",
                report.head
            ),
        });
    }
    if as_json {
        output::json_line(&serde_json::to_string(&report).unwrap_or_default())?;
    } else {
        output::line(&report_text(&report))?;
    }
    Ok(if report.ok {
        Outcome::Nothing
    } else {
        Outcome::Found
    })
}

fn report_text(report: &ChainReport) -> String {
    match &report.broken {
        None => format!("ok: {} entries, head {}", report.entries, report.head),
        Some(broken) => format!(
            "broken at {broken}\n{} entries before it are intact, head {}",
            report.entries, report.head
        ),
    }
}

/// An export in lines, or a list of the API, which is newest first.
fn walk(reader: &mut impl BufRead, chain: &mut Chain, file: &Path) -> Result<(), Problem> {
    let failed = |source| Problem::Read {
        file: input::name(file),
        source,
    };
    let mut line = String::new();
    let mut number = 0_u64;
    loop {
        line.clear();
        let read = reader
            .by_ref()
            .take(MAX_ENTRY)
            .read_line(&mut line)
            .map_err(failed)?;
        if read == 0 {
            return Ok(());
        }
        number += 1;
        let text = line.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            continue;
        }
        if number == 1 && is_list(text) {
            let mut rest = line.clone();
            reader
                .by_ref()
                .take(MAX_LIST)
                .read_to_string(&mut rest)
                .map_err(failed)?;
            return walk_list(&rest, chain, file);
        }
        match AuditItem::read(text).and_then(AuditEntry::try_from) {
            Ok(entry) => {
                chain.push(&entry);
            }
            // In the middle of a log it is a break like any other; a file that never was one is another matter.
            Err(error) if number > 1 => chain.refuse(format!("line {number} is not an audit entry: {error}")),
            Err(error) => {
                return Err(Problem::Line {
                    file: input::name(file),
                    line: number,
                    expected: format!("an audit entry: {error}"),
                });
            }
        }
        if chain.is_broken() {
            return Ok(());
        }
    }
}

/// Whether a file is one JSON document and no lines of them.
fn is_list(first: &str) -> bool {
    first.starts_with('[') || first == "{" || first.starts_with("{\"items\"")
}

/// A page of the API. `before` and `after` keep their bytes, which an untagged form would not.
#[derive(serde::Deserialize)]
struct Page {
    items: Vec<AuditItem>,
}

fn walk_list(text: &str, chain: &mut Chain, file: &Path) -> Result<(), Problem> {
    let wrong = |error: &dyn std::fmt::Display| Problem::File {
        file: input::name(file),
        expected: format!("lines of audit entries, or a list of them: {error}"),
    };
    let parsed = if text.trim_start().starts_with('[') {
        serde_json::from_str(text)
    } else {
        serde_json::from_str(text).map(|page: Page| page.items)
    };
    let mut items: Vec<AuditItem> = parsed.map_err(|error| wrong(&error))?;
    items.sort_by_key(|item| item.seq);
    for item in items {
        let entry = AuditEntry::try_from(item).map_err(|error| wrong(&error))?;
        chain.push(&entry);
    }
    Ok(())
}
