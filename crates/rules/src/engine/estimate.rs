//! Guesses about predicates, before any request was seen: how often they hold, and what asking them costs.
//!
//! Only speed depends on them.

use super::ask::{Ask, Question};
use crate::field::{Field, Type};
use crate::term::Term;

/// A rough guess from the question alone, of a thousand; only the order matters.
pub(super) fn likely(ask: &Ask) -> u32 {
    let Ask::Of(term, question) = ask else {
        return 300;
    };
    let field = match term {
        Term::Field(field) => Some(*field),
        _ => None,
    };
    match question {
        Question::IsTrue | Question::StringOrder(..) | Question::Mask(_) => 500,
        Question::Strings(strings) => strings.iter().map(|string| equal(field, string)).sum(),
        Question::Integers(ranges) => ranges
            .iter()
            .map(|(first, last)| breadth(first.abs_diff(*last)))
            .sum(),
        Question::Ips(v4, v6) => 5 * count(v4.len() + v6.len()),
        Question::Contains(part) | Question::StartsWith(part) | Question::EndsWith(part) => {
            partly(field, part)
        }
        Question::InList(_) => 100,
        Question::Wildcard(_) | Question::Matches(_) => 450,
    }
}

fn equal(field: Option<Field>, string: &[u8]) -> u32 {
    match field {
        Some(field) if is_common(field, string) => 600,
        Some(field) if has_few_values(field) => 200,
        _ => 10,
    }
}

fn partly(field: Option<Field>, part: &[u8]) -> u32 {
    match part.len() {
        0 => 1000,
        _ if field.is_some_and(|field| is_common(field, part)) => 600,
        1..=3 => 400,
        4..=9 => 100,
        _ => 40,
    }
}

/// What most requests to a registry have.
fn is_common(field: Field, string: &[u8]) -> bool {
    let common: &[&str] = match field {
        Field::Method => &["GET"],
        Field::TlsVersion => &["TLSv1.3"],
        Field::DigestAlgorithm => &["sha256"],
        Field::RangeKind => &["none"],
        Field::ClientFamily => &["docker", "containerd"],
        Field::ClientOs => &["linux"],
        Field::ClientArch => &["amd64"],
        Field::Path | Field::Uri | Field::FullUri => &["/v2/", "/blobs/", "/blobs/sha256:", "sha256:"],
        Field::UserAgent => &[
            "docker",
            "docker/",
            "containerd",
            "containerd/",
            "linux",
            "kernel/",
            "UpstreamClient(",
        ],
        _ => &[],
    };
    common.iter().any(|known| known.as_bytes() == string)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX).min(1000)
}

/// Of an integer range.
const fn breadth(width: u64) -> u32 {
    match width {
        0 => 10,
        1..=0xFFFF => 50,
        _ => 300,
    }
}

const fn has_few_values(field: Field) -> bool {
    matches!(
        field,
        Field::Method
            | Field::Version
            | Field::Continent
            | Field::Cloud
            | Field::CloudRegion
            | Field::TlsVersion
            | Field::DigestAlgorithm
            | Field::RangeKind
            | Field::ClientFamily
            | Field::ClientOs
            | Field::ClientArch
    ) || matches!(field.kind(), Type::Boolean)
}

/// Roughly nanoseconds, for a request of today: 150 bytes of User-Agent, 100 of path.
pub(super) fn cost(ask: &Ask) -> u32 {
    let Ask::Of(term, question) = ask else {
        return 60;
    };
    let term = match term {
        Term::Field(_) => 0,
        _ => 30,
    };
    term + match question {
        Question::IsTrue | Question::Mask(_) => 1,
        Question::Integers(_) => 2,
        Question::StartsWith(_) | Question::EndsWith(_) => 3,
        Question::Strings(_) | Question::StringOrder(..) | Question::Ips(..) => 4,
        Question::Contains(_) | Question::InList(_) => 15,
        Question::Wildcard(_) => 40,
        Question::Matches(_) => 100,
    }
}
