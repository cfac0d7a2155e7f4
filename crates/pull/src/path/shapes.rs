//! Which of a route's paths are blobs: the named shapes and an operator's templates.
//!
//! In scope: reading a route's `blobs`, and finding the blob that a path names by them. Not in scope: which route a
//! request is on (`crates/rulebook`), and the normal form of a registry's own paths (`normal`).
//!
//! A path is read in each way in which some origin reads it, as in `normal`: what is watched is a superset of what any
//! origin serves.

use std::borrow::Cow;
use std::fmt;

use super::normal::{CUT, MAX_OTHER_FORMS, each_reading, joined};
use super::template::{Captured, Template, TemplateError};
use super::{BlobPath, normal_form};
use crate::digest::Digest;
use crate::record::BlobKey;
use blobwatch_wire::{FNV_START, fnv1a};

/// Shapes of one route: each is tried on every request of the route that is no other's.
const MAX_SHAPES: usize = 16;

/// How a path says which blob it is for. It decides what of the path a record keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PathShape {
    /// `/v2/<name>/blobs/<digest>`, or another spelling of it.
    #[default]
    Oci,
    /// The same below a prefix, as Nexus and Artifactory have it.
    Prefixed,
    /// `…/blobs/<algorithm>/<2 hex>/<hex>/data`: distribution's storage.
    Storage,
    /// A digest in one of the last two segments.
    Digest,
    /// By a template that has the digest.
    Template,
    /// By a template without a digest: the blob is known by its path only.
    Object,
}

/// The blob that a path is for, as far as the path says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob<'a> {
    pub shape: PathShape,
    /// Of the specification's grammar, unless the path was not; empty where the path does not say it.
    pub repository: Cow<'a, str>,
    /// Empty where the path does not say it.
    pub digest: Cow<'a, str>,
    /// Stands for a digest that the path does not say; 0 where it says it.
    pub object: u64,
    /// The path as sent is another spelling of this.
    pub odd_path: bool,
}

impl Blob<'_> {
    #[must_use]
    pub fn into_owned(self) -> Blob<'static> {
        Blob {
            repository: Cow::Owned(self.repository.into_owned()),
            digest: Cow::Owned(self.digest.into_owned()),
            ..self
        }
    }

    /// Whether rules see the same of both.
    fn is_named_as(&self, other: &Blob<'_>) -> bool {
        (&self.repository, &self.digest) == (&other.repository, &other.digest)
    }

    /// What it is one blob by.
    #[must_use]
    pub fn key(&self) -> BlobKey<'_> {
        BlobKey::of(&self.digest, self.object)
    }
}

/// Why a route's `blobs` are none: which of them, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShapeError {
    None,
    TooMany { found: usize },
    Twice { at: usize },
    Unknown { at: usize, found: String },
    Template { at: usize, error: TemplateError },
}

impl ShapeError {
    /// Place of the name in the list.
    #[must_use]
    pub fn at(&self) -> Option<usize> {
        match self {
            Self::None | Self::TooMany { .. } => None,
            Self::Twice { at } | Self::Unknown { at, .. } | Self::Template { at, .. } => Some(*at),
        }
    }
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => {
                f.write_str("expected at least one of oci, storage, digest or a template, found none")
            }
            Self::TooMany { found } => write!(
                f,
                "expected at most {MAX_SHAPES} names and templates, found {found}"
            ),
            Self::Twice { .. } => f.write_str("occurs twice"),
            Self::Unknown { found, .. } => write!(
                f,
                "expected oci, storage, digest or a template such as \"/layers/{{hex}}\", found {found:?}"
            ),
            Self::Template { error, .. } => error.fmt(f),
        }
    }
}

impl std::error::Error for ShapeError {}

/// A route's `blobs`, ready for requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobShapes {
    oci: bool,
    storage: bool,
    digest: bool,
    templates: Vec<Template>,
}

impl Default for BlobShapes {
    /// Every shape that cannot be taken for something else.
    fn default() -> Self {
        Self {
            oci: true,
            storage: true,
            digest: true,
            templates: Vec::new(),
        }
    }
}

