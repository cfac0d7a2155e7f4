//! An operator's template of a blob's path: `/layers/{hex}`, `/{name}/**/{digest}`.
//!
//! In scope: the syntax and its errors, and what a path's segments are by it. Not in scope: which paths are tried, and
//! in which reading (`shapes`, `normal`).
//!
//! A template is matched as a glob is, without trying each `**` against each other: a path has up to 8,000 segments, and
//! each costs a few comparisons.

use std::fmt;

use super::shapes::{bare_hex, with_algorithm};
use blobwatch_wire::clip;

/// Bytes of a template.
pub(crate) const MAX_TEMPLATE: usize = 255;

/// Segments of a template.
pub(crate) const MAX_SEGMENTS: usize = 32;

/// Why a text is no template; fits "failed to read …: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    pub expected: &'static str,
    pub found: String,
    /// The byte it goes wrong at.
    pub position: usize,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            expected,
            found,
            position,
        } = self;
        write!(f, "expected {expected} at byte {position}, found {found:?}")
    }
}

impl std::error::Error for TemplateError {}

/// A compiled template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `**`: any segments, also none.
    Any,
    /// `{name}`: the repository, one segment or more.
    Name,
    One(Segment),
}

/// One segment: what it begins with, at most one hole, what it ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    before: String,
    hole: Hole,
    after: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hole {
    None,
    /// `*`
    Any,
    /// `{hex}`
    Hex,
    /// `{digest}`
    Digest,
}

/// What a path says by a template; empty where the template does not ask for it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Captured {
    pub(super) name: String,
    pub(super) digest: String,
}

impl Template {
    /// # Errors
    /// When the text is no path, too long, or has something in braces that is not known.
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let fail = |expected, position: usize| TemplateError {
            expected,
            found: clip(text.get(position..).unwrap_or_default()).to_owned(),
            position,
        };
        let rest = text
            .strip_prefix('/')
            .ok_or_else(|| fail("a path that begins with /", 0))?;
        if text.len() > MAX_TEMPLATE {
            return Err(fail("the end: a template has at most 255 bytes", MAX_TEMPLATE));
        }
        let is_letter =
            |letter: char| letter.is_ascii_graphic() && !matches!(letter, '?' | '#' | '%' | '\\' | ';');
        if let Some(position) = text.find(|letter| !is_letter(letter)) {
            return Err(fail(
                "letters of a decoded path, without a query, escapes or parameters",
                position,
            ));
        }
        let mut parts = Vec::new();
        let mut position = 1;
        for segment in rest.split('/') {
            let part = part(segment).map_err(|(expected, at)| fail(expected, position + at))?;
            if parts.len() >= MAX_SEGMENTS {
                return Err(fail("the end: a template has at most 32 segments", position));
            }
            if let Some(expected) = misplaced(&parts, &part) {
                return Err(fail(expected, position));
            }
            parts.push(part);
            position += segment.len() + 1;
        }
        Ok(Self(parts))
    }

    /// Whether the path has this form, and what it says by it.
    pub(super) fn captures(&self, segments: &[&str]) -> Option<Captured> {
        let mut places = Places::default();
        let (mut part, mut at) = (0, 0);
        // The last part of several segments, and where what follows it is tried next.
        let mut many: Option<(usize, usize)> = None;
        while at < segments.len() || part < self.0.len() {
            let next = match (self.0.get(part), segments.get(at)) {
                (Some(Part::Any), _) => Some((at, None)),
                (Some(Part::Name), Some(_)) => Some((at + 1, Some(at))),
                (Some(Part::One(one)), Some(segment)) if one.matches(segment) => {
                    places.note(one, at);
                    (part, at) = (part + 1, at + 1);
                    continue;
                }
                _ => None,
            };
            if let Some((from, name)) = next {
                many = Some((part, from));
                if let Some(first) = name {
                    places.name = (first, from);
                }
                (part, at) = (part + 1, from);
                continue;
            }
            let (of, from) = many?;
            if from >= segments.len() {
                return None;
            }
            many = Some((of, from + 1));
            if self.0.get(of) == Some(&Part::Name) {
                places.name.1 = from + 1;
            }
            (part, at) = (of + 1, from + 1);
        }
        self.read(&places, segments)
    }

    fn read(&self, places: &Places, segments: &[&str]) -> Option<Captured> {
        let name = segments.get(places.name.0..places.name.1)?.join("/");
        let hole = self.0.iter().find_map(|part| match part {
            Part::One(one) if matches!(one.hole, Hole::Hex | Hole::Digest) => Some(one),
            _ => None,
        });
        let digest = match (hole, places.digest.and_then(|at| segments.get(at))) {
            (Some(one), Some(segment)) => one.digest(segment)?,
            _ => String::new(),
        };
        Some(Captured {
            name: clip(&name.to_ascii_lowercase()).to_owned(),
            digest,
        })
    }
}

