//! Which blob a path names, or that it names none: `/v2/<name>/blobs/<digest>`, or what else a route says is one.
//!
//! In scope: the paths of the OCI distribution-spec that carry a repository, every spelling of them that some
//! origin takes for them ([`normal_form`]), and the paths under which storage and CDNs serve blobs ([`BlobShapes`]). Not
//! in scope: hosts and queries, and what is done with the answer (`route`, the edge).
//!
//! What is watched is a superset of what any origin serves: a blob that is spelled in a way that nobody watches is one
//! that no rule holds for. The other mistake, to watch what the origin then refuses, costs a record.

mod normal;
mod shapes;
mod template;

pub use normal::{normal_form, other_forms};
pub(crate) use shapes::object_key;
pub use shapes::{Blob, BlobShapes, PathShape, ShapeError, find_blob};

use crate::digest::Digest;

/// Bytes of a repository's name: what distribution accepts (`RepositoryNameTotalLengthMax`).
pub const MAX_REPOSITORY: usize = 255;

/// A blob in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlobPath<'a> {
    /// Of the specification's grammar, unless the path was not.
    pub(crate) repository: &'a str,
    pub(crate) digest: Digest<'a>,
}

impl<'a> BlobPath<'a> {
    /// Reads a path in its [`normal_form`]. `None` for uploads, manifests and everything else.
    #[must_use]
    pub(crate) fn parse(path: &'a str) -> Option<Self> {
        let (head, digest) = path.strip_prefix("/v2/")?.rsplit_once('/')?;
        Some(Self {
            repository: above(head, "blobs")?,
            digest: Digest::read(digest)?,
        })
    }
}

/// What a path has above its last segment but one, where that is `kind`: `a/b` of `a/b/blobs`.
fn above<'a>(head: &'a str, kind: &str) -> Option<&'a str> {
    let rest = head.strip_suffix(kind)?;
    if rest.is_empty() {
        return Some(rest);
    }
    rest.strip_suffix('/')
}

/// The repository of any path below `/v2/<name>/`, in its [`normal_form`]: manifests, blobs, uploads, tags, referrers. A
/// whole pull then goes to one route.
#[must_use]
pub fn repository_of(path: &str) -> Option<&str> {
    if let Some(blob) = BlobPath::parse(path) {
        return Some(blob.repository).filter(|name| !name.is_empty());
    }
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
