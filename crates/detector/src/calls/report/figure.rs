//! A plot as SVG: the cohort's rate beside everybody else's. Nothing in it is anybody's text.

use std::fmt::Write as _;

use super::rates::{RateCounts, Rates};
use crate::{Anomaly, AnomalyKind, rate};
use blobwatch_wire::{escaped, grouped, rfc3339};

/// Of the drawing, in its own units.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;

/// Of the plot inside of it: room for the labels of the axes, and for the names of the lines above.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 28.0;

/// Of trials in one step below which a rate says nothing.
const MIN_TRIALS: u64 = 5;

/// Two lines over one time.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::calls) struct Figure {
    caption: String,
    since_ms: u64,
    until_ms: u64,
    onset_ms: u64,
    step_ms: u64,
    is_share: bool,
    /// Time and value, where there is one.
    cohort: Vec<(u64, Option<f64>)>,
    others: Vec<(u64, Option<f64>)>,
}

impl Rates {
    /// `None` where there is nothing to draw.
    pub(super) fn figure(&self, anomaly: &Anomaly) -> Option<Figure> {
        let (first, last) = (self.points.first()?, self.points.last()?);
        let is_share = anomaly.kind() != AnomalyKind::TrafficCliff;
        let value = |counts: RateCounts| match is_share {
            true if counts.trials < MIN_TRIALS => None,
            true => Some(counts.events as f64 / counts.trials as f64),
            false => Some(counts.trials as f64 * 60_000.0 / self.step_ms.max(1) as f64),
        };
        let line = |of: fn(&super::rates::RatePoint) -> RateCounts| {
            let points = self.points.iter();
            points.map(|point| (point.time_ms, value(of(point)))).collect()
        };
        let what = if is_share {
            format!("{} among {}", anomaly.noun(), anomaly.trials_noun())
        } else {
            "requests a minute".to_owned()
        };
        Some(Figure {
            caption: format!("{what}, UTC; the dotted line is the onset"),
            since_ms: first.time_ms,
            until_ms: last.time_ms + self.step_ms,
            onset_ms: anomaly.onset_ms,
            step_ms: self.step_ms,
            is_share,
            cohort: line(|point| point.cohort),
            others: line(|point| point.others),
        })
    }
}

impl Figure {
    pub(super) fn html(&self) -> String {
        let caption = escaped(&self.caption);
        let mut out = format!(
            "<figure>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{caption}: {}\">\n",
            escaped(&self.in_words())
        );
        self.axes(&mut out);
        let onset = self.x(self.onset_ms);
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "<path class=\"mark\" d=\"M{onset:.1} {TOP}V{:.1}\"/>",
            HEIGHT - BOTTOM
        );
        for (class, line) in [("others", &self.others), ("cohort", &self.cohort)] {
            let _ = writeln!(out, "<path class=\"{class}\" d=\"{}\"/>", self.path(line));
        }
        let _ = writeln!(
            out,
            "<text class=\"cohort-name\" x=\"{LEFT}\" y=\"16\">affected clients</text>\n\
             <text class=\"others-name\" x=\"{}\" y=\"16\">all others (dashed)</text>\n</svg>\n\
             <figcaption>{caption}</figcaption>\n</figure>",
            LEFT + 130.0
        );
        out
    }

    fn axes(&self, out: &mut String) {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        for part in [0.0, 0.5, 1.0] {
            let (value, y) = (self.top() * part, bottom - (bottom - TOP) * part);
            let _ = writeln!(
                out,
                "<path class=\"axis\" d=\"M{LEFT} {y:.1}H{right}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                self.said(value)
            );
        }
        let clock = |time_ms| rfc3339(time_ms).get(5..16).unwrap_or_default().replace('T', " ");
        let middle_ms = self.since_ms.midpoint(self.until_ms);
        for (time_ms, anchor) in [
            (self.since_ms, "start"),
            (middle_ms, "middle"),
            (self.until_ms, "end"),
        ] {
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
                self.x(time_ms),
                HEIGHT - 8.0,
                clock(time_ms)
            );
        }
    }

    fn said(&self, value: f64) -> String {
        match self.is_share {
            true if value == 0.0 => "0 %".to_owned(),
            true => rate(value),
            false => grouped(value.round() as u64),
        }
    }

    /// For whoever does not see it.
    fn in_words(&self) -> String {
        let highest = |line: &[(u64, Option<f64>)]| {
            let values = line.iter().filter_map(|(_, value)| *value);
            values
                .reduce(f64::max)
                .map_or_else(|| "none".to_owned(), |value| self.said(value))
        };
        format!(
            "at most {} of affected clients, at most {} of all others",
            highest(&self.cohort),
            highest(&self.others)
        )
    }

    /// The highest value that is drawn, and never nothing.
    fn top(&self) -> f64 {
        let values = self
            .cohort
            .iter()
            .chain(&self.others)
            .filter_map(|(_, value)| *value);
        let highest = values.fold(0.0, f64::max);
        if highest > 0.0 { highest } else { 1.0 }
    }

    fn x(&self, time_ms: u64) -> f64 {
        let span = self.until_ms.saturating_sub(self.since_ms).max(1) as f64;
        let at = time_ms.clamp(self.since_ms, self.until_ms) - self.since_ms;
        LEFT + (WIDTH - LEFT - RIGHT) * at as f64 / span
    }

    /// A line that is broken where there is no value, or no time.
    fn path(&self, line: &[(u64, Option<f64>)]) -> String {
        let (bottom, top) = (HEIGHT - BOTTOM, self.top());
        let mut path = String::new();
        let mut before_ms = None;
        for (time_ms, value) in line {
            let Some(value) = value else {
                before_ms = None;
                continue;
            };
            let goes_on = before_ms.is_some_and(|before_ms: u64| before_ms + self.step_ms == *time_ms);
            let (command, x) = (if goes_on { 'L' } else { 'M' }, self.x(*time_ms));
            let y = bottom - (bottom - TOP) * value / top;
            let _ = write!(path, "{command}{x:.1} {y:.1}");
            if !goes_on {
                // A value by itself is seen too.
                path.push_str("h0.5");
            }
            before_ms = Some(*time_ms);
        }
        path
    }
}
