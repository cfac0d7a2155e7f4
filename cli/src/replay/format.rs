//! Which format a log is in, and reading its lines.

use clap::ValueEnum;

use blobwatch_logs::{Carriers, Field, LogEntry, Names, Stripped, Template, is_logfmt, read_logfmt};

mod columns;
mod combined;
mod guess;
mod messages;
mod names;
mod options;
mod places;

use columns::{Columns, shorten_location};
use guess::{columns_of, csv, perhaps, surely, unknown, w3c};
use messages::is_message;
use names::names_of;
pub(super) use options::{LogFormat, Options};
use places::places;

/// Formats of logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Blobwatch's own export: `GET requests?format=ndjson`
    Blobwatch,
    /// Cloudflare Logpush, data set http_requests
    Logpush,
    /// CloudFront standard logs: tabs under `#Fields:`
    Cloudfront,
    /// Combined format of nginx, Apache, and of distribution's access log
    Combined,
    /// distribution's own log with the JSON formatter
    Distribution,
    /// Any JSON, one object per line; map its fields with --field
    Json,
    /// Any fields such as key=value; map them with --field
    Logfmt,
    /// Any CSV with a header; map its columns with --field
    Csv,
    /// Columns without a header, or JSON arrays; map them by their places, as --field path=4
    Columns,
    /// By a format string.
    #[value(skip)]
    Text,
}

/// Lines that are looked at to tell the format.
const PEEKED_LINES: usize = 50;

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It says something of a request.
    Request,
    /// A header or a comment, or a request that is none for a blob.
    Other,
}

/// Reads the lines of one log.
#[derive(Debug)]
pub(super) struct Parser {
    format: Format,
    /// What the format is called.
    title: String,
    carriers: Carriers,
    /// A year that lines do not have was put in.
    pub(super) lacks_years: bool,
    /// The program logs each request in a line of another format too, which is left out.
    is_twofold: bool,
    names: Names,
    columns: Columns,
    templates: Vec<Template>,
    /// Of CSV: files that were put together have it again.
    header: String,
    finders: Finders,
}

/// What every line for a blob has in it.
#[derive(Debug)]
struct Finders {
    blobs: memchr::memmem::Finder<'static>,
    sha256: memchr::memmem::Finder<'static>,
}

impl Finders {
    fn new() -> Self {
        let finder = memchr::memmem::Finder::new;
        Self {
            blobs: finder("blobs"),
            sha256: finder("sha256"),
        }
    }

    fn may_be_blob(&self, line: &str) -> bool {
        let line = line.as_bytes();
        self.blobs.find(line).is_some() || self.sha256.find(line).is_some()
    }
}

impl Parser {
    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// Tells the format by the first lines, unless it is given.
    ///
    /// # Errors
    /// What was expected of the file.
    pub(super) fn new(first: &[u8], options: &Options) -> Result<Self, String> {
        let text = String::from_utf8_lossy(first);
        let text = text.trim_start_matches('\u{feff}');
        let finders = Finders::new();
        let peeked = peeked(text, &finders);
        let is_known = |lines: &[&str]| options.tells(lines);
        let is_of_text = |lines: &[&str]| {
            options
                .templates()
                .iter()
                .any(|it| lines.iter().any(|line| it.is_like(line)))
        };
        let carriers = match options.templates() {
            [] => Carriers::recognised(&peeked, options.now_ms, &is_known),
            _ => Carriers::recognised(&peeked, options.now_ms, &is_of_text),
        };
        let has_carried_times = peeked
            .iter()
            .any(|line| carriers.clone().strip(line).time_ms.is_some());
        let options = &Options {
            has_carried_times,
            ..options.clone()
        };
        let lacks_years = peeked.iter().any(|line| carriers.lacks_years(line));
        let stripped: Vec<String> = peeked
            .iter()
            .map(|line| carriers.clone().strip(line).line.into_owned())
            .filter(|line| !line.trim().is_empty())
            .collect();
        let lines: Vec<&str> = stripped.iter().map(String::as_str).collect();
        let guess = options
            .given()
            .or_else(|| surely(&lines, options))
            .or_else(|| perhaps(&lines))
            .ok_or_else(|| unknown(&lines, options))?;
        let header = lines.first().copied().unwrap_or_default();
        let columns = match guess.format {
            Format::Csv => csv(&lines, options),
            Format::Cloudfront => w3c(&lines),
            Format::Columns => places(&lines, options)?,
            _ => Columns::default(),
        };
        let blobs: Vec<&str> = lines
            .iter()
            .copied()
            .filter(|line| finders.may_be_blob(line))
            .collect();
        let names = names_of(
            guess.format,
            &options.fields,
            if blobs.is_empty() { &lines } else { &blobs },
        )?;
        let templates = match guess.template {
            Some(template) => vec![template],
            None => options.templates().to_vec(),
        };
        let mut parser = Self {
            format: guess.format,
            title: guess.title.unwrap_or_else(|| super::name_of(&guess.format)),
            carriers,
            lacks_years,
            is_twofold: guess.is_twofold,
            names: Names::new(names),
            columns,
            templates,
            header: header.to_owned(),
            finders,
        };
        parser.check()?;
        parser.check_times(&peeked)?;
        Ok(parser)
    }

