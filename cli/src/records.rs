//! `blobwatch fires`, `requests` and `anomalies`: what a deployment knows, for pipes.

use std::io;

use blobwatch_wire::visible;
use serde_json::Value;

use crate::answer::{self, list, text};
use crate::api::{Api, Deployment, escaped, place_of, with_query};
use crate::problem::Problem;
use crate::{Outcome, output};

/// Pages of anomalies that are asked for.
const MAX_PAGES: usize = 1000;

/// Write records as NDJSON, newest first
#[derive(clap::Args)]
#[command(after_help = RECORDS)]
pub(crate) struct Records {
    /// Start of the window: a time, or -15m, -24h, -7d
    #[arg(long, default_value = "-1h", allow_hyphen_values = true)]
    since: String,
    /// End of the window
    #[arg(long, allow_hyphen_values = true)]
    until: Option<String>,
    /// A filter of the API, such as family=docker; several filters with the same name match any of them
    #[arg(long = "where", value_name = "NAME=VALUE", value_parser = filter)]
    filters: Vec<(String, String)>,
    /// In whose words a line is
    #[arg(long, value_parser = SCHEMAS)]
    schema: Option<String>,
    /// Maximum number of records
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    #[command(flatten)]
    deployment: Deployment,
}

/// Whose words a line of an export can be in: those of the API's `schema`.
pub(crate) const SCHEMAS: [&str; 5] = ["blobwatch", "ocsf", "ecs", "logpush", "otlp"];

const RECORDS: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch fires --since -24h --where rule=botnet-sig --where verdict=block
  blobwatch requests --where family=docker --where os=amzn2 | jq -r .client | sort -u | wc -l
  blobwatch fires --since -24h --schema ocsf > fires.ndjson
  blobwatch requests --since -7d --limit 1000000 | zstd > week.ndjson.zst; blobwatch replay week.ndjson.zst

If --since is before what the deployment keeps, standard error says where older records are.
If a part of the deployment does not answer, the export is interrupted and the exit code is 2.

Exit codes: 0 written, 2 usage or another error";

/// List anomalies: what is wrong, and for whom
#[derive(clap::Args)]
#[command(after_help = ANOMALIES)]
pub(crate) struct Anomalies {
    /// An anomaly's id: write its report, as Markdown
    id: Option<String>,
    /// open or closed [default: both]
    #[arg(long)]
    status: Option<String>,
    /// Kind, such as resume_surge
    #[arg(long)]
    kind: Option<String>,
    /// Write JSON, one anomaly a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    deployment: Deployment,
}

const ANOMALIES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch anomalies --status open || notify 'pulls are stuck'
  blobwatch anomalies --json | jq .sentence
  blobwatch anomalies an-000012 > report.md

Exit codes: 0 none is open, 1 at least one is open, 2 usage or another error";

pub(crate) fn filter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Writes what `path` (`fires` or `requests`) exports.
pub(crate) fn export(path: &str, arguments: &Records) -> Result<Outcome, Problem> {
    let api = Api::new(&arguments.deployment)?;
    let mut export = api.stream(&with_query(path, &arguments.query("ndjson", arguments.limit)))?;
    io::copy(&mut export, &mut output::stream())
        .map_err(|error| Problem::Api(format!("the export was interrupted: {error}")))?;
    // An export is records and nothing else; a list says what is missing in both.
    let list = api.get(&with_query(path, &arguments.query("json", 1)))?;
    if let Some(note) = list.get("older").and_then(older) {
        output::complain(&note);
    }
    for warning in answer::list(&list, "warnings") {
        output::complain(&place_of(warning));
    }
    Ok(Outcome::Nothing)
}

impl Records {
    fn query(&self, format: &str, limit: u32) -> Vec<(String, String)> {
        let mut query = vec![
            ("format".to_owned(), format.to_owned()),
            ("since".to_owned(), self.since.clone()),
            ("limit".to_owned(), limit.to_string()),
        ];
        query.extend(self.until.iter().map(|until| ("until".to_owned(), until.clone())));
        let schema = self.schema.iter().filter(|_| format == "ndjson");
        query.extend(schema.map(|schema| ("schema".to_owned(), schema.clone())));
        query.extend(self.filters.iter().cloned());
        query
    }
}

/// What is said of records that the window asks for and that are deleted.
fn older(older: &Value) -> Option<String> {
    let before = older.get("before")?.as_str()?;
    let place = match older.get("archive").and_then(Value::as_str) {
        Some(archive) => format!("the archive is at {archive}"),
        None => "the settings name no archive".to_owned(),
    };
    Some(format!("records from before {before} are deleted; {place}"))
}

pub(crate) fn anomalies(arguments: &Anomalies) -> Result<Outcome, Problem> {
    let api = Api::new(&arguments.deployment)?;
    if let Some(id) = &arguments.id {
        output::text(&api.text(&format!("anomalies/{}/report", escaped(id)))?)?;
        return Ok(Outcome::Nothing);
    }
    let mut query = Vec::new();
    for (name, value) in [("status", &arguments.status), ("kind", &arguments.kind)] {
        query.extend(value.iter().map(|value| (name.to_owned(), value.clone())));
    }
    let mut outcome = Outcome::Nothing;
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let mut query = query.clone();
        query.extend(cursor.take().map(|cursor| ("cursor".to_owned(), cursor)));
        let page = api.get(&with_query("anomalies", &query))?;
        for anomaly in list(&page, "items") {
            if text(anomaly, "status") == "open" {
                outcome = Outcome::Found;
            }
            if arguments.json {
                output::json_line(&anomaly.to_string())?;
            } else {
                output::line(&line(anomaly))?;
            }
        }
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok(outcome),
        }
    }
    Err(Problem::Api(format!(
        "expected at most {MAX_PAGES} pages of anomalies"
    )))
}

pub(crate) fn line(anomaly: &Value) -> String {
    let lifetime = match text(anomaly, "closed") {
        "" => format!("{} open", text(anomaly, "opened")),
        closed => format!("{} closed {closed}", text(anomaly, "opened")),
    };
    format!(
        "{}  {lifetime}  {}",
        text(anomaly, "id"),
        visible(text(anomaly, "sentence"))
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{line, older};

    #[test]
    fn it_is_said_where_older_records_are() {
        let mut told = json!({"before": "2026-11-23T05:00:00.000Z", "archive": "s3://bucket/prefix"});
        let before = "records from before 2026-11-23T05:00:00.000Z are deleted; ";
        let note = older(&told).unwrap();
        assert_eq!(note, format!("{before}the archive is at s3://bucket/prefix"));
        told["archive"].take();
        assert_eq!(
            older(&told).unwrap(),
            format!("{before}the settings name no archive")
        );
    }

    #[test]
    fn an_anomaly_is_one_line() {
        let mut anomaly = json!({"id": "an-000012", "status": "open", "opened": "2020-07-05T19:01:00.000Z", "closed": null,
            "sentence": "docker on amzn2: resumes 38x since 19:00"});
        assert_eq!(
            line(&anomaly),
            "an-000012  2020-07-05T19:01:00.000Z open  docker on amzn2: resumes 38x since 19:00"
        );
        anomaly["closed"] = "2020-07-06T06:30:00.000Z".into();
        assert!(line(&anomaly).contains("19:01:00.000Z closed 2020-07-06T06:30:00.000Z"));
    }
}
