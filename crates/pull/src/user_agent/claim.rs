//! What a program says of its platform, in whichever way: `(Linux; x86_64 Ubuntu 20.04.4 LTS)`, `(linux/amd64)`, `windows`.

/// Words that name a system, the more special first: Ubuntu also says Linux.
const SYSTEMS: &[(&str, &str)] = &[
    ("ubuntu", "ubuntu"),
    ("debian", "debian"),
    ("macintosh", "macos"),
    ("mac", "macos"),
    ("mac64", "macos"),
    ("macos", "macos"),
    ("darwin", "darwin"),
    ("windows", "windows"),
    ("windows64", "windows"),
    ("freebsd", "freebsd"),
    ("linux", "linux"),
    ("linux64", "linux"),
];

/// Words that name an architecture, in Go's names.
const ARCHS: &[(&str, &str)] = &[
    ("amd64", "amd64"),
    ("x86_64", "amd64"),
    ("arm64", "arm64"),
    ("aarch64", "arm64"),
    ("386", "386"),
    ("i386", "386"),
    ("i686", "386"),
    ("arm", "arm"),
    ("armv7l", "arm"),
    ("ppc64le", "ppc64le"),
    ("s390x", "s390x"),
    ("riscv64", "riscv64"),
];

pub(super) fn system(text: &str) -> Option<&'static str> {
    first_of(SYSTEMS, text)
}

pub(super) fn arch(text: &str) -> Option<&'static str> {
    first_of(ARCHS, text)
}

/// Whether a word is a system, and no program.
pub(super) fn is_platform(word: &str) -> bool {
    first_of(SYSTEMS, word).is_some()
}

fn first_of(meanings: &[(&str, &'static str)], text: &str) -> Option<&'static str> {
    let is_said = |known: &str| words(text).any(|word| word.eq_ignore_ascii_case(known));
    let said = meanings.iter().find(|(known, _)| is_said(known));
    said.map(|(_, meaning)| *meaning)
}

/// Names of products and words of comments, and no parts of words.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ';', ',', '/', '(', ')'])
}
