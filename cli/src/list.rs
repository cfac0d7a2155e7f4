//! `blobwatch list`: the lists that rules name, of a deployment: shown, refreshed from their sources, changed by items.

use serde_json::{Value, json};

use crate::answer::{self, number, text};
use crate::api::{Api, Deployment, escaped};
use crate::problem::Problem;
use crate::{Outcome, output};

mod refresh;
mod source;

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
    /// Replace the items of a list with those of its source, or of a file, or make the list
    #[command(after_help = EXAMPLES)]
    Refresh(refresh::Arguments),
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
  blobwatch list refresh crawlers --source https://example.com/addresses.txt --kind network
  blobwatch list refresh --all --reason nightly
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
        Command::Refresh(arguments) => refresh::run(arguments),
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
                "{}  {}, {} items, version {}{}  {}\n",
                text(list, "name"),
                text(list, "kind"),
                number(list, "count"),
                number(list, "version"),
                match text(list, "source") {
                    "" => String::new(),
                    source => format!(", from {source}"),
                },
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

fn items_of(list: &Value) -> Vec<String> {
    answer::list(list, "items")
        .iter()
        .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
        .collect()
}
