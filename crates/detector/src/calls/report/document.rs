//! A report before its form: parts in their order, with text as it was said.
//!
//! In scope: what the parts are, and Markdown. Whatever form they get, text in them is nothing but text: clients chose some of
//! it. Not in scope: the page ([`super::page`]).

use std::fmt::Write as _;

use super::figure::Figure;
use blobwatch_wire::is_invisible;

/// One part.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::calls) enum Part {
    Title(String),
    Heading(&'static str),
    Text(String),
    List(Vec<String>),
    Table(Table),
    /// Lines for a POSIX shell.
    Command(String),
    /// Markdown has none.
    Figure(Figure),
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::calls) struct Table {
    pub(in crate::calls) head: Vec<String>,
    pub(in crate::calls) rows: Vec<Vec<String>>,
}

impl Table {
    pub(in crate::calls) fn with<const N: usize>(head: [&str; N]) -> Self {
        Self {
            head: head.map(str::to_owned).to_vec(),
            rows: Vec::new(),
        }
    }

    pub(in crate::calls) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }
}

/// Parts, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::calls) struct Document(pub(in crate::calls) Vec<Part>);

impl Document {
    pub(in crate::calls) fn title(&mut self, text: String) {
        self.0.push(Part::Title(text));
    }

    pub(in crate::calls) fn heading(&mut self, text: &'static str) {
        self.0.push(Part::Heading(text));
    }

    pub(in crate::calls) fn text(&mut self, text: impl Into<String>) {
        self.0.push(Part::Text(text.into()));
    }

    pub(in crate::calls) fn list(&mut self, items: Vec<String>) {
        self.0.push(Part::List(items));
    }

    pub(in crate::calls) fn table(&mut self, table: Table) {
        self.0.push(Part::Table(table));
    }

    pub(in crate::calls) fn command(&mut self, lines: impl Into<String>) {
        self.0.push(Part::Command(lines.into()));
    }

    pub(in crate::calls) fn figure(&mut self, figure: Figure) {
        self.0.push(Part::Figure(figure));
    }

    /// Changes every text that somebody else may have chosen.
    pub(in crate::calls) fn each_text(&mut self, change: impl Fn(&mut String)) {
        for part in &mut self.0 {
            match part {
                Part::Title(text) | Part::Text(text) | Part::Command(text) => change(text),
                Part::List(items) => items.iter_mut().for_each(&change),
                Part::Table(table) => {
                    let cells = table.head.iter_mut().chain(table.rows.iter_mut().flatten());
                    cells.for_each(&change);
                }
                Part::Heading(_) | Part::Figure(_) => {}
            }
        }
    }

    pub(in crate::calls) fn markdown(&self) -> String {
        let parts: Vec<String> = self.0.iter().filter_map(markdown).collect();
        let mut text = parts.join("\n\n");
        text.push('\n');
        text
    }
}

fn markdown(part: &Part) -> Option<String> {
    Some(match part {
        Part::Title(text) => format!("# {}", plain(text)),
        Part::Heading(text) => format!("## {text}"),
        Part::Text(text) => plain(text),
        Part::List(items) => {
            let items: Vec<String> = items.iter().map(|item| format!("- {}", plain(item))).collect();
            items.join("\n")
        }
        Part::Table(table) => table_lines(table),
        Part::Command(lines) => format!("```sh\n{lines}\n```"),
        Part::Figure(_) => return None,
    })
}

fn table_lines(table: &Table) -> String {
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        for cell in cells {
            match plain(cell).as_str() {
                "" => text.push_str("| "),
                cell => {
                    // Writing to a String cannot fail.
                    let _ = write!(text, "| {cell} ");
                }
            }
        }
        text.push_str("|\n");
    };
    line(&table.head);
    line(&vec!["---".to_owned(); table.head.len()]);
    for row in &table.rows {
        line(row);
    }
    text.trim_end().to_owned()
}

/// Text that is no Markdown and no HTML.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '`' | '*' | '[' | ']' | '\\' | '#' => out.extend(['\\', letter]),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            letter if is_invisible(letter) => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_clients_send_stays_text() {
        assert_eq!(
            plain("a|b `x` <b> [y](z)\n#\u{202e}"),
            "a\\|b \\`x\\` &lt;b> \\[y\\](z) \\# "
        );
    }

    #[test]
    fn each_part_has_its_markdown() {
        let mut document = Document::default();
        document.title("an-000001: a*b".to_owned());
        document.heading("Who");
        document.list(vec!["one".to_owned(), "t|wo".to_owned()]);
        let mut table = Table::with(["resumes", ""]);
        table.row(["expected".to_owned(), "1 %".to_owned()]);
        document.table(table);
        document.command("curl -v");
        let expected = "# an-000001: a\\*b\n\n## Who\n\n- one\n- t\\|wo\n\n\
                        | resumes | |\n| --- | --- |\n| expected | 1 % |\n\n```sh\ncurl -v\n```\n";
        assert_eq!(document.markdown(), expected);
    }
}
