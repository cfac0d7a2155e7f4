//! `blobwatch preview`: whom a rule would hit, from the records of a deployment, before it is enforced.

use std::borrow::Cow;
use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::thread::sleep;
use std::time::Duration;

use blobwatch_wire::{percent, visible};
use clap::ArgGroup;
use indicatif::{ProgressBar, ProgressDrawTarget};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::answer::{self, decimal, list, number, texts};
use crate::api::{Api, Deployment, escaped};
use crate::problem::Problem;
use crate::{Outcome, output};

/// How often it is asked how far the preview is.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Say whom a rule would hit, before it is enforced
#[derive(clap::Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("candidate").required(true))]
pub(crate) struct Arguments {
    #[command(flatten)]
    candidate: Candidate,
    /// Seconds to wait for the result; the preview continues afterwards
    #[arg(long, default_value_t = 600)]
    wait: u64,
    /// Write the preview as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

/// What is previewed, and on which records.
#[derive(clap::Args, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Candidate {
    /// Id of a stored rule
    #[arg(long, group = "candidate", conflicts_with = "action")]
    rule: Option<String>,
    /// Version of the stored rule [default: the current one]
    #[arg(long, requires = "rule")]
    version: Option<u32>,
    /// The expression of a rule that is not stored yet
    #[arg(long, group = "candidate", requires = "action")]
    expression: Option<String>,
    /// What it would do: block, throttle, detour or tag
    #[arg(long, requires = "expression")]
    action: Option<String>,
    /// The route on which it would act
    #[arg(long, default_value = DEFAULT_ROUTE)]
    #[serde(default = "default_route")]
    route: String,
    /// Start of the window, as a time [default: a day before its end]
    #[arg(long)]
    since: Option<String>,
    /// End of the window [default: now]
    #[arg(long)]
    until: Option<String>,
}

const DEFAULT_ROUTE: &str = "default";

fn default_route() -> String {
    DEFAULT_ROUTE.to_owned()
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch preview --rule botnet-sig --route hub
  blobwatch preview --expression 'client.family eq \"skopeo\"' --action block --route hub
  blobwatch preview --rule botnet-sig --route hub --json | jq -r .id

The id of a preview of a stored rule permits enforcing that version on that route: name it as `preview` in the mode.

Exit codes: 0 nothing matched, 1 something matched, 2 failed, cancelled, timed out, or another error";

pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Problem> {
    let api = Api::new(&arguments.deployment)?;
    let begun = api.send("POST", "previews", &arguments.candidate.body(), None)?;
    let id = text(&begun, "id").into_owned();
    let preview = wait(&api, begun, &id, arguments.wait)?;
    match &*text(&preview, "status") {
        "done" => {}
        "running" => {
            return Err(Problem::Api(format!(
                "preview {id} is not done after {} s; it continues, see GET previews/{id}",
                arguments.wait
            )));
        }
        status => {
            return Err(Problem::Api(format!(
                "preview {id}: {status} {}",
                text(&preview, "error")
            )));
        }
    }
    if arguments.json {
        output::json_line(&format!("{preview:#}"))?;
    } else {
        output::text(&report(&preview))?;
    }
    Ok(if number(&preview, "matched_requests") == 0 {
        Outcome::Nothing
    } else {
        Outcome::Found
    })
}

impl Candidate {
    pub(crate) fn body(&self) -> Value {
        let rule = present([
            ("id", self.rule.as_deref().map(Value::from)),
            ("version", self.version.map(Value::from)),
            ("expression", self.expression.as_deref().map(Value::from)),
            ("action", self.action.as_deref().map(Value::from)),
        ]);
        present([
            ("rule", Some(rule)),
            ("route", Some(self.route.as_str().into())),
            ("since", self.since.as_deref().map(Value::from)),
            ("until", self.until.as_deref().map(Value::from)),
        ])
    }
}

/// What was said, of fields that may be.
fn present(fields: [(&str, Option<Value>); 4]) -> Value {
    let said = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(said.collect())
}

/// Asks until it is no longer running, at most so many times.
#[expect(
    clippy::disallowed_methods,
    reason = "a program on somebody's machine may sleep between two calls"
)]
pub(crate) fn wait(api: &Api, begun: Value, id: &str, at_most: u64) -> Result<Value, Problem> {
    let bar = if io::stderr().is_terminal() {
        ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5))
    } else {
        ProgressBar::hidden()
    };
    let mut preview = begun;
    for _ in 0..at_most {
        if text(&preview, "status") != "running" {
            break;
        }
        sleep(ASK_EVERY);
        preview = api.get(&format!("previews/{}", escaped(id)))?;
        if let Some(progress) = preview.get("progress") {
            bar.set_length(number(progress, "total"));
            bar.set_position(number(progress, "scanned"));
        }
    }
    bar.finish_and_clear();
    Ok(preview)
}

