//! `blobwatch packets`: what packets that other parties drop have in common.

use blobwatch_wire::visible;
use serde_json::Value;

use crate::answer::{list, text};
use crate::api::{Api, Deployment};
use crate::problem::Problem;
use crate::{Outcome, output};

/// Say what the packets that other parties drop have in common, against those that pass
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Packets {
    /// From when on: RFC 3339, or a time ago as -15m; at most two hours before --until
    #[arg(long, default_value = "-1h", allow_hyphen_values = true, value_name = "TIME")]
    since: String,
    /// Until when; now unless said
    #[arg(long, allow_hyphen_values = true, value_name = "TIME")]
    until: Option<String>,
    /// Write JSON, as in the API
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch packets --since -30m
  blobwatch packets --since 2020-07-05T19:00:00Z --until 2020-07-05T20:00:00Z --json

Exit codes: 0 nothing was dropped, 1 something was dropped, 2 usage or another error";

pub(crate) fn packets(arguments: &Packets) -> Result<Outcome, Problem> {
    let time = |name: &str, time: &str| format!("{name}={}", time.replace('+', "%2B"));
    let mut call = format!("packets?{}", time("since", &arguments.since));
    if let Some(until) = &arguments.until {
        call.push('&');
        call.push_str(&time("until", until));
    }
    let answer = Api::new(&arguments.deployment)?.get(&call)?;
    if arguments.json {
        output::json_line(&answer.to_string())?;
    } else {
        lines(&answer).iter().try_for_each(|line| output::line(line))?;
    }
    let is_dropped = |rule: &Value| text(rule, "outcome") == "dropped";
    Ok(if list(&answer, "rules").iter().any(is_dropped) {
        Outcome::Found
    } else {
        Outcome::Nothing
    })
}

fn lines(answer: &Value) -> Vec<String> {
    let number = |of: &Value, key: &str| of.get(key).and_then(Value::as_u64).unwrap_or_default();
    let mut lines = Vec::new();
    for rule in list(answer, "rules") {
        lines.push(visible(text(rule, "sentence")).into_owned());
        lines.push(format!(
            "  {} {}: about {} packets {}, by {} samples",
            visible(text(rule, "system")),
            visible(text(rule, "words")),
            number(rule, "packets"),
            if text(rule, "outcome") == "dropped" {
                "dropped"
            } else {
                "only logged"
            },
            number(rule, "samples"),
        ));
    }
    if lines.is_empty() {
        lines.push(match number(answer, "passed") {
            0 => "Nobody told of packets in that time; docs/upstream.md says how sources are set up."
                .to_owned(),
            passed => format!("No packet was dropped; about {passed} passed."),
        });
    }
    if number(answer, "unplaced") > 0 {
        lines.push(format!(
            "{} samples had no room and are in no count",
            number(answer, "unplaced")
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lines;

    #[test]
    fn a_rule_is_its_sentence_and_its_figures() {
        let answer = json!({"passed": 7, "unplaced": 3, "rules": [{"sentence": "98 % of what cf:3b drops has TTL 255", "system": "dosd",
            "words": "a botnet", "outcome": "dropped", "packets": 30_000, "samples": 300}]});
        let expected = [
            "98 % of what cf:3b drops has TTL 255",
            "  dosd a botnet: about 30000 packets dropped, by 300 samples",
            "3 samples had no room and are in no count",
        ];
        assert_eq!(lines(&answer), expected);
        assert_eq!(
            lines(&json!({"passed": 7})),
            ["No packet was dropped; about 7 passed."]
        );
        assert!(lines(&json!({}))[0].contains("docs/upstream.md"));
    }
}
