//! The normal form of a path: what the laxest origin takes it for.
//!
//! Origins decode a path once, or twice behind a proxy that decoded it already; they merge slashes or count the empty
//! segments between them, resolve dots after decoding (nginx with a URI in `proxy_pass`), take a backslash for a slash, drop
//! `;parameters` (Tomcat, Jetty) and ignore case (Gitea). All of that is undone here, in each order in which a front and an
//! origin may do it. What is left over of a path that no origin takes for a blob is of use
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
        if is_valid || blob.is_none() {
            blob = Some(form);
        }
        is_valid
    });
    blob.or_else(|| other_in(&LAX.segments(&decode(path))))
        .map_or(Cow::Borrowed(path), Cow::Owned)
}

/// Readings of one path beside its normal form. Each is decided on; whoever wants more of them than this has a path that
/// means nothing to any origin, and those of the usual origins are the first.
pub(super) const MAX_OTHER_FORMS: usize = 8;

/// The other blobs, by names and digests of the specification's grammar, that some origin takes the path for; `form` is its
/// [`normal_form`]. None for nearly every path, which costs a look at `form`.
#[must_use]
pub fn other_forms(path: &str, form: &str) -> Vec<String> {
    let mut others: Vec<String> = Vec::new();
    if path == form || !is_valid_blob(form) {
        return others;
    }
    each_reading(path, &mut |segments| {
        let found = blob_in(segments).filter(|other| other != form && is_valid_blob(other));
        if let Some(other) = found.filter(|other| !others.contains(other)) {
            others.push(other);
        }
        others.len() == MAX_OTHER_FORMS
    });
    others
}

/// The segments of a path as origins read it, until one reading is taken. What origins of Go take it for comes first. After
/// it comes whatever a front and the origin behind it can make of a path that each of them may decode, and may resolve in
/// its own way before and after that.
pub(super) fn each_reading(path: &str, take: &mut dyn FnMut(&[&str]) -> bool) {
    let once = decode(path);
    if take(&PLAIN.segments(&once)) || !path.contains(ODD) && !path.contains("//") {
        return;
    }
    let mut texts = Texts::default();
    texts.add(once.clone(), 1);
    texts.add(Cow::Borrowed(path), 0);
    let mut at = 0;
    while let Some((text, decodings)) = texts.found.get(at).cloned() {
        if at > 0 && take(&PLAIN.segments(&text)) {
            return;
        }
        at += 1;
        if decodings < MAX_DECODINGS {
            texts.add(decode(&text), decodings + 1);
        }
        for reader in READERS.iter().filter(|reader| reader.sees_more(&text)) {
            texts.add(Cow::Owned(joined(&reader.segments(&text))), decodings);
        }
        if let Some((before, _)) = text.split_once(END) {
            texts.add(Cow::Borrowed(before), decodings);
        }
    }
}

/// A front decodes, and the origin behind it once more.
const MAX_DECODINGS: u32 = 2;

/// Texts that are made of one path: three or four of one that nobody made up.
const MAX_TEXTS: usize = 64;

/// Bytes of them together, beyond those that are made of any path. Each is read seven times, so this much is a millisecond or
/// two.
const MAX_TEXT_SUM: usize = 128 << 10;

/// Texts that are made of a path of any length: a long one is no way round the usual origins.
const ALWAYS: usize = 16;

/// What is made of a path on its way, each text once, with how often it was decoded.
#[derive(Default)]
struct Texts {
    found: Vec<(String, u32)>,
    bytes: usize,
}

impl Texts {
    fn add(&mut self, text: Cow<'_, str>, decodings: u32) {
        let is_known = || {
            self.found
                .iter()
                .any(|known| known.0 == text && known.1 == decodings)
        };
        let count = self.found.len();
        let has_room = count < ALWAYS || self.bytes + text.len() <= MAX_TEXT_SUM;
        if count < MAX_TEXTS && has_room && !is_known() {
            self.bytes += text.len();
            self.found.push((text.into_owned(), decodings));
        }
    }
}

/// How an origin cuts a path into segments.
#[derive(Clone, Copy)]
struct Reader {
    slashes: &'static [char],
    /// Each segment counts up to the first of them.
    ends: &'static [char],
    /// `..` takes an empty segment back, as RFC 3986 has it; else slashes are merged first.
    counts_empty: bool,
}

/// Go's `path.Clean`, nginx with `merge_slashes on`, Apache httpd.
const PLAIN: Reader = Reader {
    slashes: &['/'],
    ends: &[],
    counts_empty: false,
};

/// nginx with `merge_slashes off`.
const COUNTING: Reader = Reader {
    counts_empty: true,
    ..PLAIN
};

/// Servers on Windows, and Envoy.
const BACKSLASH: Reader = Reader {
    slashes: &['/', '\\'],
    ..PLAIN
};

/// Tomcat, Jetty.
const PARAMETERS: Reader = Reader {
    ends: &[';'],
    ..PLAIN
};

/// Whoever else reads a segment up to something.
const LAX: Reader = Reader {
    ends: CUT,
    ..BACKSLASH
};

impl Reader {
    /// Whether what it makes of a text may be read otherwise than the text.
    fn sees_more(&self, text: &str) -> bool {
        let is_odd = text.contains(ODD) && self.slashes.len() == 1 && self.ends.is_empty();
        is_odd
            || text.contains(self.ends)
            || self.counts_empty && text.contains("//")
            || self.slashes.len() > 1 && text.contains('\\')
    }

    /// What of a path names something: no empty segments, dots resolved.
    fn segments<'a>(&self, path: &'a str) -> Vec<&'a str> {
        let mut kept = Vec::new();
        for segment in path.strip_prefix('/').unwrap_or(path).split(self.slashes) {
            match segment.split(self.ends).next().unwrap_or_default() {
                "" if !self.counts_empty => {}
                "." => {}
                ".." => drop(kept.pop()),
                name => kept.push(name),
            }
        }
        kept.retain(|name| !name.is_empty());
        kept
    }
}

const READERS: [Reader; 5] = [PLAIN, COUNTING, BACKSLASH, PARAMETERS, LAX];

/// What not all origins read alike.
const ODD: &[char] = &['%', '\\', ';', '?', '#', '\0'];

/// What an origin may take for the start of parameters, of a query, of a fragment, or for the end.
pub(super) const CUT: &[char] = &[';', '?', '#', '\0'];

/// Those of [`CUT`] behind which nothing is of the path any more.
const END: &[char] = &['?', '#', '\0'];

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

pub(super) fn joined(segments: &[&str]) -> String {
    let mut path = String::with_capacity(segments.iter().map(|name| name.len() + 1).sum());
    for name in segments {
        path.push('/');
        path.push_str(name);
    }
    path
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