fn report(preview: &Value) -> String {
    let mut out = format!("{}\n\n", text(preview, "sentence"));
    let share = decimal(preview, "share");
    let about = match preview.get("clients_exact").and_then(Value::as_bool) {
        Some(false) => "about ",
        _ => "",
    };
    let _ = writeln!(
        out,
        "matched   {} requests ({} of the route's), {about}{} clients in {} networks, {} pulls",
        number(preview, "matched_requests"),
        percent(share),
        number(preview, "matched_clients"),
        number(preview, "matched_networks"),
        number(preview, "matched_pulls")
    );
    let denied = number(preview, "already_denied_requests");
    if denied > 0 {
        let _ = writeln!(out, "denied    {denied} of them already by other rules");
    }
    for cohort in list(preview, "cohorts") {
        let _ = writeln!(out, "cohort    {}", text(cohort, "sentence"));
    }
    if let Some(not_judged) = preview.get("not_judged")
        && number(not_judged, "requests") > 0
    {
        let _ = writeln!(
            out,
            "unjudged  {} requests, whose records lack {}",
            number(not_judged, "requests"),
            texts(not_judged, "fields").join(", ")
        );
    }
    for (name, label) in [("approximations", "assumed "), ("incomplete", "missing ")] {
        for note in texts(preview, name) {
            let _ = writeln!(out, "{label}  {note}");
        }
    }
    let evidence = texts(preview, "evidence");
    if !evidence.is_empty() {
        let _ = writeln!(out, "evidence  {}", evidence.join(", "));
    }
    let _ = writeln!(
        out,
        "preview   {} of revision {}",
        text(preview, "id"),
        number(preview, "revision")
    );
    let stale = text(preview, "stale_because");
    if !stale.is_empty() {
        let _ = writeln!(out, "          does not permit an enforcement: {stale}");
    }
    out
}

/// As one line.
fn text<'a>(value: &'a Value, name: &str) -> Cow<'a, str> {
    visible(answer::text(value, name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::report;

    #[test]
    fn a_preview_reads_as_lines() {
        let preview = json!({
            "id": "pv-1", "status": "done", "revision": 12, "stale": false, "stale_because": null,
            "requests": 1000, "matched_requests": 21, "matched_clients": 9, "matched_networks": 4, "matched_pulls": 20,
            "share": 0.021, "already_denied_requests": 3, "clients_exact": true,
            "sentence": "would deny 100 % of docker on amzn2",
            "cohorts": [{"sentence": "docker on amzn2: 9 clients, 99.7 % completed"}],
            "not_judged": {"requests": 2, "fields": ["http.referer"]},
            "approximations": ["volumes are counted per colo"], "incomplete": ["fl1-NRT-0"], "evidence": ["01M8"],
        });
        assert_eq!(
            report(&preview),
            "would deny 100 % of docker on amzn2

matched   21 requests (2.1 % of the route's), 9 clients in 4 networks, 20 pulls
denied    3 of them already by other rules
cohort    docker on amzn2: 9 clients, 99.7 % completed
unjudged  2 requests, whose records lack http.referer
assumed   volumes are counted per colo
missing   fl1-NRT-0
evidence  01M8
preview   pv-1 of revision 12
"
        );
    }
}
