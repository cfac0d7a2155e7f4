//! `blobwatch explain`: what a rulebook would do with a request that is written by hand.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::answer::{list, text, texts};
use crate::api::{Api, Deployment};
use crate::problem::Problem;
use crate::{Outcome, output, rulebook};

/// Say what each rule would do with a request, and why
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The request, as a curl command line
    #[arg(long)]
    curl: String,
    /// What the platform would say: a name of the rule language and a value
    #[arg(long = "fact", value_name = "NAME=VALUE", value_parser = fact)]
    facts: Vec<(String, Value)>,
    /// A rulebook, TOML or JSON by its extension, instead of the live one
    #[arg(long, value_name = "FILE")]
    rulebook: Option<PathBuf>,
    /// An expression that is asked too
    #[arg(long)]
    rule: Option<String>,
    /// Write the answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch explain --curl 'curl -A docker/19.03.6-ce https://registry.example.com/v2/library/alpine/blobs/sha256:4abc…'
  blobwatch explain --curl '…' --fact ip.src.asnum=16509 --fact ip.src.country=US
  blobwatch explain --curl '…' --rulebook rulebook.toml

Exit codes: 0 the request is forwarded, 1 a rule refuses or redirects it, 2 another error";

/// Numbers and `true`, `false`, `null` are what they are in JSON; anything else is text.
fn fact(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let parsed = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((name.to_owned(), parsed))
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    let facts: Map<String, Value> = arguments.facts.iter().cloned().collect();
    let mut body = Map::from_iter([
        ("curl".to_owned(), json!(arguments.curl)),
        ("facts".to_owned(), Value::Object(facts)),
    ]);
    if let Some(file) = &arguments.rulebook {
        body.insert("rulebook".to_owned(), rulebook::read(file)?);
    }
    if let Some(expression) = &arguments.rule {
        let rule = json!({"expression": expression, "action": "tag"});
        body.insert("rule".to_owned(), rule);
    }
    let answer = Api::new(&arguments.deployment)?.send("POST", "explain", &Value::Object(body), None)?;
    if arguments.json {
        output::json_line(&format!("{answer:#}"))?;
    } else {
        output::text(&in_words(&answer))?;
    }
    Ok(match text(&answer, "verdict") {
        "block" | "throttle" | "detour" => Outcome::Found,
        _ => Outcome::Nothing,
    })
}

fn in_words(answer: &Value) -> String {
    let mut words = format!("route {}: {}\n", text(answer, "route"), text(answer, "why"));
    for rule in list(answer, "rules") {
        let matched = match rule.get("matched").and_then(Value::as_bool) {
            Some(true) => "matches",
            Some(false) => "no match",
            None => "unknown",
        };
        words.push_str(&format!(
            "  {matched:8}  {} ({}, would {}): {}\n",
            text(rule, "rule"),
            text(rule, "mode"),
            text(rule, "would"),
            text(rule, "why")
        ));
    }
    let unsaid = texts(answer, "not_said");
    if !unsaid.is_empty() {
        words.push_str(&format!(
            "not said: {} (give them with --fact)\n",
            unsaid.join(", ")
        ));
    }
    words
}
