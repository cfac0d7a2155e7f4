//! `blobwatch list refresh`: the items of a list are those of its source.
//!
//! A refresh is one revision or nothing. It is refused where it would take away more than half of a list: a source that
//! failed is more likely than a world that changed.

use std::collections::BTreeSet;

use blobwatch_rulebook::check_list_source;
use serde_json::{Value, json};

use super::source::{called, read};
use super::{Change, EXAMPLES, items_of, path, told};
use crate::answer::{self, number, text};
use crate::api::Api;
use crate::problem::Problem;
use crate::{Outcome, output};

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The list; with --all, each that has a source
    #[arg(required_unless_present = "all")]
    name: Option<String>,
    /// A file instead of the list's source: one item a line, `#` begins a comment; - reads standard input; gzip, bzip2, xz
    /// and zstd are unpacked
    #[arg(conflicts_with = "source")]
    file: Option<String>,
    /// Refresh every list that has a source
    #[arg(long, conflicts_with_all = ["name", "file", "kind", "source"])]
    all: bool,
    /// Address (<https://…>) or file that the list is refreshed from, now and later; an empty one removes it
    #[arg(long, value_name = "ADDRESS|FILE")]
    source: Option<String>,
    /// Of a new list; a list that is there keeps its own
    #[arg(long, value_parser = ["address", "network", "number", "string", "host_name"])]
    kind: Option<String>,
    /// Remove more than half of the items too
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: Change,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    let api = Api::new(&arguments.change.deployment)?;
    match &arguments.name {
        Some(name) => one(name, arguments, &api),
        None => all(arguments, &api),
    }
}

/// Each list by itself: a source that failed keeps no other list from being refreshed. The outcome is the first problem.
fn all(arguments: &Arguments, api: &Api) -> Result<Outcome, Problem> {
    let book = api.get("rulebook")?;
    let lists = answer::list(&book, "lists").iter();
    let sourced: Vec<&str> = lists
        .filter(|list| !text(list, "source").is_empty())
        .map(|list| text(list, "name"))
        .collect();
    if sourced.is_empty() {
        output::text("no list has a source\n")?;
    }
    let mut outcome = Ok(Outcome::Nothing);
    for name in sourced {
        match (one(name, arguments, api), &outcome) {
            (Ok(_), _) => {}
            (Err(problem), Ok(_)) => outcome = Err(problem),
            (Err(problem), Err(_)) => output::complain(&problem.to_string()),
        }
    }
    outcome
}

fn one(name: &str, arguments: &Arguments, api: &Api) -> Result<Outcome, Problem> {
    if let Some(source) = arguments.source.as_deref().filter(|source| !source.is_empty()) {
        check_list_source(source)
            .map_err(|expected| Problem::Usage(format!("--source: expected {expected}, found {source:?}")))?;
    }
    // The list of the revision that is replaced.
    let book = api.get("rulebook")?;
    let mut lists = answer::list(&book, "lists").iter();
    let list = lists.find(|list| text(list, "name") == name);
    let kind = kind_of(name, arguments.kind.as_deref(), list)?;
    let list = list.unwrap_or(&Value::Null);
    let items = match source_of(name, arguments, list)? {
        Some(source) => {
            let items = read(source)?;
            if !arguments.force {
                check_loss(name, source, list, &items)?;
            }
            json!(items)
        }
        None => json!(answer::list(list, "items")),
    };
    let mut body = json!({"kind": kind, "description": text(list, "description"), "items": items});
    if let (Value::Object(fields), Some(source)) = (&mut body, &arguments.source) {
        fields.insert("source".to_owned(), source.as_str().into());
    }
    let revision = number(&book, "revision");
    let changed = api.send("PUT", &path(name, "", &arguments.change), &body, Some(revision))?;
    told(name, &changed)
}

/// Where the items are read; nowhere where only the source is taken away.
fn source_of<'a>(name: &str, arguments: &'a Arguments, list: &'a Value) -> Result<Option<&'a str>, Problem> {
    let own = text(list, "source");
    match (&arguments.file, &arguments.source) {
        (Some(file), _) => Ok(Some(file)),
        (None, Some(source)) => Ok(Some(source.as_str()).filter(|source| !source.is_empty())),
        (None, None) if own.is_empty() => Err(Problem::Usage(format!(
            "expected a file or --source: the list {name} has no source"
        ))),
        (None, None) => Ok(Some(own)),
    }
}

/// The kind that a list has, or is to have.
fn kind_of<'a>(name: &str, asked: Option<&'a str>, list: Option<&'a Value>) -> Result<&'a str, Problem> {
    let expected = match (asked, list.map(|list| text(list, "kind"))) {
        (Some(asked), Some(kind)) if asked != kind => {
            format!("expected --kind {kind}, or none: {name} has that kind, not {asked}")
        }
        (_, Some(kind)) | (Some(kind), None) => return Ok(kind),
        (None, None) => format!("expected --kind: there is no list {name} yet"),
    };
    Err(Problem::Usage(expected))
}

/// As many as are there, whatever they are: an item may be written in several ways.
fn check_loss(name: &str, source: &str, list: &Value, items: &[String]) -> Result<(), Problem> {
    let (before, after) = (items_of(list).len(), items.iter().collect::<BTreeSet<_>>().len());
    if after > 0 && after * 2 >= before {
        return Ok(());
    }
    Err(Problem::Usage(format!(
        "{} has {after} items, and {name} has {before}: expected --force to remove so many; nothing was changed",
        called(source)
    )))
}
