//! Why a subcommand could not do its work; every text names the file, and the line where there is one.

use std::{fmt, io};

#[derive(Debug)]
pub(crate) enum Problem {
    /// The file cannot be opened or read.
    Read { file: String, source: io::Error },
    /// The file as a whole is not what was expected.
    File { file: String, expected: String },
    /// A line is not what was expected. Lines count from 1, the header included.
    Line {
        file: String,
        line: u64,
        expected: String,
    },
    /// The file cannot be written.
    Create { file: String, source: io::Error },
    /// The deployment refused a call, or cannot be reached.
    Api(String),
    /// An installation on this machine cannot be served, or not be looked at.
    Installation(anyhow::Error),
    /// The arguments do not go together.
    Usage(String),
    /// The output is closed or full.
    Write(io::Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { file, source } => write!(f, "{file}: {source}"),
            Self::File { file, expected } => write!(f, "{file}: expected {expected}"),
            Self::Line { file, line, expected } => write!(f, "{file}:{line}: expected {expected}"),
            Self::Create { file, source } => write!(f, "failed to write {file}: {source}"),
            Self::Installation(error) => write!(f, "{error:#}"),
            Self::Api(message) | Self::Usage(message) => f.write_str(message),
            Self::Write(source) => write!(f, "failed to write the output: {source}"),
        }
    }
}

impl std::error::Error for Problem {}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        Self::Installation(error)
    }
}
