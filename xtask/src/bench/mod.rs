//! The figures that the project promises, measured here and now: one table, and one JSON file for each benchmark under
//! target/bench/. A missed target is reported, not an error: the machine may be busy.

mod native;
mod report;

use crate::workspace::Workspace;
use anyhow::{Context, Result};
use clap::ValueEnum;
use report::Table;
use std::fs;
use std::path::Path;

/// What `cargo xtask bench` understands.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which benchmarks; all of them when none is named
    #[arg(value_enum)]
    benches: Vec<Bench>,
}

/// One benchmark. The JSON file has its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Bench {
    /// Rules and rulebooks, native, against wirefilter and CEL
    Rules,
    /// Queries over stored records, native
    Query,
}

impl Bench {
    fn name(self) -> &'static str {
        match self {
            Self::Rules => "rules",
            Self::Query => "query",
        }
    }

    /// Measures, and leaves the figures in `json`.
    fn measure(self, workspace: &Workspace, json: &Path) -> Result<()> {
        match self {
            Self::Rules | Self::Query => native::measure(workspace, self.name(), json),
        }
    }
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let chosen = if args.benches.is_empty() {
        Bench::value_variants()
    } else {
        &args.benches
    };
    let folder = workspace.target().join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
    let mut figures = Vec::new();
    for bench in chosen {
        let json = folder.join(format!("{}.json", bench.name()));
        bench
            .measure(workspace, &json)
            .with_context(|| format!("failed to measure {}", bench.name()))?;
        figures.extend(report::read(&json)?);
    }
    print!("{}", Table(&figures));
    println!("JSON: {}", folder.display());
    Ok(())
}
