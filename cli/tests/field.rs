//! Incidents as people report them, found in their logs; and what looks like one and is none.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; clippy.toml covers test functions only"
)]

mod field_logs;

use std::fs;
use std::path::Path;
use std::process::Command;

use blobwatch_wire::parse_rfc3339;
use field_logs::{BEGIN_S, FAULTS, HEALTHY, Line, Span, Story, log};
use serde_json::Value;

/// Long enough to learn what is normal, and then for the five minutes in which a fault is to be found.
const SPAN: Span = Span {
    healthy_s: 4_500,
    story_s: 600,
};

/// What is promised: minutes from the fault's begin until it is flagged.
const WITHIN_MS: u64 = 5 * 60_000;

fn anomalies(story: Story, seed: u64) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("field");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{story:?}-{seed}.log"));
    let write = if story == Story::Slow {
        Line::json
    } else {
        Line::combined
    };
    let text: String = log(story, SPAN, seed).iter().map(write).collect();
    fs::write(&path, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_blobwatch"))
        .args(["replay", "--json"])
        .arg(&path)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["anomalies"].as_array().unwrap().clone()
}

#[test]
fn every_fault_is_flagged_within_five_minutes_with_its_words() {
    let mut wrong = Vec::new();
    for (story, seed) in FAULTS.into_iter().zip(1..) {
        let (kind, words) = story.expected();
        let found = anomalies(story, seed);
        let is_it = |anomaly: &&Value| {
            let sentence = anomaly["sentence"].as_str().unwrap();
            let kinds = anomaly["kinds"].as_array().unwrap();
            kinds.iter().any(|one| one == kind) && words.iter().all(|word| sentence.contains(word))
        };
        let began_ms = (BEGIN_S + SPAN.healthy_s) * 1000;
        let late = |anomaly: &Value| {
            let opened = parse_rfc3339(anomaly["opened"].as_str().unwrap()).unwrap();
            opened.saturating_sub(began_ms)
        };
        match found.iter().find(is_it) {
            Some(anomaly) if late(anomaly) <= WITHIN_MS => {}
            Some(anomaly) => wrong.push(format!("{story:?}: after {} ms", late(anomaly))),
            None => {
                let said: Vec<&str> = found.iter().filter_map(|one| one["sentence"].as_str()).collect();
                wrong.push(format!("{story:?}: {said:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn what_is_healthy_is_not_flagged() {
    for (story, seed) in HEALTHY.into_iter().zip(101..) {
        let found = anomalies(story, seed);
        let said: Vec<&str> = found.iter().filter_map(|one| one["sentence"].as_str()).collect();
        assert!(said.is_empty(), "{story:?}: {said:?}");
    }
}
