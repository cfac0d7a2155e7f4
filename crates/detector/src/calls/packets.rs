//! `GET packets`, and the part of a report: what packets that other parties drop have in common, against those that pass.

use serde::Serialize;

use super::SharedDetector;
use super::acted::Acted;
use super::counts::time;
use super::report::Document;
use crate::anomaly::rounded;
use crate::cohort::LiteralJson;
use crate::packets::{PacketFinding, PacketSums, Packets, findings};
use crate::upstream::{KnownRule, remedy};
use blobwatch_pull::Origin;
use blobwatch_sql::{Pace, Sql};
use blobwatch_upstream::PacketOutcome;
use blobwatch_wire::{Parameters, Place, Problem, rfc3339};

/// Unless `since` is given.
const DEFAULT_MS: u64 = 3_600_000;

/// The longest time: 120 full minutes are 360,000 combinations, a second of work.
pub(super) const MAX_MS: u64 = 2 * 3_600_000;

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Packets")
)]
pub(super) struct PacketsAnswer {
    since: String,
    until: String,
    passed: u64,
    passed_samples: u64,
    rules: Vec<PacketFindingJson>,
    /// Samples for which there was no room: they are in no count.
    unplaced: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "PacketFinding")
)]
struct PacketFindingJson {
    rule: String,
    origin: Origin,
    system: String,
    words: String,
    outcome: PacketOutcome,
    packets: u64,
    samples: u64,
    destinations: Vec<String>,
    colos: Vec<String>,
    #[cfg_attr(
        feature = "schema",
        schemars(with = "Option<Vec<crate::cohort::LiteralJson<'static>>>")
    )]
    cohort: Option<serde_json::Value>,
    share: f64,
    passed_share: f64,
    sentence: String,
}

pub(super) async fn answer<S: Sql>(
    shared: &impl SharedDetector<S>,
    query: &str,
    now_ms: u64,
    pace: &impl Pace,
) -> Result<PacketsAnswer, Problem> {
    let parameters = Parameters::parse(query, &["since", "until"])?;
    let until_ms = time(&parameters, "until", now_ms)?.unwrap_or(now_ms);
    let since_ms = time(&parameters, "since", now_ms)?.unwrap_or(until_ms.saturating_sub(DEFAULT_MS));
    if since_ms >= until_ms || until_ms - since_ms > MAX_MS {
        let message = "expected a time at most 2 hours before `until`";
        return Err(Problem::bad_parameter(Place::new("query.since", message)));
    }
    let sums = sums(shared, since_ms, until_ms, pace).await?;
    let mut passed = Packets::default();
    let rows = sums
        .rows
        .iter()
        .filter(|((outcome, ..), _)| *outcome == PacketOutcome::Passed);
    rows.for_each(|(_, packets)| passed.add(*packets));
    Ok(PacketsAnswer {
        since: rfc3339(since_ms),
        until: rfc3339(until_ms),
        passed: passed.packets,
        passed_samples: passed.samples,
        rules: findings(&sums).into_iter().map(PacketFindingJson::from).collect(),
        unplaced: sums.unplaced,
    })
}

/// Packets of a time, read a minute at a time.
pub(super) async fn sums<S: Sql>(
    shared: &impl SharedDetector<S>,
    since_ms: u64,
    until_ms: u64,
    pace: &impl Pace,
) -> Result<PacketSums, Problem> {
    let (mut next, until) = (since_ms / 60_000, until_ms.div_ceil(60_000));
    let mut all = PacketSums::default();
    while let Some((minute, sums)) = shared.read(|store| Ok(store.packets_from(next, until)?))? {
        pace.spent(sums.rows.len()).await;
        all.merge(sums);
        next = minute + 1;
    }
    Ok(all)
}

impl From<PacketFinding> for PacketFindingJson {
    fn from(finding: PacketFinding) -> Self {
        let sentence = finding.sentence();
        let literals = |cohort: &crate::Cohort| {
            let literals: Vec<LiteralJson<'_>> = cohort.json();
            serde_json::to_value(literals).unwrap_or_default()
        };
        Self {
            origin: Origin::of(&finding.rule),
            cohort: finding.cohort.as_ref().map(literals),
            rule: finding.rule,
            system: finding.system,
            words: finding.words,
            outcome: finding.outcome,
            packets: finding.packets,
            samples: finding.samples,
            destinations: finding.destinations,
            colos: finding.colos,
            share: rounded(finding.share),
            passed_share: rounded(finding.rest),
            sentence,
        }
    }
}

/// The part of a report; the calls for rules that did not act on requests too.
pub(super) fn section(out: &mut Document, findings: &[PacketFinding], acted: &[Acted]) {
    if findings.is_empty() {
        return;
    }
    out.heading("Packets");
    out.text(
        "Sampled by the party that dropped them, in the two hours from half an hour before the onset on:",
    );
    let line = |finding: &PacketFinding| match &*finding.words {
        "" => finding.sentence(),
        words => format!("{} ({words})", finding.sentence()),
    };
    out.list(findings.iter().map(line).collect());
    for finding in findings {
        let is_told = acted.iter().any(|acted| acted.rule == finding.rule);
        let rule = KnownRule::named(&finding.system, "");
        let call =
            remedy(&finding.rule, &rule).filter(|_| finding.outcome == PacketOutcome::Dropped && !is_told);
        if let Some(call) = call {
            out.text(format!("To set {} to log:", finding.rule));
            out.command(call);
        }
    }
}
