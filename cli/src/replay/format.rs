//! Which format a log is in, and reading its lines.

use clap::ValueEnum;

use blobwatch_logs::{
    Carriers, Field, LogEntry, Names, Stripped, Template, inferred, inferred_rows, is_logfmt, producer,
    read_logfmt, recognised,
};

mod columns;
mod combined;
mod options;

use columns::Columns;
pub(super) use options::{LogFormat, Options};

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
    /// By a format string.
    #[value(skip)]
    Text,
}

/// Lines that are looked at to tell the format.
const PEEKED_LINES: usize = 50;

/// Fields that are listed where none of them is what is needed.
const MAX_LISTED: usize = 40;

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

/// What every line for a blob has in it, and what the second line for a request of Cloudflare's has.
#[derive(Debug)]
struct Finders {
    blobs: memchr::memmem::Finder<'static>,
    sha256: memchr::memmem::Finder<'static>,
    subrequest: memchr::memmem::Finder<'static>,
}

impl Finders {
    fn new() -> Self {
        let finder = memchr::memmem::Finder::new;
        Self {
            blobs: finder("blobs"),
            sha256: finder("sha256"),
            subrequest: finder("\"WorkerSubrequest\""),
        }
    }

    fn may_be_blob(&self, line: &str) -> bool {
        let line = line.as_bytes();
        self.blobs.find(line).is_some() || self.sha256.find(line).is_some()
    }

    /// Whether a worker asked, for a client whose own request has another line.
    fn is_subrequest(&self, line: &str) -> bool {
        let at = self.subrequest.find(line.as_bytes());
        let rest = at.and_then(|at| line.get(at + self.subrequest.needle().len()..));
        rest.is_some_and(|rest| rest.trim_start_matches([' ', ':', '"']).starts_with("true"))
    }
}

/// A format, and whose it is.
struct Guess {
    format: Format,
    title: Option<String>,
    template: Option<Template>,
    is_twofold: bool,
}

