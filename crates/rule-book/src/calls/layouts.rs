//! The FireLogs of colos become more or fewer: as their load asks, and as new settings say.

use super::act::{Act, Target};
use super::change::{Context, PlannedChange, carry_out};
use crate::split::{Loads, volumes_until_ms};
use crate::store::RuleBookStore;
use blobwatch_rulebook::{EVERY_COLO, FireLogLayout, LoadReport, MAX_LAYOUTS, Rulebook};
use blobwatch_sql::Sql;
use blobwatch_wire::{Problem, json_text};
use serde::Serialize;
use std::collections::BTreeSet;

/// Who changes the number, in the audit log; no token may have this name.
const DEPLOYMENT: &str = "blobwatch";

/// A side of the audit log's entry.
#[derive(Serialize)]
struct Number {
    fire_logs: u32,
}

/// Takes in what a FireLog told of its load, and changes the number of its colo's FireLogs where that follows. Answers whether it did.
///
/// # Errors
/// When the store refuses.
pub fn take_load<S: Sql>(
    store: &RuleBookStore<S>,
    loads: &mut Loads,
    report: &LoadReport,
    now_ms: u64,
) -> Result<bool, Problem> {
    loads.take(report, now_ms);
    let book = store.document()?;
    let layout = layout_of(&book, &report.colo);
    let bounds = book.settings.fire_log_bounds(&report.colo);
    let has_room = book.layout(&report.colo).is_some() || book.layouts.len() < MAX_LAYOUTS;
    let wanted = loads.wanted(&layout, bounds, now_ms).filter(|_| has_room);
    let Some(count) = wanted else {
        return Ok(false);
    };
    let context = Context {
        actor: DEPLOYMENT,
        now_ms,
        expected: Some(book.revision),
        reason: Some(reason(report, &layout, count, loads.busiest(&layout, now_ms))),
        is_trial: false,
    };
    carry_out(store, &context, plan(book, &layout, count, now_ms)?)?;
    Ok(true)
}

fn reason(report: &LoadReport, layout: &FireLogLayout, count: u32, busiest: u32) -> String {
    let times = |thousandths: u32| f64::from(thousandths) / 1_000.0;
    if count > layout.count {
        let (place, load) = (report.place, times(report.sustained));
        format!("FireLog {place} has had {load:.1} times the load that one should have, for two minutes")
    } else {
        let load = times(busiest);
        format!("no FireLog has had more than {load:.2} times the load that one should have, for ten minutes")
    }
}

fn plan(book: Rulebook, layout: &FireLogLayout, count: u32, now_ms: u64) -> Result<PlannedChange, Problem> {
    let grows = count > layout.count;
    let side = |fire_logs| json_text(&Number { fire_logs });
    let mut candidate = book;
    let until_ms = volumes_until_ms(&candidate, now_ms);
    put(&mut candidate, layout.followed_by(count, now_ms, until_ms));
    Ok(PlannedChange {
        act: if grows {
            Act::FireLogsSplit
        } else {
            Act::FireLogsJoin
        },
        target: Target::FireLogs(layout.colo.clone()),
        own: String::from("-"),
        before: Some(side(layout.count)?),
        after: Some(side(count)?),
        candidate,
        edits: Vec::new(),
    })
}

fn layout_of(book: &Rulebook, colo: &str) -> FireLogLayout {
    let found = book.layout(colo).cloned();
    found.unwrap_or_else(|| FireLogLayout::new(colo, book.fire_logs(colo)))
}

fn put(book: &mut Rulebook, layout: FireLogLayout) {
    match book.layouts.iter_mut().find(|known| known.colo == layout.colo) {
        Some(known) => *known = layout,
        None => book.layouts.push(layout),
    }
    book.layouts.sort_by(|a, b| a.colo.cmp(&b.colo));
}

/// The candidate with as many FireLogs in each colo as its settings allow: as many as there are, where they allow that.
pub(super) fn within_bounds(mut candidate: Rulebook, before: &Rulebook, now_ms: u64) -> Rulebook {
    let named = candidate
        .settings
        .fire_logs
        .keys()
        .chain(before.settings.fire_logs.keys());
    let known = candidate.layouts.iter().map(|layout| &layout.colo);
    let colos: BTreeSet<String> = named
        .chain(known)
        .filter(|colo| *colo != EVERY_COLO)
        .cloned()
        .collect();
    for colo in colos {
        // What load asked for is in the candidate, and is within the bounds.
        let now = candidate
            .layout(&colo)
            .map_or_else(|| before.fire_logs(&colo), |layout| layout.count);
        let wanted = candidate.settings.fire_log_bounds(&colo).nearest(now);
        if wanted != now {
            let until_ms = volumes_until_ms(before, now_ms);
            let layout = layout_of(before, &colo);
            put(&mut candidate, layout.followed_by(wanted, now_ms, until_ms));
        } else if candidate.fire_logs(&colo) != now {
            put(&mut candidate, FireLogLayout::new(&colo, now));
        }
    }
    candidate
}

/// Those that a change is to write.
pub(super) fn changed_layouts(before: &Rulebook, candidate: &Rulebook) -> Vec<FireLogLayout> {
    let is_new = |layout: &&FireLogLayout| !before.layouts.contains(layout);
    candidate.layouts.iter().filter(is_new).cloned().collect()
}
