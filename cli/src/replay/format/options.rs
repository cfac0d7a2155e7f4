//! What the command line says of a log's format.

use blobwatch_logs::{Field, Layout, PRESETS, Template, is_array, preset};

use super::Format;
use super::guess::{Guess, told};
use crate::replay::name_of;

/// Items of an array that carries a line: Loki's time, line and labels.
const MAX_CARRIED: usize = 3;

/// Of `--log-format`: a name, or a format string.
#[derive(Clone, Debug)]
pub(in super::super) struct LogFormat {
    title: String,
    templates: Vec<Template>,
}

impl LogFormat {
    /// # Errors
    /// What was expected of it.
    pub(in super::super) fn parse(text: &str) -> Result<Self, String> {
        let templates = preset(text);
        if !templates.is_empty() {
            return Ok(Self {
                title: text.to_ascii_lowercase(),
                templates,
            });
        }
        if !text.contains(['$', '%']) {
            let mut names: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
            names.dedup();
            return Err(format!(
                "expected a format string, or one of {}",
                names.join(", ")
            ));
        }
        let template = Template::parse(text).map_err(|expected| format!("expected {expected}"))?;
        Ok(Self {
            title: "own format".to_owned(),
            templates: vec![template],
        })
    }
}

/// All of it.
#[derive(Clone, Debug)]
pub(in super::super) struct Options {
    pub(in super::super) format: Option<Format>,
    pub(in super::super) log_format: Option<LogFormat>,
    pub(in super::super) fields: Vec<(String, Field)>,
    /// For times without a year.
    pub(in super::super) now_ms: u64,
    /// What carries the lines says when each was written.
    pub(in super::super) has_carried_times: bool,
}

impl Options {
    pub(in super::super) fn is_given(&self) -> bool {
        self.format.is_some()
    }

    /// Whether lines are of this form, as they are or by `--field`: nothing that carries them stands before them. Places of
    /// columns say nothing of that: they are counted without what carries a line.
    pub(super) fn tells(&self, lines: &[&str]) -> bool {
        let is_of_columns = self.format == Some(Format::Columns);
        let is_row = |line: &&str| is_array(line) && Layout::Array.cells(line).count() > MAX_CARRIED;
        let are_rows = || lines.first().is_some_and(is_row);
        self.is_given() && !is_of_columns || are_rows() || told(lines, self).is_some()
    }

    pub(super) fn templates(&self) -> &[Template] {
        self.log_format.as_ref().map_or(&[], |of| &of.templates)
    }

    /// The format, where it is given.
    pub(super) fn given(&self) -> Option<Guess> {
        if let Some(of) = &self.log_format {
            return Some(Guess {
                title: Some(of.title.clone()),
                ..Guess::of(Format::Text)
            });
        }
        self.format.map(|format| Guess {
            title: Some(name_of(&format)),
            ..Guess::of(format)
        })
    }
}
