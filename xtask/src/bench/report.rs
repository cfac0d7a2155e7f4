//! What benchmarks leave behind: `{"figures": [{"figure", "value", "unit", "target", "met"}, …]}`, where `target` is text
//! for a person and `met` is `null` for a figure that nothing was promised about.

use anyhow::{Context, Result};
use serde_json::Value;
use std::fmt::{Display, Formatter};
use std::fs;
use std::path::Path;

/// One measured figure.
#[derive(Debug, PartialEq)]
pub(super) struct Figure {
    name: String,
    measured: String,
    target: String,
    met: Option<bool>,
}

/// The figures in columns.
pub(super) struct Table<'a>(pub(super) &'a [Figure]);

pub(super) fn read(path: &Path) -> Result<Vec<Figure>> {
    let text = fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    parse(&text).with_context(|| format!("failed to find figures in {}", path.display()))
}

fn parse(text: &str) -> Option<Vec<Figure>> {
    let report: Value = serde_json::from_str(text).ok()?;
    report.get("figures")?.as_array()?.iter().map(figure).collect()
}

fn figure(entry: &Value) -> Option<Figure> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let measured = format!("{} {}", significant(entry.get("value")?.as_f64()?), text("unit"));
    Some(Figure {
        name: entry.get("figure")?.as_str()?.to_owned(),
        measured: measured.trim_end().to_owned(),
        target: text("target").to_owned(),
        met: entry.get("met").and_then(Value::as_bool),
    })
}

/// Three digits are what a repeated run agrees on; whole numbers stay whole.
fn significant(value: f64) -> String {
    let magnitude = value.abs();
    let decimals = match magnitude {
        _ if value.fract() == 0.0 || magnitude >= 100.0 => 0,
        _ if magnitude >= 10.0 => 1,
        _ if magnitude >= 1.0 => 2,
        _ => 4,
    };
    format!("{value:.decimals$}")
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let row = |figure: &Figure| {
            [
                figure.name.clone(),
                figure.measured.clone(),
                figure.target.clone(),
                verdict(figure.met).to_owned(),
            ]
        };
        let rows: Vec<_> = [["figure", "measured", "target", ""].map(str::to_owned)]
            .into_iter()
            .chain(self.0.iter().map(row))
            .collect();
        let width = |column: usize| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2)];
        for [name, measured, target, met] in &rows {
            let [first, second, third] = widths;
            let line = format!("{name:<first$}  {measured:>second$}  {target:<third$}  {met}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn verdict(met: Option<bool>) -> &'static str {
    match met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::{Table, parse, significant};

    #[test]
    fn figures_are_printed_in_columns() {
        let figures = parse(
            r#"{"figures": [
                {"figure": "one rule", "value": 1.512, "unit": "x", "target": ">= 1 x", "met": true},
                {"figure": "query, median", "value": 250, "unit": "ms", "target": "<= 100 ms", "met": false},
                {"figure": "spread", "value": 0.05}
            ]}"#,
        );
        let expected = "\
figure         measured  target
one rule         1.51 x  >= 1 x     met
query, median    250 ms  <= 100 ms  MISSED
spread           0.0500
";
        assert_eq!(Table(&figures.unwrap()).to_string(), expected);
    }

    #[test]
    fn a_report_without_figures_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"figures": 1}"#,
            r#"{"figures": [{"figure": "no value"}]}"#,
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[track_caller]
    fn case(value: f64, expected: &str) {
        assert_eq!(significant(value), expected);
    }

    #[test]
    fn numbers_have_three_digits() {
        case(0.0312, "0.0312");
        case(1.0, "1");
        case(1.3049, "1.30");
        case(31.26, "31.3");
        case(1234.5, "1234");
    }
}
