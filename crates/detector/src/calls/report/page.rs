//! The report as a page for somebody without an account.

use std::fmt::Write as _;

use super::document::{Document, Part, Table};
use crate::Anomaly;
use blobwatch_wire::{escaped, plain_page, rfc3339};

/// The page of a report. It needs no script, and reads on paper.
pub(super) fn of(document: &Document, anomaly: &Anomaly, now_ms: u64, until_ms: u64) -> String {
    let mut main: String = document.0.iter().map(html).collect();
    // Writing to a String cannot fail.
    let _ = write!(
        main,
        "<footer>As of {}, by Blobwatch. Whoever has this link can read this page until {}, unless it is revoked before.</footer>",
        rfc3339(now_ms),
        rfc3339(until_ms)
    );
    plain_page(&format!("{}: report of an anomaly", anomaly.name()), &main)
}

fn html(part: &Part) -> String {
    match part {
        Part::Title(text) => format!("<h1>{}</h1>\n", escaped(text)),
        Part::Heading(text) => format!("<h2>{}</h2>\n", escaped(text)),
        Part::Text(text) => format!("<p>{}</p>\n", escaped(text)),
        Part::List(items) => {
            let items: String = items
                .iter()
                .map(|item| format!("<li>{}</li>\n", escaped(item)))
                .collect();
            format!("<ul>\n{items}</ul>\n")
        }
        Part::Table(of) => table(of),
        Part::Command(lines) => {
            let lines: Vec<String> = lines.lines().map(escaped).collect();
            format!("<pre>{}</pre>\n", lines.join("\n"))
        }
        Part::Figure(figure) => figure.html(),
    }
}

fn table(table: &Table) -> String {
    let row = |cells: &[String], open: &str, close: &str| {
        let cells: String = cells
            .iter()
            .map(|cell| format!("<{open}>{}</{close}>", escaped(cell)))
            .collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = table.rows.iter().map(|cells| row(cells, "td", "td")).collect();
    let head = row(&table.head, "th scope=\"col\"", "th");
    format!(
        "<div class=\"table\"><table>\n<thead>\n{head}</thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n"
    )
}
