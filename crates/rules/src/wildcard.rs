//! Wildcards: `*` stands for any number of bytes; `\*` and `\\` for themselves.

use memchr::memmem;

use super::limits::MAX_STARS;

/// A wildcard, cut at its stars. `a*b` is `["a", "b"]`, `*` is `["", ""]`, and what has no star is one part.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wildcard {
    parts: Vec<Box<[u8]>>,
}

impl Wildcard {
    /// # Errors
    /// What was expected instead.
    pub(super) fn new(text: &[u8]) -> Result<Self, String> {
        let mut parts = vec![Vec::new()];
        let mut bytes = text.iter().copied();
        while let Some(byte) = bytes.next() {
            match byte {
                b'*' if parts.len() > 1 && parts.last().is_some_and(Vec::is_empty) => {
                    return Err("a wildcard without `**`".to_owned());
                }
                b'*' => parts.push(Vec::new()),
                b'\\' => push(&mut parts, escaped(bytes.next())?),
                _ => push(&mut parts, byte),
            }
        }
        if parts.len() > MAX_STARS + 1 {
            return Err(format!("a wildcard with at most {MAX_STARS} stars"));
        }
        let parts = parts.into_iter().map(Vec::into_boxed_slice).collect();
        Ok(Self { parts })
    }

    pub(super) const fn of_parts(parts: Vec<Box<[u8]>>) -> Self {
        Self { parts }
    }

    pub(super) fn parts(&self) -> &[Box<[u8]>] {
        &self.parts
    }

    /// The same for values in lower case.
    pub(super) fn to_lower(&self) -> Self {
        let parts = self
            .parts
            .iter()
            .map(|part| part.to_ascii_lowercase().into_boxed_slice());
        Self {
            parts: parts.collect(),
        }
    }

    /// Takes each part at the first place it fits: with `*` on both sides, an earlier end never costs a match.
    pub(super) fn is_match(&self, value: &[u8]) -> bool {
        let [first, rest @ ..] = self.parts.as_slice() else {
            return false;
        };
        let [middle @ .., last] = rest else {
            return value == &**first;
        };
        let Some(mut value) = value.strip_prefix(&**first) else {
            return false;
        };
        for part in middle {
            let Some(at) = memmem::find(value, part) else {
                return false;
            };
            value = value.get(at + part.len()..).unwrap_or_default();
        }
        value.ends_with(last)
    }
}

fn push(parts: &mut [Vec<u8>], byte: u8) {
    if let Some(part) = parts.last_mut() {
        part.push(byte);
    }
}

fn escaped(byte: Option<u8>) -> Result<u8, String> {
    match byte {
        Some(byte @ (b'*' | b'\\')) => Ok(byte),
        _ => Err(r"a wildcard in which `\` is followed by `*` or `\`".to_owned()),
    }
}
