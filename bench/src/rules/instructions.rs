//! Instructions a request of the engine alone, counted by callgrind: the same on a busy machine as on an idle one.
//! docs/rule-engine.md is made of them.

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
/// When valgrind is not there, or does not say what it counted.
pub(super) fn run() -> Result<Report> {
    let requests = Requests::realistic().values().len();
    let figures = Book::value_variants().iter().map(|book| figure(*book, requests));
    Ok(Report {
        name: "rules-instructions",
        setup: json!({ "requests": requests }),
        figures: figures.collect::<Result<_>>()?,
    })
}

/// Of this program, started again under callgrind.
fn figure(book: Book, requests: usize) -> Result<Figure> {
    let book = book.to_possible_value().context("expected a book with a name")?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", COUNTED])
        .arg(current_exe()?)
        .args(["count-rules", book.get_name()])
        .output()
        .context("failed to start valgrind: expected it on PATH")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let instructions = collected(&said)
        .with_context(|| format!("expected instructions of {COUNTED} from valgrind, found {said}"))?;
    let each = instructions / requests as f64;
    Ok(Figure::new(
        book.get_name(),
        "instructions",
        vec![each],
        Target::None,
    ))
}

/// The number in valgrind's words.
fn collected(said: &str) -> Option<f64> {
    let number = said.lines().find_map(|line| line.split_once("Collected : "))?.1;
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
    // Memory grows and symbols are bound in the first pass.
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
    fn what_valgrind_collected_is_read() {
        let said = "==7== Events    : Ir\n==7== Collected : 80160\n==7==\n";
        assert_eq!(collected(said), Some(80160.0));
        assert_eq!(collected("==7== Collected : 0\n"), None);
        assert_eq!(collected("==7== Command: x\n"), None);
    }
}