impl BlobShapes {
    /// The names of [`Self::default`].
    pub const DEFAULT: [&'static str; 3] = ["oci", "storage", "digest"];

    /// # Errors
    /// When there is none, there are too many, or one is neither a name nor a template.
    pub fn parse(names: &[String]) -> Result<Self, ShapeError> {
        if names.is_empty() {
            return Err(ShapeError::None);
        }
        if names.len() > MAX_SHAPES {
            return Err(ShapeError::TooMany { found: names.len() });
        }
        let mut shapes = Self {
            oci: false,
            storage: false,
            digest: false,
            templates: Vec::new(),
        };
        for (at, name) in names.iter().enumerate() {
            if names.get(..at).is_some_and(|before| before.contains(name)) {
                return Err(ShapeError::Twice { at });
            }
            shapes.add(at, name)?;
        }
        Ok(shapes)
    }

    fn add(&mut self, at: usize, name: &str) -> Result<(), ShapeError> {
        match name {
            "oci" => self.oci = true,
            "storage" => self.storage = true,
            "digest" => self.digest = true,
            template if template.starts_with('/') => {
                let template =
                    Template::parse(template).map_err(|error| ShapeError::Template { at, error })?;
                self.templates.push(template);
            }
            other => {
                let found = other.to_owned();
                return Err(ShapeError::Unknown { at, found });
            }
        }
        Ok(())
    }

    /// The blob that a path names; `form` is the path's [`super::normal_form`].
    #[must_use]
    pub fn find<'a>(&self, path: &'a str, form: &'a str) -> Option<Blob<'a>> {
        if let Some(blob) = BlobPath::parse(form).filter(|_| self.oci) {
            return Some(of_registry(blob, path, form));
        }
        let mut found = None;
        each_reading(path, &mut |segments| {
            found = self.in_segments(segments, path);
            found.is_some()
        });
        found.filter(|_| !is_other_when_decoded(form))
    }

    /// The other blobs that some origin takes the path for, where `found` is not by a registry's path, whose readings are
    /// [`super::other_forms`]. None where the path has one spelling.
    #[must_use]
    pub fn others(&self, path: &str, found: &Blob<'_>) -> Vec<Blob<'static>> {
        let mut others: Vec<Blob<'static>> = Vec::new();
        if !found.odd_path || matches!(found.shape, PathShape::Oci | PathShape::Prefixed) {
            return others;
        }
        each_reading(path, &mut |segments| {
            let other = self.in_segments(segments, path);
            let is_new = |other: &Blob<'_>| {
                !other.is_named_as(found) && !others.iter().any(|known| other.is_named_as(known))
            };
            others.extend(other.filter(is_new));
            others.len() == MAX_OTHER_FORMS
        });
        others
    }

    fn in_segments(&self, segments: &[&str], path: &str) -> Option<Blob<'static>> {
        let found = self.by_template(segments).or_else(|| self.by_name(segments));
        let (shape, captured) = found?;
        let plain = joined(segments);
        Some(Blob {
            shape,
            odd_path: plain != path || plain.contains(CUT) || !has_digest(&plain, &captured.digest),
            object: if captured.digest.is_empty() {
                object_of(&plain)
            } else {
                0
            },
            repository: Cow::Owned(captured.name),
            digest: Cow::Owned(captured.digest),
        })
    }

    fn by_template(&self, segments: &[&str]) -> Option<(PathShape, Captured)> {
        if self.templates.is_empty() || is_other_call(segments) {
            return None;
        }
        let captured = self
            .templates
            .iter()
            .find_map(|template| template.captures(segments))?;
        let shape = if captured.digest.is_empty() {
            PathShape::Object
        } else {
            PathShape::Template
        };
        Some((shape, captured))
    }

    fn by_name(&self, segments: &[&str]) -> Option<(PathShape, Captured)> {
        let of = |shape, digest| {
            (
                shape,
                Captured {
                    name: String::new(),
                    digest,
                },
            )
        };
        let stored = stored(segments)
            .filter(|_| self.storage)
            .map(|digest| of(PathShape::Storage, digest));
        stored.or_else(|| {
            at_the_end(segments)
                .filter(|_| self.digest)
                .map(|digest| of(PathShape::Digest, digest))
        })
    }
}

/// The blob of a path by the shapes that are on where nothing is set, for what knows no route.
#[must_use]
pub fn find_blob(path: &str) -> Option<Blob<'static>> {
    let form = normal_form(path);
    let found = BlobShapes::default().find(path, &form);
    found.map(Blob::into_owned)
}

/// The key of a path that says no digest.
#[must_use]
pub(crate) fn object_key(path: &str) -> u64 {
    let mut key = 0;
    each_reading(path, &mut |segments| {
        key = object_of(&joined(segments));
        true
    });
    key
}