    /// Whether what is needed of every request has a column.
    fn check(&self) -> Result<(), String> {
        let needed: [(&str, &[Field]); 3] = [
            ("time", &[Field::Time, Field::Date, Field::Finished]),
            ("path", &[Field::Path, Field::Request, Field::Digest]),
            ("status", &[Field::Status]),
        ];
        let is_there = |fields: &[Field]| fields.iter().any(|field| self.columns.has(*field));
        for (name, fields) in needed {
            match self.format {
                // What carries lines may have the time.
                Format::Columns if name == "time" => {}
                Format::Csv | Format::Columns if !is_there(fields) => {
                    return Err(format!(
                        "a column for `{name}`; map one with --field {name}=COLUMN"
                    ));
                }
                Format::Cloudfront if !is_there(fields) => {
                    return Err(format!("a `#Fields:` line with a field for {name}"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether some request says when it was made, itself or by what carried it.
    fn check_times(&mut self, peeked: &[&str]) -> Result<(), String> {
        let (mut with, mut without) = (0, 0);
        for line in peeked {
            let stripped = self.carriers.strip(line);
            let mut entry = LogEntry::default();
            let read = self.read(&stripped.line, stripped.time_ms, &mut entry);
            match entry.finish() {
                _ if read != Ok(Line::Request) => {}
                Ok(_) => with += 1,
                Err(_) => without += 1,
            }
        }
        let may_lack = matches!(
            self.format,
            Format::Text | Format::Logfmt | Format::Json | Format::Columns
        );
        if without == 0 || with > 0 || !may_lack {
            return Ok(());
        }
        Err(format!(
            "times: lines ({}) have no date, and nothing with one stands before them; log it, name it with --field time=NAME, or \
             pass the lines with the times of what carries them (syslog, docker compose logs -t, kubectl logs --timestamps)",
            self.title
        ))
    }

    /// Takes off what carried a line.
    pub(super) fn strip<'a>(&mut self, line: &'a str) -> Stripped<'a> {
        self.carriers.strip(line)
    }

    /// Reads a line; `carried_ms` is when a carrier took it.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn read<'a>(
        &mut self,
        line: &'a str,
        carried_ms: Option<u64>,
        entry: &mut LogEntry<'a>,
    ) -> Result<Line, &'static str> {
        if self.is_header(line) || self.is_twofold && self.is_second(line) {
            return Ok(Line::Other);
        }
        let has_paths = !self.columns.has(Field::Digest) && self.format != Format::Blobwatch;
        if has_paths && !self.finders.may_be_blob(line) {
            let is_of_server = matches!(self.format, Format::Combined | Format::Text) && is_message(line);
            return if is_of_server {
                Ok(Line::Other)
            } else {
                self.shape(line).map(|()| Line::Other)
            };
        }
        match self.format {
            Format::Combined => match combined::read(line, entry) {
                Err(_) if is_message(line) => return Ok(Line::Other),
                read => read?,
            },
            Format::Csv | Format::Cloudfront | Format::Columns => self.columns.read(line, entry)?,
            Format::Text => self.read_text(line, entry)?,
            Format::Logfmt => read_logfmt(&mut self.names, line, entry)?,
            _ => self.names.read(line, entry)?,
        }
        // A worker asked, for a client whose own request has another line.
        if entry.is_subrequest {
            return Ok(Line::Other);
        }
        if self.format == Format::Json && self.title == "cloudfront" {
            shorten_location(entry);
        }
        // Programs log more than requests.
        let is_of_program = matches!(self.format, Format::Distribution | Format::Json | Format::Logfmt);
        if is_of_program && entry.status.is_none() {
            return Ok(Line::Other);
        }
        if carried_ms.is_some() && entry.finish().is_err() {
            entry.finished_ms = carried_ms;
        }
        Ok(Line::Request)
    }

    /// By the format that the line before had, or else by the others of that name.
    fn read_text<'a>(&mut self, line: &'a str, entry: &mut LogEntry<'a>) -> Result<(), &'static str> {
        let mut last = Err("a line in the log's format");
        for at in 0..self.templates.len() {
            last = self
                .templates
                .get(at)
                .map_or(last, |template| template.read(line, entry));
            if last.is_ok() {
                self.templates.swap(0, at);
                break;
            }
            *entry = LogEntry::default();
        }
        last
    }

    /// Whether a line is the other one that the program logs for a request.
    fn is_second(&self, line: &str) -> bool {
        match self.format {
            Format::Combined => line.starts_with('{') || is_logfmt(line),
            Format::Logfmt => combined::is_like(line),
            _ => !line.starts_with('{'),
        }
    }

    fn is_header(&mut self, line: &str) -> bool {
        match self.format {
            Format::Cloudfront => {
                // Files that were put together have a header each.
                if let Some(columns) = columns_of(line, self.columns.is_tabbed()) {
                    self.columns = columns;
                }
                line.starts_with('#')
            }
            Format::Csv => line == self.header,
            _ => false,
        }
    }

    /// Whether a line that names no blob looks like the others.
    fn shape(&self, line: &str) -> Result<(), &'static str> {
        let is_text = |template: &Template| template.read(line, &mut LogEntry::default()).is_ok();
        let (fits, expected) = match self.format {
            Format::Combined => (
                line.contains("] \""),
                "a time in brackets and a request in quotes",
            ),
            Format::Csv | Format::Cloudfront | Format::Columns => {
                (self.columns.is_like(line), self.columns.expected())
            }
            Format::Text => (self.templates.iter().any(is_text), "a line in the log's format"),
            Format::Logfmt => (line.contains('=') || is_logfmt(line), "fields such as key=value"),
            _ => (
                line.starts_with('{') && line.trim_end_matches(',').ends_with('}'),
                "an object",
            ),
        };
        if fits { Ok(()) } else { Err(expected) }
    }
}

/// The first lines, and of the block that was read further ones that may be for blobs.
fn peeked<'a>(text: &'a str, finders: &Finders) -> Vec<&'a str> {
    let lines = || text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let blobs = lines()
        .skip(PEEKED_LINES)
        .filter(|line| finders.may_be_blob(line));
    lines()
        .take(PEEKED_LINES)
        .chain(blobs.take(PEEKED_LINES))
        .collect()
}
