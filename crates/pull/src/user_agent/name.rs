//! Names of programs that have no number of their own.

use std::fmt;

/// Bytes of a name: the longest product that was seen on registries has 28. What is behind is cut off.
pub(crate) const MAX_NAME: usize = 31;

/// The first product of a User-Agent, as a word: ASCII letters in lower case, digits and `._-+~`, with at least one letter.
/// It is kept in place, so that a family is copied and never allocates.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// Zeros behind the name.
    bytes: [u8; MAX_NAME],
    length: u8,
}

impl Name {
    /// `None` for what is no word.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let is_word = text.bytes().all(is_word_byte) && text.bytes().any(|byte| byte.is_ascii_alphabetic());
        if !is_word {
            return None;
        }
        let mut bytes = [0; MAX_NAME];
        let length = text.len().min(MAX_NAME);
        for (slot, byte) in bytes.iter_mut().zip(text.bytes()) {
            *slot = byte.to_ascii_lowercase();
        }
        Some(Self {
            bytes,
            length: length as u8,
        })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// What words consist of.
pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-+~".contains(&byte)
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_word_in_lower_case_and_bounded() {
        #[track_caller]
        fn case(text: &str, expected: Option<&str>) {
            assert_eq!(Name::of(text).as_ref().map(Name::as_str), expected, "{text}");
        }
        case("Homebrew", Some("homebrew"));
        case("go-resty_2.0+x~1", Some("go-resty_2.0+x~1"));
        case("", None);
        case("-", None);
        case("2.0", None);
        case("a b", None);
        case("<a>", None);
        case("é", None);
        case(&"Ab".repeat(40), Some(&"ab".repeat(40)[..MAX_NAME]));
    }

    #[test]
    fn names_are_ordered_as_their_texts() {
        bolero::check!()
            .with_type::<(String, String)>()
            .for_each(|(a, b)| {
                if let (Some(a), Some(b)) = (Name::of(a), Name::of(b)) {
                    assert_eq!(a.cmp(&b), a.as_str().cmp(b.as_str()));
                    assert_eq!(Name::of(a.as_str()), Some(a));
                }
            });
    }
}
