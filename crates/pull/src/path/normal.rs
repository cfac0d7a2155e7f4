//! The normal form of a path: what the laxest origin takes it for.
//!
//! Origins decode a path once, or twice behind a proxy that decoded it already; they merge slashes, resolve dots after
//! decoding (nginx with a URI in `proxy_pass`), take a backslash for a slash, drop `;parameters` (Tomcat, Jetty) and
//! ignore case (Gitea). All of that is undone here. What is left over of a path that no origin takes for a blob is of use
//! for the choice of a route only.

use std::borrow::Cow;

use super::{BlobPath, below, repository};
use crate::digest::Digest;
use blobwatch_wire::clip;

/// `/v2/<name>/blobs/<digest>` where the path can be taken for that, whatever stands before and after it. Borrowed where
/// it is that already, which is nearly always and costs one look at each byte.
#[must_use]
pub fn normal_form(path: &str) -> Cow<'_, str> {
    if is_valid_blob(path) || is_plain(path) {
        return Cow::Borrowed(path);
    }
    let mut blob = None;
    each_reading(path, &mut |segments| {
        let Some(form) = blob_in(segments) else {
            return false;
        };
        let is_valid = is_valid_blob(&form);
        blob = Some(form);
        is_valid
    });
    blob.or_else(|| other_in(&segments(&decode(path), CUT)))
        .map_or(Cow::Borrowed(path), Cow::Owned)
}

/// The segments of a path as origins read it, until one reading is taken.
pub(super) fn each_reading(path: &str, take: &mut dyn FnMut(&[&str]) -> bool) {
    let once = decode(path);
    // What origins of Go take it for comes first, then what Tomcat does, and whoever decodes twice or not at all.
    let is_read_one_way = !path.contains('%') && !path.contains(CUT);
    if take(&segments(&once, WHOLE)) || is_read_one_way {
        return;
    }
    let resolved_first = |path: &str| decode(&joined(&segments(path, CUT))).into_owned();
    let _ = take(&segments(path, CUT))
        || take(&segments(&once, CUT))
        || take(&segments(&resolved_first(path), CUT))
        || take(&segments(&resolved_first(&once), CUT))
        || take(&segments(&decode(&once), CUT));
}

/// Segments are as they stand.
const WHOLE: &[char] = &[];

/// What an origin may take for the start of parameters, of a query, of a fragment, or for the end.
pub(super) const CUT: &[char] = &[';', '?', '#', '\0'];

/// Whether it is a blob's path by the specification's grammar, which has one spelling.
fn is_valid_blob(path: &str) -> bool {
    BlobPath::parse(path).is_some_and(|blob| blob.digest.is_valid() && repository(blob.repository).is_some())
}

/// Whether it is, in its one spelling, the path of something else in a repository.
fn is_plain(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/v2/") else {
        return false;
    };
    let is_of_reference = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b':');
    let is_reference = |text: &str| text != "." && text != ".." && text.bytes().all(is_of_reference);
    below(rest).is_some_and(
        |name| match rest.get(name.len()..).map(|rest| rest.rsplit_once('/')) {
            Some(Some((kind, reference))) => kind != "/blobs" && is_reference(reference),
            _ => false,
        },
    )
}

/// Escapes become what they stand for; what is no escape stays as it is.
fn decode(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let (letter, tail) = escaped(after).unwrap_or(('%', after));
        plain.push(letter);
        rest = tail;
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// Names are printed and shown: bytes that are no letters of theirs, such as a terminal's, are not kept as they are.
fn escaped(after: &str) -> Option<(char, &str)> {
    let (digits, tail) = after.split_at_checked(2)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
    let is_letter = matches!(byte, 0 | b' '..=b'~');
    let letter = if is_letter {
        char::from(byte)
    } else {
        char::REPLACEMENT_CHARACTER
    };
    Some((letter, tail))
}

/// What of a path names something: no empty segments, dots resolved, each only up to the first of `ends`.
fn segments<'a>(path: &'a str, ends: &[char]) -> Vec<&'a str> {
    let mut kept = Vec::new();
    for segment in path.split(['/', '\\']) {
        match segment.split(ends).next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(kept.pop()),
            name => kept.push(name),
        }
    }
    kept
}

pub(super) fn joined(segments: &[&str]) -> String {
    segments
        .iter()
        .fold(String::new(), |path, name| path + "/" + name)
}

/// The blob that segments name, in normal form: of several the last.
fn blob_in(segments: &[&str]) -> Option<String> {
    let rest = below_v2(segments)?;
    let is_blob = |pair: &[&str]| match pair {
        [kind, digest] => kind.eq_ignore_ascii_case("blobs") && Digest::read(digest).is_some(),
        _ => false,
    };
    let at = rest.windows(2).rposition(is_blob)?;
    let (name, after) = rest.split_at_checked(at)?;
    let digest = Digest::read(after.get(1)?)?;
    let name = joined(name).to_ascii_lowercase();
    let name = clip(name.get(1..).unwrap_or_default());
    let slash = if name.is_empty() { "" } else { "/" };
    Some(format!(
        "/v2/{name}{slash}blobs/{}",
        clip(&digest.in_lower_case())
    ))
}

/// Something else of a repository: enough of it to choose a route by.
fn other_in(segments: &[&str]) -> Option<String> {
    let rest = below_v2(segments)?;
    Some(format!("/v2{}", joined(rest).to_ascii_lowercase()))
}

/// What comes after the first `v2`, which need not be at the root: Artifactory and Nexus serve each repository below a
/// prefix as well.
fn below_v2<'a, 'b>(segments: &'a [&'b str]) -> Option<&'a [&'b str]> {
    let at = segments.iter().position(|name| name.eq_ignore_ascii_case("v2"))?;
    segments.get(at + 1..)
}
