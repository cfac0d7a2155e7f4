//! Which format a log is in, and reading its lines.

use clap::ValueEnum;

use blobwatch_logs::{Field, LOGPUSH, LogEntry, Names};

mod columns;
mod combined;

use columns::Columns;

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
    /// Any CSV with a header; map its columns with --field
    Csv,
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
    names: Names,
    columns: Columns,
    /// Of CSV: files that were put together have it again.
    header: String,
    blobs: memchr::memmem::Finder<'static>,
}

impl Parser {
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Tells the format by the first lines, unless it is given.
    ///
    /// # Errors
    /// What was expected of the file.
    pub(super) fn new(
        first: &[u8],
        given: Option<Format>,
        asked: &[(String, Field)],
    ) -> Result<Self, String> {
        let text = String::from_utf8_lossy(first.get(..64 << 10).unwrap_or(first));
        let lines = || {
            text.lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .take(PEEKED_LINES)
        };
        let format = given.or_else(|| guess(lines(), !asked.is_empty())).ok_or(
            "a log in a known format: blobwatch, logpush, cloudfront, combined, distribution; \
             or use --format json or csv with --field",
        )?;
        let first = lines().next().unwrap_or_default().trim_start_matches('\u{feff}');
        let columns = match format {
            Format::Csv => Columns::of_header(first, |name| field_of(name, asked)),
            Format::Cloudfront => lines()
                .find_map(|line| line.strip_prefix("#Fields:"))
                .map(Columns::of_cloudfront)
                .unwrap_or_default(),
            _ => Columns::default(),
        };
        let parser = Self {
            format,
            names: Names::new(names_of(format, asked)),
            columns,
            header: first.to_owned(),
            blobs: memchr::memmem::Finder::new("blobs"),
        };
        parser.check()?;
        Ok(parser)
    }

