//! The table of cloud prefixes: from the files that clouds publish to the bytes that the worker reads.

mod file;

use crate::workspace::Workspace;
use anyhow::{Context, Result};
use blobwatch_clouds::CloudTable;
use file::PublishedPrefixes;
use std::fs;
use std::path::PathBuf;

/// The table that a build takes into its bundle. The one in the repository is empty.
pub(crate) const TABLE: &str = "config/cloud_prefixes.bin";

/// What `cargo xtask prefixes` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files of clouds: ip-ranges.json of AWS, cloud.json of Google, ServiceTags_Public_*.json of Azure, or a CSV with
    /// `prefix,cloud,region`. Without a file the table becomes empty
    files: Vec<PathBuf>,
    /// Where the table is written
    #[arg(long, default_value = TABLE)]
    out: PathBuf,
}

/// # Errors
/// When a file cannot be read or is of no known form; the table then stays as it was.
pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let mut published = PublishedPrefixes::default();
    for path in &args.files {
        let name = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("failed to read {name}"))?;
        let one = PublishedPrefixes::read(&text).with_context(|| format!("failed to read {name}"))?;
        println!("{name}: {}", one.described());
        published.add(one);
    }
    let table = CloudTable::build(&published.date, &published.prefixes)?;
    let bytes = table.encode();
    let out = workspace.path(&args.out);
    fs::write(&out, &bytes).with_context(|| format!("failed to write {}", out.display()))?;
    println!("{}: {}", args.out.display(), described(&table, bytes.len()));
    Ok(())
}

fn described(table: &CloudTable, bytes: usize) -> String {
    let (v4, v6, regions) = table.sizes();
    // 6 bytes for a boundary of IPv4, 10 for one of IPv6.
    let memory = (v4 * 6 + v6 * 10).div_ceil(1024);
    let size = bytes.div_ceil(1024);
    format!(
        "{v4} boundaries of IPv4 and {v6} of IPv6 in {regions} regions: {size} KiB, {memory} KiB in an isolate's memory"
    )
}
