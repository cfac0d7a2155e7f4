//! A command that shows the fault, as far as the examples say what was requested.
//!
//! An address below a prefix is not kept whole, and one that a redirect led to is not kept at all: it may be signed. What
//! is missing of it stands in capitals.

use super::{Document, Report, quoted};
use crate::AnomalyKind;
use blobwatch_pull::{Method, PathShape, RangeKind, Record};

impl Report<'_> {
    pub(super) fn reproduce(&self, out: &mut Document) {
        let Some(record) = self.records.iter().min_by_key(|record| unknown_parts(record)) else {
            return;
        };
        out.heading("Reproduce");
        if record.digest.is_empty() {
            out.text(format!(
                "Pull an image from a machine in the cohort. The examples came to {}, by addresses that say no digest and \
                 are not kept, as they may be signed.",
                record.profile.host
            ));
            return;
        }
        out.text("From a machine in the cohort, with a registry token if the registry requires one:");
        let kind = self.anomaly.kind();
        out.command(command(kind, record));
        let notes = [address_note(record), range_note(record), kind_note(kind, record)];
        notes.into_iter().flatten().for_each(|note| out.text(note));
    }
}

/// Less is better; of equal ones the first is taken.
fn unknown_parts(record: &Record) -> usize {
    match record.shape {
        _ if record.digest.is_empty() => 4,
        PathShape::Oci => 0,
        PathShape::Prefixed => 1,
        _ if !record.repository.is_empty() => 2,
        _ => 3,
    }
}

/// Whether it came by a redirect, or by an operator's template: by whatever address, not by one of the registry's own.
fn is_elsewhere(record: &Record) -> bool {
    !matches!(record.shape, PathShape::Oci | PathShape::Prefixed)
}

fn address(record: &Record) -> String {
    let scheme = match record.profile.scheme.as_str() {
        "" => "https",
        scheme => scheme,
    };
    let host = &record.profile.host;
    let before = match record.shape {
        PathShape::Oci => format!("{scheme}://{host}"),
        PathShape::Prefixed => format!("{scheme}://{host}/PREFIX"),
        _ => "https://REGISTRY".to_owned(),
    };
    let repository = match record.repository.as_str() {
        "" => "REPOSITORY",
        repository => repository,
    };
    format!("{before}/v2/{repository}/blobs/{}", record.digest)
}

fn command(kind: AnomalyKind, record: &Record) -> String {
    let mut words = vec!["curl -v".to_owned()];
    if is_elsewhere(record) || !record.sent_to.is_empty() {
        words.push("--location".to_owned());
    }
    if record.method == Method::Head {
        words.push("--head".to_owned());
    }
    if !is_summed(kind, record) {
        words.push("-o /dev/null".to_owned());
    }
    if kind == AnomalyKind::SlowSurge {
        words.push(r"-w '%{time_total} s, %{speed_download} bytes/s\n'".to_owned());
    }
    words.push(format!("-A {}", quoted(&record.profile.user_agent)));
    words.extend(range(record).map(|range| format!("-H {}", quoted(&range))));
    words.push(quoted(&address(record)));
    if is_summed(kind, record) {
        words.push("| sha256sum".to_owned());
    }
    words.join(" ")
}

/// Whether it is the content that is suspect.
fn is_summed(kind: AnomalyKind, record: &Record) -> bool {
    kind == AnomalyKind::ContentSuspect && record.digest.starts_with("sha256:")
}

fn range(record: &Record) -> Option<String> {
    let range = &record.range;
    let is_known = !matches!(
        range.kind,
        RangeKind::None | RangeKind::Multi | RangeKind::Invalid
    );
    let start = range.start.filter(|_| is_known)?;
    let end = range.end.map_or_else(String::new, |end| end.to_string());
    Some(format!("Range: bytes={start}-{end}"))
}

fn address_note(record: &Record) -> Option<String> {
    if record.shape == PathShape::Prefixed {
        return Some("In place of PREFIX put the path before /v2/, which is not kept.".to_owned());
    }
    let repository = match record.repository.is_empty() {
        true => ", and the repository in place of REPOSITORY",
        false => "",
    };
    is_elsewhere(record).then(|| {
        format!(
            "The examples came to {}, by addresses that are not kept, as they may be signed. In place of REGISTRY put the \
             registry whose redirects lead there{repository}.",
            record.profile.host
        )
    })
}

fn range_note(record: &Record) -> Option<String> {
    let asked = match record.range.kind {
        RangeKind::Multi => "several ranges at once",
        RangeKind::Invalid => "a range that HTTP does not define",
        _ => return None,
    };
    Some(format!(
        "The client asked for {asked}; the header is not kept, so add one with -H."
    ))
}

fn kind_note(kind: AnomalyKind, record: &Record) -> Option<String> {
    match kind {
        AnomalyKind::TargetUnreached if !record.sent_to.is_empty() => Some(format!(
            "The registry answers with a redirect to {}, which is what the clients do not reach.",
            record.sent_to
        )),
        _ if is_summed(kind, record) => {
            Some("A sum other than the digest in the address is that of a broken object.".to_owned())
        }
        _ => None,
    }
}