    /// Whether what is needed of every request has a column.
    fn check(&self) -> Result<(), String> {
        let needed: [(&str, &[Field]); 3] = [
            ("time", &[Field::Time, Field::Date]),
            ("path", &[Field::Path, Field::Request, Field::Digest]),
            ("status", &[Field::Status]),
        ];
        let is_there = |fields: &[Field]| fields.iter().any(|field| self.columns.has(*field));
        for (name, fields) in needed {
            match self.format {
                Format::Csv if !is_there(fields) => {
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

    /// Reads a line.
    ///
    /// # Errors
    /// What was expected.
    pub(super) fn read<'a>(&mut self, line: &'a str, entry: &mut LogEntry<'a>) -> Result<Line, &'static str> {
        if self.is_header(line) {
            return Ok(Line::Other);
        }
        let has_paths = !self.columns.has(Field::Digest) && self.format != Format::Blobwatch;
        if has_paths && self.blobs.find(line.as_bytes()).is_none() {
            return self.shape(line).map(|()| Line::Other);
        }
        match self.format {
            Format::Combined => combined::read(line, entry)?,
            Format::Csv | Format::Cloudfront => self.columns.read(line, entry)?,
            _ => self.names.read(line, entry)?,
        }
        // distribution logs more than requests.
        if self.format == Format::Distribution && entry.status.is_none() {
            return Ok(Line::Other);
        }
        Ok(Line::Request)
    }

    fn is_header(&mut self, line: &str) -> bool {
        match self.format {
            Format::Cloudfront => {
                // Files that were put together have a header each.
                if let Some(fields) = line.strip_prefix("#Fields:") {
                    self.columns = Columns::of_cloudfront(fields);
                }
                line.starts_with('#')
            }
            Format::Csv => line == self.header,
            _ => false,
        }
    }

    /// Whether a line that names no blob looks like the others.
    fn shape(&self, line: &str) -> Result<(), &'static str> {
        let fits = match self.format {
            Format::Combined => line.contains("] \""),
            Format::Csv | Format::Cloudfront => self.columns.is_like(line),
            _ => line.starts_with('{') && line.ends_with('}'),
        };
        match self.format {
            _ if fits => Ok(()),
            Format::Combined => Err("a time in brackets and a request in quotes"),
            Format::Csv | Format::Cloudfront => Err("as many columns as in the header"),
            _ => Err("an object"),
        }
    }
}

/// By the first line that shows one.
fn guess<'a>(lines: impl Iterator<Item = &'a str>, has_fields: bool) -> Option<Format> {
    let mut csv = None;
    for (at, line) in lines.enumerate() {
        let line = line.trim_start_matches('\u{feff}');
        if line.starts_with("#Version:") || line.starts_with("#Fields:") {
            return Some(Format::Cloudfront);
        }
        if line.starts_with('{') {
            return Some(guess_json(line));
        }
        if combined::is_like(line) {
            return Some(Format::Combined);
        }
        if at == 0 {
            let columns = Columns::of_header(line, |name| field_of(name, &[]));
            let is_header = columns.has(Field::Time) && columns.has(Field::Status);
            csv = (is_header || has_fields && columns.count() > 1).then_some(Format::Csv);
        }
    }
    csv
}

fn guess_json(line: &str) -> Format {
    let has = |name: &str| line.contains(&format!("\"{name}\""));
    if has("EdgeStartTimestamp") || has("ClientRequestURI") || has("RayID") {
        Format::Logpush
    } else if has("digest") && has("fired") {
        Format::Blobwatch
    } else if has("http.request.uri") || has("go.version") || has("http.request.id") {
        Format::Distribution
    } else {
        Format::Json
    }
}

/// Names of a JSON format's fields, those of `--field` first.
fn names_of(format: Format, asked: &[(String, Field)]) -> Vec<(String, Field)> {
    let known: &[(&str, Field)] = match format {
        Format::Blobwatch => BLOBWATCH,
        Format::Logpush => LOGPUSH,
        Format::Distribution => DISTRIBUTION,
        Format::Json => ALIASES,
        Format::Csv | Format::Cloudfront | Format::Combined => &[],
    };
    let known = known.iter().map(|(name, field)| ((*name).to_owned(), *field));
    let is_asked = |field: Field| asked.iter().any(|(_, wanted)| *wanted == field);
    asked
        .iter()
        .cloned()
        .chain(known.filter(|(_, field)| !is_asked(*field)))
        .collect()
}

/// What a CSV column says.
fn field_of(name: &str, asked: &[(String, Field)]) -> Option<Field> {
    let wanted = asked.iter().find(|(column, _)| column == name);
    let alias = || {
        let found = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        found.filter(|(_, field)| !asked.iter().any(|(_, wanted)| wanted == field))
    };
    wanted
        .map(|(_, field)| *field)
        .or_else(|| alias().map(|(_, field)| *field))
}

/// docs/records.md.
const BLOBWATCH: &[(&str, Field)] = &[
    ("id", Field::Id),
    ("time", Field::Time),
    ("route", Field::Route),
    ("digest", Field::Digest),
    ("repository", Field::Repository),
    ("method", Field::Method),
    ("status", Field::Status),
    ("range.kind", Field::Kind),
    ("range.start", Field::Start),
    ("range.end", Field::End),
    ("range.honoured", Field::Honoured),
    ("size", Field::Size),
    ("promised", Field::Promised),
    ("outcome", Field::Outcome),
    ("duration_ms", Field::DurationMs),
    ("client", Field::Client),
    ("network", Field::Network),
    ("asn", Field::Asn),
    ("country", Field::Country),
    ("colo", Field::Colo),
    ("family", Field::Family),
    ("version", Field::Version),
    ("served_by", Field::ServedBy),
    ("os", Field::Os),
    ("fingerprint", Field::Fingerprint),
    ("fired", Field::Rules),
    ("verdict", Field::Verdict),
    ("weight", Field::Weight),
];

/// distribution's `log.formatter: json`; lines without a status are other messages.
const DISTRIBUTION: &[(&str, Field)] = &[
    ("time", Field::Time),
    ("http.request.method", Field::Method),
    ("http.request.uri", Field::Path),
    ("http.request.remoteaddr", Field::Address),
    ("http.request.useragent", Field::UserAgent),
    ("http.response.status", Field::Status),
    ("http.response.written", Field::Bytes),
];

/// What logs of one's own tend to call their fields: our names, nginx's variables, the Elastic Common Schema's.
const ALIASES: &[(&str, Field)] = &[
    ("time", Field::Time),
    ("timestamp", Field::Time),
    ("@timestamp", Field::Time),
    ("ts", Field::Time),
    ("time_local", Field::Time),
    ("time_iso8601", Field::Time),
    ("msec", Field::Time),
    ("method", Field::Method),
    ("request_method", Field::Method),
    ("http.request.method", Field::Method),
    ("path", Field::Path),
    ("uri", Field::Path),
    ("url", Field::Path),
    ("request_uri", Field::Path),
    ("url.path", Field::Path),
    ("url.original", Field::Path),
    ("request", Field::Request),
    ("status", Field::Status),
    ("status_code", Field::Status),
    ("http.response.status_code", Field::Status),
    ("bytes", Field::Bytes),
    ("body_bytes_sent", Field::Bytes),
    ("http.response.body.bytes", Field::Bytes),
    ("promised", Field::Promised),
    ("sent_http_content_length", Field::Promised),
    ("content_length", Field::Promised),
    ("range", Field::Range),
    ("http_range", Field::Range),
    ("content_range", Field::ContentRange),
    ("sent_http_content_range", Field::ContentRange),
    ("address", Field::Address),
    ("remote_addr", Field::Address),
    ("client_ip", Field::Address),
    ("ip", Field::Address),
    ("source.ip", Field::Address),
    ("client.ip", Field::Address),
    ("user_agent", Field::UserAgent),
    ("http_user_agent", Field::UserAgent),
    ("user_agent.original", Field::UserAgent),
    ("size", Field::Size),
    ("colo", Field::Colo),
    ("country", Field::Country),
    ("asn", Field::Asn),
    ("as.number", Field::Asn),
    ("client.as.number", Field::Asn),
    ("client.geo.country_iso_code", Field::Country),
    ("fingerprint", Field::Fingerprint),
    ("ja4", Field::Fingerprint),
    ("rules", Field::Rules),
    ("rule.id", Field::Rules),
    ("request_time", Field::Seconds),
    ("id", Field::Id),
    ("request_id", Field::Id),
    ("digest", Field::Digest),
];