/// Where captures were found: of the attempt that is tried last, which is the one that holds.
#[derive(Default)]
struct Places {
    name: (usize, usize),
    digest: Option<usize>,
}

impl Places {
    fn note(&mut self, one: &Segment, at: usize) {
        if matches!(one.hole, Hole::Hex | Hole::Digest) {
            self.digest = Some(at);
        }
    }
}

impl Segment {
    /// Without regard to case: some origins ignore it.
    fn middle<'s>(&self, segment: &'s str) -> Option<&'s str> {
        let (before, rest) = segment.split_at_checked(self.before.len())?;
        let (middle, after) = rest.split_at_checked(rest.len().checked_sub(self.after.len())?)?;
        let is_same = before.eq_ignore_ascii_case(&self.before) && after.eq_ignore_ascii_case(&self.after);
        is_same.then_some(middle)
    }

    fn matches(&self, segment: &str) -> bool {
        let Some(middle) = self.middle(segment) else {
            return false;
        };
        match self.hole {
            Hole::None => middle.is_empty(),
            Hole::Any => true,
            Hole::Hex | Hole::Digest => self.digest(segment).is_some(),
        }
    }

    fn digest(&self, segment: &str) -> Option<String> {
        let middle = self.middle(segment)?;
        match self.hole {
            Hole::Hex => bare_hex(middle),
            Hole::Digest => with_algorithm(middle),
            Hole::None | Hole::Any => None,
        }
    }
}

/// One segment of a template; else what was expected, and at which of its bytes.
fn part(segment: &str) -> Result<Part, (&'static str, usize)> {
    match segment {
        "" => Err(("a segment", 0)),
        "." | ".." => Err(("a segment of a path whose dots are resolved", 0)),
        "**" => Ok(Part::Any),
        "{name}" => Ok(Part::Name),
        _ => one(segment).map(Part::One),
    }
}

fn one(segment: &str) -> Result<Segment, (&'static str, usize)> {
    let at = segment.find(['*', '{', '}']).unwrap_or(segment.len());
    let (before, rest) = segment.split_at(at);
    let holes = [("{hex}", Hole::Hex), ("{digest}", Hole::Digest), ("*", Hole::Any)];
    let found = holes
        .into_iter()
        .find_map(|(text, hole)| Some((rest.strip_prefix(text)?, hole)));
    let (after, hole) = match found {
        Some(found) => found,
        None if rest.is_empty() => ("", Hole::None),
        None => {
            return Err(("{hex}, {digest} or *, or {name} as a segment of its own", at));
        }
    };
    match after.find(['*', '{', '}']) {
        Some(more) => Err((
            "one of *, {hex} and {digest} in a segment, and ** and {name} as a segment of their own",
            segment.len() - after.len() + more,
        )),
        None => Ok(Segment {
            before: before.to_owned(),
            hole,
            after: after.to_owned(),
        }),
    }
}

/// What was expected in place of a part that may not follow those before it.
fn misplaced(before: &[Part], part: &Part) -> Option<&'static str> {
    let is_digest =
        |part: &Part| matches!(part, Part::One(one) if matches!(one.hole, Hole::Hex | Hole::Digest));
    match part {
        Part::Name if before.contains(&Part::Name) => Some("{name} once"),
        Part::Any if before.last() == Some(&Part::Any) => Some("** once in a row"),
        _ if is_digest(part) && before.iter().any(is_digest) => Some("one {hex} or {digest}"),
        _ => None,
    }
}
