//! The forms in which sources tell: which field is called what, and which rules a line tells of.
//!
//! In scope: one line. Not in scope: cutting bodies into lines (`lines`), and what is made of what is told (`intake`).

mod akamai;
mod aws_waf;
mod cloud_armor;
mod cloudflare;
mod encoded;
mod fastly;
mod mapped;
mod packet;

use blobwatch_logs::{Field, Names};
use blobwatch_rulebook::IngestMapping;

use crate::line_event::LineEvent;
use crate::packets::Packet;
use crate::window::Notice;
use mapped::Mapped;

/// What a line is.
#[derive(Debug, PartialEq)]
pub(crate) enum LineKind {
    /// It told of requests.
    Requests,
    /// A source tries whether anybody listens.
    Test,
    /// The beginning or the end of a window.
    Window(Box<Notice>),
    /// A packet that was sampled.
    Packet(Box<Packet>),
    /// It says nothing that is kept.
    Nothing,
}

/// Takes what lines tell.
pub(crate) type Out<'o> = dyn FnMut(LineEvent<'_>) + 'o;

/// Reads the lines of one source.
#[derive(Debug)]
pub struct FormReader(Form);

#[derive(Debug)]
enum Form {
    Cloudflare(cloudflare::Cloudflare),
    AwsWaf(Names),
    CloudArmor(Names),
    Fastly(Names),
    Akamai(Names),
    Mapped(Mapped),
}

impl FormReader {
    /// The form of a source, by its name; none for one that is neither known nor mapped.
    #[must_use]
    pub fn of(source: &str, mapping: Option<&IngestMapping>) -> Option<Self> {
        let form = match source {
            "akamai" => Form::Akamai(names(akamai::NAMES)),
            "aws-waf" => Form::AwsWaf(names(aws_waf::NAMES)),
            "cloud-armor" => Form::CloudArmor(names(cloud_armor::NAMES)),
            "cloudflare" => Form::Cloudflare(cloudflare::Cloudflare::default()),
            "fastly" => Form::Fastly(names(fastly::NAMES)),
            _ => Form::Mapped(Mapped::new(mapping?)),
        };
        Some(Self(form))
    }

    /// Whether the requests of Amazon Data Firehose are its form.
    #[must_use]
    pub fn is_of_firehose(&self) -> bool {
        matches!(self.0, Form::AwsWaf(_))
    }

    /// # Errors
    /// What was expected of the line.
    pub(crate) fn read(&mut self, line: &str, out: &mut Out<'_>) -> Result<LineKind, &'static str> {
        if is_test(line) {
            return Ok(LineKind::Test);
        }
        match &mut self.0 {
            Form::Cloudflare(cloudflare) => cloudflare.read(line, out),
            Form::AwsWaf(names) => aws_waf::read(names, line, out),
            Form::CloudArmor(names) => cloud_armor::read(names, line, out),
            Form::Fastly(names) => fastly::read(names, line, out),
            Form::Akamai(names) => akamai::read(names, line, out),
            Form::Mapped(mapped) => mapped.read(line, out),
        }
    }
}

/// What Logpush sends first, and what Cloudflare's notifications send when a webhook is made: `{"text":"Hello World! …"}`.
fn is_test(line: &str) -> bool {
    const LONGEST: usize = 400;
    let is_only = |key: &str| line.len() < LONGEST && has_key(line, key) && line.matches("\":").count() == 1;
    is_only("content") && line.contains("tests") || is_only("text")
}

/// Whether an object has a key of that name at some depth. Inside of a string its quotes are escaped.
fn has_key(line: &str, key: &str) -> bool {
    line.match_indices(key).any(|(at, _)| {
        let before = line.get(..at).is_some_and(|before| before.ends_with('"'));
        let after = line
            .get(at + key.len()..)
            .and_then(|after| after.strip_prefix('"'));
        before && after.is_some_and(|after| after.trim_start().starts_with(':'))
    })
}

fn names(names: &[(&str, Field)]) -> Names {
    Names::new(names.iter().map(|(name, field)| ((*name).to_owned(), *field)))
}
