//! Which format lines are in.

use blobwatch_logs::{
    Field, LOGPUSH, Template, inferred_rows, is_logfmt, is_object, producer, producer_of, recognised,
};

use super::columns::Columns;
use super::names::{add, add_inferred, field_of};
use super::places::unnamed;
use super::{Finders, Format, Options, combined};

/// Letters of a line that are shown where it is of no known format.
const MAX_SHOWN: usize = 80;

/// A format, and whose it is.
pub(super) struct Guess {
    pub(super) format: Format,
    pub(super) title: Option<String>,
    pub(super) template: Option<Template>,
    pub(super) is_twofold: bool,
}

impl Guess {
    pub(super) fn of(format: Format) -> Self {
        Self {
            format,
            title: None,
            template: None,
            is_twofold: false,
        }
    }
}

/// The format of more than half of the lines, those that may be for blobs.
pub(super) fn surely(lines: &[&str], options: &Options) -> Option<Guess> {
    let first = lines.first().copied().unwrap_or_default();
    let has_places = !is_object(first) && Columns::of_places(first, &options.fields).is_some();
    if has_places {
        return Some(Guess::of(Format::Columns));
    }
    told(lines, options)
}

/// The same, by the lines alone and by the names of their fields.
pub(super) fn told(lines: &[&str], options: &Options) -> Option<Guess> {
    let first = lines.first().copied().unwrap_or_default();
    let has = |prefix: &str| lines.iter().any(|line| line.starts_with(prefix));
    if has("#Version:") || has("#Fields:") || has(ZEEK_FIELDS) {
        return Some(Guess {
            title: has(ZEEK_FIELDS).then(|| "zeek".to_owned()),
            ..Guess::of(Format::Cloudfront)
        });
    }
    let header = csv(lines, options);
    let is_header = [Field::Time, Field::Finished, Field::Date]
        .iter()
        .any(|field| header.has(*field))
        && header.has(Field::Status);
    if is_header && !is_object(first) {
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
    let (json, combined) = (count(is_object), count(combined::is_like));
    let logfmt = count(is_logfmt);
    let is_most = |count: usize| count > 0 && 2 * count >= blobs.len();
    if combined > 0 && json + logfmt > 0 && is_most(combined + json + logfmt) {
        return Some(twofold(&blobs, json >= logfmt));
    }
    if is_most(json) {
        return blobs
            .iter()
            .find(|line| is_object(line))
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

/// What is wrong with lines of no known format, with what was found instead.
pub(super) fn unknown(lines: &[&str], options: &Options) -> String {
    let first = lines.first().copied().unwrap_or_default();
    let header = csv(lines, options);
    let mut rows = lines.iter().skip(1).take(5);
    let is_table = header.count() > 2 && lines.len() > 1 && rows.all(|row| header.is_like(row));
    let names: Vec<String> = header
        .row(first, first)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let is_name = |name: &String| !name.is_empty() && name.len() < 40 && !name.contains(['/', '[', ':']);
    if is_table && names.iter().all(is_name) {
        return format!(
            "columns with the time, the path and the status of requests, found {}; name them with --format csv and \
             --field time=NAME --field path=NAME --field status=NAME",
            names.join(", ")
        );
    }
    let shown: String = first
        .chars()
        .take(MAX_SHOWN)
        .filter(|letter| !letter.is_control())
        .collect();
    unnamed(lines, options).unwrap_or_else(|| {
        format!(
            "a log in a known format: blobwatch, logpush, cloudfront, combined, distribution, or one of many servers and \
             proxies, found {shown:?}; use --log-format with the format string that it is written by, or --format json, logfmt \
             or csv with --field"
        )
    })
}

/// Columns under a header: as whoever is known for them calls them, as their rows have it, and by their usual names.
pub(super) fn csv(lines: &[&str], options: &Options) -> Columns {
    let first = lines.first().copied().unwrap_or_default();
    let usual = Columns::of_header(first, |name| field_of(name, &options.fields));
    if usual.count() < 3 || is_object(first) {
        return usual;
    }
    let mut names = options.fields.clone();
    let seen: Vec<String> = usual
        .row(first, first)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    let known = known_columns(&seen);
    match known {
        Some((known, _)) => add(&mut names, known),
        None => {
            let rows = lines.iter().skip(1).map(|line| usual.row(first, line));
            add_inferred(&mut names, inferred_rows(rows).names);
        }
    }
    let columns = Columns::of_header(first, |name| field_of(name, &names));
    if known.is_some_and(|(_, is_w3c)| is_w3c) {
        columns.with_w3c()
    } else {
        columns
    }
}

/// Columns of a log that somebody queried, by the names that its fields have; and whether they are those of a W3C log.
fn known_columns(names: &[String]) -> Option<(&'static [(&'static str, Field)], bool)> {
    let has = |key: &str| names.iter().any(|name| name == key);
    if has("EdgeStartTimestamp") && has("EdgeResponseStatus") {
        return Some((LOGPUSH, false));
    }
    let of = producer_of(has).filter(|of| of.name == "cloudfront")?;
    Some((of.names, true))
}

/// Columns under `#Fields:`, or Zeek's.
pub(super) fn w3c(lines: &[&str]) -> Columns {
    let first = lines.iter().find(|line| !line.starts_with('#'));
    let is_tabbed = first.is_none_or(|line| line.contains('\t'));
    let found = lines.iter().find_map(|line| columns_of(line, is_tabbed));
    found.unwrap_or_default()
}

/// What a line that names fields says of the lines below it.
pub(super) fn columns_of(line: &str, is_tabbed: bool) -> Option<Columns> {
    let zeek = line.strip_prefix(ZEEK_FIELDS).map(Columns::of_zeek);
    zeek.or_else(|| {
        let fields = line.strip_prefix("#Fields:")?;
        Some(Columns::of_cloudfront(fields, is_tabbed))
    })
}

/// How Zeek begins the line that names its fields.
const ZEEK_FIELDS: &str = "#fields\t";

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
pub(super) fn perhaps(lines: &[&str]) -> Option<Guess> {
    lines.iter().find_map(|line| {
        if is_object(line) {
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
