//! Metrics as Prometheus' text. Not in scope: which there are.

use std::fmt::{Display, Write};

/// What is scraped.
#[derive(Debug, Default)]
pub struct MetricsPage(pub String);

impl MetricsPage {
    /// What is said of a metric before its values.
    pub fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A metric without labels.
    pub fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        self.value(name, &[], value);
    }

    /// A value for each value of one label.
    pub fn by<'v>(
        &mut self,
        label: &str,
        name: &str,
        kind: &str,
        help: &str,
        values: impl IntoIterator<Item = (&'v str, impl Display)>,
    ) {
        self.head(name, kind, help);
        for (of, value) in values {
            self.value(name, &[(label, of)], value);
        }
    }

    pub fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        let _ = if labels.is_empty() {
            writeln!(self.0, "{name} {value}")
        } else {
            writeln!(self.0, "{name}{{{}}} {value}", labels.join(","))
        };
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
