//! What the command line says of a log's format.

use blobwatch_logs::{Field, PRESETS, Template, preset};

use super::Format;
use super::guess::Guess;
use crate::replay::name_of;

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
}

impl Options {
    pub(in super::super) fn is_given(&self) -> bool {
        self.format.is_some()
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