/// A prefix is no other spelling, if it is spelled as it is meant.
fn of_registry<'a>(blob: BlobPath<'a>, path: &'a str, form: &str) -> Blob<'a> {
    let is_plain = |prefix: &str| {
        prefix.starts_with('/') && !prefix.contains(['%', '\\', ';']) && !prefix.contains("//")
    };
    let is_prefixed = path != form && path.strip_suffix(form).is_some_and(is_plain);
    Blob {
        shape: if is_prefixed {
            PathShape::Prefixed
        } else {
            PathShape::Oci
        },
        repository: Cow::Borrowed(blob.repository),
        digest: Cow::Borrowed(blob.digest.as_str()),
        object: 0,
        odd_path: path != form && !is_prefixed,
    }
}

/// Stored with records: it stays as it is. Who aims at a collision confuses the kinds of its own requests.
fn object_of(plain: &str) -> u64 {
    fnv1a(FNV_START, plain.as_bytes()).max(1)
}

/// Calls of a registry that name a manifest by its digest, or an upload: these are no blobs.
const OTHER_CALLS: [&str; 5] = ["manifests", "referrers", "tags", "uploads", "_manifests"];

fn is_one_of(segment: &str, known: &[&str]) -> bool {
    known.iter().any(|name| segment.eq_ignore_ascii_case(name))
}

/// Whether it is a registry's path of something else than a blob.
fn is_other_call(segments: &[&str]) -> bool {
    let Some(at) = segments.iter().position(|name| name.eq_ignore_ascii_case("v2")) else {
        return false;
    };
    let rest = segments.get(at + 1..).unwrap_or_default();
    let kind = rest.len().checked_sub(2).and_then(|at| rest.get(at));
    kind.is_some_and(|kind| is_one_of(kind, &OTHER_CALLS))
        || rest
            .last()
            .is_some_and(|last| last.eq_ignore_ascii_case("uploads"))
}

/// Whether every origin that decodes and resolves serves something else than a blob; one that does neither has no object by
/// such a name. Where something is left to decode, it may still become a blob.
fn is_other_when_decoded(form: &str) -> bool {
    let segments: Vec<&str> = form.split('/').filter(|segment| !segment.is_empty()).collect();
    !form.contains('%') && is_other_call(&segments)
}

/// `…/blobs/<algorithm>/<2 hex>/<hex>/data`
fn stored(segments: &[&str]) -> Option<String> {
    let [.., blobs, algorithm, start, hex, data] = segments else {
        return None;
    };
    let is_stored = blobs.eq_ignore_ascii_case("blobs") && data.eq_ignore_ascii_case("data");
    nested(algorithm, start, hex).filter(|_| is_stored)
}

/// A digest in the last segment, or in the one before it.
fn at_the_end(segments: &[&str]) -> Option<String> {
    let (_, before) = segments.split_last()?;
    ends_in_digest(segments).or_else(|| ends_in_digest(before))
}

fn ends_in_digest(segments: &[&str]) -> Option<String> {
    let (last, before) = segments.split_last()?;
    let is_other = before.last().is_some_and(|kind| is_one_of(kind, &OTHER_CALLS));
    let whole = with_algorithm(last).filter(|_| !is_other);
    whole.or_else(|| match before {
        [.., algorithm, start] => nested(algorithm, start, last),
        _ => None,
    })
}

/// `<algorithm>/<2 hex>/<hex>`: the first two digits stand before the whole.
fn nested(algorithm: &str, start: &str, hex: &str) -> Option<String> {
    let is_start = start.len() == 2 && hex.get(..2).is_some_and(|two| two.eq_ignore_ascii_case(start));
    if is_start { digest_of(algorithm, hex) } else { None }
}

/// `<algorithm>:<hex>`
pub(super) fn with_algorithm(segment: &str) -> Option<String> {
    let (algorithm, hex) = segment.split_once(':')?;
    digest_of(algorithm, hex)
}

/// `<hex>`: as many digits as one of the two registered algorithms has.
pub(super) fn bare_hex(segment: &str) -> Option<String> {
    match segment.len() {
        64 => digest_of("sha256", segment),
        128 => digest_of("sha512", segment),
        _ => None,
    }
}

/// Digits that nothing but a hash has: of an algorithm that is not known here at least 128 bits.
fn digest_of(algorithm: &str, hex: &str) -> Option<String> {
    let is_hex = hex.len() >= 32 && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_hex || !algorithm.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return None;
    }
    let digest = format!("{algorithm}:{hex}").to_ascii_lowercase();
    Digest::read(&digest)
        .is_some_and(|digest| digest.is_valid())
        .then_some(digest)
}

/// Whether the digits stand in the path in the case that the digest has.
fn has_digest(plain: &str, digest: &str) -> bool {
    let hex = digest.split_once(':').map_or("", |(_, hex)| hex);
    plain.contains(hex)
}

#[cfg(test)]
mod tests;
