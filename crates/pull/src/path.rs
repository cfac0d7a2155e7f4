//! Which blob a path names: `/v2/<name>/blobs/<digest>`, or that it names none.
//!
//! In scope: the paths of the OCI distribution-spec that carry a repository. Not in scope: hosts and queries, and
//! what is done with the answer (`route`, the edge).
//!
//! A path that is not surely a blob is none, and passes untouched. The other mistake is to miss a blob because it
//! is spelled in another way, so that nobody sees it and no rule holds: `sha256%3Aabc…` is the same blob to every
//! registry that decodes its paths, as Go's do. [`decode`] therefore comes first.

use std::borrow::Cow;

use crate::digest::Digest;

/// Bytes of a repository's name: what distribution accepts (`RepositoryNameTotalLengthMax`).
pub const MAX_REPOSITORY: usize = 255;

/// A blob in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobPath<'a> {
    pub repository: &'a str,
    pub digest: Digest<'a>,
}

impl<'a> BlobPath<'a> {
    /// Reads a path without percent-encoding (see [`decode`]). `None` for uploads, manifests and everything else.
    #[must_use]
    pub fn parse(path: &'a str) -> Option<Self> {
        let (head, digest) = path.strip_prefix("/v2/")?.rsplit_once('/')?;
        Some(Self {
            repository: repository(head.strip_suffix("/blobs")?)?,
            digest: Digest::parse(digest)?,
        })
    }
}

/// The repository of any path below `/v2/<name>/`: manifests, blobs, uploads, tags, referrers. A whole pull then
/// goes to one route.
#[must_use]
pub fn repository_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("/v2/")?;
    below(rest).or_else(|| {
        // The reference after `uploads/` is the registry's own and may hold a slash; all others may not.
        rest.rsplit_once("/blobs/uploads/")
            .and_then(|(name, _)| repository(name))
    })
}

/// `<name>/<kind>/<reference>`.
fn below(rest: &str) -> Option<&str> {
    let (head, reference) = rest.rsplit_once('/')?;
    let (name, kind) = head.rsplit_once('/')?;
    let known = matches!(kind, "manifests" | "blobs" | "tags" | "referrers");
    (known && !reference.is_empty())
        .then(|| repository(name))
        .flatten()
}

/// The path as an origin that decodes its paths reads it. `None` where an escape is broken or stands for a byte
/// outside ASCII: no path of the distribution-spec has one.
#[must_use]
pub fn decode(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        plain.push_str(before);
        let (digits, tail) = after.split_at_checked(2)?;
        plain.push(escaped(digits)?);
        rest = tail;
    }
    plain.push_str(rest);
    Some(Cow::Owned(plain))
}

fn escaped(digits: &str) -> Option<char> {
    let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = u8::from_str_radix(digits, 16).ok()?;
    (is_hex && byte.is_ascii()).then_some(char::from(byte))
}

fn repository(name: &str) -> Option<&str> {
    (name.len() <= MAX_REPOSITORY && name.split('/').all(is_component)).then_some(name)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends_well = |b: Option<&u8>| b.is_some_and(alphanumeric);
    let bytes = text.as_bytes();
    ends_well(bytes.first())
        && ends_well(bytes.last())
        && bytes.split(alphanumeric).all(|separator| {
            matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-')
        })
}

#[cfg(test)]
mod tests;
