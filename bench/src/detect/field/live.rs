//! As requests of one data centre: an isolate, a FireLog and the Detector, by the calls that the objects make of each other.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use blobwatch_rulebook::{Compiled, Program, Rulebook, starter};

use super::field_logs::size;
use super::{BEGIN_S, Line, OpenedAnomaly, SPAN, Story, log};
use crate::scale::centre::Centre;
use crate::scale::colo::Colo;
use crate::scale::played_request::{Answer, PlayedRequest};

const HOST: &str = "registry.example";

/// Where the redirects of the story lead.
const STORAGE: &str = "https://blobs.example/data";

/// # Errors
/// When something refuses what it should take.
pub(super) fn play(story: Story, seed: u64) -> Result<Vec<OpenedAnomaly>> {
    let folder = tempfile::tempdir()?;
    let mut centre = Centre::open(folder.path(), &rulebook()?, BEGIN_S * 1000)?;
    let shipped = Program::from(Compiled::build(rulebook()?)?).encode();
    let document = centre.document()?;
    let mut colo = Colo::new(0, 1, (&shipped, &document), folder.path())?;
    let mut told = BTreeMap::new();
    let mut lines = log(story, SPAN, seed);
    lines.sort_by_key(|line| line.time_s);
    let mut lines = lines.iter().peekable();
    for second in BEGIN_S..BEGIN_S + SPAN.healthy_s + SPAN.story_s {
        let mut asked = Vec::new();
        while let Some(line) = lines.next_if(|line| line.time_s <= second) {
            asked.push(ask(line));
        }
        let others = colo.second(second, &asked)?;
        if let Some(document) = centre.take(vec![others], (second + 1) * 1000)? {
            colo.push(&document)?;
        }
        for anomaly in centre.open_anomalies() {
            let kinds = anomaly.kinds.iter();
            let now = OpenedAnomaly {
                kinds: kinds.map(|kind| kind.as_str().to_owned()).collect(),
                sentence: anomaly.sentence(),
                opened_ms: anomaly.opened_ms,
            };
            told.insert(anomaly.id, now);
        }
    }
    Ok(told.into_values().collect())
}

/// The shipped one, with every body observed: whether a download was slow or cut is seen at its end.
fn rulebook() -> Result<Rulebook> {
    let mut rulebook = starter()?;
    let route = rulebook.routes.first_mut().context("no route")?;
    route.observe = 1.0;
    Ok(rulebook)
}

fn ask(line: &Line) -> PlayedRequest {
    let time_ms = line.time_s * 1000;
    let target = format!("/v2/{}/blobs/{}", line.repository, line.digest());
    let (method, address, agent) = (line.method, line.address(), line.agent);
    let mut facts = format!(
        "{time_ms}\n{method}\nhttps\n{HOST}\n{target}\n\nHTTP/1.1\n{address}\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\nuser-agent:{agent}"
    );
    if !line.range.is_empty() {
        facts.push_str("\nrange:");
        facts.push_str(&line.range);
    }
    let wanted = content_length(line);
    PlayedRequest {
        facts,
        answer: Answer {
            status: line.status,
            content_range: line.content_range.clone(),
            location: if line.status == 307 {
                format!("{STORAGE}{target}")
            } else {
                String::new()
            },
            bytes: wanted,
            is_cut: line.sent < wanted,
            takes_ms: line.ms,
        },
        time_ms,
    }
}

/// Of the whole answer, however much of it was sent.
fn content_length(line: &Line) -> u64 {
    let part = line.content_range.strip_prefix("bytes ").and_then(|range| {
        let (first, last) = range.split_once('/')?.0.split_once('-')?;
        Some(last.parse::<u64>().ok()? - first.parse::<u64>().ok()? + 1)
    });
    match line.status {
        200 if line.method == "GET" => size(line.blob),
        206 => part.unwrap_or(line.sent),
        _ => line.sent,
    }
}