impl Guess {
    fn of(format: Format) -> Self {
        Self {
            format,
            title: None,
            template: None,
            is_twofold: false,
        }
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
        let is_known = |lines: &[&str]| options.is_given() || surely(lines, options).is_some();
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
        let lacks_years = peeked.iter().any(|line| carriers.lacks_years(line));
        let stripped: Vec<String> = peeked
            .iter()
            .map(|line| carriers.clone().strip(line).line.into_owned())
            .filter(|line| !line.trim().is_empty())
            .collect();
        let lines: Vec<&str> = stripped.iter().map(String::as_str).collect();
        let guess = options.given().or_else(|| surely(&lines, options)).or_else(|| perhaps(&lines)).ok_or(
            "a log in a known format: blobwatch, logpush, cloudfront, combined, distribution, or one of many servers and \
             proxies; or use --log-format with the format string that it is written by, or --format json, logfmt or csv \
             with --field",
        )?;
        let header = lines.first().copied().unwrap_or_default();
        let columns = match guess.format {
            Format::Csv => csv(&lines, options),
            Format::Cloudfront => w3c(&lines),
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
        let parser = Self {
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
        parser.check(&peeked)?;
        Ok(parser)
    }

    /// Whether what is needed of every request has a column, and a time somewhere.
    fn check(&self, peeked: &[&str]) -> Result<(), String> {
        let needed: [(&str, &[Field]); 3] = [
            ("time", &[Field::Time, Field::Date, Field::Finished]),
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
        let lacks_time = self.format == Format::Text && !self.templates.iter().any(Template::has_time);
        let is_carried = || {
            peeked
                .iter()
                .any(|line| self.carriers.clone().strip(line).time_ms.is_some())
        };
        if lacks_time && !is_carried() {
            return Err(format!(
                "times: the format {} has none, and nothing stands before its lines; add one to it, or have the lines with \
                 the times of what carries them (syslog, docker compose logs -t, kubectl logs --timestamps)",
                self.title
            ));
        }
        Ok(())
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
            return self.shape(line).map(|()| Line::Other);
        }
        match self.format {
            Format::Combined => combined::read(line, entry)?,
            Format::Csv | Format::Cloudfront => self.columns.read(line, entry)?,
            Format::Text => self.read_text(line, entry)?,
            Format::Logfmt => read_logfmt(&mut self.names, line, entry)?,
            Format::Logpush if self.finders.is_subrequest(line) => return Ok(Line::Other),
            _ => self.names.read(line, entry)?,
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
            let mut read = LogEntry::default();
            last = self
                .templates
                .get(at)
                .map_or(last, |template| template.read(line, &mut read));
            if last.is_ok() {
                *entry = read;
                self.templates.swap(0, at);
                break;
            }
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
                if let Some(fields) = line.strip_prefix("#Fields:") {
                    self.columns = Columns::of_cloudfront(fields, self.columns.is_tabbed());
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
            Format::Csv | Format::Cloudfront => {
                (self.columns.is_like(line), "as many columns as in the header")
            }
            Format::Text => (self.templates.iter().any(is_text), "a line in the log's format"),
            Format::Logfmt => (line.contains('='), "fields such as key=value"),
            _ => (line.starts_with('{') && line.ends_with('}'), "an object"),
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

/// The format of more than half of the lines, those that may be for blobs.
fn surely(lines: &[&str], options: &Options) -> Option<Guess> {
    let first = lines.first().copied().unwrap_or_default();
    if lines
        .iter()
        .any(|line| line.starts_with("#Version:") || line.starts_with("#Fields:"))
    {
        return Some(Guess::of(Format::Cloudfront));
    }
    let header = csv(lines, options);
    let is_header = [Field::Time, Field::Finished]
        .iter()
        .any(|field| header.has(*field))
        && header.has(Field::Status);
    if is_header && !first.starts_with('{') {
        return Some(Guess::of(Format::Csv));
    }
    let finders = Finders::new();
    let mut blobs: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| finders.may_be_blob(line))
        .collect();
    if blobs.is_empty() {
        blobs = lines.to_vec();
    }
    let count = |is_of: fn(&str) -> bool| blobs.iter().filter(|line| is_of(line)).count();
    let (json, combined) = (count(|line| line.starts_with('{')), count(combined::is_like));
    let logfmt = count(is_logfmt);
    let is_most = |count: usize| count > 0 && 2 * count >= blobs.len();
    if combined > 0 && json + logfmt > 0 && is_most(combined + json + logfmt) {
        return Some(twofold(&blobs, json >= logfmt));
    }
    if is_most(json) {
        return blobs
            .iter()
            .find(|line| line.starts_with('{'))
            .map(|line| guess_json(line));
    }
    if let Some((name, template)) = recognised(&blobs) {
        return Some(Guess {
            title: Some(name.to_owned()),
            template: Some(template),
            ..Guess::of(Format::Text)
        });
    }
    let by_count = [(combined, Format::Combined), (logfmt, Format::Logfmt)];
    let found = by_count.into_iter().find(|(count, _)| is_most(*count));
    let has_columns = !options.fields.is_empty() && header.count() > 1;
    found
        .map(|(_, format)| Guess::of(format))
        .or_else(|| has_columns.then(|| Guess::of(Format::Csv)))
}

/// Columns under a header: by their usual names, and the rest as their rows have it.
fn csv(lines: &[&str], options: &Options) -> Columns {
    let first = lines.first().copied().unwrap_or_default();
    let usual = Columns::of_header(first, |name| field_of(name, &options.fields));
    if usual.count() < 3 || first.starts_with('{') {
        return usual;
    }
    let rows = lines.iter().skip(1).map(|line| usual.row(first, line));
    let found = inferred_rows(rows);
    let inferred = |name: &str| {
        let of = found.names.iter().find(|(known, _)| known == name);
        of.map(|(_, field)| *field).filter(|field| !usual.has(*field))
    };
    Columns::of_header(first, |name| {
        field_of(name, &options.fields).or_else(|| inferred(name))
    })
}

/// Columns under `#Fields:`.
fn w3c(lines: &[&str]) -> Columns {
    let first = lines.iter().find(|line| !line.starts_with('#'));
    let is_tabbed = first.is_none_or(|line| line.contains('\t'));
    let fields = lines.iter().find_map(|line| line.strip_prefix("#Fields:"));
    fields
        .map(|fields| Columns::of_cloudfront(fields, is_tabbed))
        .unwrap_or_default()
}

/// Of two lines for each request, the one that says more: distribution's own, where that has the status and a time.
fn twofold(lines: &[&str], is_json: bool) -> Guess {
    let says_all = |line: &&&str| line.contains("http.response.status") && line.contains("time");
    let own = lines.iter().filter(says_all).count();
    let format = match (own > 0, is_json) {
        (false, _) => Format::Combined,
        (true, true) => Format::Distribution,
        (true, false) => Format::Logfmt,
    };
    Guess {
        is_twofold: true,
        ..Guess::of(format)
    }
}

/// By the first line that shows one.
fn perhaps(lines: &[&str]) -> Option<Guess> {
    lines.iter().find_map(|line| {
        if line.starts_with('{') {
            Some(guess_json(line))
        } else if combined::is_like(line) {
            Some(Guess::of(Format::Combined))
        } else {
            None
        }
    })
}

fn guess_json(line: &str) -> Guess {
    let has = |name: &str| line.contains(&format!("\"{name}\""));
    let format = if has("EdgeStartTimestamp") || has("ClientRequestURI") || has("RayID") {
        Format::Logpush
    } else if has("digest") && has("fired") {
        Format::Blobwatch
    } else if has("http.request.uri") || has("go.version") || has("http.request.id") {
        Format::Distribution
    } else {
        Format::Json
    };
    let of = producer(line).filter(|_| format == Format::Json);
    Guess {
        title: of.map(|of| of.name.to_owned()),
        ..Guess::of(format)
    }
}

/// Names of a format's fields, those of `--field` first; those that nobody gave are inferred from lines.
fn names_of(
    format: Format,
    asked: &[(String, Field)],
    lines: &[&str],
) -> Result<Vec<(String, Field)>, String> {
    let mut names = asked.to_vec();
    let add = |names: &mut Vec<(String, Field)>, known: &[(&str, Field)]| {
        let before = names.clone();
        let is_new = |(_, field): &&(&str, Field)| !before.iter().any(|(_, taken)| taken == field);
        names.extend(
            known
                .iter()
                .filter(is_new)
                .map(|(name, field)| ((*name).to_owned(), *field)),
        );
    };
    match format {
        Format::Blobwatch => add(&mut names, BLOBWATCH),
        Format::Logpush => add(&mut names, LOGPUSH),
        Format::Distribution => add(&mut names, DISTRIBUTION),
        Format::Csv | Format::Cloudfront | Format::Combined | Format::Text => {}
        Format::Json | Format::Logfmt => {
            if let Some(of) = lines.iter().find_map(|line| producer(line)) {
                add(&mut names, of.names);
                return Ok(names);
            }
            if lines.iter().any(|line| line.contains("http.request.uri=")) {
                add(&mut names, DISTRIBUTION);
                return Ok(names);
            }
            let found = inferred(lines);
            let known: Vec<(&str, Field)> = found
                .names
                .iter()
                .map(|(name, field)| (name.as_str(), *field))
                .collect();
            add(&mut names, &known);
            check_names(&names, &found.seen)?;
            let times = [Field::Time, Field::Finished, Field::Date];
            let has_time = names.iter().any(|(_, field)| times.contains(field));
            let rest: Vec<(&str, Field)> = ALIASES
                .iter()
                .copied()
                .filter(|(_, field)| !has_time || !times.contains(field))
                .collect();
            add(&mut names, &rest);
        }
    }
    Ok(names)
}

/// Whether what is needed of every request was found among the fields of a log.
fn check_names(names: &[(String, Field)], seen: &[String]) -> Result<(), String> {
    let needed: [(&str, &[Field]); 2] = [
        ("path", &[Field::Path, Field::Request, Field::Digest]),
        ("status", &[Field::Status, Field::Outcome]),
    ];
    for (name, fields) in needed {
        let is_there = names.iter().any(|(_, field)| fields.contains(field));
        if !is_there && !seen.is_empty() {
            let listed = seen.get(..seen.len().min(MAX_LISTED)).unwrap_or(seen).join(", ");
            let rest = if seen.len() > MAX_LISTED { ", …" } else { "" };
            return Err(format!(
                "a field with the {name} of requests, found {listed}{rest}; name it with --field {name}=NAME, as in \
                 --field {name}=a.b[0].c"
            ));
        }
    }
    Ok(())
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

/// developers.cloudflare.com/logs/logpush/logpush-job/datasets/zone/http_requests/; headers are custom fields of a job.
const LOGPUSH: &[(&str, Field)] = &[
    ("EdgeStartTimestamp", Field::Time),
    ("ClientRequestMethod", Field::Method),
    ("ClientRequestPath", Field::Path),
    ("ClientRequestURI", Field::Path),
    ("EdgeResponseStatus", Field::Status),
    ("EdgeResponseBodyBytes", Field::Bytes),
    ("EdgeResponseBytes", Field::Wire),
    ("RayID", Field::Id),
    ("ClientIP", Field::Address),
    ("ClientRequestUserAgent", Field::UserAgent),
    ("EdgeColoCode", Field::Colo),
    ("ClientCountry", Field::Country),
    ("ClientASN", Field::Asn),
    ("JA3Hash", Field::Fingerprint),
    ("JA4", Field::Fingerprint),
    ("SecurityRuleIDs", Field::Rules),
    ("FirewallMatchesRuleIDs", Field::Rules),
    ("SecurityAction", Field::Verdict),
    ("RequestHeaders.range", Field::Range),
    ("RequestHeaders.Range", Field::Range),
    ("ResponseHeaders.content-range", Field::ContentRange),
    ("ResponseHeaders.Content-Range", Field::ContentRange),
    ("ResponseHeaders.content-length", Field::Promised),
    ("ResponseHeaders.Content-Length", Field::Promised),
];

/// distribution's `log.formatter: json`; lines without a status are other messages.
const DISTRIBUTION: &[(&str, Field)] = &[
    ("time", Field::Finished),
    ("http.response.duration", Field::Duration),
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
    ("time_local", Field::Finished),
    ("time_iso8601", Field::Finished),
    ("msec", Field::Finished),
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
