//! Instructions per request of the engine alone, counted by callgrind: the same on a busy machine as on an idle one.
//!
//! In scope: the engine as it is, over each [`Book`]. Not in scope: the engine without one of its layers, which takes an
//! edit (docs/rule-engine.md has those figures too).

use std::env::current_exe;
use std::hint::black_box;
use std::process::Command;

use super::ours;
use super::requests::Requests;
use super::rulebooks::Book;
use crate::figure::{Figure, Target};
use crate::report::Report;
use anyhow::{Context, Result};
use blobwatch_rules::{Engine, Scratch, Values};
use clap::ValueEnum;
use serde_json::json;

/// The function whose instructions are counted, with those of what it calls.
const COUNTED: &str = "--toggle-collect=*::instructions::counted*";

/// # Errors
/// When valgrind does not start, or prints no count.
pub(super) fn run() -> Result<Report> {
    let requests = Requests::realistic().values().len();
    let figures = Book::value_variants().iter().map(|book| figure(*book, requests));
    Ok(Report {
        name: "rules-instructions",
        setup: json!({ "requests": requests }),
        figures: figures.collect::<Result<_>>()?,
    })
}

/// Starts this program again, under callgrind.
fn figure(book: Book, requests: usize) -> Result<Figure> {
    let book = book.to_possible_value().context("expected a book with a name")?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", COUNTED])
        .arg(current_exe()?)
        .args(["count-rules", book.get_name()])
        .output()
        .context("failed to start valgrind: expected it on PATH")?;
    let printed = String::from_utf8_lossy(&output.stderr);
    let instructions = collected(&printed)
        .with_context(|| format!("expected a line `Collected : …` from valgrind, found {printed}"))?;
    let each = instructions / requests as f64;
    Ok(Figure::new(
        book.get_name(),
        "instructions",
        vec![each],
        Target::None,
    ))
}

/// The number of instructions in what valgrind printed.
fn collected(printed: &str) -> Option<f64> {
    let number = printed
        .lines()
        .find_map(|line| line.split_once("Collected : "))?
        .1;
    number
        .trim()
        .parse()
        .ok()
        .filter(|instructions| *instructions > 0.0)
}

/// What runs under callgrind.
///
/// # Errors
/// When a rule is refused.
pub(super) fn count(book: Book) -> Result<()> {
    let (engine, mut scratch) = ours(&book.rules()?)?;
    let values = Requests::realistic().values();
    // The first pass lets memory grow and binds symbols.
    values.iter().for_each(|values| engine.run(values, &mut scratch));
    counted(&engine, &values, &mut scratch);
    Ok(())
}

#[inline(never)]
fn counted(engine: &Engine, values: &[Values<'_>], scratch: &mut Scratch) {
    for values in values {
        engine.run(values, scratch);
        black_box(scratch.matched().count());
    }
}

#[cfg(test)]
mod tests {
    use super::collected;

    #[test]
    fn the_count_of_valgrind_is_read() {
        let printed = "==7== Events    : Ir\n==7== Collected : 80160\n==7==\n";
        assert_eq!(collected(printed), Some(80160.0));
        assert_eq!(collected("==7== Collected : 0\n"), None);
        assert_eq!(collected("==7== Command: x\n"), None);
    }
}
