//! One figure: a measured value with its spread and what it should be.

use serde_json::{Value, json};

/// What a figure is held to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// Nothing: the figure explains another one.
    None,
}

/// A named value: the median of its samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    name: String,
    unit: &'static str,
    samples: Vec<f64>,
    target: Target,
}

impl Figure {
    pub(crate) fn new(
        name: impl Into<String>,
        unit: &'static str,
        samples: Vec<f64>,
        target: Target,
    ) -> Self {
        Self {
            name: name.into(),
            unit,
            samples,
            target,
        }
    }

    /// NaN when nothing was measured.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        if sorted.len() % 2 == 1 {
            at(middle)
        } else {
            f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
        }
    }

    fn min(&self) -> f64 {
        self.samples.iter().copied().fold(f64::NAN, f64::min)
    }

    fn max(&self) -> f64 {
        self.samples.iter().copied().fold(f64::NAN, f64::max)
    }

    /// `None` without a target.
    pub(crate) fn met(&self) -> Option<bool> {
        match self.target {
            Target::AtMost(limit) => Some(self.median() <= limit),
            Target::AtLeast(limit) => Some(self.median() >= limit),
            Target::None => None,
        }
    }

    pub(crate) fn cells(&self) -> [String; 6] {
        let target = match self.target {
            Target::AtMost(limit) => format!("≤ {}", number(limit)),
            Target::AtLeast(limit) => format!("≥ {}", number(limit)),
            Target::None => String::new(),
        };
        let verdict = match self.met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        let value = format!("{} {}", number(self.median()), self.unit);
        let spread = |value: f64| {
            if self.samples.len() > 1 {
                number(value)
            } else {
                String::new()
            }
        };
        [
            self.name.clone(),
            value.trim_end().to_owned(),
            spread(self.min()),
            spread(self.max()),
            target,
            verdict.to_owned(),
        ]
    }

    pub(crate) fn json(&self) -> Value {
        let target = match self.target {
            Target::AtMost(limit) => json!({ "at_most": limit }),
            Target::AtLeast(limit) => json!({ "at_least": limit }),
            Target::None => Value::Null,
        };
        json!({
            "name": self.name, "unit": self.unit, "median": self.median(), "min": self.min(), "max": self.max(),
            "target": target, "met": self.met(), "samples": self.samples,
        })
    }
}

/// Three significant digits or all whole ones: more is noise.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 || size == 0.0 => format!("{value:.3}"),
        _ => format!("{value:.5}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Target};

    #[track_caller]
    fn case(samples: &[f64], median: f64, met: bool) {
        let figure = Figure::new("f", "", samples.to_vec(), Target::AtMost(1.1));
        assert_eq!((figure.median(), figure.met()), (median, Some(met)));
    }

    #[test]
    fn the_median_is_held_to_the_target() {
        case(&[3.0, 1.0, 1.1], 1.1, true);
        case(&[1.0, 1.4, 0.0, 9.0], 1.2, false);
        case(&[1.0], 1.0, true);
    }

    #[test]
    fn a_target_can_be_a_minimum() {
        let figure = |value| Figure::new("f", "", vec![value], Target::AtLeast(3.0));
        assert_eq!((figure(3.0).met(), figure(2.9).met()), (Some(true), Some(false)));
    }

    #[test]
    fn nothing_measured_is_not_met() {
        let figure = Figure::new("f", "", Vec::new(), Target::AtMost(1.1));
        assert!(figure.median().is_nan());
        assert_eq!(figure.met(), Some(false));
    }
}
