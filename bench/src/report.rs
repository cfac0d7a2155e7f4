//! What a benchmark found: a table for people, a file for tools.

use crate::figure::Figure;
use crate::workspace;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fmt::{Display, Formatter};
use std::fs;

const HEAD: [&str; 6] = ["figure", "median", "min", "max", "target", ""];

/// The figures of one benchmark, and what they were measured with.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) name: &'static str,
    /// Rounds, requests and whatever else a reader needs to repeat it.
    pub(crate) setup: Value,
    pub(crate) figures: Vec<Figure>,
}

impl Report {
    /// Prints the table and writes the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn publish(&self) -> Result<()> {
        println!("{self}");
        let path = workspace::results().join(format!("{}.json", self.name));
        let figures = self.figures.iter().map(Figure::json).collect::<Vec<_>>();
        let document = json!({ "bench": self.name, "setup": self.setup, "figures": figures });
        fs::create_dir_all(workspace::results())
            .and_then(|()| fs::write(&path, format!("{document:#}\n")))
            .with_context(|| format!("failed to write {}", path.display()))
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let rows = self.figures.iter().map(Figure::cells).collect::<Vec<_>>();
        let head = HEAD.map(str::to_owned);
        let widths: [usize; 6] = std::array::from_fn(|column| width(&head, &rows, column));
        for row in std::iter::once(&head).chain(&rows) {
            let cells = row
                .iter()
                .zip(widths)
                .map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

fn width(head: &[String; 6], rows: &[[String; 6]], column: usize) -> usize {
    let cells = std::iter::once(head)
        .chain(rows)
        .filter_map(|row| row.get(column));
    cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
}
