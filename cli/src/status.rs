//! `blobwatch status`: what is wrong now, and whether the detector could see it at all.

use blobwatch_wire::visible;
use serde_json::Value;

use crate::answer::{list, text, texts};
use crate::api::{Api, Deployment};
use crate::problem::Problem;
use crate::records::line;
use crate::{Outcome, output};

/// Say what is wrong, and what the detector can see and cannot
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Status {
    /// Write JSON: the coverage and the open anomalies, as in the API
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch status
  blobwatch status --json | jq -r .coverage.state

Exit codes: 0 no anomaly is open, 1 at least one is open, 2 usage or another error";

pub(crate) fn status(arguments: &Status) -> Result<Outcome, Problem> {
    let page = Api::new(&arguments.deployment)?.get("anomalies?status=open")?;
    if arguments.json {
        output::json_line(&page.to_string())?;
    } else {
        lines(&page).iter().try_for_each(|line| output::line(line))?;
    }
    Ok(if !list(&page, "items").is_empty() {
        Outcome::Found
    } else {
        Outcome::Nothing
    })
}

fn lines(page: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for anomaly in list(page, "items") {
        lines.push(line(anomaly));
        let sentences = list(anomaly, "responses")
            .iter()
            .map(|done| text(done, "sentence"));
        lines.extend(sentences.map(|sentence| format!("  {}", visible(sentence))));
    }
    let Some(coverage) = page.get("coverage") else {
        // A deployment of an older build.
        return lines;
    };
    if lines.is_empty() && text(coverage, "state") == "watching" {
        lines.push("The detector sees no fault.".to_owned());
    }
    lines.push(visible(text(coverage, "text")).into_owned());
    let limits = texts(coverage, "limits").into_iter();
    lines.extend(limits.map(|limit| format!("- {}", visible(limit))));
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lines;

    #[test]
    fn no_anomaly_is_not_called_health_where_nothing_is_judged() {
        let coverage = |state: &str, text: &str| json!({"items": [], "coverage": {"state": state, "text": text, "limits": ["a", "b"]}});
        let learning = coverage("learning", "Still learning.");
        assert_eq!(lines(&learning), ["Still learning.", "- a", "- b"]);
        let watching = coverage("watching", "Watching 12 clients.");
        assert_eq!(
            lines(&watching)[..2],
            ["The detector sees no fault.", "Watching 12 clients."]
        );
        assert_eq!(lines(&json!({"items": []})), [] as [String; 0]);
    }

    #[test]
    fn what_was_done_stands_below_what_is_wrong() {
        let page = json!({"items": [{"id": "an-000012", "opened": "19:01", "closed": null, "sentence": "resumes 38x",
            "responses": [{"sentence": "botnet-sig on hub: enforce to monitor, by ada, at 19:20; resumes fell"}]}]});
        let expected = [
            "an-000012  19:01 open  resumes 38x",
            "  botnet-sig on hub: enforce to monitor, by ada, at 19:20; resumes fell",
        ];
        assert_eq!(lines(&page), expected);
    }
}
