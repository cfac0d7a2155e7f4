//! Globs over repository names: `*` stands for any characters within a segment, `**` for any characters.
//!
//! Both also stand for none: `team/**` matches `team/a` and `team/a/b`, not `team`; `team**` matches all three.
//!
//! A glob is a literal prefix and then at most 127 parts, run as one bit a part (Baeza-Yates and Gonnet's
//! shift-and): a few operations for each character of the name, whatever the glob.

use std::fmt;

use blobwatch_pull::MAX_REPOSITORY;

/// Bytes of a glob: longer ones could match no name.
pub(crate) const MAX_GLOB: usize = MAX_REPOSITORY;

/// Characters and stars after the literal prefix: one bit each, and one for "all matched", in 128.
pub(crate) const MAX_PARTS: usize = 127;

/// What a repository's name is made of: 26 letters, 10 digits, `.`, `_`, `-`, `/`.
const ALPHABET: usize = 40;

/// Why a text is no glob, with the byte it goes wrong at; fits "failed to read …: …".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GlobError {
    Empty,
    TooLong { bytes: usize },
    TooManyParts { position: usize },
    Character { position: usize, found: char },
    ThreeStars { position: usize },
}

impl fmt::Display for GlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(
                f,
                "expected a glob, found nothing; \"**\" matches every repository"
            ),
            Self::TooLong { bytes } => write!(f, "expected at most {MAX_GLOB} bytes, found {bytes}"),
            Self::TooManyParts { position } => write!(
                f,
                "expected at most {MAX_PARTS} characters after the first star, found more at byte {position}"
            ),
            Self::Character { position, found } => write!(
                f,
                "expected a-z, 0-9, '.', '_', '-', '/' or '*' at byte {position}, found {found:?}"
            ),
            Self::ThreeStars { position } => {
                write!(
                    f,
                    "expected \"*\" or \"**\", found a third star at byte {position}"
                )
            }
        }
    }
}

impl std::error::Error for GlobError {}

/// A compiled glob.
#[derive(Debug, Clone)]
pub(crate) struct Glob {
    prefix: Box<str>,
    parts: Parts,
}

/// Bit `i` of a mask is part `i` after the prefix; bit `end` is "all matched".
#[derive(Debug, Clone)]
struct Parts {
    end: u32,
    /// Parts that are `*` or `**`: they may be skipped.
    stars: u128,
    /// Parts that are `**`: they take a slash too.
    double_stars: u128,
    /// For each character of the alphabet, the parts that are this character.
    literals: Box<[u128; ALPHABET]>,
}

impl Glob {
    /// # Errors
    /// When the text is empty, too long, has three stars in a row, or a character that no repository's name has.
    pub(crate) fn parse(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError::Empty);
        }
        if text.len() > MAX_GLOB {
            return Err(GlobError::TooLong { bytes: text.len() });
        }
        if let Some((position, found)) = text
            .char_indices()
            .find(|(_, c)| *c != '*' && letter(*c).is_none())
        {
            return Err(GlobError::Character { position, found });
        }
        if let Some(stars) = text.find("***") {
            return Err(GlobError::ThreeStars { position: stars + 2 });
        }
        let (prefix, rest) = text.split_at(text.find('*').unwrap_or(text.len()));
        Ok(Self {
            prefix: prefix.into(),
            parts: Parts::compile(rest, prefix.len())?,
        })
    }

    #[must_use]
    pub(crate) fn matches(&self, name: &str) -> bool {
        name.strip_prefix(&*self.prefix)
            .is_some_and(|rest| self.parts.match_whole(rest))
    }

    /// Bytes before the first star.
    #[must_use]
    pub(crate) fn literal_prefix(&self) -> usize {
        self.prefix.len()
    }

    /// Whether this is `**`.
    #[must_use]
    pub(crate) fn is_everything(&self) -> bool {
        self.prefix.is_empty() && self.parts.end == 1 && self.parts.double_stars == 1
    }
}

impl Parts {
    fn compile(text: &str, offset: usize) -> Result<Self, GlobError> {
        let mut parts = Self {
            end: 0,
            stars: 0,
            double_stars: 0,
            literals: Box::new([0; ALPHABET]),
        };
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if parts.end as usize == MAX_PARTS {
                let position = offset + text.len() - rest.len();
                return Err(GlobError::TooManyParts { position });
            }
            rest = parts.push(c, rest);
        }
        Ok(parts)
    }

    /// Adds the part that `rest` begins with; returns what follows it.
    fn push<'t>(&mut self, c: char, rest: &'t str) -> &'t str {
        let bit = 1_u128 << self.end;
        self.end += 1;
        if let Some(after) = rest.strip_prefix("**") {
            self.stars |= bit;
            self.double_stars |= bit;
            return after;
        }
        match letter(c).and_then(|index| self.literals.get_mut(index)) {
            Some(literal) => *literal |= bit,
            None => self.stars |= bit,
        }
        rest.get(c.len_utf8()..).unwrap_or("")
    }

    /// `active` holds the parts that the next character may be matched by. No two stars are neighbours, so one
    /// shift skips them.
    fn match_whole(&self, text: &str) -> bool {
        let skip = |active: u128| active | (active & self.stars) << 1;
        let mut active = skip(1);
        for c in text.chars() {
            let taken = letter(c).and_then(|index| self.literals.get(index)).unwrap_or(&0);
            let staying = if c == '/' { self.double_stars } else { self.stars };
            active = skip((active & taken) << 1 | (active & staying));
            if active == 0 {
                return false;
            }
        }
        active >> self.end & 1 == 1
    }
}

/// Place of a character in the alphabet.
fn letter(c: char) -> Option<usize> {
    match c {
        'a'..='z' => Some(c as usize - 'a' as usize),
        '0'..='9' => Some(26 + c as usize - '0' as usize),
        '.' => Some(36),
        '_' => Some(37),
        '-' => Some(38),
        '/' => Some(39),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
