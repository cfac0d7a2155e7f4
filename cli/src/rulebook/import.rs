//! `blobwatch rulebook import`: rules and lists of Cloudflare as rules and lists of a rulebook.
//!
//! In scope: answers of the Rulesets and Lists APIs, and Terraform's `cloudflare_ruleset`, `cloudflare_list`,
//! `cloudflare_filter` and `cloudflare_firewall_rule`. Everything comes in monitor, whatever it was there; what cannot be
//! said is listed with why. Not in scope: managed rulesets, and what rewrites requests or reads answers.

mod convert;
mod source;
mod terraform;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use self::convert::{ConvertedItem, Outcomes, convert};
use super::document;
use crate::answer;
use crate::problem::Problem;
use crate::{Outcome, input, output};

pub(super) fn run(files: &[PathBuf], into: Option<&Path>) -> Result<Outcome, Problem> {
    let mut found = source::SourceRules::default();
    for file in files {
        source::read(file, &mut found)?;
    }
    if found.is_empty() {
        return Err(Problem::File {
            file: files
                .iter()
                .map(|file| input::name(file))
                .collect::<Vec<_>>()
                .join(", "),
            expected: "rules or lists of Cloudflare: an answer of its API (.json), or Terraform (.tf)"
                .to_owned(),
        });
    }
    let mut book = match into {
        Some(file) if file.exists() => super::read(file)?,
        _ => json!({"routes": [{"name": "default"}], "rules": [], "modes": [], "lists": []}),
    };
    let outcomes = convert(&found, &names(&book, "lists", "name"));
    let kept = merge(&mut book, &outcomes);
    output::text(&plan(&outcomes, &kept))?;
    if let Some(file) = into {
        document::replace(file, &document::written(&book, file)?)?;
        output::text(&format!("wrote {}\n", input::name(file)))?;
    }
    Ok(if outcomes.left_out.is_empty() {
        Outcome::Nothing
    } else {
        Outcome::Found
    })
}

fn names(book: &Value, list: &str, key: &str) -> HashSet<String> {
    answer::list(book, list)
        .iter()
        .filter_map(|entry| entry.get(key)?.as_str())
        .map(str::to_owned)
        .collect()
}

/// Adds what is not there by its name; answers what is.
fn merge(book: &mut Value, outcomes: &Outcomes) -> HashSet<String> {
    let mut kept = HashSet::new();
    for (list, key, new) in [
        ("lists", "name", &outcomes.lists),
        ("rules", "id", &outcomes.rules),
    ] {
        let known = names(book, list, key);
        let entries = new.iter().filter(|new| {
            let is_known = known.contains(&new.name);
            if is_known {
                kept.insert(new.name.clone());
            }
            !is_known
        });
        let entries: Vec<Value> = entries.map(|new| new.value.clone()).collect();
        if let Some(fields) = book.as_object_mut() {
            let slot = fields.entry(list).or_insert_with(|| json!([]));
            slot.as_array_mut()
                .into_iter()
                .for_each(|slot| slot.extend(entries.iter().cloned()));
        }
    }
    kept
}

fn plan(outcomes: &Outcomes, kept: &HashSet<String>) -> String {
    let mut text = String::new();
    for (what, new) in [("lists", &outcomes.lists), ("rules", &outcomes.rules)] {
        for ConvertedItem {
            name,
            from,
            words,
            notes,
            ..
        } in new
        {
            if kept.contains(name) {
                text.push_str(&format!(
                    "= {what}/{name}  is there already and stays as it is (from {from})\n"
                ));
                continue;
            }
            text.push_str(&format!("+ {what}/{name}  {words} (from {from})\n"));
            notes
                .iter()
                .for_each(|note| text.push_str(&format!("    note: {note}\n")));
        }
    }
    for (from, why) in &outcomes.left_out {
        text.push_str(&format!(
            "- {from}  cannot be said here: {}\n",
            why.replace('\n', "\n    ")
        ));
    }
    text.push_str(&format!(
        "{} rules and {} lists, all rules in monitor or off; {} left out\n",
        outcomes.rules.len(),
        outcomes.lists.len(),
        outcomes.left_out.len()
    ));
    text
}
