//! Who a User-Agent says it is.
//!
//! In scope: the clients that pull from registries, and the system that Docker's kernel string or a vendor's build
//! shows: it is how one tells Amazon Linux machines from others. Not in scope: whether it is true (`fingerprint`).

mod browser;
mod family;
mod products;
mod system;

pub use family::Family;

use family::GGCR;
use products::{Word, words};

/// Bytes that are read. Docker's, the longest of the known ones, are below 250; what lies behind is not looked at.
pub(crate) const MAX_USER_AGENT: usize = 512;

/// Bytes of a version that are kept: real ones are below 40. What is behind is cut off.
pub(crate) const MAX_VERSION: usize = 64;

/// Bytes of an `os`, an `arch` and a `kernel`: real ones are below 50.
const MAX_WORD: usize = 64;

/// What `os` and `arch` are where something is said that is no word.
const OTHER: &str = "other";

/// What a User-Agent says, as words: ASCII letters, digits and `._-+~`. They go into sentences, messages and file names, and
/// clients choose them; a record has the header as it was sent. Text that is not said is empty; everything is borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Agent<'a> {
    pub family: Family,
    /// As sent, without a leading `v`: `20.10.24+dfsg1`. Of an unknown family, its first product's. Empty where it is no word.
    pub version: &'a str,
    /// What the kernel or the build shows (`amzn2`, `el8`, `linuxkit`, `bottlerocket` …), else what is said
    /// (`linux`, `windows`); `other` where that is no word.
    pub os: &'a str,
    /// In Go's names: `amd64`, `arm64`; `other` where it is no word.
    pub arch: &'a str,
    /// Kernel release, from Docker only; empty where it is no word.
    pub kernel: &'a str,
}

impl<'a> Agent<'a> {
    /// Reads a header's value; no User-Agent is the empty text.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let text = cut(text, MAX_USER_AGENT).trim();
        let Some(Word::Product { name, version }) = words(text).next() else {
            return Self {
                family: if text.is_empty() {
                    Family::Empty
                } else {
                    Family::Unknown
                },
                ..Self::default()
            };
        };
        let agent = match Family::of_product(name) {
            Some(family) => Self::known(family, version, text),
            None if name.eq_ignore_ascii_case("Mozilla") => Self::browser(text, version),
            None => Self::other(version, text),
        };
        Self {
            version: word_or(normal_version(agent.version), ""),
            os: word_or(agent.os, OTHER),
            arch: word_or(agent.arch, OTHER),
            kernel: word_or(agent.kernel, ""),
            ..agent
        }
    }

    fn known(family: Family, version: &'a str, text: &'a str) -> Self {
        let kernel = value_of(text, "kernel");
        let hint = system::of_kernel(kernel).or_else(|| system::of_build(version));
        let said = || match value_of(text, "os") {
            "" => first_comment(text).filter(|word| is_system(word)).unwrap_or(""),
            os => os,
        };
        // regclient writes its product twice and the version behind it: `regclient/regctl (v0.11.5)`.
        let version = match family {
            Family::Regclient => first_comment(text).unwrap_or(""),
            _ => version,
        };
        Self {
            family,
            version,
            os: hint.unwrap_or_else(said),
            arch: value_of(text, "arch"),
            kernel,
        }
    }

    fn browser(text: &'a str, claimed: &'a str) -> Self {
        let (family, version) = match browser::version(text) {
            Some(version) => (Family::Browser, version),
            None => (Family::Unknown, claimed),
        };
        Self {
            family,
            version,
            os: browser::system(text),
            ..Self::default()
        }
    }

    /// A tool that names the library it is made with, or one that nobody knows.
    fn other(version: &'a str, text: &'a str) -> Self {
        let library = product_version(text, GGCR);
        Self {
            family: if library.is_some() {
                Family::GoContainerregistry
            } else {
                Family::Unknown
            },
            version: library.unwrap_or(version),
            ..Self::default()
        }
    }
}

/// The text where it is a word or nothing, else what stands for it.
fn word_or<'a>(text: &'a str, otherwise: &'static str) -> &'a str {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+~".contains(&byte);
    if text.len() <= MAX_WORD && text.bytes().all(fits) {
        text
    } else {
        otherwise
    }
}

/// Without the `v` of a tag.
fn normal_version(text: &str) -> &str {
    let is_tag = |rest: &&str| rest.starts_with(|c: char| c.is_ascii_digit());
    let version = text.strip_prefix('v').filter(is_tag).unwrap_or(text);
    cut(version, MAX_VERSION)
}

/// The version of a product, compared without case; `None` where it is not there.
fn product_version<'a>(text: &'a str, wanted: &str) -> Option<&'a str> {
    words(text).find_map(|word| match word {
        Word::Product { name, version } if name.eq_ignore_ascii_case(wanted) => Some(version),
        _ => None,
    })
}

fn value_of<'a>(text: &'a str, key: &str) -> &'a str {
    product_version(text, key).unwrap_or("")
}

fn first_comment(text: &str) -> Option<&str> {
    words(text).find_map(|word| match word {
        Word::Comment(comment) => Some(comment),
        Word::Product { .. } => None,
    })
}

fn is_system(word: &str) -> bool {
    matches!(word, "linux" | "windows" | "darwin" | "freebsd")
}

fn cut(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or("")
}

#[cfg(test)]
mod tests;
