//! `blobwatch tail`: fires as they come, to standard output or to a collector of OpenTelemetry.
//!
//! In scope: each record once, late ones too, across restarts and while the other side does not take them. Not in scope: what a
//! record is in the words of others (`GET fires?schema=`), and records as files (`archive`).

use std::thread::sleep;
use std::time::Duration;

use blobwatch_wire::{EXPECTED_TIME, parse_time, rfc3339};

use crate::api::{Api, Deployment, escaped};
use crate::clock::now_ms;
use crate::export::{Export, oldest_ms};
use crate::problem::Problem;
use crate::{Outcome, output};
use collector::Collector;
use position::{Position, StateFile};
use sink::Sink;
use step::Tail as Steps;

mod collector;
mod position;
mod sink;
mod step;

/// Write fires as they come, oldest first, or send them to an OpenTelemetry collector
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Tail {
    /// Records on which a rule fired, or all
    #[arg(default_value = "fires", value_parser = ["fires", "requests"])]
    what: String,
    /// Send log records to a collector, such as <http://127.0.0.1:4318/v1/logs>, instead of writing lines
    #[arg(long, value_name = "URL", conflicts_with = "schema")]
    otlp: Option<String>,
    /// In whose words a line is
    #[arg(long, value_parser = crate::records::SCHEMAS)]
    schema: Option<String>,
    /// Keep in this file what was sent, and continue there
    #[arg(long, value_name = "FILE")]
    state: Option<std::path::PathBuf>,
    /// Where to begin where nothing was sent yet: a time, or -15m, -24h
    #[arg(long, default_value = "-0s", allow_hyphen_values = true)]
    since: String,
    /// A filter of the API, such as rule=botnet-sig; several filters with the same name match any of them
    #[arg(long = "where", value_name = "NAME=VALUE", value_parser = crate::records::filter)]
    filters: Vec<(String, String)>,
    /// How often to ask
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
    /// Send what there is, and end
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    deployment: Deployment,
}

const EXAMPLES: &str = "Examples:
  export BLOBWATCH_URL=https://registry.example.com BLOBWATCH_TOKEN=…
  blobwatch tail --where verdict=block | jq -r '[.time, .client, .fired[0].rule] | @tsv'
  blobwatch tail --otlp http://127.0.0.1:4318/v1/logs --state /var/lib/blobwatch-tail/state.json
  blobwatch tail --schema ocsf --state state.json --once >> fires.ndjson

A token with the role viewer is enough. What a collector needs to know who sends is in the variable OTEL_EXPORTER_OTLP_HEADERS,
as in OpenTelemetry: name=value,name=value.

Exit codes: 0 ended with --once, 2 usage or another error";

pub(crate) fn tail(arguments: &Tail) -> Result<Outcome, Problem> {
    let api = Api::new(&arguments.deployment)?;
    let export = Export {
        api: &api,
        path: &arguments.what,
        filters: arguments.query(),
        schema: Some(arguments.schema()).filter(|schema| *schema != "blobwatch"),
    };
    let file = arguments.state.as_deref().map(StateFile::open).transpose()?;
    let position = arguments.position(file.as_ref(), &api)?;
    let sink = arguments.sink()?;
    let steps = Steps::new(export, sink, position, file);
    arguments.follow(steps)
}

impl Tail {
    fn query(&self) -> String {
        let pairs = self.filters.iter();
        pairs
            .map(|(name, value)| format!("&{}={}", escaped(name), escaped(value)))
            .collect()
    }

    fn schema(&self) -> &str {
        match (&self.otlp, &self.schema) {
            (Some(_), _) => "otlp",
            (None, Some(schema)) => schema,
            (None, None) => "blobwatch",
        }
    }

    fn sink(&self) -> Result<Sink, Problem> {
        Ok(match &self.otlp {
            Some(url) => Sink::Collector(Collector::new(url, !self.once)?),
            None => Sink::Lines(self.schema().to_owned()),
        })
    }

    /// Where the last run ended, or where to begin.
    fn position(&self, file: Option<&StateFile>, api: &Api) -> Result<Position, Problem> {
        let (now_ms, of) = (now_ms(), format!("{}{}", self.what, self.query()));
        let since_ms = parse_time(&self.since, now_ms)
            .filter(|since_ms| *since_ms <= now_ms)
            .ok_or_else(|| Problem::Usage(format!("--since: {EXPECTED_TIME}, not in the future")))?;
        let kept = file.map(|file| file.read(&of)).transpose()?.flatten();
        let mut position = kept.unwrap_or_else(|| Position::beginning_at(since_ms, of));
        let oldest_ms = oldest_ms(api, now_ms)?;
        if position.until_ms < oldest_ms {
            output::complain(&format!(
                "what came from {} to {} was deleted before it was sent",
                rfc3339(position.until_ms),
                rfc3339(oldest_ms)
            ));
            position.until_ms = oldest_ms;
        }
        position.spans.retain(|span| span.until_ms > oldest_ms);
        Ok(position)
    }

    /// A deployment that does not answer later is asked again; one that refuses the first call has another reason.
    #[expect(
        clippy::disallowed_methods,
        reason = "a program on somebody's machine may sleep between two calls"
    )]
    fn follow(&self, mut steps: Steps<'_>) -> Result<Outcome, Problem> {
        steps.step(now_ms())?;
        let mut said = String::new();
        if self.once {
            output::complain(&steps.position.told());
            return Ok(Outcome::Nothing);
        }
        loop {
            sleep(Duration::from_secs(self.every));
            match steps.step(now_ms()) {
                Ok(()) => said.clear(),
                Err(Problem::Api(why)) if why == said => {}
                Err(Problem::Api(why)) => {
                    output::complain(&why);
                    said = why;
                }
                Err(other) => return Err(other),
            }
        }
    }
}
