//! RiskLoc's idea (Kalander, "RiskLoc: Localization of Multi-dimensional Root Causes by Weighted Risk", 2022) for rises:
//! cells are split at a cutpoint of their deviation, weighted by how far they deviate, and a value combination is risky
//! if most of the weight inside it deviates and the forecast of its cells, scaled by the combination's own ratio, then
//! fits. The simplest combination above the risk threshold that explains most wins, layer by layer.

use blobwatch_detect::localize::{Cohort, Literal};
use blobwatch_detect::simulate::{ATTRIBUTES, Incident, Row, SIZES};
use std::collections::BTreeMap;

/// Of the paper.
const RISK: f64 = 0.5;
const EXPLAINED: f64 = 0.02;

/// Combinations of up to three attributes.
const LAYERS: u32 = 3;

/// What a combination holds.
#[derive(Default, Clone)]
struct Sums {
    weight: f64,
    abnormal: f64,
    observed: f64,
    expected: f64,
    cells: Vec<usize>,
}

/// The combination that RiskLoc would name first.
pub(super) fn riskloc(incident: &Incident) -> Option<Cohort> {
    let rows = incident.rows();
    let deviation = |row: &Row| 2.0 * (row.observed - row.expected) / (row.observed + row.expected);
    // The normal side's widest deviation, mirrored, is the cutpoint.
    let cut = -rows.iter().map(deviation).fold(0.0, f64::min).max(-1.99);
    let total: f64 = rows
        .iter()
        .filter(|row| deviation(row) > cut)
        .map(|row| row.observed - row.expected)
        .sum();
    for layer in 1..=LAYERS {
        let masks = (1_u32..1 << SIZES.len()).filter(|mask| mask.count_ones() == layer);
        let best = masks
            .filter_map(|mask| riskiest(rows, mask, cut, total, &deviation))
            .fold(None::<(f64, Cohort)>, |best, next| match best {
                Some(best) if best.0 >= next.0 => Some(best),
                _ => Some(next),
            });
        if let Some((_, cohort)) = best {
            return Some(cohort);
        }
    }
    None
}

/// The combination of these attributes that is risky and explains most, with what it explains.
fn riskiest(
    rows: &[Row],
    mask: u32,
    cut: f64,
    total: f64,
    deviation: &impl Fn(&Row) -> f64,
) -> Option<(f64, Cohort)> {
    let mut held: BTreeMap<Vec<usize>, Sums> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let values = row.values.iter().enumerate().filter(|(d, _)| mask >> d & 1 == 1);
        let held = held.entry(values.map(|(_, value)| *value).collect()).or_default();
        let weight = (deviation(row) - cut).abs();
        held.weight += weight;
        if deviation(row) > cut {
            held.abnormal += weight;
        }
        held.observed += row.observed;
        held.expected += row.expected;
        held.cells.push(at);
    }
    let mut best: Option<(f64, Vec<usize>)> = None;
    for (values, held) in held {
        let explains = held.observed - held.expected;
        if explains < EXPLAINED * total || held.observed <= held.expected {
            continue;
        }
        let ratio = held.observed / held.expected;
        let misfit: f64 = held
            .cells
            .iter()
            .filter_map(|at| rows.get(*at))
            .map(|row| (row.observed - ratio * row.expected).abs())
            .sum();
        let risk =
            held.abnormal / (held.weight + 1e-9) - misfit / (held.observed + ratio * held.expected + 1e-9);
        if risk >= RISK && best.as_ref().is_none_or(|(most, _)| explains > *most) {
            best = Some((explains, values));
        }
    }
    best.map(|(explains, values)| (explains, cohort(mask, &values)))
}

fn cohort(mask: u32, values: &[usize]) -> Cohort {
    let attributes = ATTRIBUTES.iter().zip(SIZES).enumerate();
    let chosen = attributes.filter(|(d, _)| mask >> d & 1 == 1).zip(values);
    let literal = |((_, (attribute, size)), value): ((usize, (&&str, usize)), &usize)| Literal {
        attribute: (*attribute).to_owned(),
        values: vec![format!("v{value}")],
        others: (0..size)
            .filter(|v| v != value)
            .map(|v| format!("v{v}"))
            .collect(),
    };
    Cohort {
        literals: chosen.map(literal).collect(),
    }
}
