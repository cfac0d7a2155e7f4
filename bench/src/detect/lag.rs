//! Attribution to another party's rule whose events come late, beside rules that have nothing to do with the fault.
//!
//! Amazon Linux hangs everywhere but at IAD, as in July 2020. What a rule stops is told of one, five or fifteen minutes later.
//! The rule that goes from log to block with the fault is to be named; one that acts as ever, on everybody or on others is not.
//! Nothing can be named before an anomaly is open, so the wait counts from its opening or from the first block that was told of,
//! whichever is later.

use std::collections::VecDeque;
use std::sync::Arc;

use super::world::{FIRST, World};
use crate::figure::{Figure, Target};
use blobwatch_detector::Engine;
use blobwatch_pull::Family;
use blobwatch_records::{CellBatch, CellCounts, CellKey, UpstreamCells, UpstreamCount, UpstreamRule};

/// Client groups, and starts of a slot.
const GROUPS: usize = 24;
const STARTS: f64 = 120.0;

const RULE: &str = "cloudflare:ddos/1";

/// Slots of a minute, of health before the fault, and after the first block was told of.
const MINUTE: u64 = 6;
const HEALTHY: u64 = 720;
const AFTER: u64 = 180;

const LAGS_MINUTES: [u64; 3] = [1, 5, 15];

/// What a rule does.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    /// Logs the cohort, and blocks it from the fault on.
    Causes,
    /// Blocked some of the cohort before as well.
    AsEver,
    /// Blocks others from the fault on.
    OnOthers,
    /// Blocks everybody from the fault on.
    OnEverybody,
}

const CONTROLS: [(Rule, &str); 3] = [
    (Rule::AsEver, "a rule that acts as ever"),
    (Rule::OnOthers, "a rule that begins to act on others"),
    (Rule::OnEverybody, "a rule that begins to act on everybody"),
];

pub(super) fn run(seed: u64, seeds: u64) -> Vec<Figure> {
    LAGS_MINUTES
        .into_iter()
        .flat_map(|lag| of_lag(lag, seed, seeds))
        .collect()
}

fn of_lag(lag: u64, seed: u64, seeds: u64) -> Vec<Figure> {
    let of = |rule| -> Vec<Run> { (seed..seed + seeds).map(|seed| play(rule, lag, seed)).collect() };
    let causes = of(Rule::Causes);
    let waits = causes.iter().filter_map(Run::wait_s).collect();
    let mut figures = vec![
        Figure::new(
            format!("events {lag} minutes late: the rule is named"),
            "%",
            vec![share_named(&causes)],
            Target::AtLeast(95.0),
        ),
        Figure::new(
            format!("events {lag} minutes late: after it was open and a block was told of"),
            "s",
            waits,
            Target::None,
        ),
        Figure::new(
            format!("events {lag} minutes late: open after the fault began"),
            "s",
            causes.iter().filter_map(Run::opened_s).collect(),
            Target::None,
        ),
    ];
    figures.extend(CONTROLS.map(|(rule, words)| {
        let name = format!("events {lag} minutes late: {words} is named");
        Figure::new(name, "%", vec![share_named(&of(rule))], Target::AtMost(0.0))
    }));
    figures
}

/// Of the runs in which an anomaly opened, the percentage in which the rule was named.
fn share_named(runs: &[Run]) -> f64 {
    let opened = runs.iter().filter(|run| run.opened.is_some()).count();
    let named = runs.iter().filter(|run| run.named.is_some()).count();
    100.0 * named as f64 / opened.max(1) as f64
}

/// When what happened, in slots.
struct Run {
    begin: u64,
    /// The first block was told of.
    told: u64,
    opened: Option<u64>,
    named: Option<u64>,
}

impl Run {
    fn opened_s(&self) -> Option<f64> {
        let opened = self.opened?;
        Some(((opened + 1 - self.begin) * 10) as f64)
    }

    fn wait_s(&self) -> Option<f64> {
        let since = self.opened?.max(self.told);
        Some(((self.named? - since) * 10) as f64)
    }
}

/// Plays a fault and what is told of it, until the rule is named or half an hour after the first block was told of.
fn play(rule: Rule, lag_minutes: u64, seed: u64) -> Run {
    let mut world = World::new(seed, GROUPS, STARTS, 1);
    let mut engine = Engine::default();
    // Ten in the morning, UTC.
    let first = FIRST + 10 * 360;
    let begin = first + HEALTHY;
    let mut run = Run {
        begin,
        told: begin + lag_minutes * MINUTE,
        opened: None,
        named: None,
    };
    let mut late = VecDeque::new();
    for slot in first..run.told + AFTER {
        let fault = (slot >= begin).then_some(july as fn(&CellKey) -> f64);
        let mut batch = world.slot(slot, fault);
        late.push_back((slot + lag_minutes * MINUTE, acts(rule, &batch, slot >= begin)));
        if late.front().is_some_and(|(due, _)| *due <= slot) {
            batch.upstream = late.pop_front().map(|(_, told)| told).unwrap_or_default();
        }
        engine.add(batch, slot);
        engine.tick(slot);
        if slot >= begin && engine.open().next().is_some() {
            run.opened.get_or_insert(slot);
        }
        let names = |sentence: String| sentence.contains(RULE);
        if slot >= run.told && engine.open().any(|anomaly| names(anomaly.sentence())) {
            run.named = Some(slot);
            break;
        }
    }
    run
}

/// One in eight pulls of Amazon Linux, in every colo but one.
fn july(key: &CellKey) -> f64 {
    if is_amazon(key) { 0.125 } else { 0.0 }
}

fn is_amazon(key: &CellKey) -> bool {
    &*key.os == "amzn2" && &*key.colo != "IAD"
}

/// What a rule did in a slot, as its party tells of it.
fn acts(rule: Rule, batch: &CellBatch, is_fault: bool) -> UpstreamCells {
    let acts_on = |key: &CellKey| match rule {
        Rule::Causes | Rule::AsEver => is_amazon(key),
        Rule::OnOthers => key.family == Family::Containerd,
        Rule::OnEverybody => true,
    };
    let blocks = is_fault || rule == Rule::AsEver;
    let count = |key: &CellKey, starts: u32| UpstreamCount {
        minute: batch.slot / MINUTE,
        key: key.clone(),
        rule: Arc::from(RULE),
        acted: if blocks { starts.div_ceil(2) } else { 0 },
        logged: if blocks { 0 } else { starts.div_ceil(2) },
        counts: CellCounts::default(),
    };
    let cells = batch
        .cells
        .iter()
        .filter(|cell| acts_on(&cell.key) && cell.counts.starts > 0);
    UpstreamCells {
        rules: vec![UpstreamRule {
            id: Arc::from(RULE),
            system: "l7ddos".to_owned(),
            description: "a botnet".to_owned(),
            action: if blocks { "block" } else { "log" }.to_owned(),
            acts: blocks,
            host: "cdn.example".to_owned(),
            first_ms: batch.slot * 10_000,
            last_ms: batch.slot * 10_000 + 9_000,
        }],
        counts: cells.map(|cell| count(&cell.key, cell.counts.starts)).collect(),
        dropped: 0,
    }
}
