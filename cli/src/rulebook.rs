//! `blobwatch rulebook pull | check | import | export | diff | push`: the rulebook of a deployment as a file.
//!
//! A push says first what it changes, is one revision or nothing, and is refused when the live rulebook moved on since
//! the file was pulled. It starts or grows no enforcement without a preview that the file names, or `--force`.

use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::answer;
use crate::api::{Api, Deployment, escaped};
use crate::problem::Problem;
use crate::{Outcome, input, output};

mod check;
mod document;
mod export;
mod import;
mod plan;

use document::Document;
use plan::Plan;

/// The document in a file, as it was written.
pub(crate) fn read(file: &Path) -> Result<Value, Problem> {
    Document::read(file, false).map(|document| document.body)
}

/// Keep a deployment's rulebook in a file: pull, diff, push
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Write the live rulebook to a file
    #[command(after_help = EXAMPLES)]
    Pull {
        /// Output file, TOML or JSON by its extension; - writes JSON to standard output
        file: PathBuf,
        #[command(flatten)]
        deployment: Deployment,
    },
    /// Check a file without a deployment; exit code 1 if anything is wrong
    #[command(after_help = EXAMPLES)]
    Check {
        /// TOML or JSON by its extension; - reads JSON from standard input
        file: PathBuf,
    },
    /// Say what rules and lists of Cloudflare are here, in monitor; exit code 1 if some cannot be said
    #[command(after_help = EXAMPLES)]
    Import {
        /// Answers of the Rulesets and Lists APIs (JSON), or Terraform (HCL); - reads standard input
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Add them to this rulebook, TOML or JSON by its extension, or make it
        #[arg(long, value_name = "FILE")]
        into: Option<PathBuf>,
    },
    /// Write the rules and lists of a file in the form of Cloudflare's APIs, as log; exit code 1 if some cannot be said
    #[command(after_help = EXAMPLES)]
    Export {
        /// TOML or JSON by its extension; - reads JSON from standard input
        file: PathBuf,
        /// Into the form of Cloudflare's Rulesets and Lists APIs, the only one
        #[arg(long, required = true)]
        cloudflare: bool,
        /// Output file; without it, standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Give rules that are enforced by default their action instead of log
        #[arg(long)]
        enforced: bool,
    },
    /// Show what a push of a file would change; exit code 1 if there are changes
    #[command(after_help = EXAMPLES)]
    Diff {
        /// TOML or JSON by its extension; - reads JSON from standard input
        file: PathBuf,
        /// Write the plan as JSON
        #[arg(long)]
        json: bool,
        /// As with push
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        deployment: Deployment,
    },
    /// Replace the live rulebook with a file, in one revision
    #[command(after_help = EXAMPLES)]
    Push {
        /// TOML or JSON by its extension; - reads JSON from standard input
        file: PathBuf,
        /// Reason, for the audit log
        #[arg(long, value_parser = reason)]
        reason: String,
        /// Begin and extend enforcement without previews; the audit log shows it
        #[arg(long)]
        force: bool,
        /// Do not ask for confirmation; required without a terminal
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        deployment: Deployment,
    },
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch rulebook pull rulebook.toml
  blobwatch rulebook check rulebook.toml
  blobwatch rulebook import waf.tf --into rulebook.toml
  blobwatch rulebook export rulebook.toml --cloudflare --out rulesets.json
  blobwatch rulebook diff rulebook.toml
  blobwatch rulebook push rulebook.toml --reason 'botnet-sig from 1 % on'
  blobwatch rulebook push rulebook.toml --reason \"$CI_COMMIT_TITLE\" --yes

A mode that begins to enforce names its preview, as `preview = \"pv-…\"` in its entry. pull writes the live `revision` into the
file, and a push is refused when the live rulebook is at another revision; a file without `revision` applies to whatever
is live when its plan is made.

Exit codes: check 0 sound, 1 not; import and export 0 all of it, 1 some left out; diff 0 no difference, 1 differences; push 0 applied, or nothing to do; 2 refused, or another error";

fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("expected a reason".to_owned());
    }
    Ok(text.trim().to_owned())
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    match &arguments.command {
        Command::Pull { file, deployment } => pull(file, &Api::new(deployment)?),
        Command::Check { file } => check::run(file),
        Command::Export {
            file, out, enforced, ..
        } => export::run(file, out.as_deref(), *enforced),
        Command::Import { files, into } => import::run(files, into.as_deref()),
        Command::Diff {
            file,
            json,
            force,
            deployment,
        } => diff(file, *json, *force, &Api::new(deployment)?),
        Command::Push {
            file,
            reason,
            force,
            yes,
            deployment,
        } => push(file, reason, *force, *yes, &Api::new(deployment)?),
    }
}

fn pull(file: &Path, api: &Api) -> Result<Outcome, Problem> {
    let live = api.get("rulebook")?;
    let text = document::written(&live, file)?;
    if file == Path::new("-") {
        output::raw(text.as_bytes())?;
        return Ok(Outcome::Nothing);
    }
    document::replace(file, &text)?;
    let count = |name: &str| answer::list(&live, name).len();
    output::text(&format!(
        "wrote {}: revision {}, {} rules, {} routes, {} modes, {} lists\n",
        input::name(file),
        answer::number(&live, "revision"),
        count("rules"),
        count("routes"),
        count("modes"),
        count("lists")
    ))?;
    Ok(Outcome::Nothing)
}

/// The plan against what is live, whatever revision the file was pulled at.
fn diff(file: &Path, as_json: bool, force: bool, api: &Api) -> Result<Outcome, Problem> {
    let document = Document::read(file, force)?;
    let plan = planned(api, &document, None)?;
    if as_json {
        output::json_line(&format!("{:#}", plan.json))?;
    } else {
        output::text(&plan.text())?;
    }
    if let Some(revision) = document.revision.filter(|revision| *revision != plan.revision) {
        output::complain(&format!(
            "{} was pulled at revision {revision}, but the live revision is {}: a push will be refused; pull again",
            input::name(file),
            plan.revision
        ));
    }
    plan.refused()?;
    Ok(if plan.is_empty() {
        Outcome::Nothing
    } else {
        Outcome::Found
    })
}

fn push(file: &Path, reason: &str, force: bool, yes: bool, api: &Api) -> Result<Outcome, Problem> {
    let document = Document::read(file, force)?;
    let plan = planned(api, &document, document.revision)?;
    output::text(&plan.text())?;
    plan.refused()?;
    if plan.is_empty() {
        return Ok(Outcome::Nothing);
    }
    if !yes && !confirmed(file)? {
        output::text("nothing was changed\n")?;
        return Ok(Outcome::Nothing);
    }
    // The revision of the plan: what was shown is what is done.
    let path = format!("rulebook?reason={}", escaped(reason));
    let pushed = api.send("PUT", &path, &document.body, Some(plan.revision))?;
    let revision = answer::number(&pushed, "revision");
    output::text(&format!("applied as revision {revision}\n"))?;
    if document.revision.is_some() {
        document.write_revision(file, revision)?;
    }
    Ok(Outcome::Nothing)
}

fn planned(api: &Api, document: &Document, revision: Option<u64>) -> Result<Plan, Problem> {
    let answer = api.send("PUT", "rulebook?dry_run=true", &document.body, revision)?;
    Plan::new(answer)
}

/// Asks on a terminal; elsewhere nobody can be asked.
fn confirmed(file: &Path) -> Result<bool, Problem> {
    if file == Path::new("-") || !io::stdin().is_terminal() {
        return Err(Problem::Usage(
            "expected --yes, because there is no terminal to ask on; nothing was changed".to_owned(),
        ));
    }
    output::text("Apply? [y/N] ")?;
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|source| Problem::Read {
            file: "the terminal".to_owned(),
            source,
        })?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
