//! `blobwatch compare`: what is different about a selection of requests.

use std::collections::BTreeMap;

use blobwatch_wire::percent;
use serde_json::{Value, json};

use crate::answer::{decimal, list, number, text};
use crate::api::{Api, Deployment};
use crate::problem::Problem;
use crate::records::filter;
use crate::{Outcome, output};

/// Attributes that are printed, and values of each: those that differ most.
const MAX_ATTRIBUTES: usize = 5;
const MAX_VALUES: usize = 5;

/// A difference below this is none that anybody looks for.
const LEAST_DIFFERENCE: f64 = 0.05;

/// Say what is different about a selection of requests, against the rest
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A filter of the API, such as status=5xx or os!=amzn2; may be repeated
    #[arg(value_name = "NAME=VALUE", value_parser = filter)]
    filters: Vec<(String, String)>,
    /// Of the selection: a time, or how long ago
    #[arg(long, default_value = "-1h", allow_hyphen_values = true)]
    since: String,
    #[arg(long, allow_hyphen_values = true)]
    until: Option<String>,
    /// Of everything that it is held against
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    within_since: Option<String>,
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    within_until: Option<String>,
    /// A filter of everything that it is held against; may be repeated
    #[arg(long = "within", value_name = "NAME=VALUE", value_parser = filter)]
    within: Vec<(String, String)>,
    /// Only requests that a rule fired on
    #[arg(long)]
    fired: bool,
    /// Write the answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch compare status=5xx                               who gets errors, against everybody of the last hour
  blobwatch compare range=resume range=repeat --within route=hub
  blobwatch compare --since -10m --within-since -2h          the last ten minutes against the two hours around them

Exit codes: 0 nothing explains it, 1 a cohort does, 2 usage or another error";

/// `os!=amzn2` excludes: the name is then `os!`.
fn by_name(filters: &[(String, String)]) -> BTreeMap<&str, Vec<&str>> {
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in filters {
        named.entry(name).or_default().push(value);
    }
    named
}

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    let body = json!({
        "of": if arguments.fired { "fires" } else { "requests" },
        "since": arguments.since,
        "until": arguments.until,
        "filters": by_name(&arguments.filters),
        "within": {
            "since": arguments.within_since,
            "until": arguments.within_until,
            "filters": by_name(&arguments.within),
        },
    });
    let answer = Api::new(&arguments.deployment)?.send("POST", "compare", &body, None)?;
    if arguments.json {
        output::json_line(&format!("{answer:#}"))?;
    } else {
        output::text(&in_words(&answer))?;
    }
    Ok(match list(&answer, "cohorts").is_empty() {
        true => Outcome::Nothing,
        false => Outcome::Found,
    })
}

fn in_words(answer: &Value) -> String {
    let mut words = format!(
        "{} requests in the selection, {} in the rest\n",
        number(answer, "selection"),
        number(answer, "rest")
    );
    for cohort in list(answer, "cohorts") {
        words.push_str(&format!("  {}\n", text(cohort, "sentence")));
    }
    if list(answer, "cohorts").is_empty() {
        words.push_str("  no cohort explains the selection\n");
    }
    let is_shown = |of: &&Value| {
        of.get("chosen") != Some(&Value::Bool(true)) && decimal(of, "difference") >= LEAST_DIFFERENCE
    };
    for of in list(answer, "attributes")
        .iter()
        .filter(is_shown)
        .take(MAX_ATTRIBUTES)
    {
        words.push_str(&format!("{}\n", text(of, "attribute")));
        for bar in list(of, "values").iter().take(MAX_VALUES) {
            let value = bar.get("value").and_then(Value::as_str).unwrap_or("(none)");
            words.push_str(&format!(
                "  {:>12} {:>12}  {value}\n",
                percent(decimal(bar, "selection")),
                percent(decimal(bar, "rest"))
            ));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_printed_and_what_was_chosen_is_not() {
        let bar = |value: &str, selection: f64, rest: f64| json!({"value": value, "selection": selection, "rest": rest});
        let answer = json!({
            "selection": 31, "rest": 369, "other": 0,
            "cohorts": [{"cohort": [], "sentence": "os amzn2: 100 % of the selection, 30 % of the rest"}],
            "attributes": [
                {"attribute": "status", "chosen": true, "difference": 1.0, "values": [bar("503", 1.0, 0.0)]},
                {"attribute": "os", "chosen": false, "difference": 0.7, "values": [bar("amzn2", 1.0, 0.3)]},
                {"attribute": "asn", "chosen": false, "difference": 0.0, "values": [bar("16509", 1.0, 1.0)]},
            ],
        });
        assert_eq!(
            in_words(&answer),
            "31 requests in the selection, 369 in the rest\n  os amzn2: 100 % of the selection, 30 % of the rest\nos\n         100 %         30 %  amzn2\n"
        );
        let nothing = json!({"selection": 0, "rest": 0, "cohorts": [], "attributes": []});
        assert!(in_words(&nothing).ends_with("no cohort explains the selection\n"));
    }

    #[test]
    fn filters_of_one_name_are_one_list() {
        let given = ["os=a", "colo!=IAD", "os=b"].map(|text| filter(text).unwrap());
        assert_eq!(
            json!(by_name(&given)),
            json!({"os": ["a", "b"], "colo!": ["IAD"]})
        );
        assert!(filter("os").is_err());
    }
}
