//! `blobwatch list`: the lists that rules name, of a deployment: shown, refreshed from a file, changed by items.
//!
//! A refresh is one revision or nothing. It is refused where it would take away more than half of a list: a source that
//! failed is more likely than a world that changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::answer::{self, number, text};
use crate::api::{Api, Deployment, escaped};
use crate::problem::Problem;
use crate::{Outcome, input, output};

/// Bytes of a file of items: what the API takes.
const MAX_FILE: u64 = 2_000_000;

/// Show and change the lists that rules name as $name
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print the items of a list, one a line; without a name, every list
    #[command(after_help = EXAMPLES)]
    Show {
        name: Option<String>,
        #[command(flatten)]
        deployment: Deployment,
    },
    /// Replace the items of a list with those of a file, or make the list
    #[command(after_help = EXAMPLES)]
    Refresh {
        name: String,
        /// One item a line, `#` begins a comment; - reads standard input; gzip, bzip2, xz and zstd are unpacked
        file: PathBuf,
        /// Of a new list; a list that is there keeps its own
        #[arg(long, value_parser = ["address", "network", "number", "string", "host_name"])]
        kind: Option<String>,
        /// Remove more than half of the items too
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Add items to a list
    #[command(after_help = EXAMPLES)]
    Add {
        name: String,
        #[arg(required = true)]
        items: Vec<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Remove items from a list
    #[command(after_help = EXAMPLES)]
    Remove {
        name: String,
        #[arg(required = true)]
        items: Vec<String>,
        #[command(flatten)]
        change: Change,
    },
    /// Remove a list that no rule names
    #[command(after_help = EXAMPLES)]
    Delete {
        name: String,
        #[command(flatten)]
        change: Change,
    },
}

#[derive(clap::Args)]
struct Change {
    /// Reason, for the audit log
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    deployment: Deployment,
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch list show
  blobwatch list refresh office office.txt --kind network --reason 'first list'
  curl -s https://example.com/addresses.txt | blobwatch list refresh crawlers - --reason nightly
  blobwatch list add office 192.0.2.7 --reason 'new uplink'

Exit codes: 0 done, or nothing to do; 2 refused, or another error";

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    match &arguments.command {
        Command::Show {
            name: None,
            deployment,
        } => show_all(&Api::new(deployment)?),
        Command::Show {
            name: Some(name),
            deployment,
        } => show(name, &Api::new(deployment)?),
        Command::Refresh {
            name,
            file,
            kind,
            force,
            change,
        } => refresh(name, file, kind.as_deref(), *force, change),
        Command::Add { name, items, change } => change_items(name, "add", items, change),
        Command::Remove { name, items, change } => change_items(name, "remove", items, change),
        Command::Delete { name, change } => {
            let api = Api::new(&change.deployment)?;
            api.send("DELETE", &path(name, "", change), &Value::Null, None)?;
            output::text(&format!("removed {name}\n"))?;
            Ok(Outcome::Nothing)
        }
    }
}

fn show_all(api: &Api) -> Result<Outcome, Problem> {
    let mut cursor = String::new();
    loop {
        let page = api.get(&format!("lists?limit=100{cursor}"))?;
        for list in answer::list(&page, "items") {
            output::text(&format!(
                "{}  {}, {} items, version {}  {}\n",
                text(list, "name"),
                text(list, "kind"),
                number(list, "count"),
                number(list, "version"),
                text(list, "description")
            ))?;
        }
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(next) => cursor = format!("&cursor={}", escaped(next)),
            None => return Ok(Outcome::Nothing),
        }
    }
}

fn show(name: &str, api: &Api) -> Result<Outcome, Problem> {
    let list = api.get(&format!("lists/{}", escaped(name)))?;
    for item in items_of(&list) {
        output::text(&format!("{item}\n"))?;
    }
    Ok(Outcome::Nothing)
}

fn refresh(
    name: &str,
    file: &Path,
    kind: Option<&str>,
    force: bool,
    change: &Change,
) -> Result<Outcome, Problem> {
    let items = read(file)?;
    let api = Api::new(&change.deployment)?;
    // The list of the revision that is replaced.
    let book = api.get("rulebook")?;
    let mut lists = answer::list(&book, "lists").iter();
    let list = lists.find(|list| text(list, "name") == name);
    let kind = kind_of(name, kind, list)?;
    let list = list.unwrap_or(&Value::Null);
    if !force {
        check_loss(name, file, list, &items)?;
    }
    let description = text(list, "description");
    let body = json!({"kind": kind, "description": description, "items": items});
    let revision = number(&book, "revision");
    let changed = api.send("PUT", &path(name, "", change), &body, Some(revision))?;
    told(name, &changed)
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
fn check_loss(name: &str, file: &Path, list: &Value, items: &[String]) -> Result<(), Problem> {
    let (before, after) = (items_of(list).len(), items.iter().collect::<BTreeSet<_>>().len());
    if after > 0 && after * 2 >= before {
        return Ok(());
    }
    Err(Problem::Usage(format!(
        "{} has {after} items, and {name} has {before}: expected --force to remove so many; nothing was changed",
        input::name(file)
    )))
}

fn change_items(name: &str, what: &str, items: &[String], change: &Change) -> Result<Outcome, Problem> {
    let api = Api::new(&change.deployment)?;
    let changed = api.send("POST", &path(name, "/items", change), &json!({what: items}), None)?;
    told(name, &changed)
}

fn told(name: &str, changed: &Value) -> Result<Outcome, Problem> {
    let used = match answer::texts(changed, "rules") {
        none if none.is_empty() => "no rule".to_owned(),
        rules => rules.join(", "),
    };
    output::text(&format!(
        "{name}: {} items, {} added, {} removed; version {} at revision {}; named by {used}\n",
        number(changed, "count"),
        number(changed, "added"),
        number(changed, "removed"),
        number(changed, "version"),
        number(changed, "revision")
    ))?;
    Ok(Outcome::Nothing)
}

fn path(name: &str, below: &str, change: &Change) -> String {
    let path = format!("lists/{}{below}", escaped(name));
    match &change.reason {
        Some(reason) => format!("{path}?reason={}", escaped(reason)),
        None => path,
    }
}

/// One item a line. A comment is a line of its own, or follows a space.
fn read(file: &Path) -> Result<Vec<String>, Problem> {
    let text = input::text(file, MAX_FILE)?;
    let items = text
        .lines()
        .map(|line| line.split(" #").next().unwrap_or(line).trim());
    Ok(items
        .filter(|item| !item.is_empty() && !item.starts_with('#'))
        .map(str::to_owned)
        .collect())
}

fn items_of(list: &Value) -> Vec<String> {
    answer::list(list, "items")
        .iter()
        .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
        .collect()
}
