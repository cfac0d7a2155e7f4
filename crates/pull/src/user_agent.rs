//! Who a User-Agent says it is.
//!
//! In scope: the clients that pull from registries, and the system that Docker's kernel string or a vendor's build
//! shows: it is how one tells Amazon Linux machines from others. Not in scope: whether it is true (`fingerprint`).

mod browser;
mod claim;
mod family;
mod name;
mod products;
mod system;

pub use family::Family;
pub use name::Name;

use family::CONTAINERD_LIBRARY;
use name::is_word_byte;
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
    /// As sent, without a leading `v`: `20.10.24+dfsg1`. Empty where it is no word.
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
        let is_around = |letter: char| letter.is_whitespace() || letter == '"';
        let text = cut(text, MAX_USER_AGENT).trim_matches(is_around);
        let Some((name, version)) = first_product(text) else {
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
            None => Self::other(name, version, text),
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
        let (family, version) = match family {
            // regclient writes its product twice and the version behind it: `regclient/regctl (v0.11.5)`.
            Family::Regclient => (family, first_comment(text).unwrap_or("")),
            Family::Containerd if is_library(version) => {
                (Family::of_other_product(CONTAINERD_LIBRARY), version)
            }
            _ => (family, version),
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
        let version = browser::version(text);
        if let Some((name, version)) = browser::other_program(text, version.is_some()) {
            return Self::other(name, version, text);
        }
        Self {
            family: version.map_or(Family::Unknown, |_| Family::Browser),
            version: version.unwrap_or(claimed),
            os: browser::system(text),
            ..Self::default()
        }
    }

    /// Any other program, and what it claims in whichever way.
    fn other(name: &str, version: &'a str, text: &'a str) -> Self {
        let kernel = value_of(text, "Linux");
        let system = system::of_kernel(kernel).or_else(|| claim::system(text));
        Self {
            family: Family::of_other_product(name),
            version: if version.is_empty() {
                version_apart(text)
            } else {
                version
            },
            os: system.unwrap_or(""),
            arch: claim::arch(text).unwrap_or(""),
            ..Self::default()
        }
    }
}

/// The first product. `linux64 sra-toolkit` says its platform before it.
fn first_product(text: &str) -> Option<(&str, &str)> {
    let products = words(text).map_while(|word| match word {
        Word::Product { name, version } => Some((name, version)),
        Word::Comment(_) => None,
    });
    let mut after_platform =
        products.skip_while(|(name, version)| version.is_empty() && claim::is_platform(name));
    after_platform.next()
}

/// A version behind a blank: `jib 3.3.0`.
fn version_apart(text: &str) -> &str {
    match words(text).nth(1) {
        Some(Word::Product { name, version: "" }) if is_version(name) => name,
        _ => "",
    }
}

fn is_version(word: &str) -> bool {
    word.trim_start_matches('v')
        .starts_with(|c: char| c.is_ascii_digit())
}

/// Whether a version of containerd is that of its library in another program.
fn is_library(version: &str) -> bool {
    !version.starts_with('v') && version.ends_with("+unknown")
}

/// The text where it is a word or nothing, else what stands for it.
fn word_or<'a>(text: &'a str, otherwise: &'static str) -> &'a str {
    if text.len() <= MAX_WORD && text.bytes().all(is_word_byte) {
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
