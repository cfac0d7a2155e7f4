//! Localisation on generated incidents: overlap of the named cohorts with the true ones, by requests. Those of a registry
//! have some events a cell and many values; tables have few values, and either small counts or large ones whose forecasts
//! err, so that nothing is tuned to one generator.

use super::cost::thread_cpu;
use super::riskloc::riskloc;
use crate::figure::{Figure, Target};
use anyhow::Result;
use blobwatch_detect::localize::{Cohort, CrossSection, Options, contrast_pattern, localize};
use blobwatch_detect::simulate::{Elements, Incident, Size, Strength, Table};

/// What names cohorts.
type Localizer = fn(&Incident) -> Vec<Cohort>;

/// Null data say how rarely something is named: so many times the seeds of the others.
const NULLS: u64 = 5;

const LOCALIZERS: [(&str, Localizer); 3] = [
    ("subset scan", ours),
    ("contrast pattern", contrast),
    ("RiskLoc's idea", |incident| {
        riskloc(incident).into_iter().collect()
    }),
];

/// # Errors
/// When the CPU clock cannot be read.
pub(super) fn run(first: u64, seeds: u64) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (name, strength, causes, target) in [
        ("strong incidents", Strength::Strong, 1, Target::AtLeast(0.95)),
        ("weak incidents", Strength::Weak, 1, Target::AtLeast(0.85)),
        ("two strong causes", Strength::Strong, 2, Target::None),
    ] {
        let incidents: Vec<Incident> = (first..first + seeds)
            .map(|seed| Incident::generate(seed, Some(strength), causes))
            .collect();
        for (who, localizer) in LOCALIZERS {
            let is_ours = who == LOCALIZERS[0].0;
            let held = |target| if is_ours { target } else { Target::None };
            let (mut overlaps, mut milliseconds) = (Vec::new(), Vec::new());
            for incident in &incidents {
                let start = thread_cpu()?;
                let named = localizer(incident);
                milliseconds.push((thread_cpu()? - start).as_secs_f64() * 1e3);
                overlaps.push(incident.overlap(&named));
            }
            let mean = overlaps.iter().sum::<f64>() / overlaps.len() as f64;
            figures.push(Figure::new(
                format!("{name}, {who}: mean IoU"),
                "",
                vec![mean],
                held(target),
            ));
            let good = overlaps.iter().filter(|iou| **iou >= 0.8).count() as f64 / overlaps.len() as f64;
            figures.push(Figure::new(
                format!("{name}, {who}: IoU ≥ 0.8"),
                "",
                vec![good],
                Target::None,
            ));
            let bound = if causes == 1 {
                Target::AtMost(20.0)
            } else {
                Target::None
            };
            figures.push(Figure::new(
                format!("{name}, {who}: CPU"),
                "ms",
                milliseconds,
                held(bound),
            ));
        }
    }
    let nulls = NULLS * seeds;
    let named = (first..first + nulls)
        .filter(|seed| !ours(&Incident::generate(*seed, None, 0)).is_empty())
        .count();
    figures.push(Figure::new(
        format!("named in {nulls} cross-sections without a cause"),
        "",
        vec![named as f64 / nulls as f64],
        Target::AtMost(0.01),
    ));
    for (name, size) in [
        ("small counts", Size::Small),
        ("large counts that err", Size::Large),
    ] {
        figures.extend(tables(name, size, first, seeds));
    }
    Ok(figures)
}

/// Tables of few values: their elements, and what is named where there is nothing.
fn tables(name: &str, size: Size, first: u64, seeds: u64) -> [Figure; 3] {
    let (mut elements, mut overlaps) = (Elements::default(), 0.0);
    for seed in first..first + seeds {
        let table = Table::generate(seed, size, true);
        let named = cohorts(&table.section);
        elements.add(table.elements(&named));
        overlaps += table.overlap(&named);
    }
    let nulls = NULLS * seeds;
    let named = (first..first + nulls)
        .filter(|seed| !cohorts(&Table::generate(*seed, size, false).section).is_empty())
        .count();
    let figure =
        |what: &str, value: f64| Figure::new(format!("{name}, {what}"), "", vec![value], Target::None);
    [
        figure("F1 of the named elements", elements.f1()),
        figure("mean IoU", overlaps / seeds as f64),
        figure("named where there is no cause", named as f64 / nulls as f64),
    ]
}

fn ours(incident: &Incident) -> Vec<Cohort> {
    cohorts(&incident.section)
}

fn cohorts(section: &CrossSection) -> Vec<Cohort> {
    let causes = localize(section, &Options::default());
    causes.into_iter().map(|cause| cause.cohort).collect()
}

fn contrast(incident: &Incident) -> Vec<Cohort> {
    contrast_pattern(&incident.section).into_iter().collect()
}
