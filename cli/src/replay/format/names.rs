//! What the fields of formats are called: Blobwatch's own, Logpush's, distribution's, and the usual names of all others.

use blobwatch_logs::{Field, LOGPUSH, inferred, producer};

use super::Format;

/// Fields that are listed where none of them is what is needed.
const MAX_LISTED: usize = 40;

/// Names of a format's fields, those of `--field` first; those that nobody gave are inferred from lines.
pub(super) fn names_of(
    format: Format,
    asked: &[(String, Field)],
    lines: &[&str],
) -> Result<Vec<(String, Field)>, String> {
    let mut names = asked.to_vec();
    match format {
        Format::Blobwatch => add(&mut names, BLOBWATCH),
        Format::Logpush => add(&mut names, LOGPUSH),
        Format::Distribution => add(&mut names, DISTRIBUTION),
        Format::Csv | Format::Cloudfront | Format::Columns | Format::Combined | Format::Text => {}
        Format::Json | Format::Logfmt => add_seen(&mut names, lines)?,
    }
    Ok(names)
}

/// Names that were inferred, for fields that have none yet.
pub(super) fn add_inferred(names: &mut Vec<(String, Field)>, inferred: Vec<(String, Field)>) {
    let own: Vec<(&str, Field)> = inferred
        .iter()
        .map(|(name, field)| (name.as_str(), *field))
        .collect();
    add(names, &own);
}

/// Names for fields that have none yet.
pub(super) fn add(names: &mut Vec<(String, Field)>, known: &[(&str, Field)]) {
    let before = names.clone();
    let is_new = |(_, field): &&(&str, Field)| !before.iter().any(|(_, taken)| kind(*taken) == kind(*field));
    names.extend(
        known
            .iter()
            .filter(is_new)
            .map(|(name, field)| ((*name).to_owned(), *field)),
    );
}

/// Fields of which a request has one: the first of its kind.
fn kind(field: Field) -> Field {
    match field {
        Field::Finished | Field::Date | Field::Clock => Field::Time,
        Field::Request => Field::Path,
        Field::DurationMs | Field::Microseconds | Field::Nanoseconds | Field::Duration => Field::Seconds,
        Field::Wire => Field::Bytes,
        field => field,
    }
}

/// By what the program that wrote the lines calls its fields, by what stands in them, and by the usual names; the last for
/// fields that no line had so far.
fn add_seen(names: &mut Vec<(String, Field)>, lines: &[&str]) -> Result<(), String> {
    let found = inferred(lines);
    let is_distribution = lines.iter().any(|line| line.contains("http.request.uri="));
    let known = match lines.iter().find_map(|line| producer(line)) {
        Some(of) => of.names,
        None if is_distribution => DISTRIBUTION,
        None => &[],
    };
    let is_seen = |name: &str| found.seen.iter().any(|seen| seen == name);
    let (seen, rest): (Vec<_>, Vec<_>) = known.iter().copied().partition(|(name, _)| is_seen(name));
    add(names, &seen);
    add_inferred(names, found.names);
    check_names(names, &found.seen)?;
    add(names, &rest);
    add(names, ALIASES);
    Ok(())
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

/// What a CSV column says: by `names`, or by its usual name where they have nothing of the kind.
pub(super) fn field_of(name: &str, names: &[(String, Field)]) -> Option<Field> {
    let named = names.iter().find(|(column, _)| column == name);
    let alias = || {
        let found = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        found.filter(|(_, field)| !names.iter().any(|(_, taken)| kind(*taken) == kind(*field)))
    };
    named
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
