//! A collector of OpenTelemetry: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>.

use std::io::Read;
use std::thread::sleep;
use std::time::Duration;

use blobwatch_wire::{otlp_rejected, visible};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use ureq::Agent;
use ureq::http::{Request, Response};

use super::sink::Line;
use crate::api::{agent, is_loopback};
use crate::output;
use crate::problem::Problem;

/// Of one request, with some 5 KB each.
const MAX_BATCH: usize = 256;

/// Of an answer that is looked at.
const MAX_ANSWER: u64 = 64 << 10;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Between two attempts, at most; unless the collector asks for more, up to five minutes.
const MAX_PAUSE: Duration = Duration::from_secs(60);
const MAX_ASKED: Duration = Duration::from_secs(300);

/// Attempts, where somebody waits for the end.
const MAX_ATTEMPTS: u32 = 5;

/// As OpenTelemetry's own exporters take them.
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

pub(super) struct Collector {
    agent: Agent,
    url: String,
    headers: Vec<(String, String)>,
    /// Whether to try until the collector takes it: meanwhile the deployment keeps what comes.
    is_patient: bool,
}

/// What became of a batch.
enum Taken {
    /// And how many of it were not kept.
    Yes(u64),
    /// Not yet: why, and when to come again.
    Later(String, Option<Duration>),
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Logs<'a> {
    #[serde(borrow)]
    resource_logs: Vec<&'a RawValue>,
}

impl Collector {
    pub(super) fn new(url: &str, is_patient: bool) -> Result<Self, Problem> {
        let headers = headers(&std::env::var(HEADERS).unwrap_or_default())?;
        let is_web = url.starts_with("http://") || url.starts_with("https://");
        if !is_web {
            return Err(Problem::Usage(
                "expected --otlp with http:// or https://".to_owned(),
            ));
        }
        if !headers.is_empty() && !url.starts_with("https://") && !is_loopback(url) {
            return Err(Problem::Usage(format!(
                "expected --otlp with https://, because each request sends {HEADERS}; http:// is allowed for loopback only"
            )));
        }
        Ok(Self {
            agent: agent(TIMEOUT),
            url: address(url),
            headers,
            is_patient,
        })
    }

    /// How many were not kept.
    ///
    /// # Errors
    /// The collector refuses whoever sends, or does not take it while somebody waits.
    pub(super) fn send(&self, lines: &[Line]) -> Result<u64, Problem> {
        let batches = lines.chunks(MAX_BATCH);
        batches.map(|batch| self.send_batch(batch)).sum()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a program on somebody's machine may sleep between two attempts"
    )]
    fn send_batch(&self, lines: &[Line]) -> Result<u64, Problem> {
        let body = body(lines)?;
        let mut attempt = 0;
        loop {
            match self.post(&body, lines.len())? {
                Taken::Yes(rejected) => return Ok(rejected),
                Taken::Later(why, _) if !self.is_patient && attempt + 1 >= MAX_ATTEMPTS => {
                    return Err(Problem::Api(format!(
                        "{why}: run it again, and it continues here"
                    )));
                }
                Taken::Later(why, asked) => {
                    if attempt == 0 {
                        output::complain(&format!("{why}: trying again"));
                    }
                    sleep(pause(attempt, asked));
                    attempt += 1;
                }
            }
        }
    }

    fn post(&self, body: &str, count: usize) -> Result<Taken, Problem> {
        let mut request = Request::post(&self.url).header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(body)
            .map_err(|error| Problem::Usage(format!("expected a URL, found {}: {error}", self.url)))?;
        match self.agent.run(request) {
            Ok(answer) => self.judged(answer, count),
            Err(error) => Ok(Taken::Later(
                format!("failed to reach {}: {error}", self.url),
                None,
            )),
        }
    }

    fn judged(&self, answer: Response<ureq::Body>, count: usize) -> Result<Taken, Problem> {
        let asked = answer
            .headers()
            .get("retry-after")
            .and_then(|asked| asked.to_str().ok());
        let asked = asked
            .and_then(|asked| asked.parse().ok())
            .map(Duration::from_secs);
        let status = answer.status().as_u16();
        let mut text = String::new();
        // A body that breaks off says less; the status says enough.
        drop(
            answer
                .into_body()
                .into_reader()
                .take(MAX_ANSWER)
                .read_to_string(&mut text),
        );
        let told = || format!("{} answered {status} {}", self.url, visible(text.trim()));
        match status {
            200..300 => Ok(Taken::Yes(self.not_kept(&text))),
            429 | 502..=504 => Ok(Taken::Later(told(), asked)),
            400 | 413 | 422 => {
                output::complain(&format!("{}: {count} records are not sent again", told()));
                Ok(Taken::Yes(count as u64))
            }
            _ => Err(Problem::Usage(format!("expected a collector: {}", told()))),
        }
    }

    fn not_kept(&self, answer: &str) -> u64 {
        let Some((count, why)) = otlp_rejected(answer) else {
            return 0;
        };
        output::complain(&format!(
            "{} rejected {count} records: {}",
            self.url,
            visible(&why)
        ));
        count
    }
}

/// One request of many lines, each of which is one.
fn body(lines: &[Line]) -> Result<String, Problem> {
    let expected = |error: serde_json::Error| Problem::Api(format!("expected log records: {error}"));
    let mut all = Logs {
        resource_logs: Vec::new(),
    };
    for line in lines {
        let one: Logs<'_> = serde_json::from_str(&line.text).map_err(expected)?;
        all.resource_logs.extend(one.resource_logs);
    }
    serde_json::to_string(&all).map_err(expected)
}

/// Where logs are taken, if only the collector was named.
fn address(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    if rest.contains('/') {
        url.to_owned()
    } else {
        format!("{url}/v1/logs")
    }
}

/// `name=value,name=value`; values are escaped as in an address.
fn headers(text: &str) -> Result<Vec<(String, String)>, Problem> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let pair = pair.split_once('=');
            let (name, value) =
                pair.ok_or_else(|| Problem::Usage(format!("{HEADERS}: expected name=value,name=value")))?;
            Ok((name.trim().to_owned(), unescaped(value.trim())))
        })
        .collect()
}

fn unescaped(value: &str) -> String {
    let pair = format!("v={}", value.replace('+', "%2B"));
    let mut pairs = url::form_urlencoded::parse(pair.as_bytes());
    pairs
        .next()
        .map_or(String::new(), |(_, value)| value.into_owned())
}

/// 1 s, 2 s, 4 s …
fn pause(attempt: u32, asked: Option<Duration>) -> Duration {
    let own = Duration::from_secs(1 << attempt.min(6)).min(MAX_PAUSE);
    asked.map_or(own, |asked| asked.clamp(own, MAX_ASKED))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{address, headers, pause};

    #[test]
    fn a_collector_takes_logs_at_its_usual_path() {
        assert_eq!(address("http://127.0.0.1:4318"), "http://127.0.0.1:4318/v1/logs");
        assert_eq!(address("http://127.0.0.1:4318/"), "http://127.0.0.1:4318/v1/logs");
        assert_eq!(
            address("https://otlp.example/otlp/v1/logs"),
            "https://otlp.example/otlp/v1/logs"
        );
    }

    #[test]
    fn headers_are_read_as_opentelemetry_writes_them() {
        let expected = [("api-key", "a=b+c"), ("authorization", "Basic eA==")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            headers("api-key=a=b+c, authorization=Basic%20eA==,").unwrap(),
            expected
        );
        assert!(headers("").unwrap().is_empty());
        assert!(headers("secret").is_err());
    }

    #[test]
    fn pauses_grow_and_are_what_the_collector_asks_for_within_bounds() {
        let seconds = Duration::from_secs;
        assert_eq!(
            [0, 1, 5, 6, 40].map(|attempt| pause(attempt, None)),
            [1, 2, 32, 60, 60].map(seconds)
        );
        assert_eq!(pause(0, Some(seconds(30))), seconds(30));
        assert_eq!(pause(3, Some(seconds(1))), seconds(8));
        assert_eq!(pause(0, Some(seconds(86_400))), seconds(300));
    }
}
